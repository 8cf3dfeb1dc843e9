//! Starting and stopping a simulator.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::channel::ChannelHandle;
use crate::config::{Mode, SimConfig};
use crate::engine::{self, Target};
use crate::intake::Port;
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

impl Drop for SimHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
