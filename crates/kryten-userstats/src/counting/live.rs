//! Counting without a stream: only what comes while we are connected.

use std::time::Duration;

use futures_util::stream::select_all;
use futures_util::{Stream, StreamExt};
use kryten_client::round_trip::round_trip;
use kryten_client::{EventStream, StoredMessage, StreamError, StreamInfo};
use kryten_protocol::state::EPOCH_HEADER;
use tracing::{info, warn};

use super::channels::turn;
use super::{BATCH, BATCH_WAIT, Counting, Ended, RETRY, now, tick};
use crate::initial_state::Telling;
use crate::status::Source;
use crate::store::Position;

/// How often it is looked whether there is a stream now.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

impl Counting {
    /// Counts what is published from now on, until there may be a stream.
    pub(super) async fn count_live(&mut self, reason: &StreamError) -> Ended {
        if !self.live_was_told {
            self.live_was_told = true;
            warn!(
                %reason,
                "there is no event stream: only what happens from now on is counted, and what happens while this \
                 service or its connection is away is lost"
            );
        }
        let mut inboxes = Vec::new();
        for filter in &self.filters {
            match self.client.listen(filter.as_str(), None).await {
                Ok(inbox) => inboxes.push(inbox),
                Err(error) => {
                    info!(%error, "events cannot be heard now; trying again");
                    return self.pause(RETRY).await;
                }
            }
        }
        // Events from here on are ours before the state is loaded.
        round_trip(&self.client.nats()).await;
        self.shared.status.set_source(Source::LiveOnly);
        self.book.tally_mut().break_coverage();
        let mut messages = select_all(inboxes).ready_chunks(BATCH);
        if let Err(error) = self.load_state(None, Telling::All).await {
            warn!(%error, "the channels' state cannot be loaded");
        }
        let stop = self.shared.stop.clone();
        let robot_started = std::sync::Arc::clone(&self.shared.robot_started);
        let mut look_again =
            tokio::time::interval_at(tokio::time::Instant::now() + LOOK_AGAIN, LOOK_AGAIN);
        loop {
            self.shared.status.pulse.beat();
            self.tell_if_ready().await;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                _ = self.snapshots.tick() => self.book.snapshot(now()),
                () = robot_started.notified() => {
                    if let Err(error) = self.load_state(None, Telling::All).await {
                        warn!(%error, "the channels' state cannot be loaded");
                    }
                }
                () = tick(&mut self.refreshes) => {
                    if let Err(error) = self.load_state(None, Telling::Faults).await {
                        warn!(%error, "the channels' state cannot be loaded");
                    }
                }
                Some(input) = self.asked.recv() => {
                    if let Err(error) = self.take(input, None).await {
                        warn!(%error, "the channels' state cannot be loaded");
                    }
                }
                () = turn(&mut self.wanted, self.ask_again) => return Ended::Again,
                _ = look_again.tick() => {
                    if let Ok(stream) = EventStream::open_or_create(&self.client).await
                        && let Ok(info) = stream.info().await
                    {
                        info!("there is an event stream now; counting from it");
                        self.go_over(&mut messages, &info).await;
                        return match self.commit().await {
                            true => Ended::Again,
                            false => Ended::Stopped,
                        };
                    }
                }
                chunk = messages.next() => {
                    let Some(chunk) = chunk else {
                        return self.pause(RETRY).await;
                    };
                    self.renew_names().await;
                    for message in chunk {
                        self.book.fold_live(&stored(message));
                    }
                    tokio::time::sleep(BATCH_WAIT).await;
                }
            }
            if !self.commit().await {
                return Ended::Stopped;
            }
            if self.book.lost() > 0 {
                return Ended::Again;
            }
        }
    }
}

/// What may still be on its way to us when the stream takes over.
const LEFT_OVER: Duration = Duration::from_millis(200);

impl Counting {
    /// Counts what was published before the stream's end was noted; what is published after it and heard here too is
    /// told by its line, and repeating anything else changes nothing.
    async fn go_over(
        &mut self,
        messages: &mut (impl Stream<Item = Vec<async_nats::Message>> + Unpin),
        end: &StreamInfo,
    ) {
        while let Ok(Some(chunk)) = tokio::time::timeout(LEFT_OVER, messages.next()).await {
            for message in chunk {
                self.book.fold_live(&stored(message));
            }
        }
        let place = Position {
            stream_created: end.created_nanos,
            sequence: end.last_sequence,
            message_id: None,
            message_time: 0,
        };
        let channels = self.book.ours().count();
        self.book.place(vec![place; channels]);
    }
}

fn stored(message: async_nats::Message) -> StoredMessage {
    let header = |name: &str| {
        let headers = message.headers.as_ref()?;
        Some(headers.get(name)?.as_str().to_owned())
    };
    StoredMessage {
        sequence: 0,
        message_id: header("Nats-Msg-Id"),
        epoch: header(EPOCH_HEADER).and_then(|epoch| epoch.parse().ok()),
        time_nanos: i128::from(now().micros()) * 1000,
        subject: message.subject.to_string(),
        headers: message.headers.unwrap_or_default(),
        body: message.payload,
    }
}
