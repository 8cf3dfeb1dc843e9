//! The scripted channel, its script and its pace.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::pace::Pace;
use crate::channel::Progress;
use crate::config::{ScriptConfig, SimConfig};
use crate::control::{ControlError, Operation};
use crate::ledger::Ledger;
use crate::room::Room;
use crate::script::Script;

pub(super) struct Play {
    pub(super) room: Room,
    script: Script,
    pace: Pace,
    started: bool,
    /// When the next line may be said, as [`Play::next_step`] found.
    line_at: Option<Instant>,
}

impl Play {
    pub(super) fn new(config: &SimConfig, script: &ScriptConfig, now: i64) -> Self {
        let mut room = Room::new(config, script.seed);
        let pace = Pace::new(script, config.window, config.hold_others_while_bot_is_out);
        let started = !script.waits_for_bot;
        let mut script = Script::new(script);
        script.set_the_stage(&mut room, now);
        Self {
            room,
            script,
            pace,
            started,
            line_at: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.script.is_done()
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger {
            done: self.is_done(),
            ..self.room.ledger()
        }
    }

    pub(super) fn progress(&self) -> Progress {
        let tally = &self.room.tally;
        Progress {
            chat_lines: tally.lines,
            notices: tally.notices,
            pms: tally.pms,
            lost_lines: tally.lost_lines,
            connections: self.room.client_count(),
            bots: self.room.bots().len(),
            sessions_started: 0,
            sessions_sent: 0,
            done: self.is_done(),
        }
    }

    /// When [`Play::step`] has something to do next.
    pub(super) fn next_step(&mut self, queued: usize, now: i64) -> Option<Instant> {
        let bot_is_in = self.room.has_bot();
        self.started |= bot_is_in;
        let line = (self.started && !self.is_done())
            .then(|| self.pace.next_line(self.room.tally.lines, queued))
            .flatten();
        self.line_at = line;
        let at = |wall: i64| {
            let wait = u64::try_from(wall - now).unwrap_or(0);
            Instant::now() + Duration::from_millis(wait)
        };
        let reports = self.pace.lets_others_through(bot_is_in);
        let lookup = self.room.lookup_at().map(at);
        let report = self.room.report_at().filter(|_| reports).map(at);
        let count = self.room.count_at().filter(|_| reports).map(at);
        [line, report, count, lookup].into_iter().flatten().min()
    }

    pub(super) fn step(&mut self, now: i64) {
        self.room.look_up_if_due(now);
        let others = self.pace.lets_others_through(self.room.has_bot());
        if others {
            self.room.report_position(now);
            self.room.tell_count_if_due(now);
        }
        let is_due = self.line_at.is_some_and(|at| at <= Instant::now());
        if is_due && self.pace.takes_line(self.room.tally.lines) {
            self.script.step(&mut self.room, others, now);
        }
    }

    pub(super) fn obey(&mut self, operation: Operation, now: i64) -> Result<Value, ControlError> {
        let room = &mut self.room;
        match operation {
            Operation::Seen { chat } => self.pace.seen = self.pace.seen.max(chat),
            Operation::Window { lines } => self.pace.window = lines,
            Operation::Hold {
                others,
                chat,
                others_while_bot_is_out,
            } => {
                let pace = &mut self.pace;
                pace.hold_others = others.unwrap_or(pace.hold_others);
                pace.hold_chat = chat.unwrap_or(pace.hold_chat);
                pace.hold_others_while_bot_is_out =
                    others_while_bot_is_out.unwrap_or(pace.hold_others_while_bot_is_out);
            }
            Operation::State => return Ok(self.state(now)),
            Operation::Ledger => return Ok(json!(self.ledger())),
            Operation::Kick { name, reason } => {
                let reason = reason.unwrap_or_default();
                match name {
                    Some(name) if !room.kick(&name, &reason, now) => {
                        return Err(ControlError::NoSuchUser(name));
                    }
                    Some(_) => {}
                    None => room.kick_all_clients(&reason, now),
                }
            }
            Operation::Ban { name } => room.ban(&name, "", "owner", now),
            Operation::Unban { name } => room.unban(&name, None, "owner", now),
            Operation::Join { user, rank } => room.join(&user, rank.unwrap_or(1.0), now),
            Operation::Leave { user } => {
                if !room.leave(&user) {
                    return Err(ControlError::NoSuchUser(user));
                }
            }
            Operation::Say { user, msg } => {
                room.join(&user, 1.0, now);
                room.type_chat(&user, &msg, None, now);
            }
            Operation::Pm { user, msg, to } => {
                room.join(&user, 1.0, now);
                let receivers = match to {
                    Some(to) => vec![to],
                    None => room.bots().into_iter().map(|(_, name)| name).collect(),
                };
                for to in receivers {
                    if !room.private_message(&user, &to, &msg, now) {
                        return Err(ControlError::NoSuchUser(to));
                    }
                }
            }
            Operation::Act {
                user,
                event,
                payload,
            } => {
                room.join(&user, 1.0, now);
                room.act(&user, &event, &payload, now);
            }
            Operation::Emit {
                event,
                payload,
                times,
            } => emit(room, &event, payload, times),
            Operation::Raw { text } => room.raw(&text),
            Operation::BanIp { name } => {
                if !room.ban_address(&name, "", "owner", now) {
                    return Err(ControlError::NoSuchUser(name));
                }
            }
            Operation::Password { password } => room.set_password(password),
            Operation::Rank { user, rank } => room.set_rank(&user, rank),
            Operation::Limits {
                flood,
                guest_seconds,
                frames_per_second,
                ..
            } => room.set_limits(flood, guest_seconds, frames_per_second),
            Operation::Lookups {
                delay_ms,
                fail,
                times,
            } => room.set_lookups(delay_ms, fail, times),
            // These concern the sockets and are done before.
            Operation::Drop
            | Operation::Restart
            | Operation::Freeze { .. }
            | Operation::Slow { .. }
            | Operation::Refuse { .. }
            | Operation::Down { .. }
            | Operation::Up
            | Operation::Garbage { .. }
            | Operation::Oversize { .. } => {}
        }
        Ok(Value::Bool(true))
    }

    fn state(&self, now: i64) -> Value {
        let mut state = self.room.state(now);
        state["done"] = self.is_done().into();
        state["script_lines"] = self.script.lines_said().into();
        state["seen"] = self.pace.seen.into();
        state["window"] = json!(self.pace.window);
        state
    }
}

fn emit(room: &mut Room, event: &str, payload: Option<Value>, times: Option<u64>) {
    let Some(times) = times else {
        return room.emit(event, payload.as_ref());
    };
    let is_counted = payload.as_ref().and_then(Value::as_str) == Some("#");
    for number in 0..times {
        let payload = if is_counted {
            Some(number.into())
        } else {
            payload.clone()
        };
        room.emit(event, payload.as_ref());
    }
}
