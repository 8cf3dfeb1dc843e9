//! The bounded queue between a channel and the stream. Pure; `publisher` empties it.
//!
//! Events and snapshots of the state stand in one line, so that a snapshot is written when all events before it are
//! stored, and its mark says so. An event stays until the stream has acknowledged it. Past the bound go first
//! positions and counts that a newer one supersedes, then the oldest events, which are reported as a gap.

use std::collections::VecDeque;

use bytes::Bytes;
use kryten_protocol::line::LINE_ID_PREFIX;
use kryten_protocol::time::WireTime;

use crate::channel::StateKey;

/// An event on its way to the stream.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// CyTube's name of the event.
    pub event: String,
    /// Where it is published.
    pub subject: String,
    /// Its `Nats-Msg-Id`.
    pub message_id: String,
    /// The envelope.
    pub body: Bytes,
    /// When the frame was received.
    pub received: WireTime,
}

impl Outgoing {
    /// Whether its id is made of what it says.
    fn is_line(&self) -> bool {
        self.message_id.starts_with(LINE_ID_PREFIX)
    }

    /// Whether a newer event of the same name makes this one worthless.
    fn is_superseded_by_newer(&self) -> bool {
        matches!(self.event.as_str(), "mediaUpdate" | "usercount")
    }
}

/// A value of the state as it was at this place in the line.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which value.
    pub key: StateKey,
    /// The value as it is stored.
    pub value: Bytes,
}

/// What stands in the line.
#[derive(Debug, Clone)]
pub enum Entry {
    /// An event to publish.
    Event(Outgoing),
    /// A value to write once all events before it are stored.
    State(Snapshot),
}

impl Entry {
    fn size(&self) -> usize {
        const OVERHEAD: usize = 128;
        OVERHEAD
            + match self {
                Self::Event(event) => event.body.len(),
                Self::State(snapshot) => snapshot.value.len(),
            }
    }
}

/// Events that had to be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// When the first of them was received.
    pub from: WireTime,
    /// When the last of them was received.
    pub to: WireTime,
}

/// The line.
#[derive(Debug)]
pub struct Outbox {
    entries: VecDeque<Entry>,
    /// How many from the front have been sent and wait for their acknowledgement.
    sent: usize,
    size: usize,
    limit: usize,
    dropped: Option<Dropped>,
}

