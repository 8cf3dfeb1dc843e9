//! The channel's state as the robot keeps it, joined with what the events tell.

use kryten_protocol::cytube::{Media, User};
use kryten_protocol::time::WireTime;

use super::drift::{Difference, differences};
use super::emotes::EmoteSet;
use super::{Sums, Tally};

/// One part of a channel's state.
#[derive(Debug, Clone, PartialEq)]
pub enum KnownState {
    /// Who is there.
    Users(Vec<User>),
    /// The emotes.
    Emotes(EmoteSet),
    /// What plays.
    Current(Media),
}

impl Tally {
    /// Takes over a part of a channel's state that was right at a moment; returns in how much it differed from what
    /// the events had told.
    pub fn adopt(
        &mut self,
        domain: &str,
        channel: &str,
        state: &KnownState,
        at: WireTime,
        sums: &mut Sums,
    ) -> usize {
        let mut fold = self.fold(domain, channel, sums);
        // The clock is that of the events and is not moved: KV is dated by the server's.
        let last_event = fold.room.last_event_at();
        fold.now = last_event.map_or(at, |last_event| at.max(last_event));
        fold.told = at;
        match state {
            KnownState::Users(users) => {
                let attendance = &mut fold.room.memory.attendance;
                let absence =
                    last_event.and_then(|last_event| attendance.end_by_state(last_event, fold.now));
                let differences = fold.take_users(users, absence);
                fold.note_population();
                differences
            }
            KnownState::Emotes(emotes) => {
                let known = fold.room.emotes.as_ref();
                let differences = known.map_or(emotes.names().len(), |e| e.difference(emotes));
                if known != Some(emotes) {
                    fold.room.set_emotes(emotes.clone());
                }
                differences
            }
            KnownState::Current(media) => usize::from(fold.room.memory.films.play(media, at)),
        }
    }

    /// Takes over emotes or what plays before the events have told them, without moving the channel's clock: the state
    /// may be from later.
    pub fn prefill(
        &mut self,
        domain: &str,
        channel: &str,
        state: &KnownState,
        at: WireTime,
        sums: &mut Sums,
    ) {
        let fold = self.fold(domain, channel, sums);
        match state {
            KnownState::Users(_) => {}
            KnownState::Emotes(emotes) => fold.room.set_emotes(emotes.clone()),
            KnownState::Current(media) => {
                fold.room.memory.films.play(media, at);
            }
        }
    }

    /// Makes the users of a state known that is not to be taken over, since events tell more.
    pub fn meet(
        &mut self,
        domain: &str,
        channel: &str,
        state: &KnownState,
        at: WireTime,
        sums: &mut Sums,
    ) {
        if let KnownState::Users(users) = state {
            let mut fold = self.fold(domain, channel, sums);
            for user in users {
                fold.meet(&user.name, at);
            }
        }
    }

    /// In what a part of the robot's state differs from what the events told; nothing where they told nothing.
    pub fn differences(&self, domain: &str, channel: &str, state: &KnownState) -> Vec<Difference> {
        let room = self.room(domain, channel);
        let shown;
        let state = match state {
            KnownState::Users(users) => {
                let counts = |user: &&User| {
                    let name = &user.name;
                    let back = self.names.find(name).is_some();
                    !self.privacy.is_out(name) && (back || !self.privacy.is_forgotten(name))
                };
                shown = KnownState::Users(users.iter().filter(counts).cloned().collect());
                &shown
            }
            other => other,
        };
        room.map_or_else(Vec::new, |room| differences(room, state))
    }

    /// Notes at which place of the stream an event of this name was folded.
    pub(crate) fn note_place(
        &mut self,
        (domain, channel): (&str, &str),
        event: &str,
        stream: i128,
        sequence: u64,
    ) {
        let rooms = self.rooms.get_mut(domain);
        if let Some(room) = rooms.and_then(|rooms| rooms.get_mut(channel)) {
            room.memory.changes.note(event, stream, sequence);
        }
    }

    /// Notes that a part of a channel's state reflects the events up to this place of the stream.
    pub(crate) fn note_adopted(
        &mut self,
        (domain, channel): (&str, &str),
        state: &KnownState,
        stream: i128,
        sequence: u64,
    ) {
        let rooms = self.rooms.get_mut(domain);
        if let Some(room) = rooms.and_then(|rooms| rooms.get_mut(channel)) {
            room.memory.changes.adopt(state, stream, sequence);
        }
    }

    /// Whether a state that reflects the events up to this place can be compared with what they told.
    pub(crate) fn is_comparable(
        &self,
        (domain, channel): (&str, &str),
        state: &KnownState,
        stream: i128,
        sequence: u64,
    ) -> bool {
        let room = self.room(domain, channel);
        room.is_some_and(|room| {
            let changes = &room.memory.changes;
            changes.stood_still_since(state, stream, sequence)
        })
    }

    /// Whether events or stored state already tell this part of a channel.
    pub fn knows(&self, domain: &str, channel: &str, state: &KnownState) -> bool {
        self.room(domain, channel).is_some_and(|room| match state {
            KnownState::Users(_) => room.list_known(),
            KnownState::Emotes(_) => room.emotes().is_some(),
            KnownState::Current(_) => !room.films().is_empty(),
        })
    }
}
