//! The one question the agent asks its server all the time, over CQL (native protocol v4): a few milliseconds
//! instead of the most of a second of CPU that `nodetool` takes. The frames are those of the
//! `cassandra-protocol` crate; what is here is a blocking connection with limits.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use cassandra_protocol::compression::Compression;
use cassandra_protocol::frame::events::SimpleServerEvent;
use cassandra_protocol::frame::message_query::BodyReqQuery;
use cassandra_protocol::frame::message_response::ResponseBody;
use cassandra_protocol::frame::{Envelope, Flags, Version};
use cassandra_protocol::types::list::List;
use cassandra_protocol::types::rows::Row;
use cassandra_protocol::types::{AsRustType, ByName, IntoRustByName};

use crate::contract::CQL_PORT;
use crate::view::Local;

const PROTOCOL: Version = Version::V4;
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const HEADER_LEN: usize = 9;
/// Answers here are some hundred bytes; more is not for us.
const LARGEST_BODY: u32 = 1 << 20;

const LOCAL: &str = "SELECT CAST(host_id AS text) AS host_id, release_version, \
    CAST(schema_version AS text) AS schema_version, bootstrapped, tokens FROM system.local";
const PEERS: &str = "SELECT peer, tokens FROM system.peers_v2";

/// Why the server did not answer.
#[derive(Debug, thiserror::Error)]
pub enum CqlError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("malformed frame: {0}")]
    Frame(String),
    #[error("the server said: {0}")]
    Server(String),
    #[error("unexpected answer to {0}")]
    Unexpected(&'static str),
}

/// A connection that is told of changes in the ring.
pub struct Connection {
    stream: TcpStream,
}

/// An answer, and whether the server announced a change of the ring since the last one.
pub struct Answer {
    pub local: Local,
    pub ring_changed: bool,
}

impl Connection {
    /// Connects and asks to be told of peers that come, go, rise or fall.
    pub fn open(address: IpAddr) -> Result<Self, CqlError> {
        let stream = TcpStream::connect_timeout(&SocketAddr::new(address, CQL_PORT), CONNECT_LIMIT)?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream };
        let events = vec![SimpleServerEvent::TopologyChange, SimpleServerEvent::StatusChange];
        for (name, request) in [
            ("STARTUP", Envelope::new_req_startup(None, PROTOCOL)),
            ("REGISTER", Envelope::new_req_register(events, PROTOCOL)),
        ] {
            match connection.exchange(&request)?.0 {
                ResponseBody::Ready => {}
                ResponseBody::Authenticate(_) => {
                    return Err(CqlError::Server("it wants a login, and the agent has none".to_owned()));
                }
                _ => return Err(CqlError::Unexpected(name)),
            }
        }
        Ok(connection)
    }

    /// Asks for the server's own row, and whether a peer holds a token that the server takes for its own.
    pub fn local(&mut self) -> Result<Answer, CqlError> {
        let (rows, changed_before) = self.rows(LOCAL)?;
        let (peers, changed_since) = self.rows(PEERS)?;
        let row = rows.first().ok_or(CqlError::Unexpected("the query of system.local"))?;
        let own = tokens(row)?;
        if own.is_empty() {
            // Disjoint from everything: no proof that nobody else holds them.
            return Err(CqlError::Unexpected("the query of its tokens"));
        }
        let mut rival = None;
        for peer in &peers {
            if !own.is_disjoint(&tokens(peer)?) {
                rival = peer.by_name::<IpAddr>("peer").map_err(malformed)?;
            }
        }
        let local = Local {
            host_id: text(row, "host_id")?.ok_or(CqlError::Unexpected("host_id"))?,
            release_version: text(row, "release_version")?.ok_or(CqlError::Unexpected("release_version"))?,
            schema_version: text(row, "schema_version")?,
            bootstrapped: text(row, "bootstrapped")?.ok_or(CqlError::Unexpected("bootstrapped"))?,
            rival,
        };
        Ok(Answer { local, ring_changed: changed_before || changed_since })
    }

    fn rows(&mut self, query: &str) -> Result<(Vec<Row>, bool), CqlError> {
        let query = BodyReqQuery { query: query.to_owned(), ..BodyReqQuery::default() };
        let (body, ring_changed) = self.exchange(&Envelope::new_query(query, Flags::empty(), PROTOCOL))?;
        Ok((body.into_rows().ok_or(CqlError::Unexpected("a query"))?, ring_changed))
    }

    /// Sends a request and reads up to its answer; events that come in between are counted, not lost.
    fn exchange(&mut self, request: &Envelope) -> Result<(ResponseBody, bool), CqlError> {
        self.stream.write_all(&request.encode_with(Compression::None).map_err(malformed)?)?;
        let mut ring_changed = false;
        loop {
            match read(&mut self.stream)? {
                ResponseBody::Event(_) => ring_changed = true,
                ResponseBody::Error(error) => return Err(CqlError::Server(error.message)),
                body => return Ok((body, ring_changed)),
            }
        }
    }
}

