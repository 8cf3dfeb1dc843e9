//! How far a reader of events is, told by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// No event yet.
const NEVER: i64 = i64::MIN;

/// How far a reader of events is; cheap to clone, so that the reader keeps one and the pages another.
///
/// ```
/// use kryten_client::http::Reading;
///
/// let reading = Reading::default().lag_at_most(1_000);
/// // In the reader's loop, with each event:
/// reading.event();
/// reading.set_lag(3);
/// ```
#[derive(Debug, Clone)]
pub struct Reading {
    told: Arc<Told>,
    lag_limit: Option<u64>,
    age_limit: Option<Duration>,
}

#[derive(Debug)]
struct Told {
    lag: AtomicU64,
    last_event_micros: AtomicI64,
}

impl Default for Reading {
    /// Without limits: it is shown and decides nothing.
    fn default() -> Self {
        Self {
            told: Arc::new(Told {
                lag: AtomicU64::new(0),
                last_event_micros: AtomicI64::new(NEVER),
            }),
            lag_limit: None,
            age_limit: None,
        }
    }
}

impl Reading {
    /// The service does not work while more events than this wait.
    #[must_use]
    pub fn lag_at_most(mut self, events: u64) -> Self {
        self.lag_limit = Some(events);
        self
    }

    /// The service does not work when the last event is older than this, for channels that are never silent so long.
    #[must_use]
    pub fn age_at_most(mut self, age: Duration) -> Self {
        self.age_limit = Some(age);
        self
    }

    /// An event came now.
    pub fn event(&self) {
        self.event_at(Timestamp::now());
    }

    /// An event came that happened then; an earlier one than the last changes nothing.
    pub fn event_at(&self, time: Timestamp) {
        let last = &self.told.last_event_micros;
        last.fetch_max(time.as_microsecond(), Ordering::Relaxed);
    }

    /// So many events wait.
    pub fn set_lag(&self, events: u64) {
        self.told.lag.store(events, Ordering::Relaxed);
    }

    pub(super) fn view(&self) -> ReadingView {
        let last = self.told.last_event_micros.load(Ordering::Relaxed);
        let age = Timestamp::now().as_microsecond().saturating_sub(last);
        ReadingView {
            lag: self.told.lag.load(Ordering::Relaxed),
            // A clock that was set back makes no negative age.
            age: (last != NEVER).then(|| Duration::from_micros(age.max(0).unsigned_abs())),
            lag_limit: self.lag_limit,
            age_limit: self.age_limit,
        }
    }
}

/// What a reader has told, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ReadingView {
    pub(super) lag: u64,
    pub(super) age: Option<Duration>,
    pub(super) lag_limit: Option<u64>,
    pub(super) age_limit: Option<Duration>,
}

impl ReadingView {
    /// What is beyond a limit, in a sentence.
    pub(super) fn problem(&self, name: &str) -> Option<String> {
        if let Some(limit) = self.lag_limit.filter(|limit| self.lag > *limit) {
            return Some(format!(
                "{name} is {} events behind; {limit} may wait",
                self.lag
            ));
        }
        match (self.age, self.age_limit) {
            (Some(age), Some(limit)) if age > limit => Some(format!(
                "{name} has had no event for {} s; {} s may pass",
                age.as_secs(),
                limit.as_secs()
            )),
            _ => None,
        }
    }
}
