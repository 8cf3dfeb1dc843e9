//! Pulls messages from a consumer, with the next request on its way before the last one is used up.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use tokio::time::Instant;

use super::api::ApiError;
use super::consumer::{Consumer, Wanted};
use super::stored::Stored;
use crate::connection::{Client, Life, REQUEST_TIMEOUT};

/// Messages asked for in one request.
const BATCH: u64 = 2_000;
/// The server ends a request after this; we then send another.
const EXPIRES: Duration = Duration::from_secs(30);
/// The same where all that waits is read once through. One request is open at a time, and with [`MARGIN`] it brings half
/// of the 65,536 messages that a subscription holds: what comes beyond these is lost. Half as many were a little slower.
const PASS_BATCH: u64 = 32_000;
/// Messages asked for in the last request of a pass beyond those that are known to wait, so that a pass seldom needs one
/// more where others write meanwhile.
const MARGIN: u64 = 1_000;
/// How long the server looks again before we believe that nothing is there.
const SECOND_LOOK: Duration = Duration::from_millis(20);
/// How long a request that does not wait may bring nothing at the most: one large message over a slow link takes its
/// time. At first it is less, since the consumer may be on a server that has just died.
const NO_WAIT_LIMIT: Duration = Duration::from_secs(20);
/// Bytes asked for in one request, unless a single message may be larger.
const BATCH_BYTES: usize = 16 * 1024 * 1024;
/// The least that is asked for where larger requests broke the connection.
const LEAST_BYTES: usize = 256 * 1024;

/// What came from the consumer.
#[derive(Debug)]
pub(crate) enum Pulled {
    /// The next message.
    Message(Received),
    /// Nothing more is there now; only told where the puller was made so.
    NothingNow,
    /// The consumer is gone, or a message was lost on the way: another consumer is needed.
    Broken,
}

/// A message and its place with the consumer.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) stored: Stored,
    /// How many more wait after it.
    pub(crate) pending: u64,
}

/// Whether the server keeps a request when nothing is there.
///
/// Its count of what waits leaves out for a moment messages that have just replaced others, and by that count it
/// answers `404` at once. Where a request has brought something before it ends so, all that was there has been served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Wait,
    NoWait,
}

#[derive(Debug)]
struct Open {
    id: u64,
    asked: u64,
    left: u64,
    /// How long nothing may come of it.
    patience: Duration,
    /// When that is over, counted from what came last.
    until: Instant,
}

impl Open {
    fn new(id: u64, asked: u64, patience: Duration, now: Instant) -> Self {
        Self {
            id,
            asked,
            left: asked,
            patience,
            until: now + patience,
        }
    }

    /// A message of it has come; on a slow link the next one may take as long again.
    fn bring(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.until = now + self.patience;
    }
}

#[derive(Debug)]
pub(crate) struct Puller {
    client: Client,
    /// The connection on which everything was asked; what was on its way when it is lost never comes.
    life: Life,
    consumer: Consumer,
    subscriber: Subscriber,
    inbox: String,
    patience: Patience,
    requests: VecDeque<Open>,
    next_request: u64,
    delivered: u64,
    waiting_at_start: u64,
    /// The message of the stream after which the consumer begins.
    begins_behind: u64,
    /// Whether the server said that nothing is there where something should be.
    is_doubtful: bool,
    // A message larger than a request's bytes would never come.
    ask_for_one: bool,
    /// How long a request that does not wait may bring nothing.
    no_wait_limit: Duration,
    batch_bytes: usize,
}

#[derive(Serialize)]
struct NextRequest {
    batch: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    no_wait: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
}

