//! `connection.json`: how the tools find a running `kryten up`.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// The file's name inside the data folder.
pub(crate) const FILE_NAME: &str = "connection.json";

/// What `kryten up` tells the tools, once it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ConnectionFile {
    pub(crate) nats: NatsAddress,
    pub(crate) web: WebAddress,
    pub(crate) channels: Vec<ChannelName>,
    /// The process that wrote the file.
    pub(crate) pid: u32,
}

/// Where NATS is and how to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NatsAddress {
    pub(crate) url: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) token: Option<String>,
}

/// Where the web page is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WebAddress {
    pub(crate) url: String,
}

/// A channel on a CyTube host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelName {
    pub(crate) domain: String,
    pub(crate) channel: String,
}

impl ConnectionFile {
    /// Reads the file in a data folder; `None` when there is none.
    pub(crate) fn read(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("could not read {}", path.display()));
            }
        };
        let file = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; start `kryten up` again", path.display()))?;
        Ok(Some(file))
    }

    /// Writes the file, readable by its owner alone, in one step.
    pub(crate) fn write(&self, data_dir: &Path) -> anyhow::Result<PathBuf> {
        let path = data_dir.join(FILE_NAME);
        let temporary = data_dir.join(format!(".{FILE_NAME}.{}", self.pid));
        let written = (|| {
            let mut file = fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&temporary)?;
            file.write_all(format!("{}\n", serde_json::to_string_pretty(self)?).as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        })();
        written.with_context(|| format!("could not write {}", path.display()))?;
        Ok(path)
    }

    /// Removes the file if this process wrote it.
    pub(crate) fn remove(&self, data_dir: &Path) {
        if Self::read(data_dir)
            .ok()
            .flatten()
            .is_some_and(|file| file.pid == self.pid)
        {
            let _ = fs::remove_file(data_dir.join(FILE_NAME));
        }
    }

    /// Whether the process that wrote the file still runs.
    pub(crate) fn is_alive(&self) -> bool {
        let Ok(pid) = i32::try_from(self.pid) else {
            return false;
        };
        match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None) {
            Ok(()) => true,
            Err(errno) => errno == nix::errno::Errno::EPERM,
        }
    }
}

/// The data folder when none is named: `$XDG_DATA_HOME/kryten`, else `~/.local/share/kryten`.
pub(crate) fn default_data_dir() -> PathBuf {
    let base = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    base.or_else(home)
        .unwrap_or_else(|| PathBuf::from("."))
        .join("kryten")
}
