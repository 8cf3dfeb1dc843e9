//! The scripted channel as one pure value: what happens in it and what each client is told.
//!
//! No socket, no clock: `now` comes in with every call as milliseconds since the Unix epoch, and frames wait in
//! [`Room::outgoing`]. Chance comes from a seed.

mod chat;
mod defaults;
mod emotes;
mod join;
mod lookup;
mod playback;
mod playlist;
mod polls;
mod requests;
mod settings;
mod slash;
mod state;
mod users;
mod voteskip;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::config::{Account, SimConfig};
use crate::ledger::Book;
use crate::packet;

pub(crate) use chat::Line;
#[cfg(test)]
pub(crate) use chat::format_text;
pub(crate) use emotes::Emote;
pub(crate) use playlist::{Item, Media};
pub(crate) use users::User;

/// A client's connection.
pub(crate) type ConnectionId = u64;

/// One thing for the engine to do.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Frame(ConnectionId, Utf8Bytes),
    /// After a kick: the server forgets the client but leaves the transport open.
    Forget(ConnectionId),
}

/// A client as the channel knows it.
#[derive(Debug)]
pub(crate) struct Viewer {
    name: Option<String>,
    is_guest: bool,
    rank: f64,
    place: Place,
    join_is_used: bool,
    playlist_asked: Option<i64>,
    chat_bucket: Bucket,
    queue_bucket: Bucket,
}

/// Whether a client is in the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    /// The channel's password is asked for.
    AtTheDoor,
    Inside,
    /// In a channel that nobody has registered.
    Elsewhere,
}

/// An allowance that refills with time.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    used: f64,
    at: i64,
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
    last_guest_login: Option<i64>,
    banned: Vec<Ban>,
    next_ban: u64,

    viewers: BTreeMap<ConnectionId, Viewer>,
    users: Vec<User>,
    /// Channel ranks that were set for accounts, by lower-case name.
    ranks: BTreeMap<String, f64>,
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

    pub(crate) random: StdRng,
    outgoing: Vec<Outgoing>,
}

#[derive(Debug, Clone)]
struct Ban {
    id: u64,
    name: String,
    reason: String,
    by: String,
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
        let bans = config.banned.iter().zip(1..).map(|(name, id)| Ban {
            id,
            name: name.clone(),
            reason: String::new(),
            by: "owner".to_owned(),
        });
        Self {
            channel: config.channel.clone(),
            password: config.channel_password.clone(),
            accounts: config.accounts.clone(),
            default_rank: config.default_rank,
            flood_limits: config.flood_limits,
            guest_delay_ms: config.guest_delay.as_millis() as i64,
            last_guest_login: None,
            banned: bans.collect(),
            next_ban: config.banned.len() as u64 + 1,
            viewers: BTreeMap::new(),
            users: Vec::new(),
            ranks: BTreeMap::new(),
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
            random: StdRng::seed_from_u64(seed),
            outgoing: Vec::new(),
        }
    }

    /// What is to be sent, in order.
    pub(crate) fn take_outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }

    /// A client's namespace is granted.
    pub(crate) fn open(&mut self, connection: ConnectionId) {
        let viewer = Viewer {
            name: None,
            is_guest: false,
            rank: -1.0,
            place: Place::Outside,
            join_is_used: false,
            playlist_asked: None,
            chat_bucket: Bucket::default(),
            queue_bucket: Bucket::default(),
        };
        self.viewers.insert(connection, viewer);
        self.tell_even_outside(connection, "rank", json!(-1));
    }

    /// A client is gone.
    pub(crate) fn close(&mut self, connection: ConnectionId, now: i64) {
        let Some(viewer) = self.viewers.remove(&connection) else {
            return;
        };
        if viewer.place == Place::Inside {
            self.count_is_due = true;
        }
        if let Some(name) = viewer.name {
            self.remove_user_of(connection, &name, now);
        }
    }

    /// Clients that are logged in and in the channel.
    pub(crate) fn bots(&self) -> Vec<(ConnectionId, String)> {
        self.viewers
            .iter()
            .filter(|(_, viewer)| viewer.place == Place::Inside)
            .filter_map(|(id, viewer)| Some((*id, viewer.name.clone()?)))
            .collect()
    }

    pub(crate) fn has_bot(&self) -> bool {
        self.viewers
            .values()
            .any(|viewer| viewer.place == Place::Inside && viewer.name.is_some())
    }

    pub(crate) fn kick_all_clients(&mut self, reason: &str, now: i64) {
        for connection in self.viewers.keys().copied().collect::<Vec<_>>() {
            self.kick_client(connection, reason, now);
        }
    }

    /// Ends a client's session: the reason, then `41`.
    pub(crate) fn kick_client(&mut self, connection: ConnectionId, reason: &str, now: i64) {
        self.tell_even_outside(connection, "kick", json!({"reason": reason}));
        self.outgoing.push(Outgoing::Frame(connection, "41".into()));
        self.outgoing.push(Outgoing::Forget(connection));
        self.close(connection, now);
    }

    /// Tells some clients in the channel; whether anyone was told.
    fn tell(&mut self, to: To, name: &str, payload: Value) -> bool {
        self.tell_text(to, || packet::event(name, Some(&payload)).into())
    }

    /// Tells an event that has no argument at all.
    fn tell_bare(&mut self, to: To, name: &str) -> bool {
        self.tell_text(to, || packet::event(name, None).into())
    }

    fn tell_text(&mut self, to: To, text: impl FnOnce() -> Utf8Bytes) -> bool {
        let told: Vec<ConnectionId> = self
            .viewers
            .iter()
            .filter(|(id, viewer)| viewer.place == Place::Inside && to.includes(**id, viewer.rank))
            .map(|(id, _)| *id)
            .collect();
        if told.is_empty() {
            return false;
        }
        let text = text();
        for id in told {
            self.outgoing.push(Outgoing::Frame(id, text.clone()));
        }
        true
    }

    fn tell_even_outside(&mut self, connection: ConnectionId, name: &str, payload: Value) {
        let text = packet::event(name, Some(&payload)).into();
        self.outgoing.push(Outgoing::Frame(connection, text));
    }

    fn answer(&mut self, connection: ConnectionId, id: u64, payload: &Value) {
        let text = packet::ack(id, payload).into();
        self.outgoing.push(Outgoing::Frame(connection, text));
    }

    /// The rank that a permission asks for.
    fn permission(&self, node: &str) -> f64 {
        self.permissions
            .get(node)
            .and_then(Value::as_f64)
            .unwrap_or(f64::INFINITY)
    }

    /// Sends frames that change nothing here.
    pub(crate) fn emit(&mut self, event: &str, payload: Option<&Value>) {
        self.raw(&packet::event(event, payload));
    }

    /// Sends a text to every client.
    pub(crate) fn raw(&mut self, text: &str) {
        let text = Utf8Bytes::from(text);
        for id in self.viewers.keys() {
            self.outgoing.push(Outgoing::Frame(*id, text.clone()));
        }
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

impl Bucket {
    /// Takes one; `false` when `burst` are used up, of which `per_second` come back.
    fn take(&mut self, burst: f64, per_second: f64, now: i64) -> bool {
        let refilled = (now - self.at).max(0) as f64 / 1000.0 * per_second;
        self.at = now;
        self.used = (self.used - refilled).max(0.0);
        if self.used + 1.0 > burst {
            return false;
        }
        self.used += 1.0;
        true
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
