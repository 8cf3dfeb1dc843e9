//! Numbered chat lines into channels: how many are heard, how soon, and in which order.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use async_nats::Subscriber;
use futures_util::{Stream, StreamExt};
use kryten_client::{Client, round_trip::round_trip};
use kryten_sim::{ChannelHandle, Operation};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::theatre::{MARK, PATIENCE, Theatre, Who};

/// Lines that are said and not heard yet, at most. The original keeps 1,000 events that wait to be published, and for
/// each further one it throws away the oldest: with fewer on their way it can publish all of them.
pub(crate) const WINDOW: usize = 500;

/// Silence after which nothing more of the original's is waited for.
const SILENCE: Duration = Duration::from_secs(15);

/// What came of the lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) said: u64,
    pub(crate) heard: u64,
    /// How many came behind a later one.
    pub(crate) late: u64,
    /// From the first line said to the last one heard; for ours, to all of them in the stream.
    pub(crate) took: Duration,
}

impl Heard {
    /// Lines heard in a second.
    pub(crate) fn rate(&self) -> f64 {
        self.heard as f64 / self.took.as_secs_f64()
    }
}

/// Whether each number from 0 on comes, and in its order.
#[derive(Debug, Default)]
struct Numbers {
    seen: HashSet<u64>,
    highest: u64,
    late: u64,
}

impl Numbers {
    /// Whether it is a new one. Of ours each must be the next.
    fn take(&mut self, who: Who, number: u64) -> anyhow::Result<bool> {
        let next = self.seen.len() as u64;
        ensure!(
            who == Who::Original || number == next,
            "{who:?} publishes line {number} as number {next}"
        );
        let is_new = self.seen.insert(number);
        self.late += u64::from(number < self.highest);
        self.highest = self.highest.max(number);
        Ok(is_new)
    }
}

/// Says lines in all channels in turn, with at most `window` of them on their way.
///
/// Every line of ours must come, once and in order; of the original it is told how many came.
pub(crate) async fn say(
    theatre: &Theatre,
    who: Who,
    lines: u64,
    window: Option<usize>,
) -> anyhow::Result<Heard> {
    let mut events = theatre.events().await?;
    ensure!(
        round_trip(&theatre.nats.nats()).await,
        "NATS does not answer"
    );
    let channels = theatre.handles()?;
    let before = match who {
        Who::Ours => theatre.stored().await?,
        Who::Original => 0,
    };
    let room = Semaphore::new(window.unwrap_or(usize::try_from(lines)?));
    let count = channels.len() as u64;
    let texts: Vec<Value> = (0..lines)
        .map(|number| line((number / count).to_string()))
        .collect();
    let started = Instant::now();
    let sending = async {
        for (number, payload) in texts.into_iter().enumerate() {
            // Closed when nothing more is listened to.
            let Ok(place) = room.acquire().await else {
                break;
            };
            place.forget();
            emit(&channels[number % channels.len()], payload).await?;
        }
        anyhow::Ok(())
    };
    let hearing = async {
        let mut numbers: BTreeMap<String, Numbers> = BTreeMap::new();
        let (mut heard, mut took) = (0, Duration::ZERO);
        while heard < lines {
            let Some((subject, text)) = next_line(&mut events, who).await? else {
                break;
            };
            // What was said to warm up may come late.
            let Ok(number) = text.parse() else {
                continue;
            };
            let is_new = numbers.entry(subject).or_default().take(who, number)?;
            heard += u64::from(is_new);
            took = started.elapsed();
            room.add_permits(usize::from(is_new));
        }
        room.close();
        let late = numbers.values().map(|numbers| numbers.late).sum();
        anyhow::Ok((heard, late, took))
    };
    let ((), (heard, late, mut took)) = tokio::try_join!(sending, hearing)?;
    if who == Who::Ours {
        while theatre.stored().await? < before + lines {
            ensure!(started.elapsed() < PATIENCE, "the stream has not all lines");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        took = started.elapsed();
    }
    Ok(Heard {
        said: lines,
        heard,
        late,
        took,
    })
}

/// The subject and text of the next chat line; `None` when the original says nothing more.
async fn next_line(
    events: &mut (impl Stream<Item = async_nats::Message> + Unpin),
    who: Who,
) -> anyhow::Result<Option<(String, String)>> {
    let patience = match who {
        Who::Ours => PATIENCE,
        Who::Original => SILENCE,
    };
    loop {
        let message = match (timeout(patience, events.next()).await, who) {
            (Ok(message), _) => message.context("the subscription ended")?,
            (Err(_), Who::Original) => return Ok(None),
            (Err(silence), Who::Ours) => return Err(silence).context("ours publishes no more"),
        };
        if let Some(text) = text_of(&message) {
            return Ok(Some((message.subject.to_string(), text)));
        }
    }
}

/// How long lines were on their way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Delays {
    pub(crate) said: usize,
    /// In milliseconds, sorted.
    millis: Vec<f64>,
}

impl Delays {
    /// The delay that this part of the lines heard does not exceed.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.millis.len().saturating_sub(1);
        let place = (last as f64 * part).round() as usize;
        self.millis.get(place).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn heard(&self) -> usize {
        self.millis.len()
    }