impl Puller {
    /// Creates a consumer and gets ready to pull; also says how many messages wait.
    pub(crate) async fn start(
        client: &Client,
        wanted: &Wanted,
        patience: Patience,
    ) -> Result<(Self, u64), ApiError> {
        let life = tokio::time::timeout(REQUEST_TIMEOUT, client.life()).await;
        let life = life.map_err(|_| ApiError::Away)?;
        let inbox = client.nats().new_inbox();
        let subscriber = client.nats().subscribe(format!("{inbox}.*")).await;
        let subscriber = subscriber.map_err(|_| ApiError::Away)?;
        let (consumer, info) = Consumer::create(client, wanted).await?;
        let pending = info.num_pending;
        let puller = Self {
            client: client.clone(),
            life,
            consumer,
            subscriber,
            inbox,
            patience,
            requests: VecDeque::new(),
            next_request: 0,
            delivered: 0,
            waiting_at_start: pending,
            begins_behind: info.delivered.stream_seq,
            is_doubtful: false,
            ask_for_one: false,
            no_wait_limit: REQUEST_TIMEOUT,
            batch_bytes: BATCH_BYTES.max(client.max_payload().saturating_mul(2)),
        };
        Ok((puller, pending))
    }

    /// The next message. Cancel safe.
    pub(crate) async fn next(&mut self) -> Pulled {
        loop {
            // In a long pass most messages are here already, and each would cost a timer.
            if let Some(pulled) = self.next_ready().await {
                return pulled;
            }
            // What came last may have ended the only one, with more to ask for.
            let Some(until) = self.requests.front().map(|open| open.until) else {
                continue;
            };
            let came = tokio::select! {
                biased;
                came = tokio::time::timeout_at(until, self.subscriber.next()) => came,
                () = self.life.ended() => return Pulled::Broken,
            };
            match came {
                Ok(Some(message)) => {
                    if let Some(pulled) = self.take(message) {
                        return pulled;
                    }
                }
                Ok(None) => return self.end().await,
                // The server should have ended it; its word was lost.
                Err(_) => {
                    self.requests.pop_front();
                    if self.patience == Patience::NoWait {
                        return Pulled::Broken;
                    }
                }
            }
        }
    }

    /// A message that is here already.
    pub(crate) async fn next_ready(&mut self) -> Option<Pulled> {
        if let Err(broken) = self.ask().await {
            return Some(broken);
        }
        loop {
            match self.subscriber.next().now_or_never()? {
                Some(message) => {
                    if let Some(pulled) = self.take(message) {
                        return Some(pulled);
                    }
                }
                None => return Some(self.end().await),
            }
        }
    }

    /// The library lets go of the subscription of a connection that died a moment before it says so.
    async fn end(&mut self) -> Pulled {
        self.life.word_of_death().await;
        Pulled::Broken
    }

    /// A message that came before the connection was lost.
    pub(crate) fn take_rest(&mut self) -> Option<Received> {
        while let Some(Some(message)) = self.subscriber.next().now_or_never() {
            match self.take(message) {
                Some(Pulled::Message(received)) => return Some(received),
                Some(_) => return None,
                None => {}
            }
        }
        None
    }

    /// From now on waits for what comes.
    pub(crate) fn wait(&mut self) {
        self.patience = Patience::Wait;
    }

    /// Waits twice as long, and asks for a quarter of the bytes, for each time that this was tried in vain. The server
    /// ends a connection over which it cannot write within some ten seconds what a request asked for.
    pub(crate) fn be_patient(&mut self, losses: u32) {
        let bytes = BATCH_BYTES.checked_shr(losses.saturating_mul(2));
        if losses > 0 {
            self.batch_bytes = bytes.unwrap_or_default().max(LEAST_BYTES);
            self.no_wait_limit = (REQUEST_TIMEOUT * (1 << losses.min(4))).min(NO_WAIT_LIMIT);
        }
    }

    /// Whether it waits for what comes.
    pub(crate) fn waits(&self) -> bool {
        self.patience == Patience::Wait
    }

    /// The message of the stream after which it began.
    pub(crate) fn begins_behind(&self) -> u64 {
        self.begins_behind
    }

