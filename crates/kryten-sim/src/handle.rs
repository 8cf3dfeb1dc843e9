//! Starting and stopping a simulator, and asking it for things.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Mode, SimConfig};
use crate::control::{ControlError, Operation};
use crate::engine::{self, Input, Target};
use crate::intake::Port;
use crate::ledger::Ledger;
use crate::recording::Recording;
use crate::server::{self, Addresses};
use crate::tls::{self, TlsError};

/// Starts simulators.
#[derive(Debug)]
pub struct Sim;

/// A running simulator; it stops when this is shut down or dropped.
///
/// It is used as the [`ChannelHandle`] of its first channel too.
#[derive(Debug)]
pub struct SimHandle {
    addr: SocketAddr,
    tls: Option<(SocketAddr, String)>,
    /// The first channel as the server's.
    first: ChannelHandle,
    channels: Vec<ChannelHandle>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// One channel of a running simulator; it works as long as the [`SimHandle`] lives.
#[derive(Debug, Clone)]
pub struct ChannelHandle {
    name: String,
    target: Target,
    input: mpsc::Sender<Input>,
    progress: watch::Receiver<Progress>,
}

/// How far the simulator is; tests wait on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Replayable chat lines said so far, those before the start included.
    pub chat_lines: u64,
    /// Chat lines that reached a bot and are never replayed: notices to moderators and shadow-muted lines.
    pub notices: u64,
    /// Private messages that reached a bot so far, `system:` ones left out.
    pub pms: u64,
    /// Chat lines that fell out of the history before any bot was offered them.
    pub lost_lines: u64,
    /// Clients whose Socket.IO session is up.
    pub connections: usize,
    /// Clients that are logged in.
    pub bots: usize,
    /// Recorded sessions that a client has taken up.
    pub sessions_started: usize,
    /// Recorded sessions whose last frame has been given to the socket.
    pub sessions_sent: usize,
    /// Whether the script has said all its lines.
    pub done: bool,
}

/// A simulator could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}; choose another address or port 0")]
    Listen {
        /// The address as configured.
        addr: SocketAddr,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// TLS cannot be served.
    #[error("cannot serve TLS")]
    Tls(#[from] TlsError),
    /// The recording cannot be read.
    #[error("cannot read the recording {}", path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A line of the recording is not in the expected form.
    #[error("line {line} of the recording {} is not in the form of cytube_frames.jsonl", path.display())]
    RecordingLine {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why it failed.
        #[source]
        source: serde_json::Error,
    },
    /// The recording has no session of a client.
    #[error("the recording {} has no websocket session", path.display())]
    EmptyRecording {
        /// The file.
        path: PathBuf,
    },
    /// The ledger cannot be written.
    #[error("cannot write the ledger {}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Sim {
    /// Starts a simulator on the current tokio runtime; when this returns, it accepts connections.
    ///
    /// # Errors
    /// When the address is taken, or a file cannot be used.
    pub async fn start(config: SimConfig) -> Result<SimHandle, SimError> {
        let recording = match &config.mode {
            Mode::Recording { path, .. } => Some(Recording::read(path)?),
            Mode::Script(_) => None,
        };
        let plain = listen(config.listen).await?;
        let addresses = Addresses {
            plain: plain.addr,
            tls: None,
            proxy: config.secure_url.clone(),
        };
        let (mut ports, mut addresses, mut tls) = (vec![plain], addresses, None);
        if let Some(settings) = &config.tls {
            let mut port = listen(settings.listen).await?;
            let secure = tls::secure(settings, port.addr)?;
            port.tls = Some(secure.acceptor);
            addresses.tls = Some(port.addr);
            tls = Some((port.addr, secure.ca));
            ports.push(port);
        }
        let addr = addresses.plain;
        let stop = CancellationToken::new();
        let (input, inputs) = mpsc::channel(1024);
        let (engine, progress, gates) = engine::Engine::new(&config, recording, inputs)?;
        let further = config.channels.iter().map(|channel| &channel.name);
        let names = std::iter::once(&config.channel).chain(further);
        let channels: Vec<ChannelHandle> = names
            .zip(progress)
            .enumerate()
            .map(|(index, (name, progress))| ChannelHandle {
                name: name.clone(),
                target: Target::Channel(index),
                input: input.clone(),
                progress,
            })
            .collect();
        let first = ChannelHandle {
            target: Target::Server,
            ..channels[0].clone()
        };
        let engine = tokio::spawn(engine.run(stop.clone()));
        let server = server::spawn(ports, addresses, &config, input, gates, stop.clone());
        Ok(SimHandle {
            addr,
            tls,
            first,
            channels,
            stop,
            tasks: vec![engine, server],
        })
    }
}

async fn listen(addr: SocketAddr) -> Result<Port, SimError> {
    let failed = |source| SimError::Listen { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok(Port {
        listener,
        addr,
        tls: None,
    })
}

impl SimHandle {
    /// The address that it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address as a CyTube URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The address with TLS as a CyTube URL, if there is one.
    pub fn secure_url(&self) -> Option<String> {
        let (addr, _) = self.tls.as_ref()?;
        Some(format!("https://{addr}"))
    }

    /// The certificate of the authority that clients with TLS are to trust, as PEM.
    pub fn ca_pem(&self) -> Option<&str> {
        self.tls.as_ref().map(|(_, ca)| ca.as_str())
    }

    /// One of the channels, by its name in any case; the first one is the handle's own, too.
    pub fn channel(&self, name: &str) -> Option<ChannelHandle> {
        let name = name.to_lowercase();
        let mut channels = self.channels.iter();
        channels
            .find(|channel| channel.name.to_lowercase() == name)
            .cloned()
    }

    /// Stops, after the ledger is written; all connections drop.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for task in self.tasks.drain(..) {
            // A task that panicked has been reported by tokio already.
            let _ = task.await;
        }
    }
}

