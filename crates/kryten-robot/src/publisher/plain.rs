//! Publishing while there is no stream: who listens hears the events, and nobody keeps them.

use async_nats::HeaderMap;
use kryten_client::one_life::OneLife;
use kryten_client::stream::StoredMessage;
use kryten_protocol::gap::GapReason;
use kryten_protocol::time::WireTime;
use tracing::warn;

use super::{End, Publisher};
use crate::gap_report::{gap, gap_event};
use crate::outbox::Entry;
use crate::read_back::happened_at;
use crate::status::add;

/// From when until when events were published that nobody keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain {
    from: WireTime,
    to: WireTime,
}

impl Publisher {
    /// Publishes until there is a stream; nothing is known of the fate of what is published.
    pub(super) async fn publish_plainly(&self, connection: &OneLife) -> End {
        let is_told = self.lock_told().plain.is_some();
        if !is_told {
            warn!(
                channel = self.id.channel,
                "JetStream is off: events are published, but not kept, and state is not stored"
            );
        }
        let end = self.pass_on(connection).await;
        self.note_plain();
        end
    }

    async fn pass_on(&self, connection: &OneLife) -> End {
        let mut house_stream = self.house_stream.clone();
        let nats = connection.client().nats();
        loop {
            let entry = {
                let mut outbox = self.outbox.lock();
                outbox.send_next();
                outbox.acknowledge()
            };
            match entry {
                Some(Entry::Event(event)) => {
                    let mut headers = HeaderMap::new();
                    headers.insert("Nats-Msg-Id", event.message_id.as_str());
                    if let Err(error) = nats
                        .publish_with_headers(event.subject, headers, event.body)
                        .await
                    {
                        return End::Lost(error.to_string());
                    }
                }
                Some(Entry::State(snapshot)) => {
                    let _ = self.snapshots.send((snapshot, None));
                }
                None => {
                    self.outbox.note_progress();
                    tokio::select! {
                        () = self.outbox.filled() => {}
                        () = connection.ended() => return End::Lost("the connection to NATS was lost".to_owned()),
                        () = house_stream.found() => return End::Found,
                    }
                }
            }
        }
    }

    /// What was published up to now is not kept.
    fn note_plain(&self) {
        self.lock_told().plain = Some(Plain {
            from: self.started,
            to: crate::now(),
        });
    }

    /// Tells the readers of a stream, whose newest event of the channel this is, what went by before there was it.
    pub(super) fn report_not_kept(&self, newest: Option<&StoredMessage>) {
        let Some(plain) = self.lock_told().plain.take() else {
            return;
        };
        let newest = newest.and_then(happened_at);
        let from = newest.map_or(plain.from, |newest| newest.min(plain.from));
        let gap = gap(&self.id, GapReason::NotKept, from, plain.to);
        add(&self.status.gaps, 1);
        let mut outbox = self.outbox.lock();
        outbox.push_before_unsent(gap_event(&self.id, &gap));
    }
}
