//! What is folded and not yet committed, for each channel; the joining of KV state with events.

mod holes;
mod places;
mod sealed;

use std::collections::BTreeMap;

use kryten_client::StoredMessage;
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::gap::Gap;
use kryten_protocol::seal::SealKey;
use kryten_protocol::time::WireTime;
use tracing::{info, warn};

use super::subjects::channel_of;
use crate::config::ChannelConfig;
use crate::initial_state::LoadedState;
use crate::store::{ChannelBatch, Claim, Position};
use crate::tally::{
    Counters, Difference, EventView, KnownState, Privacy, Question, Room, RoomKey, Sums, Tally,
};
use places::Front;
pub(crate) use places::position_of;
use sealed::SealedEvents;

/// A channel that we count, by subject token. Two channels of one name on two hosts share it.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) channels: Vec<ChannelConfig>,
    pub(crate) epoch: i64,
    pub(crate) position: Option<Position>,
    pub(crate) has_counts: bool,
    pub(crate) lost: bool,
    sums: Sums,
    seals: SealedEvents,
    /// Its position is to be written, also where nothing is to be added.
    is_touched: bool,
}

/// A part of a channel's state that is to be taken over once the fold has come so far.
#[derive(Debug)]
struct Adoption {
    channel: ChannelConfig,
    loaded: LoadedState,
    /// All events up to this sequence come first.
    after: u64,
    /// It is newer than what we started from, so it may overrule what the events told.
    overrules: bool,
    /// Events tell nothing of the time before, so that of its writing counts.
    live: bool,
    /// The stream whose events it reflects, and up to which of them; `None` where it does not say.
    reflects: Option<(i128, u64)>,
}

/// A part of a channel's state was compared with what the events told.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    pub(crate) channel: ChannelConfig,
    pub(crate) differences: Vec<Difference>,
    /// The robot's state was taken over.
    pub(crate) healed: bool,
}

/// All channels and the tally.
#[derive(Debug, Default)]
pub(crate) struct Book {
    tally: Tally,
    held: BTreeMap<String, Held>,
    seal_key: Option<SealKey>,
    /// How far the last batch went.
    front: Front,
    adoptions: Vec<Adoption>,
    changed: bool,
    compared: Vec<Compared>,
    /// What a state without a mark differed in when it was compared last: only what stays is drift.
    unmarked: Vec<(ChannelConfig, Vec<Difference>)>,
}

impl Book {
    pub(crate) fn new(tally: Tally, claims: Vec<(Claim, ChannelConfig)>) -> Self {
        let mut held: BTreeMap<String, Held> = BTreeMap::new();
        for (claim, channel) in claims {
            let entry = held.entry(claim.token).or_insert_with(|| Held {
                channels: Vec::new(),
                epoch: claim.epoch,
                position: claim.position,
                has_counts: claim.has_counts,
                lost: false,
                sums: Sums::default(),
                seals: SealedEvents::new(claim.seals),
                is_touched: false,
            });
            entry.channels.push(channel);
        }
        Self {
            tally,
            held,
            seal_key: None,
            front: Front::default(),
            adoptions: Vec::new(),
            changed: false,
            compared: Vec::new(),
            unmarked: Vec::new(),
        }
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(crate) fn tally_mut(&mut self) -> &mut Tally {
        &mut self.tally
    }

    /// The channels that are ours.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Held> {
        self.held.values().filter(|held| !held.lost)
    }

    pub(crate) fn ours_by_token(&self) -> impl Iterator<Item = (&str, &Held)> {
        let ours = self.held.iter().filter(|(_, held)| !held.lost);
        ours.map(|(token, held)| (token.as_str(), held))
    }

