//! The directories of a pod, and the configuration laid into them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config;
use crate::contract::{Instance, Service};

/// Where things are; see [`crate::contract`].
#[derive(Clone, Debug)]
pub struct Places {
    /// `service.json`.
    pub config: PathBuf,
    /// The volume of the data.
    pub data: PathBuf,
    /// The server's configuration, written anew at each start.
    pub conf: PathBuf,
    /// The server's home and working directory.
    pub home: PathBuf,
    /// The server's logs.
    pub logs: PathBuf,
    image_conf: PathBuf,
}

impl Places {
    /// All below `root`, which is `/` in a pod; but the image's own configuration is where the image says.
    pub fn below(root: &Path) -> Self {
        let run = root.join("twofold/run");
        Self {
            config: root.join("twofold/config/service.json"),
            data: root.join("var/lib/cassandra"),
            conf: run.join("conf"),
            home: run.join("home"),
            logs: run.join("logs"),
            image_conf: std::env::var_os("CASSANDRA_CONF").map_or("/etc/cassandra".into(), PathBuf::from),
        }
    }

    /// Makes the directories that the agent may make.
    pub fn create(&self) -> io::Result<()> {
        [&self.conf, &self.home, &self.logs]
            .into_iter()
            .try_for_each(|dir| fs::create_dir_all(dir).map_err(|error| named(dir, "create", &error)))
    }

    /// Lays the image's configuration into the writable directory, then ours over it.
    pub fn configure(&self, service: &Service, instance: &Instance, seeds: &[String]) -> io::Result<()> {
        let entries = fs::read_dir(&self.image_conf);
        for entry in entries.map_err(|error| named(&self.image_conf, "list", &error))? {
            let file = entry?.path();
            let Some(name) = file.file_name().filter(|_| file.is_file()) else {
                continue;
            };
            let bytes = fs::read(&file).map_err(|error| named(&file, "read", &error))?;
            let of_jvm =
                name.to_str().is_some_and(|name| name.starts_with("jvm") && name.ends_with("options"));
            let bytes = match String::from_utf8(bytes) {
                Ok(text) if of_jvm => config::jvm_options(&text, service).into_bytes(),
                Ok(text) => text.into_bytes(),
                Err(error) => error.into_bytes(),
            };
            write(&self.conf.join(name), &bytes)?;
        }
        for (name, text) in config::files(service, instance, seeds, &self.data) {
            write(&self.conf.join(name), text.as_bytes())?;
        }
        Ok(())
    }
}

fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(file, bytes).map_err(|error| named(file, "write", &error))
}

/// The error with the file it is about.
fn named(file: &Path, doing: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to {doing} {}: {error}", file.display()))
}
