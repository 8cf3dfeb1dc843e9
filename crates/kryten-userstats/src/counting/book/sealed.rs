//! Of events and state only what the robot sealed, once it seals: see [`Seals`].

use std::collections::HashMap;
use std::time::Duration;

use kryten_client::StoredMessage;
use kryten_protocol::seal::{SEAL_HEADER, SealKey, SealPlace};
use kryten_protocol::token::normalize;
use tokio::time::Instant;
use tracing::warn;

use super::{Book, Held};
use crate::config::ChannelConfig;
use crate::counting::subjects::channel_of;
use crate::initial_state::LoadedState;
use crate::tally::{Admission, Seals};

/// How often it is told of a channel that something is not counted.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Which sealed events of a channel are counted, and how much of that is stored.
#[derive(Debug, Default)]
pub(super) struct SealedEvents {
    seals: Seals,
    changed: bool,
    /// What the next commit writes.
    json: Option<String>,
    told: Option<Instant>,
}

impl SealedEvents {
    pub(super) fn new(seals: Seals) -> Self {
        Self {
            seals,
            ..Self::default()
        }
    }

    /// Writes down what has changed since the last commit.
    pub(super) fn write(&mut self) {
        self.json = self.changed.then(|| {
            serde_json::to_string(&self.seals).expect("seals have text keys and whole numbers only")
        });
    }

    pub(super) fn written(&self) -> Option<&str> {
        self.json.as_deref()
    }

    pub(super) fn committed(&mut self) {
        self.changed = false;
        self.json = None;
    }

    /// Whether it is time to tell of it again.
    fn tells(&mut self) -> bool {
        let tells = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if tells {
            self.told = Some(Instant::now());
        }
        tells
    }
}

impl Held {
    /// Whether an event of this channel is to be counted; without a key each is.
    pub(super) fn admits(
        &mut self,
        key: Option<&SealKey>,
        message: &StoredMessage,
        channel: (&str, &str),
    ) -> bool {
        let Some(key) = key else {
            return true;
        };
        let place = message.seal(key);
        let admission = admit(&mut self.seals.seals, message, channel, place);
        let what = match admission {
            Admission::Counts => {
                match place {
                    Some(_) => self.seals.changed = true,
                    None => self.tell_of_another_key(message),
                }
                return true;
            }
            Admission::Unsealed => {
                self.sums.counters.unsealed += 1;
                "the robot did not seal it"
            }
            Admission::Repeated => {
                self.sums.counters.repeated_events += 1;
                "it was counted before"
            }
        };
        if self.seals.tells() {
            warn!(
                subject = message.subject,
                sequence = message.sequence,
                "an event is not counted: {what}"
            );
        }
        false
    }

    /// As long as nothing was sealed with our key, nothing is refused, and a wrong key would go unnoticed.
    fn tell_of_another_key(&mut self, message: &StoredMessage) {
        if message.headers.get(SEAL_HEADER).is_some() && self.seals.tells() {
            warn!(
                subject = message.subject,
                sequence = message.sequence,
                "an event is sealed with another key than nats.seal_key, and counted all the same"
            );
        }
    }
}

impl Book {
    /// With a key only what the robot sealed with it counts, from the first such event on.
    pub(crate) fn with_seal_key(mut self, key: Option<&SealKey>) -> Self {
        if let Some(key) = key {
            for held in self.held.values_mut() {
                held.seals.seals.expect(key.id());
            }
        }
        self.seal_key = key.cloned();
        self
    }

    /// Of what was loaded from KV what may be believed.
    pub(super) fn sealed(
        &mut self,
        channel: &ChannelConfig,
        mut loaded: Vec<LoadedState>,
    ) -> Vec<LoadedState> {
        let held = self.held.get_mut(&normalize(&channel.channel));
        let Some(held) = held.filter(|_| self.seal_key.is_some()) else {
            return loaded;
        };
        let all = loaded.len();
        let seals = &held.seals.seals;
        loaded.retain(|state| {
            state.is_sealed || !seals.are_due(i128::from(state.written_at.micros()) * 1000)
        });
        if loaded.len() < all && held.seals.tells() {
            warn!(
                channel = channel.channel,
                values = all - loaded.len(),
                "state in KV is passed over: the robot did not seal it"
            );
        }
        loaded
    }

    /// For reading events again that were stored before.
    pub(crate) fn seals_of_the_past(&self) -> PastSeals {
        let seals = self.held.iter().map(|(token, held)| {
            let seals = held.seals.seals.for_the_past();
            (token.clone(), seals)
        });
        PastSeals {
            key: self.seal_key.clone(),
            seals: seals.collect(),
        }
    }
}

/// What of events that are read again is the robot's.
pub(crate) struct PastSeals {
    key: Option<SealKey>,
    seals: HashMap<String, Seals>,
}

impl PastSeals {
    /// Whether an event is to be counted; they are asked about in the stream's order.
    pub(crate) fn admits(&mut self, message: &StoredMessage, channel: (&str, &str)) -> bool {
        let seals = channel_of(&message.subject).and_then(|token| self.seals.get_mut(token));
        match (&self.key, seals) {
            (Some(key), Some(seals)) => {
                admit(seals, message, channel, message.seal(key)) == Admission::Counts
            }
            _ => true,
        }
    }
}

fn admit(
    seals: &mut Seals,
    message: &StoredMessage,
    channel: (&str, &str),
    place: Option<SealPlace>,
) -> Admission {
    let epoch = message.epoch.unwrap_or_default();
    seals.admit(channel, epoch, place, message.time_nanos)
}
