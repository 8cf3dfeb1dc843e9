//! A nats-server as a child process that does not outlive us.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::find::NatsBinary;

/// How a nats-server is started.
#[derive(Debug, Clone)]
pub struct NatsServerOptions {
    /// The program to run.
    pub binary: PathBuf,
    /// The folder for everything of this server: configuration, store, log; made with mode 0700.
    pub data_dir: PathBuf,
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Whether JetStream is on.
    pub jetstream: bool,
    /// JetStream's `sync_interval`, such as `always` or `2s`.
    pub sync_interval: String,
    /// The largest message that the server takes, in bytes.
    pub max_payload: usize,
    /// The log file; without it `nats-server.log` in the data folder.
    pub log_file: Option<PathBuf>,
    /// Text appended to the configuration file.
    pub extra_config: String,
    /// How long a start may take.
    pub start_timeout: Duration,
}

impl NatsServerOptions {
    /// JetStream on, every write synced, 8 MB messages, any free port.
    pub fn new(binary: &NatsBinary, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.path.clone(),
            data_dir: data_dir.into(),
            port: 0,
            jetstream: true,
            sync_interval: "always".to_owned(),
            max_payload: 8 * 1024 * 1024,
            log_file: None,
            extra_config: String::new(),
            start_timeout: Duration::from_secs(20),
        }
    }
}

/// Why a nats-server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Another program listens on the port.
    #[error("port {port} on 127.0.0.1 is taken; choose another one, or 0 for any free one")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// Another server uses the data folder.
    #[error("the data folder {path} is in use by another nats-server of ours; stop that one or choose another folder", path = path.display())]
    StoreLocked {
        /// The data folder.
        path: PathBuf,
    },
}

/// A running nats-server; it is killed when this is dropped, and when our process dies.
#[derive(Debug)]
pub struct NatsServer {}

impl NatsServer {
    /// Starts a server and returns when it takes connections.
    ///
    /// # Errors
    /// [`ServerError`] when the port is taken, the data folder is in use, or the server does not come up.
    pub async fn start(options: NatsServerOptions) -> Result<Self, ServerError> {
        let _ = options;
        unimplemented!()
    }

    /// A server for a test: any free port, its own folder, gone on drop.
    ///
    /// # Panics
    /// When no nats-server can be found or started; the text says why.
    pub async fn ephemeral() -> Self {
        Self::ephemeral_with(|_| ()).await
    }

    /// As [`NatsServer::ephemeral`], with other options.
    ///
    /// # Panics
    /// As there.
    pub async fn ephemeral_with(change: impl FnOnce(&mut NatsServerOptions)) -> Self {
        let _ = |options: &mut NatsServerOptions| change(options);
        unimplemented!()
    }

    /// The address, such as `nats://127.0.0.1:4222`; without credentials.
    pub fn url(&self) -> &str {
        unimplemented!()
    }

    /// The user to connect as.
    pub fn user(&self) -> &str {
        unimplemented!()
    }

    /// The password to connect with.
    pub fn password(&self) -> &str {
        unimplemented!()
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        unimplemented!()
    }

    /// The process, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        unimplemented!()
    }

    /// The folder of configuration, store and log.
    pub fn data_dir(&self) -> &Path {
        unimplemented!()
    }

    /// Stops the server: SIGTERM, and SIGKILL when it takes too long. The store stays.
    ///
    /// # Errors
    /// [`ServerError`] when the process could not be signalled.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        unimplemented!()
    }

    /// Kills the server at once, as a crash would. The store stays.
    ///
    /// # Errors
    /// [`ServerError`] when the process could not be signalled.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        unimplemented!()
    }

    /// Starts the server again (after [`NatsServer::stop`] where it still runs) on the same port, store and
    /// credentials.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        unimplemented!()
    }
}
