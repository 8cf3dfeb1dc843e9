//! A value that costs much to read: read by one at a time, and kept for a while.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Kept so many times as long as reading took: what is read at once is always new, and the database is busy with it for
/// a tenth of the time at most.
const TIMES: u32 = 10;
/// Two scrapes of Prometheus, mostly.
const LONGEST_KEPT: Duration = Duration::from_secs(30);
/// A reading that takes longer has met a database that does not answer.
const LONGEST_READING: Duration = Duration::from_secs(60);

/// The value; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Kept<T>(Arc<Mutex<Option<Value<T>>>>);

#[derive(Debug)]
struct Value<T> {
    value: Arc<T>,
    read_at: Instant,
    kept_for: Duration,
}

impl<T> Value<T> {
    /// Whoever asked while it was read did not ask for a newer one.
    fn will_do(&self, asked: Instant) -> bool {
        asked < self.read_at + self.kept_for
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Send + Sync + 'static> Kept<T> {
    /// The value, read where none is kept. `None` where reading fails.
    ///
    /// Who asks may give up: what is being read is read to its end, for whoever asks next.
    pub(super) async fn get(
        &self,
        read: impl Future<Output = Option<T>> + Send + 'static,
    ) -> Option<Arc<T>> {
        let asked = Instant::now();
        let mut slot = Arc::clone(&self.0).lock_owned().await;
        if let Some(kept) = &*slot
            && kept.will_do(asked)
        {
            return Some(Arc::clone(&kept.value));
        }
        let reading = tokio::spawn(async move {
            let began = Instant::now();
            let value = tokio::time::timeout(LONGEST_READING, read).await.ok()??;
            let value = Arc::new(value);
            *slot = Some(Value {
                value: Arc::clone(&value),
                read_at: Instant::now(),
                kept_for: kept_for(began.elapsed()),
            });
            Some(value)
        });
        reading.await.ok().flatten()
    }
}

fn kept_for(reading_took: Duration) -> Duration {
    (reading_took * TIMES).min(LONGEST_KEPT)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// A database that answers when it is let.
    #[derive(Debug)]
    struct Database {
        begun: Semaphore,
        answers: Semaphore,
        times: AtomicU32,
    }

    impl Database {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                begun: Semaphore::new(0),
                answers: Semaphore::new(0),
                times: AtomicU32::new(0),
            })
        }

        /// How often it was read.
        async fn read(self: Arc<Self>) -> Option<u32> {
            let times = self.times.fetch_add(1, Ordering::Relaxed) + 1;
            self.begun.add_permits(1);
            self.answers.acquire().await.unwrap().forget();
            Some(times)
        }

        async fn has_begun(&self) {
            self.begun.acquire().await.unwrap().forget();
        }
    }

    #[tokio::test]
    async fn all_who_ask_while_it_is_read_get_what_is_read_once() {
        let (kept, database) = (Kept::default(), Database::new());
        let all = join_all((0..20).map(|_| kept.get(Arc::clone(&database).read())));
        let answer = async {
            database.has_begun().await;
            database.answers.add_permits(20);
        };
        let (all, ()) = tokio::join!(all, answer);
        assert_eq!(all, vec![Some(Arc::new(1)); 20]);
        assert_eq!(database.times.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_is_read_to_its_end_for_the_next() {
        let (kept, database) = (Kept::default(), Database::new());
        tokio::select! {
            _ = kept.get(Arc::clone(&database).read()) => panic!("it has not answered"),
            () = database.has_begun() => {}
        }
        let next = kept.get(Arc::clone(&database).read());
        let answer = async { database.answers.add_permits(2) };
        let (next, ()) = tokio::join!(next, answer);
        assert_eq!(next, Some(Arc::new(1)));
        assert_eq!(database.times.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let kept = Kept::default();
        assert_eq!(kept.get(async { None }).await, None);
        assert_eq!(kept.get(async { Some(3) }).await, Some(Arc::new(3)));
    }

    #[test]
    fn what_takes_longer_is_kept_longer_up_to_a_limit() {
        let kept = [2, 1000, 20_000].map(|took| kept_for(Duration::from_millis(took)).as_millis());
        assert_eq!(kept, [20, 10_000, 30_000]);
        let read_at = Instant::now();
        let value = Value {
            value: Arc::new(()),
            read_at,
            kept_for: Duration::from_secs(10),
        };
        let asked = [0, 9, 10].map(|second| value.will_do(read_at + Duration::from_secs(second)));
        assert_eq!(asked, [true, true, false]);
    }
}