    /// Those of another time too.
    pub(crate) fn add(&mut self, other: &Self) {
        self.said += other.said;
        self.millis.extend(&other.millis);
        self.millis.sort_by(f64::total_cmp);
    }
}

/// Messages to ourselves through nats-server, one after the other: what a line cannot be faster than.
pub(crate) async fn trips(nats: &Client, time: Duration) -> anyhow::Result<Delays> {
    let begin = Instant::now();
    let mut turns = tokio::time::interval(Duration::from_millis(10));
    let mut millis = Vec::new();
    while begin.elapsed() < time {
        turns.tick().await;
        let sent = Instant::now();
        ensure!(round_trip(&nats.nats()).await, "NATS does not answer");
        millis.push(sent.elapsed().as_secs_f64() * 1000.0);
    }
    millis.sort_by(f64::total_cmp);
    Ok(Delays {
        said: millis.len(),
        millis,
    })
}

/// Says so many lines a second for a while; each has the time in it at which it was said.
pub(crate) async fn delays(
    mut events: impl Stream<Item = async_nats::Message> + Unpin,
    who: Who,
    per_second: u32,
    time: Duration,
    say: impl AsyncFn(usize, String) -> anyhow::Result<()>,
) -> anyhow::Result<Delays> {
    let count = (f64::from(per_second) * time.as_secs_f64()) as usize;
    let begin = Instant::now();
    let sending = async {
        let mut turns = tokio::time::interval(Duration::from_secs(1) / per_second);
        for number in 0..count {
            turns.tick().await;
            say(number, begin.elapsed().as_nanos().to_string()).await?;
        }
        anyhow::Ok(())
    };
    let hearing = async {
        let mut millis = Vec::with_capacity(count);
        while millis.len() < count {
            let Some((_, text)) = next_line(&mut events, who).await? else {
                break;
            };
            let now = begin.elapsed();
            // What was said to warm up may come late.
            let Ok(said) = text.parse() else {
                continue;
            };
            millis.push(now.saturating_sub(Duration::from_nanos(said)).as_secs_f64() * 1000.0);
        }
        millis.sort_by(f64::total_cmp);
        anyhow::Ok(millis)
    };
    let ((), millis) = tokio::try_join!(sending, hearing)?;
    Ok(Delays {
        said: count,
        millis,
    })
}

/// As [`delays`], in the first channel.
pub(crate) async fn delays_of(
    theatre: &Theatre,
    who: Who,
    per_second: u32,
    time: Duration,
) -> anyhow::Result<Delays> {
    let events = theatre.events().await?;
    ensure!(
        round_trip(&theatre.nats.nats()).await,
        "NATS does not answer"
    );
    let channels = theatre.handles()?;
    let say = async |_, text| emit(&channels[0], line(text)).await;
    delays(events, who, per_second, time, say).await
}

/// From a publisher to a subscriber, without a robot.
pub(crate) async fn raw_delays(
    theatre: &Theatre,
    per_second: u32,
    time: Duration,
) -> anyhow::Result<Delays> {
    let nats = theatre.nats.nats();
    let events: Subscriber = nats.subscribe("raw.line").await?;
    ensure!(round_trip(&nats).await, "NATS does not answer");
    let say = async |_, text| {
        let body = json!({"event_name": MARK, "payload": line(text)}).to_string();
        Ok(nats.publish("raw.line", body.into()).await?)
    };
    delays(events, Who::Ours, per_second, time, say).await
}

/// Has a channel send a chat line to its clients.
pub(crate) async fn emit(channel: &ChannelHandle, payload: Value) -> anyhow::Result<()> {
    let emit = Operation::Emit {
        event: MARK.to_owned(),
        payload: Some(payload),
        times: None,
    };
    channel.run(emit).await?;
    Ok(())
}

/// A chat line as CyTube sends it.
pub(crate) fn line(text: String) -> Value {
    let time = jiff::Timestamp::now().as_millisecond();
    json!({"username": "alice", "msg": text, "meta": {}, "time": time})
}

/// The text of a chat line, from the message that a robot has published.
pub(crate) fn text_of(message: &async_nats::Message) -> Option<String> {
    let mut event: Value = serde_json::from_slice(&message.payload).ok()?;
    if event["event_name"] != MARK {
        return None;
    }
    match event["payload"]["msg"].take() {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_must_be_in_order_and_of_the_original_it_is_told() {
        let mut numbers = Numbers::default();
        assert!(numbers.take(Who::Ours, 0).unwrap());
        assert!(numbers.take(Who::Ours, 0).is_err());
        assert!(numbers.take(Who::Ours, 2).is_err());
        let mut numbers = Numbers::default();
        let taken = [0, 5, 3, 5].map(|number| numbers.take(Who::Original, number).unwrap());
        assert_eq!((taken, numbers.late), ([true, true, true, false], 1));
    }

    #[test]
    fn delays_of_two_times_are_taken_together() {
        let of = |millis: &[f64]| Delays {
            said: 3,
            millis: millis.to_vec(),
        };
        let mut all = of(&[1.0, 5.0]);
        all.add(&of(&[2.0, 3.0, 4.0]));
        assert_eq!((all.said, all.heard()), (6, 5));
        assert_eq!((all.quantile(0.5), all.quantile(1.0)), (3.0, 5.0));
        assert!(Delays::default().quantile(0.5).is_nan());
    }
}
