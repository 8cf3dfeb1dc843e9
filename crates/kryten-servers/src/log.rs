//! The server's log: where it goes, and what it says about a failed start.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::server::ServerError;

/// A log larger than this is put aside at the next start.
const ROTATE_AT: u64 = 10 * 1024 * 1024;

pub(crate) struct ServerLog {
    path: PathBuf,
    start: u64,
}

impl ServerLog {
    /// The log of one run, after what earlier runs wrote.
    pub(crate) fn open(path: &Path) -> Result<Self, ServerError> {
        let mut start = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if start > ROTATE_AT {
            let mut old = path.as_os_str().to_owned();
            old.push(".old");
            fs::rename(path, &old).map_err(|source| ServerError::Prepare {
                path: path.to_owned(),
                source,
            })?;
            start = 0;
        }
        Ok(Self {
            path: path.to_owned(),
            start,
        })
    }

    /// The file that the server writes to.
    pub(crate) fn file(&self) -> Result<File, ServerError> {
        File::options()
            .create(true)
            .append(true)
            .open(&self.path)
            .map_err(|source| ServerError::Prepare {
                path: self.path.clone(),
                source,
            })
    }

    /// Why the server ended while it started on a port.
    pub(crate) fn why_ended(&self, port: u16) -> ServerError {
        let text = self.read().unwrap_or_default();
        if text.contains("address already in use") {
            return ServerError::PortTaken { port };
        }
        let last_line = text.lines().rev().find(|line| !line.trim().is_empty());
        ServerError::Ended {
            last_line: last_line.unwrap_or("it wrote nothing").trim().to_owned(),
            log: self.path.clone(),
        }
    }

    fn read(&self) -> io::Result<String> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
