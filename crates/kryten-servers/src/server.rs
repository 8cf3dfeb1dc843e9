//! A nats-server as a child process that does not outlive us.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::find::{FindOptions, NatsBinary, find_nats_server};
use crate::settings::{Credentials, free_port, is_listening, write_config};
use crate::{child::Child, lock::StoreLock, log::ServerLog};

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
    /// Whether [`NatsServer::user`] may log in with [`NatsServer::password`]; without it `extra_config` says who may.
    pub login: bool,
    /// Text appended to the configuration file.
    pub extra_config: String,
    /// How long a start may take; a large store is read in it.
    pub start_timeout: Duration,
    /// How long a stop may take before the process is killed.
    pub stop_timeout: Duration,
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
            login: true,
            extra_config: String::new(),
            start_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(4),
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
    #[error(
        "the data folder {path} is in use by another nats-server of ours; stop that one or choose another folder",
        path = path.display()
    )]
    StoreLocked {
        /// The data folder.
        path: PathBuf,
    },
    /// A file or folder could not be made or read.
    #[error("cannot prepare {path}: {source}", path = path.display())]
    Prepare {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The program could not be run.
    #[error("cannot run {path}: {source}", path = path.display())]
    Spawn {
        /// The program.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The server ended while it started.
    #[error("nats-server ended while starting: {last_line} (see {log})", log = log.display())]
    Ended {
        /// The last line of its log.
        last_line: String,
        /// The log.
        log: PathBuf,
    },
    /// The server did not come up in time.
    #[error("nats-server was not ready after {} s (see {log})", after.as_secs(), log = log.display())]
    NotReady {
        /// How long we waited.
        after: Duration,
        /// The log.
        log: PathBuf,
    },
    /// The process could not be signalled.
    #[error("cannot signal nats-server: {0}")]
    Signal(#[source] io::Error),
}

/// A running nats-server; it is killed when this is dropped, and when our process dies.
#[derive(Debug)]
pub struct NatsServer {
    options: NatsServerOptions,
    credentials: Credentials,
    port: u16,
    url: String,
    // In the order in which they are dropped: the process, then the lock on its folder, then the folder.
    child: Option<Child>,
    lock: StoreLock,
    _folder: Option<tempfile::TempDir>,
}

impl NatsServer {
    /// Starts a server and returns when it takes connections.
    ///
    /// # Errors
    /// [`ServerError`] when the port is taken, the data folder is in use, or the server does not come up.
    pub async fn start(options: NatsServerOptions) -> Result<Self, ServerError> {
        Self::start_as(options, Credentials::random()).await
    }

    /// As [`NatsServer::start`], with a login that several servers share.
    pub(crate) async fn start_as(
        options: NatsServerOptions,
        credentials: Credentials,
    ) -> Result<Self, ServerError> {
        make_private_folder(&options.data_dir)?;
        let lock = StoreLock::take(&options.data_dir).await?;
        let mut server = Self {
            port: options.port,
            url: String::new(),
            options,
            credentials,
            child: None,
            lock,
            _folder: None,
        };
        server.launch().await?;
        Ok(server)
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
        static BINARY: tokio::sync::OnceCell<NatsBinary> = tokio::sync::OnceCell::const_new();
        let find = || async { find_nats_server(&FindOptions::default()).await };
        let binary = match BINARY.get_or_try_init(find).await {
            Ok(binary) => binary,
            Err(error) => panic!("{error}"),
        };
        let folder = tempfile::Builder::new().prefix("kryten-nats-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let mut options = NatsServerOptions::new(binary, folder.path().join("nats"));
        // What a test stores need not survive a power cut, and a machine runs many of these.
        options.sync_interval = "2m".to_owned();
        change(&mut options);
        match Self::start(options).await {
            Ok(mut server) => {
                server._folder = Some(folder);
                server
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The address, such as `nats://127.0.0.1:4222`; without credentials.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The user to connect as.
    pub fn user(&self) -> &str {
        &self.credentials.user
    }

    /// The password to connect with.
    pub fn password(&self) -> &str {
        &self.credentials.password
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::pid)
    }

    /// The folder of configuration, store and log.
    pub fn data_dir(&self) -> &Path {
        &self.options.data_dir
    }

    /// Where the server logs to.
    pub fn log_file(&self) -> PathBuf {
        let default = || self.options.data_dir.join("nats-server.log");
        self.options.log_file.clone().unwrap_or_else(default)
    }

    /// Returns when the process has ended, for whatever reason; at once where it does not run.
    pub async fn ended(&self) {
        if let Some(child) = &self.child {
            child.ended().await;
        }
    }

    /// Stops the server: SIGTERM, and SIGKILL when it takes too long. The store stays.
    ///
    /// # Errors
    /// [`ServerError`] when the process could not be signalled.
    pub async fn stop(&mut self) -> Result<(), ServerError> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        child.signal(Signal::SIGTERM).map_err(ServerError::Signal)?;
        if tokio::time::timeout(self.options.stop_timeout, child.ended())
            .await
            .is_err()
        {
            return self.kill().await;
        }
        self.child = None;
        Ok(())
    }

    /// Kills the server at once, as a crash would. The store stays.
    ///
    /// # Errors
    /// [`ServerError`] when the process could not be signalled.
    pub async fn kill(&mut self) -> Result<(), ServerError> {
        if let Some(child) = &self.child {
            child.signal(Signal::SIGKILL).map_err(ServerError::Signal)?;
            child.ended().await;
        }
        self.child = None;
        Ok(())
    }

    /// Starts the server again (after [`NatsServer::stop`] where it still runs) on the same port, store and
    /// credentials.
    ///
    /// # Errors
    /// As [`NatsServer::start`].
    pub async fn restart(&mut self) -> Result<(), ServerError> {
        self.stop().await?;
        self.launch().await
    }

    /// Whether JetStream is on from the next [`NatsServer::restart`]; the store stays.
    pub fn set_jetstream(&mut self, is_on: bool) {
        self.options.jetstream = is_on;
    }

    async fn launch(&mut self) -> Result<(), ServerError> {
        /// Another process may take a port between our look and the server's bind.
        const PORTS_TO_TRY: usize = 20;
        let any_port = self.port == 0;
        for attempt in 1.. {
            let port = if any_port { free_port() } else { self.port };
            match self.launch_on(port).await {
                Err(ServerError::PortTaken { .. }) if any_port && attempt < PORTS_TO_TRY => {}
                result => return result,
            }
        }
        Ok(())
    }

    async fn launch_on(&mut self, port: u16) -> Result<(), ServerError> {
        let config = write_config(&self.options, &self.credentials, port)?;
        let log = ServerLog::open(&self.log_file())?;
        let child = Child::spawn(
            &self.options.binary,
            &config,
            log.file()?,
            self.lock.file()?,
        )
        .map_err(|source| ServerError::Spawn {
            path: self.options.binary.clone(),
            source,
        })?;
        let deadline = Instant::now() + self.options.start_timeout;
        while !is_listening(&self.options.data_dir, &child, port) {
            if child.pid().is_none() {
                return Err(log.why_ended(port));
            }
            if Instant::now() > deadline {
                return Err(ServerError::NotReady {
                    after: self.options.start_timeout,
                    log: self.log_file(),
                });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.port = port;
        self.url = format!("nats://127.0.0.1:{port}");
        self.child = Some(child);
        Ok(())
    }
}

fn make_private_folder(path: &Path) -> Result<(), ServerError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o700)))
        .map_err(|source| ServerError::Prepare {
            path: path.to_owned(),
            source,
        })
}
