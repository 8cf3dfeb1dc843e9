//! What counting takes over from others: the robot's state in KV, aliases, phrases and names in the database.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kryten_client::{Client, EventStream, StreamError};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Counting;
use super::early::EarlyState;
use crate::config::ChannelConfig;
use crate::initial_state::{self, LoadedState, Telling};
use crate::tally::{Aliases, Phrases, Rules};

/// Aliases and phrases may be changed in the database itself; this often it is asked.
const NAMES_EVERY: Duration = Duration::from_secs(1);

/// So many channels' states are read from KV at the same time.
const CHANNELS_AT_ONCE: usize = 8;

impl Counting {
    /// Loads the robot's state and queues it for the place in the stream that it reflects.
    pub(super) async fn load_state(
        &mut self,
        event_stream: Option<&EventStream>,
        telling: Telling,
    ) -> Result<(), StreamError> {
        let channels = self.book.ours().flat_map(|held| &held.channels);
        let channels: Vec<ChannelConfig> = channels.cloned().collect();
        let early = self.early_state.take().filter(|_| event_stream.is_some());
        let (noted, mut loaded) = match early.and_then(EarlyState::fresh) {
            Some(early) => early,
            None => {
                let noted = self.last_of_ours(event_stream).await?;
                let beat = || self.shared.status.pulse.beat();
                let (client, rules) = (&self.client, self.rules);
                let loaded = load(client, channels.clone(), rules, telling, beat).await;
                (noted, loaded)
            }
        };
        loaded.retain(|(channel, _)| channels.contains(channel));
        let (last, created) =
            tokio::try_join!(self.last_of_ours(event_stream), created_of(event_stream))?;
        for (channel, state) in loaded {
            self.book.queue(
                &channel,
                state,
                created,
                noted,
                last,
                event_stream.is_none(),
            );
        }
        self.target = self.target.max(last);
        Ok(())
    }

    /// Everything that was there at the start is counted and committed, and the state is taken over.
    pub(super) async fn tell_if_ready(&mut self) {
        if *self.shared.ready.borrow() || self.book.counted_to() < self.target {
            return;
        }
        if let Some(sequence) = self.book.waits_for() {
            self.book.adopt_before(sequence + 1);
        }
        if self.commit().await {
            info!(
                position = self.book.counted_to(),
                "everything in the event stream is counted"
            );
            self.tell_position();
            self.shared.status.set_ready();
            self.shared.ready.send_replace(true);
        }
    }

    pub(super) async fn renew_names(&mut self) {
        let changed = self.shared.names_changed.swap(false, Ordering::Relaxed);
        if !changed && self.names_read.elapsed() < NAMES_EVERY {
            return;
        }
        self.names_read = Instant::now();
        match self.store.aliases().await {
            Ok(rows) => self.book.tally_mut().set_aliases(Aliases::new(rows)),
            Err(error) => warn!(%error, "aliases cannot be read; the last ones hold"),
        }
        self.renew_privacy().await;
        self.meet_those_of_others().await;
        if self.rules.as_original {
            // The original reads them at its start only.
            return;
        }
        match self.store.phrases().await {
            Ok(phrases) => self.book.tally_mut().set_phrases(Phrases::new(phrases)),
            Err(error) => warn!(%error, "phrases cannot be read; the last ones hold"),
        }
    }

    /// Whoever was seen in channels that other instances count is known here too.
    async fn meet_those_of_others(&mut self) {
        if !self.shared.status.is_shared() {
            return;
        }
        match self.store.users_after(self.last_user).await {
            Ok(users) => {
                for (id, name) in users {
                    self.last_user = self.last_user.max(id);
                    self.book.tally_mut().know(&name);
                }
            }
            Err(error) => warn!(%error, "users that others have seen cannot be read; later"),
        }
    }
}

async fn created_of(event_stream: Option<&EventStream>) -> Result<i128, StreamError> {
    match event_stream {
        Some(event_stream) => Ok(event_stream.info().await?.created_nanos),
        None => Ok(0),
    }
}

/// What KV has of each channel.
pub(super) type LoadedChannels = Vec<(ChannelConfig, Vec<LoadedState>)>;

/// Loads the state of channels, some at the same time; `beat` is called after each.
pub(super) async fn load(
    client: &Client,
    channels: Vec<ChannelConfig>,
    rules: Rules,
    telling: Telling,
    beat: impl Fn(),
) -> LoadedChannels {
    let loading = stream::iter(channels).map(|channel| async move {
        let state = initial_state::load(client, &channel, rules, telling).await;
        (channel, state)
    });
    let mut loading = std::pin::pin!(loading.buffered(CHANNELS_AT_ONCE));
    let mut loaded = Vec::new();
    while let Some(channel) = loading.next().await {
        beat();
        loaded.push(channel);
    }
    loaded
}