    pub(crate) fn consumer(&self) -> &Consumer {
        &self.consumer
    }

    /// How many messages came so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Stops, and removes the consumer from the server.
    pub(crate) async fn close(mut self) {
        let _ = self.subscriber.unsubscribe().await;
        self.consumer.remove().await;
    }

    /// Sends a request where what is asked for runs out.
    async fn ask(&mut self) -> Result<(), Pulled> {
        let left: u64 = self.requests.iter().map(|open| open.left).sum();
        let no_wait = self.patience == Patience::NoWait;
        // Beside an open request one that does not wait may be refused, where the count of what waits is too low for a
        // moment.
        let one_at_a_time = self.ask_for_one || no_wait;
        if !self.requests.is_empty() && (one_at_a_time || left >= BATCH) {
            return Ok(());
        }
        let batch = match self.ask_for_one {
            true => 1,
            false if no_wait => batch_of_pass(self.waiting_at_start, self.delivered),
            false => BATCH,
        };
        let second_look = self.is_doubtful.then_some(SECOND_LOOK);
        let (expires, patience) = if no_wait {
            let look = second_look.and_then(|look| u64::try_from(look.as_nanos()).ok());
            (look, self.no_wait_limit)
        } else {
            (
                u64::try_from(EXPIRES.as_nanos()).ok(),
                EXPIRES + Duration::from_secs(3),
            )
        };
        let request = NextRequest {
            batch,
            expires,
            no_wait,
            max_bytes: (!self.ask_for_one).then_some(self.batch_bytes),
        };
        let id = self.next_request;
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let nats = self.client.nats();
        let sent = nats.publish_with_reply(
            self.consumer.next_subject(),
            format!("{}.{id}", self.inbox),
            body.into(),
        );
        sent.await.map_err(|_| Pulled::Broken)?;
        self.next_request += 1;
        self.ask_for_one = false;
        let open = Open::new(id, batch, patience, Instant::now());
        self.requests.push_back(open);
        Ok(())
    }

    /// Makes sense of what came to the inbox.
    fn take(&mut self, message: Message) -> Option<Pulled> {
        // What the server says of a request comes to our inbox; a message keeps its subject, and may have been stored
        // with a status of its own.
        let said = message.subject.as_str().strip_prefix(self.inbox.as_str());
        let id: Option<u64> = said.and_then(|said| said.strip_prefix('.')?.parse().ok());
        let message = match (said, message.status) {
            (Some(_), Some(status)) if status != StatusCode::OK => {
                return self.take_status(id, status, message.description.as_deref());
            }
            _ => message,
        };
        let place = message
            .reply
            .as_ref()
            .and_then(|reply| place_of(reply.as_str()));
        let Some(place) = place else {
            return Some(Pulled::Broken);
        };
        if place.consumer_sequence != self.delivered + 1 {
            return Some(Pulled::Broken);
        }
        self.delivered += 1;
        self.is_doubtful = false;
        // Requests are served one after the other, so the message belongs to the oldest.
        if let Some(open) = self.requests.front_mut() {
            open.bring(Instant::now());
            if open.left == 0 {
                self.requests.pop_front();
            }
        }
        Some(Pulled::Message(Received {
            stored: Stored {
                sequence: place.stream_sequence,
                subject: message.subject.into_string(),
                headers: message.headers.unwrap_or_default(),
                body: message.payload,
                time_nanos: place.time_nanos,
            },
            pending: place.pending,
        }))
    }

