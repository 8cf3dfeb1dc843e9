//! Audit logs: who asked for what, what was done, what was said, and when we were connected.
//!
//! [`mod@line`] writes the lines, a thread of its own puts them into files, so that a slow disk delays nothing.

pub mod line;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tracing::warn;

use crate::commands::command::ChannelCommand;

/// Lines that wait for a slow disk; more are dropped and counted.
const WAITING: usize = 10_000;

/// Where audit logs are written; the names are of files in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditConfig {
    /// The folder; made if missing.
    pub base_path: PathBuf,
    /// Moderation and settings.
    pub admin_operations: String,
    /// Changes of the playlist.
    pub playlist_operations: String,
    /// What is said.
    pub chat_messages: String,
    /// Commands as they came.
    pub command_audit: String,
    /// Connections to CyTube.
    pub connection_events: String,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            base_path: "./logs".into(),
            admin_operations: "admin-operations.log".to_owned(),
            playlist_operations: "playlist-operations.log".to_owned(),
            chat_messages: "chat-messages.log".to_owned(),
            command_audit: "command-audit.log".to_owned(),
            connection_events: "connection-events.log".to_owned(),
        }
    }
}

/// One of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Log {
    /// Moderation and settings.
    Admin,
    /// Changes of the playlist.
    Playlist,
    /// What is said.
    Chat,
    /// Commands as they came.
    Commands,
    /// Connections to CyTube.
    Connections,
}

/// Writes audit logs; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Audit {
    lines: mpsc::Sender<(Log, String)>,
    dropped: Arc<AtomicU64>,
}

impl Audit {
    /// Starts writing; the thread ends when all clones are gone and everything is written.
    pub(crate) fn start(config: AuditConfig) -> (Self, tokio::task::JoinHandle<()>) {
        let (lines, received) = mpsc::channel(WAITING);
        let writer = tokio::task::spawn_blocking(move || write(&config, received));
        let audit = Self {
            lines,
            dropped: Arc::default(),
        };
        (audit, writer)
    }

    /// A command as it came.
    pub(crate) fn command(&self, name: &str, args: &Map<String, Value>) {
        self.put(Log::Commands, line::command(name, args));
    }

    /// A command that was done.
    pub(crate) fn done(&self, command: &ChannelCommand) {
        if let Some((log, text)) = line::operation(command) {
            self.put(log, text);
        }
    }

    /// A chat line.
    pub(crate) fn chat(&self, username: &str, message: &str) {
        self.put(
            Log::Chat,
            format!("<{username}>: {}", line::one_line(message)),
        );
    }

    /// Something about a connection.
    pub(crate) fn connection(&self, event: &str, domain: &str, error: Option<&str>) {
        let error = error.map_or_else(String::new, |error| {
            format!(" error=\"{}\"", line::one_line(error))
        });
        self.put(
            Log::Connections,
            format!("[{event}] target={domain}{error}"),
        );
    }

    fn put(&self, log: Log, text: String) {
        if self.lines.try_send((log, text)).is_err() {
            let before = self.dropped.fetch_add(1, Ordering::Relaxed);
            if before == 0 {
                warn!("the disk is too slow for the audit logs; lines are dropped");
            }
        }
    }
}

fn write(config: &AuditConfig, mut lines: mpsc::Receiver<(Log, String)>) {
    if let Err(error) = std::fs::create_dir_all(&config.base_path) {
        warn!(%error, folder = %config.base_path.display(), "audit logs cannot be written; set logging.base_path");
    }
    let mut files: HashMap<Log, Option<File>> = HashMap::new();
    while let Some((log, text)) = lines.blocking_recv() {
        let file = files.entry(log).or_insert_with(|| open(config, log));
        let Some(open) = file else {
            continue;
        };
        let now = jiff::Zoned::now();
        let time = match log {
            Log::Chat => now.strftime("%H:%M:%S"),
            _ => now.strftime("%Y-%m-%d %H:%M:%S"),
        };
        if let Err(error) = open.write_all(format!("{time} {text}\n").as_bytes()) {
            warn!(%error, ?log, "an audit log cannot be written any more");
            *file = None;
        }
    }
}

fn open(config: &AuditConfig, log: Log) -> Option<File> {
    let name = match log {
        Log::Admin => &config.admin_operations,
        Log::Playlist => &config.playlist_operations,
        Log::Chat => &config.chat_messages,
        Log::Commands => &config.command_audit,
        Log::Connections => &config.connection_events,
    };
    let path: PathBuf = Path::new(&config.base_path).join(name);
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened
        .inspect_err(|error| warn!(%error, path = %path.display(), "an audit log cannot be opened"))
        .ok()
}
