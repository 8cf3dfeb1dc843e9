//! What a start needs of NATS, fetched while the database still says which channels are counted here.

use kryten_client::{Client, EventStream, StreamError};
use kryten_protocol::token::normalize;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::read::last_of;
use super::state::{self, LoadedChannels};
use super::subjects::filters_of;
use super::{Counting, RETRY};
use crate::config::ChannelConfig;
use crate::initial_state::Telling;
use crate::tally::Rules;

/// Of more channels most may be counted by other instances, and each loads what it counts.
const MOST_CHANNELS: usize = 32;

/// The stream and the channels' state as they were a moment ago.
pub(super) struct Early {
    stream: Result<EventStream, StreamError>,
    state: Option<EarlyState>,
    at: Instant,
}

/// The state of all channels, and the last of their events before it was read.
pub(super) struct EarlyState {
    created: i128,
    noted: u64,
    channels: LoadedChannels,
    at: Instant,
}

impl Early {
    pub(super) fn begin(
        client: Client,
        channels: Vec<ChannelConfig>,
        rules: Rules,
    ) -> JoinHandle<Self> {
        tokio::spawn(async move {
            let stream = EventStream::open_or_create(&client).await;
            let at = Instant::now();
            let state = match &stream {
                Ok(stream) if channels.len() <= MOST_CHANNELS => {
                    EarlyState::load(&client, stream, channels, rules).await
                }
                _ => None,
            };
            Self { stream, state, at }
        })
    }
}

impl EarlyState {
    /// `None` where the stream does not answer; then it is asked again.
    async fn load(
        client: &Client,
        stream: &EventStream,
        channels: Vec<ChannelConfig>,
        rules: Rules,
    ) -> Option<Self> {
        let tokens = channels.iter().map(|channel| normalize(&channel.channel));
        let filters = filters_of(tokens);
        let noted = last_of(stream, &filters).await.ok()?;
        let at = Instant::now();
        Some(Self {
            created: stream.identity().created_nanos,
            noted,
            channels: state::load(client, channels, rules, Telling::All, || ()).await,
            at,
        })
    }

    /// Whether it belongs to the stream that was made then.
    pub(super) fn is_of(&self, created: i128) -> bool {
        self.created == created
    }

    /// What was read, unless too much may have happened since.
    pub(super) fn fresh(self) -> Option<(u64, LoadedChannels)> {
        (self.at.elapsed() < RETRY).then_some((self.noted, self.channels))
    }
}

impl Counting {
    /// Opens the stream, or takes the one that was opened just now.
    pub(super) async fn open(
        &mut self,
        early: Option<JoinHandle<Early>>,
    ) -> Result<EventStream, StreamError> {
        if let Some(early) = early
            && let Ok(early) = early.await
            && early.at.elapsed() < RETRY
        {
            self.early_state = early.state;
            return early.stream;
        }
        EventStream::open_or_create(&self.client).await
    }
}
