//! What a test can ask of the simulator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request: `POST /control/{name}` with the fields as a JSON object, or [`crate::ChannelHandle::run`].
///
/// `GET` works for those without fields. With `?channel=NAME`, or by [`crate::SimHandle::channel`], it concerns that
/// channel and its clients alone; without, it concerns the first channel, or all clients of the server. `Refuse`,
/// `Restart`, `Down` and `Up` always concern the server.
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
    /// Bans the address of a user, and kicks all who come from it.
    BanIp {
        /// Whose.
        name: String,
    },
    /// Sets the channel's password, or takes it away.
    Password {
        /// The new one.
        password: Option<String>,
    },
    /// Sets a user's rank in the channel, as its owner would.
    Rank {
        /// Whose.
        user: String,
        /// The new one.
        rank: f64,
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
    /// Closes the ports and restarts: TCP itself refuses clients.
    Down {
        /// For how long; without it until [`Operation::Up`].
        seconds: Option<f64>,
    },
    /// Ends [`Operation::Down`].
    Up,
    /// Stops reading, writing and pinging on all sockets, or goes on; for one channel, on the sockets there are.
    Freeze {
        /// Whether to stop.
        #[serde(default = "yes")]
        frozen: bool,
    },
    /// Serves some clients slowly.
    Slow {
        /// Whom; without it all that are connected.
        name: Option<String>,
        /// How fast: 0 stops reading and writing, without it the client is served as fast as it reads again.
        bytes_per_second: Option<u64>,
    },
    /// Sends every client bytes that CyTube would not send.
    Garbage {
        /// Which.
        kind: Garbage,
    },
    /// Sends every client one event in a text frame of this size.
    Oversize {
        /// How many bytes the frame says it has.
        bytes: u64,
        /// Whether only its head and a few kilobytes are really sent.
        #[serde(default)]
        announce_only: bool,
    },
    /// Puts limits into force or lifts them; what is not named stays as it is.
    Limits {
        /// Those of chat and queue.
        flood: Option<bool>,
        /// Those of connections of an address, see [`crate::SimConfig::connection_limits`].
        connections: Option<bool>,
        /// How long a guest has to wait after another guest of the same address.
        guest_seconds: Option<f64>,
        /// How many frames a client may send in a second before it is kicked; 0 for any number.
        frames_per_second: Option<f64>,
    },
    /// Has look-ups of media take their time or fail; they are done one after the other, as by CyTube.
    Lookups {
        /// How long each takes.
        #[serde(default)]
        delay_ms: u64,
        /// What `queueFail` says of the next ones, HTML-escaped as CyTube does.
        fail: Option<String>,
        /// How many fail; without it all until the next such operation.
        times: Option<u64>,
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

/// What no CyTube sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Garbage {
    /// A text that is no packet.
    Packet,
    /// An event that breaks off in its JSON.
    Json,
    /// An event whose JSON is wrong inside.
    Shape,
    /// A text frame that is not UTF-8.
    Utf8,
    /// A binary frame.
    Binary,
    /// Bytes that are no websocket frame.
    Websocket,
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
    /// The simulator has no such channel.
    #[error("there is no channel {0:?} here")]
    NoSuchChannel(String),
    /// No such user is in the channel.
    #[error("there is no user {0:?} in the channel")]
    NoSuchUser(String),
    /// The request is none.
    #[error("cannot read the request: {0}")]
    BadRequest(String),
}
