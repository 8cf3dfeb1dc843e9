//! Where to go on in a stream that is not the one, or not as long as the one, that was counted.

use std::borrow::Cow;

use kryten_client::{EventStream, StoredMessage, StreamError, StreamInfo};
use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::line::{LINE_ID_PREFIX, LineKey};
use serde_json::Value;

use super::book::position_of;
use crate::store::Position;
use crate::tally::Tally;

/// How far back our last message is looked for.
const TAIL: usize = 5000;

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resume {
    /// Everything up to here is counted.
    pub(crate) position: Position,
    /// The message that was counted last is there, so nothing is missing.
    pub(crate) exact: bool,
}

/// Whether the stream still has at the position what was counted there.
pub(crate) async fn holds(
    stream: &EventStream,
    info: &StreamInfo,
    position: &Position,
) -> Result<bool, StreamError> {
    if info.created_nanos != position.stream_created || info.last_sequence < position.sequence {
        return Ok(false);
    }
    if position.sequence == 0 || position.message_time == 0 {
        return Ok(true);
    }
    // One that retention has removed cannot be compared.
    let there = stream.get(position.sequence).await?;
    Ok(there.is_none_or(|message| {
        message.time_nanos == position.message_time && message.message_id == position.message_id
    }))
}

/// The newest messages of the stream, in its order.
pub(crate) async fn newest(
    stream: &EventStream,
    filters: &[String],
) -> Result<Vec<StoredMessage>, StreamError> {
    let mut newest = Vec::new();
    for filter in filters {
        newest.extend(stream.tail(filter, TAIL).await?);
    }
    newest.sort_unstable_by_key(|message| message.sequence);
    Ok(newest)
}

/// Looks for the end of what was counted among the newest messages: the last message itself, else the newest line that is known, else the first
/// message that was stored later. Sequence numbers say nothing, since they may be used again.
pub(crate) async fn find(
    stream: &EventStream,
    filters: &[String],
    newest: &[StoredMessage],
    counted: &Position,
    tally: &Tally,
) -> Result<Resume, StreamError> {
    let info = stream.info().await?;
    let mut tail = Cow::Borrowed(newest);
    let created = info.created_nanos;
    let same = tail
        .iter()
        .rev()
        .find(|message| counted.message_id.is_some() && message.message_id == counted.message_id);
    if let Some(message) = same {
        return Ok(Resume {
            position: position_of(message, created),
            exact: true,
        });
    }
    if let Some(message) = tail
        .iter()
        .rev()
        .find(|message| is_known_line(message, tally))
    {
        return Ok(Resume {
            position: position_of(message, created),
            exact: false,
        });
    }
    let is_later = |message: &StoredMessage| message.time_nanos > counted.message_time;
    if created <= counted.message_time && tail.first().is_some_and(is_later) {
        let mut all = Vec::new();
        for filter in filters {
            all.extend(stream.messages_from(filter, info.first_sequence).await?);
        }
        all.sort_unstable_by_key(|message| message.sequence);
        tail = Cow::Owned(all);
    }
    let sequence = if created > counted.message_time {
        info.first_sequence.saturating_sub(1)
    } else {
        tail.iter()
            .find(|message| is_later(message))
            .map_or(info.last_sequence, |message| message.sequence - 1)
    };
    Ok(Resume {
        position: Position {
            stream_created: created,
            sequence,
            message_id: None,
            message_time: counted.message_time,
        },
        exact: false,
    })
}

fn is_known_line(message: &StoredMessage, tally: &Tally) -> bool {
    let Ok(envelope) = EnvelopeRef::parse(&message.body) else {
        return false;
    };
    let Some(room) = tally.room(&envelope.domain, &envelope.channel) else {
        return false;
    };
    if let Some(id) = message.message_id.as_deref()
        && id.starts_with(LINE_ID_PREFIX)
    {
        return room.knows_line(id);
    }
    let name = envelope.event_name.as_ref();
    if !["chatmsg", "pm"].contains(&name.to_lowercase().as_str()) {
        return false;
    }
    let payload = serde_json::from_str::<Value>(envelope.payload.get());
    let Some(line) = payload.ok().and_then(|payload| ChatMsg::read(&payload)) else {
        return false;
    };
    let id = LineKey {
        domain: &envelope.domain,
        channel: &envelope.channel,
        event: name,
        time: line.time,
        username: &line.username,
        message: &line.message,
        nth: 1,
    };
    line.time != 0 && room.knows_line(&id.id())
}