// What a test asks of its one channel it asks of the simulator.
impl Deref for SimHandle {
    type Target = ChannelHandle;

    fn deref(&self) -> &ChannelHandle {
        &self.first
    }
}

impl ChannelHandle {
    /// The channel's name as registered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is; `wait_for` on it awaits a condition.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until the progress fulfils a condition.
    pub async fn wait_until(&self, condition: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.clone();
        match progress.wait_for(condition).await {
            Ok(progress) => progress.clone(),
            // The engine has ended; its last word is all there is.
            Err(_) => self.progress.borrow().clone(),
        }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// When the request makes no sense now.
    pub async fn run(&self, operation: Operation) -> Result<Value, ControlError> {
        let (reply, answered) = oneshot::channel();
        let input = Input::Control {
            target: self.target.clone(),
            operation,
            reply,
        };
        if self.input.send(input).await.is_err() {
            return Err(ControlError::Stopped);
        }
        answered.await.unwrap_or(Err(ControlError::Stopped))
    }

    /// The ledger now.
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn ledger(&self) -> Result<Ledger, ControlError> {
        let value = self.run(Operation::Ledger).await?;
        serde_json::from_value(value).map_err(|error| ControlError::BadRequest(error.to_string()))
    }

    /// The channel's state, see [`Operation::State`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn state(&self) -> Result<Value, ControlError> {
        self.run(Operation::State).await
    }

    /// A simulated user says something, see [`Operation::Say`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn say(&self, user: &str, msg: &str) -> Result<(), ControlError> {
        let (user, msg) = (user.to_owned(), msg.to_owned());
        self.run(Operation::Say { user, msg }).await.map(drop)
    }

    /// A simulated user sends every bot a private message, see [`Operation::Pm`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn pm(&self, user: &str, msg: &str) -> Result<(), ControlError> {
        let (user, msg) = (user.to_owned(), msg.to_owned());
        self.run(Operation::Pm {
            user,
            msg,
            to: None,
        })
        .await
        .map(drop)
    }

    /// A simulated user joins, with rank 1.
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn join(&self, user: &str) -> Result<(), ControlError> {
        let user = user.to_owned();
        self.run(Operation::Join { user, rank: None })
            .await
            .map(drop)
    }

    /// A simulated user leaves.
    ///
    /// # Errors
    /// When no such user is there, or a recording is replayed.
    pub async fn leave(&self, user: &str) -> Result<(), ControlError> {
        let user = user.to_owned();
        self.run(Operation::Leave { user }).await.map(drop)
    }

    /// A simulated user sends a client event, see [`Operation::Act`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn act(&self, user: &str, event: &str, payload: Value) -> Result<(), ControlError> {
        let (user, event) = (user.to_owned(), event.to_owned());
        self.run(Operation::Act {
            user,
            event,
            payload,
        })
        .await
        .map(drop)
    }

    /// The test has seen this many replayable chat lines.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn seen(&self, chat: u64) -> Result<(), ControlError> {
        self.run(Operation::Seen { chat }).await.map(drop)
    }

    /// Holds parts of the script, see [`Operation::Hold`].
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn hold(&self, others: bool, chat: bool) -> Result<(), ControlError> {
        self.run(Operation::Hold {
            others: Some(others),
            chat: Some(chat),
            others_while_bot_is_out: None,
        })
        .await
        .map(drop)
    }

    /// Cuts the TCP connections of all clients.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn drop_connections(&self) -> Result<(), ControlError> {
        self.run(Operation::Drop).await.map(drop)
    }

    /// Kicks all clients.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn kick_bots(&self, reason: &str) -> Result<(), ControlError> {
        self.run(Operation::Kick {
            name: None,
            reason: Some(reason.to_owned()),
        })
        .await
        .map(drop)
    }
}

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
