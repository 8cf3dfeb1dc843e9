//! The one task that owns the channel or the recording, the clock and the clients' queues.

mod channels;
mod faults;
mod pace;
mod play;
mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::channel::Progress;
use crate::config::{Mode, SimConfig};
use crate::control::{ControlError, Operation};
use crate::handle::SimError;
use crate::intake::Outage;
use crate::recording::Recording;
use crate::room::{ConnectionId, Outgoing};
use crate::server::{Gates, Refusal};
use crate::socket::Outlet;
use channels::Channels;
use play::Play;
use replay::Replay;

/// What comes to the engine.
#[derive(Debug)]
pub(crate) enum Input {
    /// A client's namespace is granted.
    Opened {
        connection: ConnectionId,
        ip: IpAddr,
        outlet: Outlet,
    },
    /// A client sent an event.
    Event {
        connection: ConnectionId,
        name: String,
        args: Vec<Value>,
        ack: Option<u64>,
    },
    /// A client's socket has ended.
    Gone { connection: ConnectionId },
    /// A test asks for something.
    Control {
        target: Target,
        operation: Operation,
        reply: oneshot::Sender<Result<Value, ControlError>>,
    },
}

/// Which channel an operation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// All of the server; what only a channel can do, its first one does.
    Server,
    /// The channel of this number.
    Channel(usize),
    /// The channel of this name.
    Named(String),
}

pub(crate) struct Engine {
    inputs: mpsc::Receiver<Input>,
    stage: Stage,
    outlets: BTreeMap<ConnectionId, Outlet>,
    desks: Vec<Desk>,
    frozen: watch::Sender<bool>,
    refusal: watch::Sender<Refusal>,
    outage: watch::Sender<Outage>,
    limited: watch::Sender<bool>,
}

/// What is told and written about one channel.
struct Desk {
    progress: Arc<watch::Sender<Progress>>,
    ledger_path: Option<PathBuf>,
    ledger_written: Vec<u8>,
}

/// Which channels something may have changed.
#[derive(Debug, Clone, Copy)]
enum Touched {
    All,
    Channel(usize),
}

impl Touched {
    /// Their numbers, of so many.
    fn range(self, count: usize) -> Range<usize> {
        match self {
            Self::All => 0..count,
            Self::Channel(index) if index < count => index..index + 1,
            Self::Channel(_) => 0..0,
        }
    }
}

enum Stage {
    Play(Channels),
    Replay(Replay),
}

/// A client that lets so many frames wait is given up.
const MOST_QUEUED: usize = 200_000;