/// Reads one whole frame.
fn read(stream: &mut impl Read) -> Result<ResponseBody, CqlError> {
    let mut frame = vec![0; HEADER_LEN];
    stream.read_exact(&mut frame)?;
    let [.., a, b, c, d] = *frame.as_slice() else {
        return Err(CqlError::Unexpected("a header"));
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    if length > LARGEST_BODY {
        return Err(CqlError::Frame(format!("a body of {length} bytes")));
    }
    stream.take(u64::from(length)).read_to_end(&mut frame)?;
    let parsed = Envelope::from_buffer(&frame, Compression::None).map_err(malformed)?;
    parsed.envelope.response_body().map_err(malformed)
}

fn text(row: &Row, column: &str) -> Result<Option<String>, CqlError>
where
    Row: IntoRustByName<String>,
{
    row.by_name(column).map_err(malformed)
}

fn tokens(row: &Row) -> Result<BTreeSet<String>, CqlError> {
    let list: Option<List> = row.by_name("tokens").map_err(malformed)?;
    let tokens: Option<Vec<String>> = match list {
        Some(list) => list.as_rust_type().map_err(malformed)?,
        None => None,
    };
    Ok(tokens.unwrap_or_default().into_iter().collect())
}

fn malformed(error: impl std::fmt::Display) -> CqlError {
    CqlError::Frame(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cassandra_protocol::frame::{Direction, Opcode};

    fn frame(opcode: Opcode, body: &[u8]) -> Vec<u8> {
        let envelope = Envelope::new(
            PROTOCOL,
            Direction::Response,
            Flags::empty(),
            opcode,
            0,
            body.to_vec(),
            None,
            vec![],
        );
        envelope.encode_with(Compression::None).unwrap()
    }

    #[test]
    fn whole_frames_are_read_one_by_one() {
        let mut event = Vec::new();
        for text in ["STATUS_CHANGE", "DOWN"] {
            event.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
            event.extend(text.as_bytes());
        }
        event.extend([4, 10, 0, 0, 2, 0, 0, 0x23, 0x52]);
        let bytes = [frame(Opcode::Event, &event), frame(Opcode::Ready, &[])].concat();
        let mut stream = bytes.as_slice();
        assert!(matches!(read(&mut stream).unwrap(), ResponseBody::Event(_)));
        assert!(matches!(read(&mut stream).unwrap(), ResponseBody::Ready));
    }

    #[test]
    fn short_long_and_foreign_frames_are_errors() {
        let ready = frame(Opcode::Ready, &[]);
        assert!(matches!(read(&mut &ready[..5]), Err(CqlError::Io(_))));
        let mut long = ready.clone();
        long[5] = 0x7f;
        assert!(matches!(read(&mut long.as_slice()), Err(CqlError::Frame(_))));
        let mut cut = ready;
        cut[8] = 3;
        assert!(matches!(read(&mut cut.as_slice()), Err(CqlError::Frame(_))));
        assert!(read(&mut b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice()).is_err());
    }
}
