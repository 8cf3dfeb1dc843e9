//! Reports of gaps: what they say, and as events on their way to the stream.

use bytes::Bytes;
use kryten_protocol::gap::{ChatSpan, Gap, GapReason};
use kryten_protocol::time::WireTime;
use uuid::Uuid;

use crate::channel_name::ChannelId;
use crate::history::ReplaySummary;
use crate::outbox::{GAP, Outgoing};

/// Anything may be missing of this span, and it is not known how much.
pub(crate) fn gap(id: &ChannelId, reason: GapReason, from: WireTime, to: WireTime) -> Gap {
    Gap {
        domain: id.domain.clone(),
        channel: id.channel.clone(),
        reason,
        from,
        to,
        chat_complete: false,
        chat: None,
        lost: None,
    }
}

/// We were not in the channel from then until now; the replay of the join tells of the chat.
pub(crate) fn absence(
    id: &ChannelId,
    from: WireTime,
    now: WireTime,
    replay: &ReplaySummary,
) -> Gap {
    let around = replay.last_known.zip(replay.first_offered);
    let span = |(last, first)| ChatSpan {
        from: WireTime::from_millis(last),
        to: WireTime::from_millis(first),
    };
    Gap {
        chat_complete: replay.complete,
        chat: around.filter(|_| !replay.complete).map(span),
        ..gap(id, GapReason::Absent, from.min(now), now)
    }
}

/// A gap as an event on its way to the stream.
pub(crate) fn gap_event(id: &ChannelId, gap: &Gap) -> Outgoing {
    Outgoing {
        event: GAP.to_owned(),
        subject: id.gap.clone(),
        message_id: Uuid::new_v4().to_string(),
        body: Bytes::from(serde_json::to_vec(gap).expect("a gap can be written as JSON")),
        received: gap.to,
        number: 0,
    }
}