impl Engine {
    /// The engine, and the progress of each channel.
    pub(crate) fn new(
        config: &SimConfig,
        recording: Option<Recording>,
        inputs: mpsc::Receiver<Input>,
    ) -> Result<(Self, Vec<watch::Receiver<Progress>>, Gates), SimError> {
        let further = config.channels.iter().map(|channel| &channel.ledger);
        let ledgers = std::iter::once(&config.ledger).chain(further);
        let mut desks: Vec<Desk> = ledgers.map(Desk::new).collect();
        let stage = match (&config.mode, recording) {
            (Mode::Recording { speed, .. }, recording) => {
                let sessions = recording.unwrap_or_default().sessions;
                desks.truncate(1);
                Stage::Replay(Replay::new(
                    sessions,
                    *speed,
                    Arc::clone(&desks[0].progress),
                ))
            }
            (Mode::Script(_), _) => Stage::Play(Channels::new(config, wall_clock())),
        };
        let progress = desks.iter().map(|desk| desk.progress.subscribe()).collect();
        let (frozen, frozen_rx) = watch::channel(false);
        let (refusal, refusal_rx) = watch::channel(Refusal::default());
        let (outage, outage_rx) = watch::channel(Outage::default());
        let (limited, limited_rx) = watch::channel(config.connection_limits);
        let mut engine = Self {
            inputs,
            stage,
            outlets: BTreeMap::new(),
            desks,
            frozen,
            refusal,
            outage,
            limited,
        };
        engine.write_ledgers()?;
        let gates = Gates {
            frozen: frozen_rx,
            refusal: refusal_rx,
            outage: outage_rx,
            limited: limited_rx,
        };
        Ok((engine, progress, gates))
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ledger_timer = interval(Duration::from_secs(1));
        ledger_timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        self.settle(Touched::All);
        loop {
            let next = self.next_step();
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    self.step();
                    self.settle(Touched::All);
                }
                _ = ledger_timer.tick() => self.save_ledgers(),
                () = stop.cancelled() => break,
            }
        }
        self.save_ledgers();
    }

    fn next_step(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Play(channels) => channels.next_step(),
            Stage::Replay(_) => None,
        }
    }

    /// Frames leave, what has come of it is told, and it is known what is next.
    fn settle(&mut self, touched: Touched) {
        self.send_outgoing(touched);
        self.report_progress(touched);
        let outlets = &self.outlets;
        let queued = |connection| outlets.get(&connection).map_or(0, Outlet::queued);
        if let Stage::Play(channels) = &mut self.stage {
            channels.look_ahead(touched, queued, wall_clock());
        }
    }

    fn step(&mut self) {
        if let Stage::Play(channels) = &mut self.stage {
            channels.step(wall_clock());
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Opened {
                connection,
                ip,
                outlet,
            } => {
                match &mut self.stage {
                    Stage::Play(channels) => {
                        self.outlets.insert(connection, outlet);
                        let limited = *self.limited.borrow();
                        channels.open(connection, ip, limited, wall_clock());
                    }
                    Stage::Replay(replay) => replay.open(connection, outlet),
                }
                self.settle(Touched::All);
            }
            Input::Event {
                connection,
                name,
                args,
                ack,
            } => {
                match &mut self.stage {
                    Stage::Play(channels) => {
                        channels.receive(connection, &name, &args, ack, wall_clock());
                    }
                    Stage::Replay(replay) => replay.receive(connection, &name),
                }
                self.settle(Touched::All);
            }
            Input::Gone { connection } => {
                self.outlets.remove(&connection);
                match &mut self.stage {
                    Stage::Play(channels) => channels.close(connection, wall_clock()),
                    Stage::Replay(replay) => replay.close(connection),
                }
                self.settle(Touched::All);
            }
            Input::Control {
                target,
                operation,
                reply,
            } => {
                let (result, touched) = self.obey(target, operation);
                // Frames of the operation leave before its answer does.
                self.settle(touched);
                let _ = reply.send(result);
            }
        }
    }

    /// What an operation has come to, and what it has touched.
    fn obey(
        &mut self,
        target: Target,
        operation: Operation,
    ) -> (Result<Value, ControlError>, Touched) {
        let rest = self.resolve(target).and_then(|target| {
            let operation = self.obey_as_server(target, operation)?;
            Ok(operation.map(|operation| (target.unwrap_or(0), operation)))
        });
        let (index, operation) = match rest {
            Ok(Some(rest)) => rest,
            Ok(None) => return (Ok(faults::done()), Touched::All),
            Err(error) => return (Err(error), Touched::All),
        };
        let Stage::Play(channels) = &mut self.stage else {
            return (Err(ControlError::NotInRecording), Touched::All);
        };
        let result = match channels.get_mut(index) {
            Some(play) => play.obey(operation, wall_clock()),
            None => Err(ControlError::NoSuchChannel(index.to_string())),
        };
        (result, Touched::Channel(index))
    }

    fn send_outgoing(&mut self, touched: Touched) {
        let Stage::Play(channels) = &mut self.stage else {
            return;
        };
        let mut stuck = BTreeSet::new();
        for outgoing in channels.take_outgoing(touched) {
            match outgoing {
                Outgoing::Frame(connection, text) => {
                    if let Some(outlet) = self.outlets.get(&connection) {
                        outlet.send(text);
                        if outlet.queued() > MOST_QUEUED {
                            stuck.insert(connection);
                        }
                    }
                }
                Outgoing::Forget(connection) => {
                    // The transport stays open until the client closes it; nothing more is sent on it.
                    if let Some(outlet) = self.outlets.remove(&connection) {
                        outlet.abandon();
                    }
                }
            }
        }
        for connection in stuck {
            warn!(connection, "a client does not read; its connection is cut");
            if let Some(outlet) = self.outlets.remove(&connection) {
                outlet.cut();
            }
            channels.close(connection, wall_clock());
        }
    }

    fn report_progress(&mut self, touched: Touched) {
        let Stage::Play(channels) = &self.stage else {
            return;
        };
        let touched = touched.range(channels.all().len());
        for (play, desk) in channels.all()[touched.clone()]
            .iter()
            .zip(&self.desks[touched])
        {
            let progress = play.progress();
            desk.progress.send_if_modified(|old| {
                let changed = *old != progress;
                *old = progress;
                changed
            });
        }
    }

    fn save_ledgers(&mut self) {
        if let Err(error) = self.write_ledgers() {
            warn!(%error, "cannot write the ledger");
        }
    }

    fn write_ledgers(&mut self) -> Result<(), SimError> {
        let Stage::Play(channels) = &self.stage else {
            return Ok(());
        };
        for (play, desk) in channels.all().iter().zip(&mut self.desks) {
            desk.write(play)?;
        }
        Ok(())
    }
}

impl Desk {
    fn new(ledger: &Option<PathBuf>) -> Self {
        let (progress, _) = watch::channel(Progress::default());
        Self {
            progress: Arc::new(progress),
            ledger_path: ledger.clone(),
            ledger_written: Vec::new(),
        }
    }

    fn write(&mut self, play: &Play) -> Result<(), SimError> {
        let Some(path) = &self.ledger_path else {
            return Ok(());
        };
        let failed = |source| SimError::Ledger {
            path: path.clone(),
            source,
        };
        let text =
            serde_json::to_vec_pretty(&play.ledger()).map_err(|error| failed(error.into()))?;
        if text != self.ledger_written {
            replace_file(path, &text).map_err(failed)?;
            self.ledger_written = text;
        }
        Ok(())
    }
}

/// Readers see the old file or the new one, never half of it.
fn replace_file(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, text)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Milliseconds since the Unix epoch, read at the edge only.
fn wall_clock() -> i64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as i64
}
