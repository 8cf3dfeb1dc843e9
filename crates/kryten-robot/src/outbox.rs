//! The bounded queue between a channel and the stream. Pure; `publisher` empties it.
//!
//! Events and snapshots of the state stand in one line, so that a snapshot is written when all events before it are
//! stored, and its mark says so. An event stays until the stream has acknowledged it. Past the bound go first
//! positions and counts that a newer one supersedes, then the oldest events, which are reported as a gap. A report of a
//! gap is never given up, since it says what cannot be known otherwise.

mod chain;

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use kryten_protocol::line::LINE_ID_PREFIX;
use kryten_protocol::time::WireTime;

use crate::channel::StateKey;
use chain::{Chain, Place};

/// What reports of gaps are called here; no event of CyTube has this name.
pub(crate) const GAP: &str = "a gap";
/// Events of which only the newest counts.
const SUPERSEDED: [&str; 2] = ["mediaUpdate", "usercount"];

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
    /// Which event of this line it is, in the order in which they were sent first; 0 before.
    pub number: u64,
}

impl Outgoing {
    /// Whether its id is made of what it says.
    fn is_line(&self) -> bool {
        self.message_id.starts_with(LINE_ID_PREFIX)
    }

    /// Whether it tells of events that are lost.
    pub(crate) fn is_gap(&self) -> bool {
        self.event == GAP
    }

    /// Where events are noted that a newer one of the same name makes worthless.
    fn superseded_as(&self) -> Option<usize> {
        SUPERSEDED.iter().position(|name| *name == self.event)
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

/// The line. Each push costs the same, however long the line is and whatever has to go for it.
#[derive(Debug)]
pub struct Outbox {
    /// Sent, waiting for their acknowledgement.
    sent: VecDeque<Entry>,
    waiting: Chain<Entry>,
    /// Where in `waiting` the snapshot of each key stands.
    snapshots: HashMap<StateKey, Place>,
    /// Where in `waiting` events stand that a newer one supersedes, by name, in order.
    superseded: [VecDeque<(i64, Place)>; SUPERSEDED.len()],
    /// Numbers of the first and behind the last entry of `waiting`, by which places are compared.
    front: i64,
    back: i64,
    size: usize,
    limit: usize,
    dropped: Option<Dropped>,
    /// The highest number that an event has.
    numbered: u64,
}

impl Outbox {
    /// An empty line that holds at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            sent: VecDeque::new(),
            waiting: Chain::default(),
            snapshots: HashMap::new(),
            superseded: Default::default(),
            front: 0,
            back: 0,
            size: 0,
            limit,
            dropped: None,
            numbered: 0,
        }
    }

    /// Bytes in the line.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Entries in the line, sent ones too.
    pub fn len(&self) -> usize {
        self.sent.len() + self.waiting.len()
    }

    /// Whether all is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are sent and not acknowledged.
    pub fn sent(&self) -> usize {
        self.sent.len()
    }

    /// Puts an entry at the end and gives up others if there is no room.
    pub fn push(&mut self, entry: Entry) {
        if let Entry::State(snapshot) = &entry
            && let Some(older) = self.snapshots.get(&snapshot.key)
        {
            self.take(*older);
        }
        self.size += entry.size();
        let place = self.waiting.push_back(entry);
        self.note(place, self.back, VecDeque::push_back);
        self.back += 1;
        while self.size > self.limit && self.drop_one() {}
    }

    /// The first entry that has not been sent; it counts as sent from now on.
    pub fn send_next(&mut self) -> Option<&Entry> {
        let mut entry = self.take(self.waiting.first()?)?;
        if let Entry::Event(event) = &mut entry
            && event.number == 0
        {
            self.numbered += 1;
            event.number = self.numbered;
        }
        self.size += entry.size();
        self.sent.push_back(entry);
        self.sent.back()
    }

    /// The first entry that has not been sent.
    pub fn peek_unsent(&self) -> Option<&Entry> {
        self.waiting.get(self.waiting.first()?)
    }

    /// The oldest sent entry is acknowledged.
    pub fn acknowledge(&mut self) -> Option<Entry> {
        let entry = self.sent.pop_front()?;
        self.size -= entry.size();
        Some(entry)
    }

