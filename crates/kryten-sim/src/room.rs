//! The scripted channel as one pure value: what happens in it and what each client is told.
//!
//! No socket, no clock: `now` comes in with every call as milliseconds since the Unix epoch, and frames wait in
//! [`Room::outgoing`]. Chance comes from a seed.

mod bans;
mod chat;
mod defaults;
mod emotes;
mod join;
mod library;
mod limits;
mod lookup;
mod playback;
mod playlist;
mod polls;
mod queue;
mod requests;
mod settings;
mod slash;
mod state;
mod users;
mod viewers;
mod voteskip;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::config::{Account, SimConfig};
use crate::ledger::Book;

pub(crate) use chat::Line;
#[cfg(test)]
pub(crate) use chat::format_text;
pub(crate) use emotes::Emote;
pub(crate) use playlist::{Item, Media};
pub(crate) use users::User;
use viewers::Place;
pub(crate) use viewers::Viewer;

/// A client's connection.
pub(crate) type ConnectionId = u64;

/// One thing for the engine to do.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(ConnectionId, Utf8Bytes),
    /// After a kick: the server forgets the client but leaves the transport open.
    Forget(ConnectionId),
}

/// Who is told.
#[derive(Debug, Clone, Copy)]
enum To {
    All,
    /// Those of rank 2 and more.
    ModeratorsExcept(Option<ConnectionId>),
    RankAtLeast(f64),
    One(ConnectionId),
}

#[derive(Debug)]
pub(crate) struct Room {
    pub(crate) channel: String,
    password: Option<String>,
    accounts: Vec<Account>,
    default_rank: f64,
    flood_limits: bool,
    guest_delay_ms: i64,
    guest_logins: BTreeMap<IpAddr, i64>,
    /// How many frames a client may send in a second.
    frames_per_second: Option<f64>,
    bans: bans::Bans,

    viewers: BTreeMap<ConnectionId, Viewer>,
    users: Vec<User>,
    /// Channel ranks that were set for accounts, by lower-case name.
    ranks: BTreeMap<String, f64>,
    /// Who is muted, by lower-case name, and whether as a shadow; kept when the user leaves.
    muted: BTreeMap<String, bool>,
    count_is_due: bool,
    count_told: i64,

    history: VecDeque<Line>,
    last_time: i64,
    pub(crate) book: Book,
    pub(crate) tally: Tally,

    pub(crate) items: Vec<Item>,
    next_uid: i64,
    pub(crate) current: Option<i64>,
    /// The film that was started last, also when nothing plays any more.
    last_media: Option<Media>,
    playback: playback::Playback,
    pub(crate) lead_in_ms: i64,
    is_locked: bool,
    pub(crate) leader: Option<String>,

    pub(crate) emotes: Vec<Emote>,
    pub(crate) poll: Option<polls::Poll>,
    voters: BTreeSet<String>,
    drinks: u64,
    options: Map<String, Value>,
    permissions: Map<String, Value>,
    motd: String,
    css: String,
    js: String,
    filters: Vec<Value>,
    library: BTreeMap<String, Media>,
    lookups: queue::Lookups,

    pub(crate) random: StdRng,
    outgoing: Vec<Outgoing>,
}

/// Running numbers for tests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Replayable lines said.
    pub(crate) lines: u64,
    /// Lines that fell out of the history before a client was offered them.
    pub(crate) lost_lines: u64,
    /// Lines that reached a client and are never replayed: notices and shadow-muted ones.
    pub(crate) notices: u64,
    /// Private messages that reached a client, `system:` ones left out.
    pub(crate) pms: u64,
}

impl Room {
    pub(crate) fn new(config: &SimConfig, seed: u64) -> Self {
        Self {
            channel: config.channel.clone(),
            password: config.channel_password.clone(),
            accounts: config.accounts.clone(),
            default_rank: config.default_rank,
            flood_limits: config.flood_limits,
            guest_delay_ms: config.guest_delay.as_millis() as i64,
            guest_logins: BTreeMap::new(),
            frames_per_second: None,
            bans: bans::Bans::of_names(&config.banned),
            viewers: BTreeMap::new(),
            users: Vec::new(),
            ranks: BTreeMap::new(),
            muted: BTreeMap::new(),
            count_is_due: false,
            count_told: 0,
            history: VecDeque::new(),
            last_time: 0,
            book: Book::default(),
            tally: Tally::default(),
            items: Vec::new(),
            next_uid: 0,
            current: None,
            last_media: None,
            playback: playback::Playback::default(),
            lead_in_ms: 3000,
            is_locked: false,
            leader: None,
            emotes: Vec::new(),
            poll: None,
            voters: BTreeSet::new(),
            drinks: 0,
            options: defaults::options(&config.channel, config.channel_password.as_deref()),
            permissions: defaults::permissions(),
            motd: defaults::motd(&config.channel),
            css: "/* simulated */".to_owned(),
            js: String::new(),
            filters: Vec::new(),
            library: BTreeMap::new(),
            lookups: queue::Lookups::default(),
            random: StdRng::seed_from_u64(seed),
            outgoing: Vec::new(),
        }
    }

    /// What is to be sent, in order.
    pub(crate) fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    /// The rank that a permission asks for.
    fn permission(&self, node: &str) -> f64 {
        self.permissions
            .get(node)
            .and_then(Value::as_f64)
            .unwrap_or(f64::INFINITY)
    }
}

impl To {
    fn includes(self, connection: ConnectionId, rank: f64) -> bool {
        match self {
            Self::All => true,
            Self::ModeratorsExcept(except) => rank >= 2.0 && Some(connection) != except,
            Self::RankAtLeast(least) => rank >= least,
            Self::One(one) => connection == one,
        }
    }
}

/// A rank as CyTube writes it: whole numbers without a fraction.
fn rank_json(rank: f64) -> Value {
    if rank.fract() == 0.0 {
        json!(rank as i64)
    } else {
        json!(rank)
    }
}
