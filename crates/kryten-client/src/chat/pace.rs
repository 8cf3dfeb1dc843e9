//! When the next line may go.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::ChatLimits;

/// A bucket of tokens, one per line, that refills with time. Pure: the caller has clock and chance.
#[derive(Debug, Clone, Default)]
pub struct Slots {
    /// When the bucket is full again.
    full_at: Duration,
}

impl Slots {
    /// How long to wait for the next slot.
    pub fn wait(&self, limits: &ChatLimits, now: Duration) -> Duration {
        let spare = limits.min_delay.saturating_mul(limits.burst.max(1) - 1);
        self.full_at.saturating_sub(spare).saturating_sub(now)
    }

    /// Takes a slot; `chance` between 0 and 1 is the part of the jitter that is added.
    pub fn take(&mut self, limits: &ChatLimits, now: Duration, chance: f64) {
        let jitter = limits.jitter.mul_f64(chance.clamp(0.0, 1.0));
        self.full_at = self.full_at.max(now) + limits.min_delay + jitter;
    }
}

/// Lets callers go one by one, in the order in which they came, at the pace of [`ChatLimits`].
///
/// The first goes at once. Who gives up waiting takes nothing.
#[derive(Debug)]
pub struct ChatPace {
    limits: ChatLimits,
    started: Instant,
    slots: Mutex<Slots>,
}

impl ChatPace {
    /// A full bucket.
    pub fn new(limits: ChatLimits) -> Self {
        Self {
            limits,
            started: Instant::now(),
            slots: Mutex::default(),
        }
    }

    /// The limits.
    pub fn limits(&self) -> &ChatLimits {
        &self.limits
    }

    /// Returns when the caller may send one line.
    pub async fn next(&self) {
        // Held while waiting: the lock hands itself on in the order in which it was asked for.
        let mut slots = self.slots.lock().await;
        loop {
            let wait = slots.wait(&self.limits, self.started.elapsed());
            if wait.is_zero() {
                break;
            }
            tokio::time::sleep(wait).await;
        }
        slots.take(&self.limits, self.started.elapsed(), rand::random());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn limits(burst: u32) -> ChatLimits {
        ChatLimits {
            min_delay: 100 * MILLI,
            jitter: 50 * MILLI,
            burst,
            ..ChatLimits::default()
        }
    }

    /// When each of so many lines goes that are all asked for at the start.
    fn times(limits: &ChatLimits, count: usize, chance: f64) -> Vec<u128> {
        let (mut slots, mut now) = (Slots::default(), Duration::ZERO);
        let line = |_| {
            now += slots.wait(limits, now);
            slots.take(limits, now, chance);
            now.as_millis()
        };
        (0..count).map(line).collect()
    }

    #[test]
    fn the_first_line_goes_at_once_and_the_others_at_the_pace() {
        assert_eq!(times(&limits(1), 4, 0.0), [0, 100, 200, 300]);
        assert_eq!(times(&limits(1), 4, 1.0), [0, 150, 300, 450]);
        assert_eq!(times(&limits(0), 2, 0.0), [0, 100]);
    }

    #[test]
    fn after_a_pause_a_burst_goes_at_once() {
        assert_eq!(times(&limits(3), 5, 0.0), [0, 0, 0, 100, 200]);
        let limits = limits(3);
        let mut slots = Slots::default();
        for _ in 0..3 {
            slots.take(&limits, Duration::ZERO, 0.0);
        }
        let after_a_pause = 10_000 * MILLI;
        for _ in 0..3 {
            assert_eq!(slots.wait(&limits, after_a_pause), Duration::ZERO);
            slots.take(&limits, after_a_pause, 0.0);
        }
        assert_eq!(slots.wait(&limits, after_a_pause), 100 * MILLI);
    }

    #[tokio::test]
    async fn callers_go_in_order_and_who_gives_up_takes_nothing() {
        let pace = ChatPace::new(ChatLimits {
            min_delay: Duration::from_secs(3600),
            jitter: Duration::ZERO,
            burst: 2,
            ..ChatLimits::default()
        });
        // A full bucket does not wait, an empty one does.
        pace.next().await;
        pace.next().await;
        let full_at = pace.slots.lock().await.full_at;
        assert!(tokio::time::timeout(MILLI, pace.next()).await.is_err());
        assert_eq!(pace.slots.lock().await.full_at, full_at);

        let pace = ChatPace::new(ChatLimits {
            jitter: Duration::ZERO,
            ..limits(1)
        });
        let turn = |number: usize| {
            let pace = &pace;
            async move {
                pace.next().await;
                (number, Instant::now())
            }
        };
        let start = Instant::now();
        let turns = futures_util::future::join_all([turn(0), turn(1), turn(2)]).await;
        for (number, at) in turns {
            let earliest = limits(1).min_delay * u32::try_from(number).unwrap();
            assert!(at - start >= earliest, "{number}: {:?}", at - start);
        }
    }

    #[test]
    fn the_limits_are_read_from_the_originals_configuration() {
        let read = |text: &str| serde_json::from_str::<ChatLimits>(text);
        assert_eq!(read("{}").unwrap(), ChatLimits::default());
        let limits = read(r#"{"nats": {}, "chat_min_delay": 2, "chat_jitter": 0.25}"#).unwrap();
        assert_eq!(limits.min_delay + limits.jitter, 2250 * MILLI);
        assert!(read(r#"{"chat_min_delay": -1}"#).is_err());
        assert!(read(r#"{"chat_min_delay": 1e300}"#).is_err());
    }
}
