//! The one task that owns the channel or the recording, the clock and the clients' queues.

mod pace;
mod play;
mod replay;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{Mode, SimConfig};
use crate::control::{ControlError, Operation};
use crate::handle::{Progress, SimError};
use crate::recording::Recording;
use crate::room::{ConnectionId, Outgoing};
use crate::server::{Gates, Refusal};
use crate::socket::Outlet;
use play::Play;
use replay::Replay;

/// What comes to the engine.
#[derive(Debug)]
pub(crate) enum Input {
    /// A client's namespace is granted.
    Opened {
        connection: ConnectionId,
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
        operation: Operation,
        reply: oneshot::Sender<Result<Value, ControlError>>,
    },
}

pub(crate) struct Engine {
    inputs: mpsc::Receiver<Input>,
    stage: Stage,
    outlets: BTreeMap<ConnectionId, Outlet>,
    progress: Arc<watch::Sender<Progress>>,
    frozen: watch::Sender<bool>,
    refusal: watch::Sender<Refusal>,
    ledger_path: Option<PathBuf>,
    ledger_written: Vec<u8>,
}

enum Stage {
    Play(Box<Play>),
    Replay(Replay),
}

/// A client that lets so many frames wait is given up.
const MOST_QUEUED: usize = 200_000;

impl Engine {
    pub(crate) fn new(
        config: &SimConfig,
        recording: Option<Recording>,
        inputs: mpsc::Receiver<Input>,
    ) -> Result<(Self, watch::Receiver<Progress>, Gates), SimError> {
        let (progress, progress_rx) = watch::channel(Progress::default());
        let progress = Arc::new(progress);
        let stage = match (&config.mode, recording) {
            (Mode::Recording { speed, .. }, recording) => {
                let sessions = recording.unwrap_or_default().sessions;
                Stage::Replay(Replay::new(sessions, *speed, Arc::clone(&progress)))
            }
            (Mode::Script(script), _) => {
                Stage::Play(Box::new(Play::new(config, script, wall_clock())))
            }
        };
        let (frozen, frozen_rx) = watch::channel(false);
        let (refusal, refusal_rx) = watch::channel(Refusal::default());
        let mut engine = Self {
            inputs,
            stage,
            outlets: BTreeMap::new(),
            progress,
            frozen,
            refusal,
            ledger_path: config.ledger.clone(),
            ledger_written: Vec::new(),
        };
        if let Err(source) = engine.write_ledger() {
            let path = config.ledger.clone().unwrap_or_default();
            return Err(SimError::Ledger { path, source });
        }
        let gates = Gates {
            frozen: frozen_rx,
            refusal: refusal_rx,
        };
        Ok((engine, progress_rx, gates))
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ledger_timer = interval(Duration::from_secs(1));
        ledger_timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            let next = self.next_step();
            tokio::select! {
                input = self.inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.step(),
                _ = ledger_timer.tick() => self.save_ledger(),
                () = stop.cancelled() => break,
            }
            self.send_outgoing();
            self.report_progress();
        }
        self.save_ledger();
    }

    fn next_step(&mut self) -> Option<Instant> {
        let queued = self.outlets.values().map(Outlet::queued).max().unwrap_or(0);
        match &mut self.stage {
            Stage::Play(play) => play.next_step(queued, wall_clock()),
            Stage::Replay(_) => None,
        }
    }

    fn step(&mut self) {
        if let Stage::Play(play) = &mut self.stage {
            play.step(wall_clock());
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Opened { connection, outlet } => match &mut self.stage {
                Stage::Play(play) => {
                    self.outlets.insert(connection, outlet);
                    play.room.open(connection);
                }
                Stage::Replay(replay) => replay.open(connection, outlet),
            },
            Input::Event {
                connection,
                name,
                args,
                ack,
            } => match &mut self.stage {
                Stage::Play(play) => {
                    let now = wall_clock();
                    play.room.receive(connection, &name, &args, ack, now);
                }
                Stage::Replay(replay) => replay.receive(connection, &name),
            },
            Input::Gone { connection } => {
                self.outlets.remove(&connection);
                match &mut self.stage {
                    Stage::Play(play) => play.room.close(connection, wall_clock()),
                    Stage::Replay(replay) => replay.close(connection),
                }
            }
            Input::Control { operation, reply } => {
                let result = self.obey(operation);
                // Frames of the operation leave before its answer does.
                self.send_outgoing();
                self.report_progress();
                let _ = reply.send(result);
            }
        }
    }

    fn obey(&mut self, operation: Operation) -> Result<Value, ControlError> {
        match operation {
            Operation::Freeze { frozen } => {
                self.frozen.send_replace(frozen);
            }
            Operation::Refuse {
                connections,
                rate_limited,
            } => {
                self.refusal.send_replace(Refusal {
                    connections,
                    rate_limited,
                });
            }
            Operation::Drop => self.cut_all(),
            Operation::Restart => {
                self.cut_all();
                if let Stage::Play(play) = &mut self.stage {
                    play.room.restart();
                }
            }
            other => {
                let Stage::Play(play) = &mut self.stage else {
                    return Err(ControlError::NotInRecording);
                };
                return play.obey(other, wall_clock());
            }
        }
        Ok(Value::Bool(true))
    }

    fn cut_all(&mut self) {
        if let Stage::Replay(replay) = &mut self.stage {
            replay.cut_all();
        }
        self.send_outgoing();
        for (connection, outlet) in std::mem::take(&mut self.outlets) {
            outlet.cut();
            if let Stage::Play(play) = &mut self.stage {
                play.room.close(connection, wall_clock());
            }
        }
    }

    fn send_outgoing(&mut self) {
        let Stage::Play(play) = &mut self.stage else {
            return;
        };
        for outgoing in play.room.take_outgoing() {
            match outgoing {
                Outgoing::Frame(connection, text) => {
                    if let Some(outlet) = self.outlets.get(&connection) {
                        outlet.send(text);
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
        let stuck: Vec<ConnectionId> = self
            .outlets
            .iter()
            .filter(|(_, outlet)| outlet.queued() > MOST_QUEUED)
            .map(|(connection, _)| *connection)
            .collect();
        for connection in stuck {
            warn!(connection, "a client does not read; its connection is cut");
            if let Some(outlet) = self.outlets.remove(&connection) {
                outlet.cut();
            }
            play.room.close(connection, wall_clock());
        }
    }

    fn report_progress(&mut self) {
        let Stage::Play(play) = &self.stage else {
            return;
        };
        let progress = Progress {
            chat_lines: play.room.tally.lines,
            notices: play.room.tally.notices,
            pms: play.room.tally.pms,
            lost_lines: play.room.tally.lost_lines,
            connections: self.outlets.len(),
            bots: play.room.bots().len(),
            sessions_started: 0,
            sessions_sent: 0,
            done: play.is_done(),
        };
        self.progress.send_if_modified(|old| {
            let changed = *old != progress;
            *old = progress;
            changed
        });
    }

    fn save_ledger(&mut self) {
        if let Err(error) = self.write_ledger() {
            warn!(%error, "cannot write the ledger");
        }
    }

    fn write_ledger(&mut self) -> std::io::Result<()> {
        let (Some(path), Stage::Play(play)) = (&self.ledger_path, &self.stage) else {
            return Ok(());
        };
        let text = serde_json::to_vec_pretty(&play.ledger())?;
        if text != self.ledger_written {
            replace_file(path, &text)?;
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
