//! What a test can ask of the simulator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request: `POST /control/{name}` with the fields as a JSON object, or [`crate::SimHandle::run`].
///
/// `GET` works for those without fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Operation {
    /// The test has seen this many replayable chat lines, counted from the start.
    Seen {
        /// How many.
        chat: u64,
    },
    /// Never be more than this many unseen lines ahead; `null` lifts the limit.
    Window {
        /// How many.
        lines: Option<u64>,
    },
    /// Hold parts of the script; what is not named stays as it is.
    Hold {
        /// Everything but replayable chat.
        others: Option<bool>,
        /// Replayable chat.
        chat: Option<bool>,
        /// Everything but replayable chat, whenever no bot is logged in.
        others_while_bot_is_out: Option<bool>,
    },
    /// The channel's state, in the shapes of the robot's KV.
    State,
    /// The ledger.
    Ledger,
    /// Cuts the TCP connections of all clients, without a close frame.
    Drop,
    /// Kicks a user; without a name every client.
    Kick {
        /// Whom.
        name: Option<String>,
        /// The kicker's words.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Bans a name and kicks whoever has it.
    Ban {
        /// Whom.
        name: String,
    },
    /// Lifts a ban.
    Unban {
        /// Whose.
        name: String,
    },
    /// Refuses new connections with HTTP 503, or with a Socket.IO refusal.
    Refuse {
        /// Whether to answer 503.
        #[serde(default)]
        connections: bool,
        /// Whether to answer `44{"message":"Rate limit exceeded"}`.
        #[serde(default)]
        rate_limited: bool,
    },
    /// Stops reading, writing and pinging on all sockets, or goes on.
    Freeze {
        /// Whether to stop.
        #[serde(default = "yes")]
        frozen: bool,
    },
    /// As a server restart: all connections drop, uids start at 0 again, history stays.
    Restart,
    /// A simulated user says something.
    Say {
        /// Who; joins first if not in the channel.
        user: String,
        /// What, as typed.
        msg: String,
    },
    /// A simulated user sends a private message.
    Pm {
        /// Who; joins first if not in the channel.
        user: String,
        /// What, as typed.
        msg: String,
        /// To whom; every bot without it.
        to: Option<String>,
    },
    /// A simulated user joins.
    Join {
        /// Who.
        user: String,
        /// With which rank in the channel; 1 without it.
        rank: Option<f64>,
    },
    /// A simulated user leaves.
    Leave {
        /// Who.
        user: String,
    },
    /// A simulated user sends a client event, such as `queue`.
    Act {
        /// Who; joins first if not in the channel.
        user: String,
        /// The client event's name.
        event: String,
        /// Its argument.
        #[serde(default)]
        payload: Value,
    },
    /// Sends an event to every client; it changes nothing in the simulator.
    Emit {
        /// The event's name.
        event: String,
        /// Its argument; without one the event has none.
        payload: Option<Value>,
        /// How often, numbered from 0 in place of a payload `"#"`.
        #[serde(default)]
        times: Option<u64>,
    },
    /// Sends a text frame as it is.
    Raw {
        /// The text.
        text: String,
    },
}

fn yes() -> bool {
    true
}

/// A request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The simulator has been shut down.
    #[error("the simulator has been shut down")]
    Stopped,
    /// The request makes no sense while a recording is replayed.
    #[error("a recording is replayed; only scripted channels can do this")]
    NotInRecording,
    /// No such user is in the channel.
    #[error("there is no user {0:?} in the channel")]
    NoSuchUser(String),
    /// The request is none.
    #[error("cannot read the request: {0}")]
    BadRequest(String),
}