impl Outbox {
    /// An empty line that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            sent: 0,
            size: 0,
            limit,
            dropped: None,
        }
    }

    /// Bytes in the line.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Entries in the line, sent ones too.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many are sent and not acknowledged.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Puts an entry at the end and gives up others if there is no room.
    pub fn push(&mut self, entry: Entry) {
        if let Entry::State(snapshot) = &entry {
            self.remove_older_snapshot(snapshot.key);
        }
        self.size += entry.size();
        self.entries.push_back(entry);
        while self.size > self.limit && self.drop_one() {}
    }

    /// The first entry that has not been sent; it counts as sent from now on.
    pub fn send_next(&mut self) -> Option<&Entry> {
        let entry = self.entries.get(self.sent)?;
        self.sent += 1;
        Some(entry)
    }

    /// The first entry that has not been sent.
    pub fn peek_unsent(&self) -> Option<&Entry> {
        self.entries.get(self.sent)
    }

    /// The oldest sent entry is acknowledged.
    pub fn acknowledge(&mut self) -> Option<Entry> {
        if self.sent == 0 {
            return None;
        }
        self.sent -= 1;
        self.pop_at(0)
    }

    /// Takes back everything that was sent and not acknowledged: the connection ended.
    pub fn unsend(&mut self) {
        self.sent = 0;
    }

    /// Removes events that turned out to be stored already. To be called when nothing counts as sent.
    pub fn remove_stored(&mut self, is_stored: impl Fn(&Outgoing) -> bool) -> usize {
        let before = self.entries.len();
        self.entries
            .retain(|entry| !matches!(entry, Entry::Event(event) if is_stored(event)));
        self.size = self.entries.iter().map(Entry::size).sum();
        before - self.entries.len()
    }

    /// Removes the first unsent entry, which cannot be sent.
    pub fn remove_unsent(&mut self) -> Option<Entry> {
        self.pop_at(self.sent)
    }

    /// What was given up since the last call; it stood before the first unsent entry.
    pub fn take_dropped(&mut self) -> Option<Dropped> {
        self.dropped.take()
    }

    /// Gives up what another robot tells as well: all unsent entries but chat lines and private messages, which are
    /// recognised by their id. Returns how many events that were.
    pub fn keep_only_lines(&mut self) -> usize {
        let mut at = 0;
        let sent = self.sent;
        let mut dropped = 0;
        self.entries.retain(|entry| {
            let is_unsent = at >= sent;
            at += 1;
            match entry {
                Entry::Event(event) if is_unsent && !event.is_line() => {
                    dropped += 1;
                    false
                }
                Entry::State(_) => !is_unsent,
                Entry::Event(_) => true,
            }
        });
        self.size = self.entries.iter().map(Entry::size).sum();
        dropped
    }

    /// Puts an event before the first unsent entry.
    pub fn push_before_unsent(&mut self, event: Outgoing) {
        let entry = Entry::Event(event);
        self.size += entry.size();
        self.entries.insert(self.sent, entry);
    }

    fn pop_at(&mut self, at: usize) -> Option<Entry> {
        let entry = self.entries.remove(at)?;
        self.size -= entry.size();
        Some(entry)
    }

    fn remove_older_snapshot(&mut self, key: StateKey) {
        let is_older =
            |entry: &Entry| matches!(entry, Entry::State(snapshot) if snapshot.key == key);
        let unsent = self.entries.iter().skip(self.sent).position(is_older);
        if let Some(at) = unsent {
            self.pop_at(self.sent + at);
        }
    }

    fn drop_one(&mut self) -> bool {
        if let Some(at) = self.superseded() {
            self.pop_at(at);
            return true;
        }
        let last = self.entries.len().saturating_sub(1);
        let oldest = (self.sent..last).find(|at| matches!(self.entries[*at], Entry::Event(_)));
        let Some(Entry::Event(event)) = oldest.and_then(|at| self.pop_at(at)) else {
            return false;
        };
        let dropped = self.dropped.get_or_insert(Dropped {
            count: 0,
            from: event.received,
            to: event.received,
        });
        dropped.count += 1;
        dropped.to = event.received;
        true
    }

    fn superseded(&self) -> Option<usize> {
        let mut newer: Vec<&str> = Vec::new();
        let mut oldest = None;
        for (at, entry) in self.entries.iter().enumerate().skip(self.sent).rev() {
            let Entry::Event(event) = entry else { continue };
            if !event.is_superseded_by_newer() {
                continue;
            }
            if newer.contains(&event.event.as_str()) {
                oldest = Some(at);
            } else {
                newer.push(&event.event);
            }
        }
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, id: u32, bytes: usize) -> Entry {
        Entry::Event(Outgoing {
            event: name.into(),
            subject: "s".into(),
            message_id: id.to_string(),
            body: Bytes::from(vec![b'x'; bytes]),
            received: WireTime::from_millis(i64::from(id)),
        })
    }

    fn ids(outbox: &Outbox) -> Vec<String> {
        let id = |entry: &Entry| match entry {
            Entry::Event(event) => event.message_id.clone(),
            Entry::State(snapshot) => snapshot.key.key().to_owned(),
        };
        outbox.entries.iter().map(id).collect()
    }

    #[test]
    fn entries_leave_in_order_and_only_when_acknowledged() {
        let mut outbox = Outbox::new(10_000);
        outbox.push(event("chatMsg", 1, 1));
        outbox.push(event("chatMsg", 2, 1));
        assert!(outbox.acknowledge().is_none());
        assert!(
            outbox.send_next().is_some()
                && outbox.send_next().is_some()
                && outbox.send_next().is_none()
        );
        assert!(
            matches!(outbox.acknowledge(), Some(Entry::Event(event)) if event.message_id == "1")
        );
        outbox.unsend();
        assert_eq!(ids(&outbox), ["2"]);
        assert_eq!(outbox.remove_stored(|event| event.message_id == "2"), 1);
        assert!(outbox.is_empty() && outbox.size() == 0);
    }

    #[test]
    fn a_newer_snapshot_replaces_an_older_one() {
        let mut outbox = Outbox::new(10_000);
        let snapshot = |value: &'static str| {
            Entry::State(Snapshot {
                key: StateKey::Users,
                value: value.into(),
            })
        };
        outbox.push(snapshot("[]"));
        outbox.push(event("chatMsg", 1, 1));
        outbox.push(snapshot("[1]"));
        assert_eq!(ids(&outbox), ["1", "users"]);
    }

    #[test]
    fn past_the_bound_superseded_positions_go_first_and_then_the_oldest() {
        let mut outbox = Outbox::new(5 * 228);
        outbox.push(event("chatMsg", 1, 100));
        outbox.push(event("mediaUpdate", 2, 100));
        outbox.push(event("chatMsg", 3, 100));
        outbox.push(event("mediaUpdate", 4, 100));
        outbox.push(event("chatMsg", 5, 100));
        assert_eq!(outbox.take_dropped(), None);
        outbox.push(event("chatMsg", 6, 100));
        assert_eq!(ids(&outbox), ["1", "3", "4", "5", "6"]);
        assert_eq!(
            outbox.take_dropped(),
            None,
            "a position that a newer one supersedes is no loss"
        );
        outbox.push(event("chatMsg", 7, 100));
        outbox.push(event("chatMsg", 8, 100));
        assert_eq!(ids(&outbox), ["4", "5", "6", "7", "8"]);
        let (from, to) = (WireTime::from_millis(1), WireTime::from_millis(3));
        assert_eq!(outbox.take_dropped(), Some(Dropped { count: 2, from, to }));
    }

    #[test]
    fn what_another_robot_tells_as_well_is_given_up_and_lines_are_kept() {
        let mut outbox = Outbox::new(10_000);
        outbox.push(event("addUser", 1, 100));
        outbox.send_next();
        outbox.push(event("addUser", 2, 100));
        let Entry::Event(line) = event("chatMsg", 3, 100) else {
            unreachable!()
        };
        outbox.push(Entry::Event(Outgoing {
            message_id: "line-3".into(),
            ..line
        }));
        assert_eq!(outbox.keep_only_lines(), 1);
        assert_eq!(ids(&outbox), ["1", "line-3"]);
        assert_eq!(outbox.sent(), 1);
    }

    #[test]
    fn what_is_sent_is_not_dropped() {
        let mut outbox = Outbox::new(2 * 228);
        outbox.push(event("chatMsg", 1, 100));
        outbox.send_next();
        outbox.push(event("chatMsg", 2, 100));
        outbox.push(event("chatMsg", 3, 100));
        assert_eq!(ids(&outbox), ["1", "3"]);
    }
}
