//! Clients: coming, going, being kicked, and being told things.

use std::net::IpAddr;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{ConnectionId, Outgoing, Room, To};
use crate::limits::Bucket;
use crate::packet;

/// A client as the channel knows it.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(super) name: Option<String>,
    pub(super) is_guest: bool,
    pub(super) rank: f64,
    pub(super) place: Place,
    pub(super) join_is_used: bool,
    pub(super) playlist_asked: Option<i64>,
    pub(super) ip: IpAddr,
    pub(super) chat_bucket: Bucket,
    pub(super) queue_bucket: Bucket,
    pub(super) frame_bucket: Bucket,
}

/// Whether a client is in the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Outside,
    /// The channel's password is asked for.
    AtTheDoor,
    Inside,
    /// In a channel that nobody has registered.
    Elsewhere,
}

impl Room {
    /// A client's namespace is granted.
    pub(crate) fn open(&mut self, connection: ConnectionId, ip: IpAddr) {
        let viewer = Viewer {
            name: None,
            is_guest: false,
            rank: -1.0,
            place: Place::Outside,
            join_is_used: false,
            playlist_asked: None,
            ip,
            chat_bucket: Bucket::default(),
            queue_bucket: Bucket::default(),
            frame_bucket: Bucket::default(),
        };
        self.viewers.insert(connection, viewer);
        self.tell_even_outside(connection, "rank", json!(-1));
    }

    /// Lets go of a client that has not joined, for another channel.
    pub(crate) fn release(&mut self, connection: ConnectionId) -> Option<Viewer> {
        let viewer = self.viewers.get(&connection)?;
        if viewer.place != Place::Outside || viewer.join_is_used {
            return None;
        }
        self.viewers.remove(&connection)
    }

    /// Takes a client that another channel has let go.
    pub(crate) fn admit(&mut self, connection: ConnectionId, viewer: Viewer) {
        self.viewers.insert(connection, viewer);
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

    /// How many clients there are, in the channel or on their way.
    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.viewers.keys().copied()
    }

    pub(crate) fn client_count(&self) -> usize {
        self.viewers.len()
    }

    /// How many clients an address has here.
    pub(crate) fn clients_of(&self, ip: IpAddr) -> usize {
        self.viewers
            .values()
            .filter(|viewer| viewer.ip == ip)
            .count()
    }

    pub(crate) fn kick_all_clients(&mut self, reason: &str, now: i64) {
        for connection in self.viewers.keys().copied().collect::<Vec<_>>() {
            self.kick_client(connection, reason, now);
        }
    }

    /// Those who have no name.
    pub(super) fn kick_anonymous(&mut self, now: i64) {
        let nameless = |(id, viewer): (&ConnectionId, &Viewer)| {
            (viewer.name.is_none() && viewer.place == Place::Inside).then_some(*id)
        };
        for connection in self.viewers.iter().filter_map(nameless).collect::<Vec<_>>() {
            self.kick_client(connection, "anonymous user", now);
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
    pub(super) fn tell(&mut self, to: To, name: &str, payload: Value) -> bool {
        self.tell_text(to, || packet::event(name, Some(&payload)).into())
    }

    /// Tells an event that has no argument at all.
    pub(super) fn tell_bare(&mut self, to: To, name: &str) -> bool {
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

    pub(super) fn tell_even_outside(
        &mut self,
        connection: ConnectionId,
        name: &str,
        payload: Value,
    ) {
        let text = packet::event(name, Some(&payload)).into();
        self.outgoing.push(Outgoing::Frame(connection, text));
    }

    pub(super) fn answer(&mut self, connection: ConnectionId, id: u64, payload: &Value) {
        let text = packet::ack(id, payload).into();
        self.outgoing.push(Outgoing::Frame(connection, text));
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
