//! What the stream knows of a channel when a term of it begins.

use kryten_client::stream::{EventStream, StoredMessage, StreamError};
use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::time::WireTime;

use crate::channel_name::ChannelId;
use crate::history::{History, REPLAYED};

/// How much of a channel's chat is read back at first to recognise CyTube's replay.
const CHAT_TAIL: usize = 400;
/// By how much more is read where that has too few lines that CyTube replays.
const FURTHER: usize = 4;
/// How much at most: of a channel that has moved from another host the stream has only that one's lines.
const CHAT_MOST: usize = 25_600;

/// The chat, so that CyTube's replay of it is recognised, and the channel's last sign of life. A stream that is gone
/// knows nothing; who publishes makes it anew.
pub(crate) async fn read_back(
    stream: &EventStream,
    id: &ChannelId,
) -> Result<(History, Option<WireTime>), StreamError> {
    let read = async { Ok((chat(stream, id).await?, last_sign(stream, id).await?)) };
    match read.await {
        Err(StreamError::Missing { .. }) => Ok((History::default(), None)),
        read => read,
    }
}

/// At least as many lines as CyTube replays, whatever stands between and behind them, or all that there are within reason.
async fn chat(stream: &EventStream, id: &ChannelId) -> Result<History, StreamError> {
    let mut count = CHAT_TAIL;
    let lines = loop {
        let tail = stream.tail(&id.chat, count).await?;
        let lines: Vec<ChatMsg> = tail.iter().filter_map(|said| line(said, id)).collect();
        let replayed = lines.iter().filter(|line| line.is_replayed()).count();
        if replayed >= REPLAYED || tail.len() < count || count >= CHAT_MOST {
            break lines;
        }
        count = count.saturating_mul(FURTHER);
    };
    let mut history = History::default();
    for line in &lines {
        history.remember(line);
    }
    Ok(history)
}

/// A line of this channel; streams do not tell channels of the same name on two hosts apart.
fn line(said: &StoredMessage, id: &ChannelId) -> Option<ChatMsg> {
    let envelope = EnvelopeRef::parse(&said.body).ok()?;
    if envelope.domain != id.domain {
        return None;
    }
    let payload = serde_json::from_str(envelope.payload.get()).ok()?;
    ChatMsg::read(&payload)
}

async fn last_sign(stream: &EventStream, id: &ChannelId) -> Result<Option<WireTime>, StreamError> {
    let last = stream.last_for(&id.filter).await?;
    Ok(last.as_ref().and_then(happened_at))
}

/// When an event happened, by the robot's clock; where it does not tell, when it was stored, by that of NATS.
pub(crate) fn happened_at(message: &StoredMessage) -> Option<WireTime> {
    let envelope = EnvelopeRef::parse(&message.body).ok();
    let told = envelope.and_then(|envelope| envelope.timestamp);
    told.or_else(|| {
        let stored = i64::try_from(message.time_nanos / 1000);
        stored.ok().map(WireTime::from_micros)
    })
}