    /// Takes back everything that was sent and not acknowledged: the connection ended.
    pub fn unsend(&mut self) {
        while let Some(entry) = self.sent.pop_back() {
            self.size -= entry.size();
            let is_older = matches!(&entry, Entry::State(snapshot) if self.snapshots.contains_key(&snapshot.key));
            if !is_older {
                self.put_first(entry);
            }
        }
    }

    /// Removes events that turned out to be stored already. To be called when nothing counts as sent.
    pub fn remove_stored(&mut self, is_stored: impl Fn(&Outgoing) -> bool) -> usize {
        self.take_all(|entry| matches!(entry, Entry::Event(event) if is_stored(event)))
            .len()
    }

    /// Removes the first unsent entry, which cannot be sent.
    pub fn remove_unsent(&mut self) -> Option<Entry> {
        self.take(self.waiting.first()?)
    }

    /// What was given up since the last call; it stood before the first unsent entry.
    pub fn take_dropped(&mut self) -> Option<Dropped> {
        self.dropped.take()
    }

    /// Gives up what another robot tells as well: all unsent entries but chat lines and private messages, which are
    /// recognised by their id. Returns how many events that were.
    pub fn keep_only_lines(&mut self) -> usize {
        let taken = self.take_all(|entry| !matches!(entry, Entry::Event(event) if event.is_line()));
        let is_event = |entry: &&Entry| matches!(entry, Entry::Event(_));
        taken.iter().filter(is_event).count()
    }

    /// Puts an event before the first unsent entry.
    pub fn push_before_unsent(&mut self, event: Outgoing) {
        self.put_first(Entry::Event(event));
    }

    fn put_first(&mut self, entry: Entry) {
        self.size += entry.size();
        let place = self.waiting.push_front(entry);
        self.front -= 1;
        self.note(place, self.front, VecDeque::push_front);
    }

    /// Remembers where an entry stands that a later one may push out.
    fn note(
        &mut self,
        place: Place,
        number: i64,
        push: impl Fn(&mut VecDeque<(i64, Place)>, (i64, Place)),
    ) {
        match self.waiting.get(place) {
            Some(Entry::State(snapshot)) => {
                self.snapshots.insert(snapshot.key, place);
            }
            Some(Entry::Event(event)) => {
                if let Some(kind) = event.superseded_as() {
                    push(&mut self.superseded[kind], (number, place));
                }
            }
            None => {}
        }
    }

    /// Takes an unsent entry out. Of events of one name that supersede each other, the first goes first, so that what
    /// is noted of it is found at the front.
    fn take(&mut self, place: Place) -> Option<Entry> {
        let entry = self.waiting.remove(place)?;
        self.size -= entry.size();
        match &entry {
            Entry::State(snapshot) => {
                self.snapshots.remove(&snapshot.key);
            }
            Entry::Event(event) => {
                if let Some(kind) = event.superseded_as() {
                    let noted = &mut self.superseded[kind];
                    match noted.front() {
                        Some((_, first)) if *first == place => drop(noted.pop_front()),
                        _ => noted.retain(|(_, noted)| *noted != place),
                    }
                }
            }
        }
        Some(entry)
    }

    fn take_all(&mut self, is_taken: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let entries = self.waiting.iter();
        let places: Vec<Place> = entries
            .filter(|(_, entry)| is_taken(entry))
            .map(|(place, _)| place)
            .collect();
        places
            .into_iter()
            .filter_map(|place| self.take(place))
            .collect()
    }

    fn drop_one(&mut self) -> bool {
        if let Some(place) = self.oldest_superseded() {
            self.take(place);
            return true;
        }
        // Before the oldest event stand at most the snapshots, one of each key, and reports of gaps, of which each
        // connection makes few; the newest entry stays.
        let may_go =
            |(_, entry): &(Place, &Entry)| matches!(entry, Entry::Event(event) if !event.is_gap());
        let oldest = self.waiting.iter().find(may_go).map(|(place, _)| place);
        let oldest = oldest.filter(|place| Some(*place) != self.waiting.last());
        let Some(Entry::Event(event)) = oldest.and_then(|place| self.take(place)) else {
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

    fn oldest_superseded(&self) -> Option<Place> {
        let with_newer = self.superseded.iter().filter(|noted| noted.len() > 1);
        let oldest = with_newer.filter_map(|noted| noted.front());
        oldest
            .min_by_key(|(number, _)| *number)
            .map(|(_, place)| *place)
    }
}

#[cfg(test)]
mod tests;