    fn take_status(
        &mut self,
        id: Option<u64>,
        status: StatusCode,
        description: Option<&str>,
    ) -> Option<Pulled> {
        let description = description.unwrap_or_default();
        let request = self.requests.iter().position(|open| Some(open.id) == id);
        let request = request.and_then(|place| self.requests.remove(place));
        let has_brought = request.is_some_and(|open| open.left < open.asked);
        match status.as_u16() {
            408 if self.patience == Patience::NoWait => Some(Pulled::NothingNow),
            404 if self.patience == Patience::NoWait => {
                let is_empty = self.waiting_at_start + self.delivered == 0;
                let is_sure = has_brought || is_empty || self.is_doubtful;
                self.is_doubtful = true;
                is_sure.then_some(Pulled::NothingNow)
            }
            // The request ran its time.
            404 | 408 => None,
            409 if description.contains("MaxBytes") => {
                self.ask_for_one = true;
                None
            }
            409 if description == "Batch Completed" => None,
            100 => None,
            _ => {
                tracing::debug!(%status, description, "the consumer is gone");
                Some(Pulled::Broken)
            }
        }
    }
}

/// How many to ask for where all that waits is read, and so many of it have come. The last request always brings
/// something: one that brings nothing may have come too early, and costs a second look.
fn batch_of_pass(waiting: u64, delivered: u64) -> u64 {
    match waiting.saturating_sub(delivered) {
        rest @ ..=PASS_BATCH => rest + MARGIN,
        _ => PASS_BATCH,
    }
}

/// What the reply subject of a delivered message says.
#[derive(Debug, PartialEq, Eq)]
struct DeliveryPlace {
    stream_sequence: u64,
    consumer_sequence: u64,
    time_nanos: i128,
    pending: u64,
}

/// Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or the longer form
/// with domain and account before the stream (NATS ADR-15).
fn place_of(reply: &str) -> Option<DeliveryPlace> {
    let place = reply.strip_prefix("$JS.ACK.")?;
    let before = match place.bytes().filter(|byte| *byte == b'.').count() {
        6 => 3,
        8.. => 5,
        _ => return None,
    };
    let mut numbers = place.split('.').skip(before);
    Some(DeliveryPlace {
        stream_sequence: numbers.next()?.parse().ok()?,
        consumer_sequence: numbers.next()?.parse().ok()?,
        time_nanos: numbers.next()?.parse::<i64>().ok()?.into(),
        pending: numbers.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_request_of_a_pass_brings_something_and_asks_for_more_than_waits() {
        for waiting in [
            1,
            PASS_BATCH - 1,
            PASS_BATCH,
            PASS_BATCH + 1,
            3 * PASS_BATCH,
            100_000,
        ] {
            let mut asked = 0;
            let mut before = 0;
            while asked <= waiting {
                before = asked;
                let batch = batch_of_pass(waiting, asked);
                assert!(batch <= PASS_BATCH + MARGIN);
                asked += batch;
            }
            assert!(before < waiting, "{waiting}: the last one brings nothing");
            assert_eq!(asked, waiting + MARGIN);
        }
    }

    #[test]
    fn a_request_has_its_time_anew_with_each_message_that_it_brings() {
        let start = Instant::now();
        let mut open = Open::new(1, 3, REQUEST_TIMEOUT, start);
        assert_eq!(open.until, start + REQUEST_TIMEOUT);
        let later = start + REQUEST_TIMEOUT / 2;
        open.bring(later);
        assert_eq!((open.left, open.until), (2, later + REQUEST_TIMEOUT));
    }

    #[test]
    fn both_forms_of_a_delivery_place_are_read() {
        let place = DeliveryPlace {
            stream_sequence: 17,
            consumer_sequence: 3,
            time_nanos: 1_795_364_422_994_000_123,
            pending: 5,
        };
        let short = "$JS.ACK.KRYTEN_EVENTS.c.1.17.3.1795364422994000123.5";
        let long = "$JS.ACK.hub.ACCOUNT.KRYTEN_EVENTS.c.1.17.3.1795364422994000123.5.random";
        assert_eq!(place_of(short).as_ref(), Some(&place));
        assert_eq!(place_of(long), Some(place));
        assert_eq!(place_of("_INBOX.1.2"), None);
        assert_eq!(place_of("$JS.ACK.S.c.1.x.3.4.5"), None);
    }
}