    fn ours_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.held.values_mut().filter(|held| !held.lost)
    }

    /// The subject tokens of the channels that are ours.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &str> {
        let ours = self.held.iter().filter(|(_, held)| !held.lost);
        ours.map(|(token, _)| token.as_str())
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    /// What was compared since the last call.
    pub(crate) fn take_compared(&mut self) -> Vec<Compared> {
        std::mem::take(&mut self.compared)
    }

    /// How many channels others have taken over.
    pub(crate) fn lost(&self) -> usize {
        self.held.values().filter(|held| held.lost).count()
    }

    /// Folds a batch of one stream.
    pub(crate) fn fold(&mut self, batch: &[StoredMessage], stream_created: i128) {
        for message in batch {
            self.adopt_before(message.sequence);
            self.fold_message(message, Some(stream_created));
        }
        if let Some(last) = batch.last() {
            self.changed = true;
            self.advance(position_of(last, stream_created));
            self.adopt_before(last.sequence + 1);
        }
    }

    /// Folds a message that comes from no stream.
    pub(crate) fn fold_live(&mut self, message: &StoredMessage) {
        self.fold_message(message, None);
    }

    fn fold_message(&mut self, message: &StoredMessage, stream_created: Option<i128>) {
        let held = channel_of(&message.subject).and_then(|token| self.held.get_mut(token));
        let Some(held) = held.filter(|held| !held.lost) else {
            return;
        };
        if let Some(created) = stream_created {
            let counted = held.position.as_ref().is_some_and(|position| {
                position.stream_created == created && message.sequence <= position.sequence
            });
            if counted {
                return;
            }
        }
        held.is_touched = true;
        self.changed = true;
        // Without a stream nobody but the robot can publish events, so nothing is sealed.
        let key = self.seal_key.as_ref().filter(|_| stream_created.is_some());
        if message.subject.starts_with("kryten.events.robot.") {
            match serde_json::from_slice::<Gap>(&message.body) {
                Ok(gap) if held.admits(key, message, (&gap.domain, &gap.channel)) => {
                    self.tally.apply_gap(gap, &mut held.sums);
                }
                Ok(_) => {}
                Err(error) => {
                    held.sums.counters.malformed += 1;
                    warn!(subject = message.subject, %error, "a gap report cannot be read");
                }
            }
            return;
        }
        let envelope = match EnvelopeRef::parse(&message.body) {
            Ok(envelope) => envelope,
            Err(error) => {
                held.sums.counters.malformed += 1;
                warn!(subject = message.subject, sequence = message.sequence, %error, "a message is no event");
                return;
            }
        };
        if !held.admits(key, message, (&envelope.domain, &envelope.channel)) {
            return;
        }
        let event = EventView::of(
            &envelope,
            stored_at(message),
            message.message_id.as_deref(),
            message.epoch.unwrap_or(0),
        );
        if !self.adoptions.is_empty() && event.name.eq_ignore_ascii_case("chatMsg") {
            adopt_for_line(&mut self.tally, &self.adoptions, &event, &mut held.sums);
        }
        self.tally.apply(&event, &mut held.sums);
        if let Some(created) = stream_created {
            let channel = (event.domain, event.channel);
            self.tally
                .note_place(channel, event.name, created, message.sequence);
        }
    }

    /// Queues what was loaded from KV. What has no usable mark is taken to reflect all events up to `noted`.
    pub(crate) fn queue(
        &mut self,
        channel: &ChannelConfig,
        loaded: Vec<LoadedState>,
        stream_created: i128,
        noted: u64,
        last: u64,
        live: bool,
    ) {
        let counted_to = self.counted_to();
        for loaded in self.sealed(channel, loaded) {
            let mark = loaded
                .mark
                .filter(|mark| mark.stream_created == stream_created);
            // One that still waits for its place is older than this one.
            self.adoptions.retain(|waiting| {
                let part = std::mem::discriminant(&waiting.loaded.state);
                waiting.channel != *channel || part != std::mem::discriminant(&loaded.state)
            });
            let reflects = mark.map(|mark| (stream_created, mark.sequence.min(last)));
            let (after, overrules) = match mark {
                Some(mark) => (mark.sequence.min(last), mark.sequence >= counted_to),
                // Without a stream nobody else tells what happened while we were away.
                None => (noted, live),
            };
            self.adoptions.push(Adoption {
                channel: channel.clone(),
                loaded,
                after,
                overrules,
                live,
                reflects,
            });
        }
        self.adopt_before(counted_to + 1);
    }

    /// The highest sequence that a queued state waits for.
    pub(crate) fn waits_for(&self) -> Option<u64> {
        self.adoptions.iter().map(|adoption| adoption.after).max()
    }

    /// Takes over what reflects the events before a sequence.
    pub(crate) fn adopt_before(&mut self, sequence: u64) {
        if self.adoptions.is_empty() {
            return;
        }
        let (due, later) = std::mem::take(&mut self.adoptions)
            .into_iter()
            .partition(|adoption| adoption.after < sequence);
        self.adoptions = later;
        for adoption in due {
            self.adopt(&adoption);
        }
    }

    fn adopt(&mut self, adoption: &Adoption) {
        let (domain, channel) = (&adoption.channel.domain, &adoption.channel.channel);
        let token = kryten_protocol::token::normalize(channel);
        let Some(held) = self.held.get_mut(&token).filter(|held| !held.lost) else {
            return;
        };
        let (state, written_at) = (&adoption.loaded.state, adoption.loaded.written_at);
        let room = self.tally.room(domain, channel);
        let last_event = room.and_then(Room::last_event_at);
        let at = match last_event {
            Some(last_event) if !adoption.live => last_event,
            _ => written_at,
        };
        self.changed = true;
        let known = self.tally.knows(domain, channel, state);
        let named = (domain.as_str(), channel.as_str());
        let comparable = adoption.reflects.is_some_and(|(stream, sequence)| {
            self.tally.is_comparable(named, state, stream, sequence)
        });
        let differences = match known {
            true => self.tally.differences(domain, channel, state),
            false => Vec::new(),
        };
        if known && !adoption.overrules && !comparable {
            self.tally.meet(domain, channel, state, at, &mut held.sums);
            if adoption.reflects.is_none() {
                self.note_unmarked(&adoption.channel, differences);
            }
            return;
        }
        self.tally.adopt(domain, channel, state, at, &mut held.sums);
        if let Some((stream, sequence)) = adoption.reflects {
            self.tally.note_adopted(named, state, stream, sequence);
        }
        if known {
            for difference in differences.iter().filter(|d| !d.is_empty()) {
                info!(
                    channel,
                    kind = difference.kind.as_str(),
                    missing = difference.missing.len(),
                    surplus = difference.surplus.len(),
                    "the state of {channel} in KV differs from what the events told; KV is taken over"
                );
            }
            self.compared.push(Compared {
                channel: adoption.channel.clone(),
                differences,
                healed: true,
            });
        }
    }

    /// A state that does not say which events it reflects may be a moment older or newer than ours: what it differs in
    /// twice in a row is drift. The events win all the same, since the robots that write such states are known to err.
    fn note_unmarked(&mut self, channel: &ChannelConfig, differences: Vec<Difference>) {
        let kinds: Vec<_> = differences.iter().map(|d| d.kind).collect();
        let before = self.unmarked.iter().position(|(known, before)| {
            known == channel && before.iter().map(|d| d.kind).eq(kinds.iter().copied())
        });
        let before = before.map(|at| self.unmarked.swap_remove(at).1);
        let stayed = differences
            .iter()
            .map(|now| match &before {
                Some(before) if before.contains(now) => now.clone(),
                _ => Difference {
                    missing: Vec::new(),
                    surplus: Vec::new(),
                    ..now.clone()
                },
            })
            .collect();
        self.unmarked.push((channel.clone(), differences));
        self.compared.push(Compared {
            channel: channel.clone(),
            differences: stayed,
            healed: false,
        });
    }

    /// Counts who is where.
    pub(crate) fn snapshot(&mut self, at: WireTime) {
        for (token, held) in self.held.iter_mut().filter(|(_, held)| !held.lost) {
            self.tally.snapshot(at, &mut held.sums, |channel| {
                kryten_protocol::token::normalize(channel) == *token
            });
        }
        self.changed = true;
    }

    /// Ends the visits of these names.
    pub(crate) fn leave(&mut self, names: &[String]) {
        for held in self.held.values_mut().filter(|held| !held.lost) {
            for channel in &held.channels {
                for name in names {
                    let (domain, channel) = (&channel.domain, &channel.channel);
                    self.tally.leave(domain, channel, name, &mut held.sums);
                }
            }
        }
        self.changed = true;
    }

    /// Sets who is not to be counted. Call it between a commit and the next batch.
    pub(crate) fn set_privacy(&mut self, privacy: Privacy) {
        if !self.tally.set_privacy(privacy).is_empty() {
            // What is remembered of the channels is stored anew, without them.
            for held in self.held.values_mut().filter(|held| !held.lost) {
                for channel in &held.channels {
                    let key = RoomKey {
                        domain: channel.domain.clone(),
                        channel: channel.channel.clone(),
                    };
                    if self.tally.room(&key.domain, &key.channel).is_some() {
                        held.sums.room(&key);
                    }
                }
            }
            self.changed = true;
        }
    }

    /// What is to be committed.
    pub(crate) fn batches(&mut self) -> Vec<ChannelBatch<'_>> {
        for held in self.held.values_mut() {
            self.tally.remember(&mut held.sums);
            held.seals.write();
        }
        self.held
            .iter()
            .filter(|(_, held)| !held.lost && (held.is_touched || !held.sums.is_empty()))
            .map(|(token, held)| ChannelBatch {
                token,
                epoch: held.epoch,
                sums: &held.sums,
                position: held.position.as_ref(),
                seals: held.seals.written(),
            })
            .collect()
    }

    /// The batches are committed, except those of channels that others hold now. Returns what was odd in them, and
    /// what was asked in those that are ours.
    pub(crate) fn committed(&mut self, lost: &[String]) -> (Counters, Vec<Question>) {
        let mut counters = Counters::default();
        let mut questions = Vec::new();
        for (token, held) in &mut self.held {
            held.lost |= lost.contains(token);
            held.is_touched = false;
            held.seals.committed();
            let sums = std::mem::take(&mut held.sums);
            counters.add(&sums.counters);
            if !held.lost {
                questions.extend(sums.questions);
            }
        }
        self.changed = false;
        (counters, questions)
    }
}

/// The channel's emotes and what plays are needed from the first line on. A stream that holds the channel's beginning
/// tells them before; where it was cut off, KV is the best that there is.
fn adopt_for_line(
    tally: &mut Tally,
    adoptions: &[Adoption],
    event: &EventView<'_>,
    sums: &mut Sums,
) {
    for adoption in adoptions {
        let channel = &adoption.channel;
        let state = &adoption.loaded.state;
        if channel.domain == event.domain
            && channel.channel == event.channel
            && !matches!(state, KnownState::Users(_))
            && !tally.knows(&channel.domain, &channel.channel, state)
        {
            tally.prefill(
                &channel.domain,
                &channel.channel,
                state,
                adoption.loaded.written_at,
                sums,
            );
        }
    }
}

pub(crate) fn stored_at(message: &StoredMessage) -> WireTime {
    WireTime::from_micros(i64::try_from(message.time_nanos / 1000).unwrap_or_default())
}
