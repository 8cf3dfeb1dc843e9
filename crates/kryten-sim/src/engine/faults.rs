//! What can go wrong between a client and the server, on request.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Engine, Stage, Target, Touched, wall_clock};
use crate::control::{ControlError, Garbage, Operation};
use crate::intake::Outage;
use crate::room::ConnectionId;
use crate::server::Refusal;

impl Engine {
    /// Does what concerns sockets; an operation of the channels is given back.
    pub(super) fn obey_as_server(
        &mut self,
        target: Option<usize>,
        operation: Operation,
    ) -> Result<Option<Operation>, ControlError> {
        match operation {
            Operation::Freeze { frozen } => match target {
                Some(_) => self.slow(target, None, frozen.then_some(0))?,
                None => drop(self.frozen.send_replace(frozen)),
            },
            Operation::Slow {
                name,
                bytes_per_second,
            } => self.slow(target, name.as_deref(), bytes_per_second)?,
            Operation::Refuse {
                connections,
                rate_limited,
            } => {
                self.refusal.send_replace(Refusal {
                    connections,
                    rate_limited,
                });
            }
            Operation::Drop => self.cut(target),
            Operation::Restart => self.restart(),
            Operation::Down { seconds } => {
                let end = match seconds {
                    Some(seconds) => Outage::Until(Instant::now() + duration(seconds)?),
                    None => Outage::Endless,
                };
                // Nobody may come back before the ports are closed.
                self.outage.send_replace(end);
                self.restart();
            }
            Operation::Up => drop(self.outage.send_replace(Outage::None)),
            Operation::Limits { connections, .. } => {
                if let Some(connections) = connections {
                    self.limited.send_replace(connections);
                }
                return Ok(Some(operation));
            }
            Operation::Garbage { kind } => self.send_bytes(target, &garbage(kind)),
            Operation::Oversize {
                bytes,
                announce_only,
            } => self.send_bytes(target, &oversize(bytes, announce_only)),
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    fn restart(&mut self) {
        self.cut(None);
        if let Stage::Play(channels) = &mut self.stage {
            for play in channels.all_mut() {
                play.room.restart();
            }
        }
    }

    /// The connections of a channel, or all.
    fn clients(&self, target: Option<usize>) -> Vec<ConnectionId> {
        let is_meant = |id: &ConnectionId| match (&self.stage, target) {
            (Stage::Play(channels), Some(target)) => channels.home(*id) == target,
            _ => true,
        };
        self.outlets.keys().copied().filter(is_meant).collect()
    }

    fn cut(&mut self, target: Option<usize>) {
        if let Stage::Replay(replay) = &mut self.stage {
            replay.cut_all();
        }
        self.send_outgoing(Touched::All);
        for connection in self.clients(target) {
            if let Some(outlet) = self.outlets.remove(&connection) {
                outlet.cut();
            }
            if let Stage::Play(channels) = &mut self.stage {
                channels.close(connection, wall_clock());
            }
        }
    }

    fn slow(
        &mut self,
        target: Option<usize>,
        name: Option<&str>,
        rate: Option<u64>,
    ) -> Result<(), ControlError> {
        let Stage::Play(channels) = &self.stage else {
            return Err(ControlError::NotInRecording);
        };
        let meant: Vec<ConnectionId> = match name {
            None => self.clients(target),
            Some(name) => {
                let rooms = channels.all().iter().map(|play| &play.room);
                let found = rooms.filter_map(|room| room.user(name)?.connection());
                let found: Vec<ConnectionId> = found.collect();
                if found.is_empty() {
                    return Err(ControlError::NoSuchUser(name.to_owned()));
                }
                found
            }
        };
        for connection in meant {
            if let Some(outlet) = self.outlets.get(&connection) {
                outlet.slow(rate);
            }
        }
        Ok(())
    }

    fn send_bytes(&mut self, target: Option<usize>, bytes: &[u8]) {
        self.send_outgoing(Touched::All);
        for connection in self.clients(target) {
            if let Some(outlet) = self.outlets.get(&connection) {
                outlet.send_bytes(bytes.to_vec());
            }
        }
    }

    /// The number of the channel that an operation is for; without one it is for the server.
    pub(super) fn resolve(&self, target: Target) -> Result<Option<usize>, ControlError> {
        match (target, &self.stage) {
            (Target::Server, _) => Ok(None),
            (Target::Channel(index), _) => Ok(Some(index)),
            (Target::Named(_), Stage::Replay(_)) => Err(ControlError::NotInRecording),
            (Target::Named(name), Stage::Play(channels)) => match channels.named(&name) {
                Some(index) => Ok(Some(index)),
                None => Err(ControlError::NoSuchChannel(name)),
            },
        }
    }
}

fn duration(seconds: f64) -> Result<Duration, ControlError> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= Duration::from_secs(86_400))
        .ok_or_else(|| ControlError::BadRequest("seconds must be from 0 to 86400".to_owned()))
}

/// Bytes on the socket that no CyTube sends.
fn garbage(kind: Garbage) -> Vec<u8> {
    match kind {
        Garbage::Packet => text_frame(b"no packet at all"),
        Garbage::Json => text_frame(b"42[\"chatMsg\",{\"username\":"),
        Garbage::Shape => text_frame(b"42[\"userlist\",{\"not\":[\"a\",list]}]"),
        Garbage::Utf8 => text_frame(b"42[\"setMotd\",\"\xff\xfe\xc3\"]"),
        Garbage::Binary => frame(0x82, b"\x00\x01\x02\xff"),
        // All reserved bits and an opcode that does not exist.
        Garbage::Websocket => vec![0xff; 64],
    }
}

/// A text frame of so many bytes: an event that says nothing, as long as it is.
fn oversize(bytes: u64, announce_only: bool) -> Vec<u8> {
    /// What an announced frame still brings.
    const FIRST: usize = 4096;
    let (start, end) = ("42[\"announcement\",\"", "\"]");
    let filler = usize::try_from(bytes)
        .unwrap_or(usize::MAX)
        .saturating_sub(start.len() + end.len());
    let mut whole = head(0x81, bytes);
    whole.extend_from_slice(start.as_bytes());
    if announce_only {
        whole.resize(whole.len() + filler.min(FIRST), b'x');
    } else {
        whole.resize(whole.len() + filler, b'x');
        whole.extend_from_slice(end.as_bytes());
    }
    whole
}

fn text_frame(text: &[u8]) -> Vec<u8> {
    frame(0x81, text)
}

fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The head of a server's websocket frame.
fn head(opcode: u8, length: u64) -> Vec<u8> {
    let mut head = vec![opcode];
    match length {
        0..=125 => head.push(length as u8),
        126..=0xffff => {
            head.push(126);
            head.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            head.push(127);
            head.extend_from_slice(&length.to_be_bytes());
        }
    }
    head
}

/// What an operation answers that has nothing to say.
pub(super) fn done() -> Value {
    Value::Bool(true)
}
