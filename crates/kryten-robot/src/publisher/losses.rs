//! Events that will never be in the stream: each is told as a gap in its place.

use kryten_protocol::gap::{Gap, GapReason};
use kryten_protocol::subject::ROBOT_NOTICE;
use serde_json::json;
use tracing::warn;

use super::{Life, Publisher};
use crate::gap_report::{gap, gap_event};
use crate::outbox::Outgoing;
use crate::status::add;

impl Publisher {
    pub(super) fn report_dropped(&self) {
        let mut outbox = self.outbox.lock();
        let Some(dropped) = outbox.take_dropped() else {
            return;
        };
        add(&self.status.events_dropped, dropped.count);
        add(&self.status.gaps, 1);
        warn!(
            channel = self.id.channel,
            lost = dropped.count,
            "the outbox was full; the oldest events are lost"
        );
        let gap = Gap {
            lost: Some(dropped.count),
            ..gap(&self.id, GapReason::OutboxFull, dropped.from, dropped.to)
        };
        outbox.push_before_unsent(gap_event(&self.id, &gap));
    }

    /// An event that the server or the stream never takes: a notice now, and a gap in its place.
    pub(super) fn too_large(&self, life: &Life, event: &Outgoing, limit: usize) -> Outgoing {
        let bytes = event.body.len();
        warn!(
            channel = self.id.channel,
            event = event.event,
            bytes,
            limit,
            "an event is larger than the NATS server takes"
        );
        add(&self.status.events_too_large, 1);
        add(&self.status.gaps, 1);
        let notice = json!({
            "notice": "event_too_large", "domain": self.id.domain, "channel": self.id.channel,
            "event": event.event, "bytes": bytes, "limit": limit,
        });
        let nats = life.connection.client().nats().clone();
        tokio::spawn(async move { nats.publish(ROBOT_NOTICE, notice.to_string().into()).await });
        let gap = Gap {
            chat_complete: event.event != "chatMsg",
            lost: Some(1),
            ..gap(
                &self.id,
                GapReason::TooLarge,
                event.received,
                event.received,
            )
        };
        gap_event(&self.id, &gap)
    }
}
