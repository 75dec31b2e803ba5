//! Best fit: the agent with the least GPU left over, then the least processor time, then the least memory; on it the
//! device with the least free that has enough.
//!
//! Best fit for bins of several sizes is as old as bin packing (Johnson et al., SIAM J. Comput. 1974). Cluster managers
//! weigh the remainders into one sum; here they are compared one after the other, the scarcest first, which packs better
//! on the `openb` trace (`cargo bench -p twofold-allocator --bench openb`) and can be explained.

use super::{Piece, Room, Score};

/// The score of a task on an agent; none when it does not fit there.
#[must_use]
pub fn score(room: &Room, piece: &Piece) -> Option<Score> {
    if !room.free.contains(&piece.base) {
        return None;
    }
    let device_free_milli = match &piece.devices {
        Some(request) => room.sources(request).map(|source| source.free_milli).min()?,
        None => 0,
    };
    Some(Score::of_rest(room, piece, device_free_milli))
}
