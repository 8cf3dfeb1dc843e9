//! What is fed, and what must hold.

mod channel;
mod command;
mod config;
mod event;
mod frame;
mod key;
mod lifecycle;
mod past;
mod socketconfig;
mod subject;

use rand::rngs::StdRng;

/// One reader.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Makes an input.
    pub(crate) make: fn(&mut StdRng) -> Vec<u8>,
    /// Reads it, and says what does not hold.
    pub(crate) check: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub(crate) fn all() -> Vec<Target> {
    let target = |name, make, check| Target { name, make, check };
    vec![
        target("event", event::make, event::check),
        target("subject", subject::make, subject::check),
        target("key", key::make, key::check),
        target("command", command::make, command::check),
        target("lifecycle", lifecycle::make, lifecycle::check),
        target("config", config::make, config::check),
        target("frame", frame::make, frame::check),
        target("channel", channel::make, channel::check),
        target("where", socketconfig::make, socketconfig::check),
        target("recording", past::make_recording, past::check_recording),
        target("chat-log", past::make_log, past::check_log),
    ]
}

/// Says what does not hold.
fn must(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    match holds {
        true => Ok(()),
        false => Err(what()),
    }
}

/// Whether a subject can be sent: no empty token, no wildcard, nothing that ends it.
fn is_legal(subject: &str) -> bool {
    subject.split('.').all(|token| {
        !matches!(token, "" | "*" | ">")
            && !token
                .chars()
                .any(|c| c.is_whitespace() || c.is_ascii_control())
    })
}
