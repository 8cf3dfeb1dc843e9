use proptest::prelude::*;

use super::*;

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn entry(id: u64, lane: Lane, gate: Gate, expires: u64) -> Entry<()> {
    Entry {
        id,
        lane,
        gate,
        expires: at(expires),
        frame: (),
    }
}

fn chat(id: u64) -> Entry<()> {
    entry(id, Lane::Chat, Gate::Chat, u64::MAX / 2_000_000)
}

#[test]
fn a_kick_overtakes_chat_and_chat_keeps_its_order() {
    let mut pace = Pace::default();
    for id in 0..3 {
        pace.push(chat(id)).unwrap();
    }
    pace.push(entry(9, Lane::Moderation, Gate::Chat, 10_000))
        .unwrap();
    let order: Vec<u64> = std::iter::from_fn(|| pace.take(at(0)))
        .map(|entry| entry.id)
        .collect();
    assert_eq!(order, [9, 0, 1, 2]);
}

#[test]
fn a_flood_of_chat_delays_neither_videos_nor_is_it_without_bound() {
    let mut pace = Pace::default();
    let taken = (0..1000).filter(|id| pace.push(chat(*id)).is_ok()).count();
    assert_eq!(taken, CHAT_CAPACITY);
    pace.push(entry(5000, Lane::Playlist, Gate::Queue, 10_000))
        .unwrap();
    let first = pace.take(at(0)).unwrap();
    assert_eq!(first.id, 5000);
    let burst = std::iter::from_fn(|| pace.take(at(0))).count();
    assert_eq!(burst, 20);
    assert_eq!(
        pace.push(entry(5001, Lane::Moderation, Gate::Chat, 10_000)),
        Ok(())
    );
    let due = pace.next_due().unwrap();
    assert!(due > at(100) && due < at(200), "{due:?}");
    assert_eq!(pace.take(due).unwrap().id, 5001);
}

#[test]
fn what_is_too_old_is_given_back_and_not_sent() {
    let mut pace = Pace::default();
    pace.push(entry(1, Lane::Chat, Gate::Chat, 1000)).unwrap();
    pace.push(entry(2, Lane::Chat, Gate::Chat, 3000)).unwrap();
    pace.hold(Gate::Chat, at(2000));
    assert!(pace.take(at(500)).is_none());
    assert_eq!(pace.next_due(), Some(at(1000)));
    assert!(pace.take(at(2500)).is_some_and(|entry| entry.id == 2));
    let expired: Vec<u64> = pace
        .expire(at(2500))
        .into_iter()
        .map(|entry| entry.id)
        .collect();
    assert_eq!(expired, [1]);
    assert!(pace.is_empty() && pace.next_due().is_none());
}

/// CyTube's rule, written anew from what it does.
struct Cytube {
    burst: u32,
    interval: u64,
    silence: u64,
    count: u32,
    last: Option<u64>,
}

impl Cytube {
    fn takes(&mut self, now: u64) -> bool {
        let quiet = self.last.is_none_or(|last| now > last + self.silence);
        if quiet {
            self.count = 1;
        } else if self.count < self.burst {
            self.count += 1;
        } else if self.last.is_some_and(|last| now - last < self.interval) {
            return false;
        }
        self.last = Some(now);
        true
    }
}

/// A bucket of tokens, as other servers have it.
struct Bucket {
    tokens: f64,
    at: u64,
}

impl Bucket {
    fn takes(&mut self, burst: f64, per_second: f64, now: u64) -> bool {
        self.tokens = (self.tokens + (now - self.at) as f64 / 1000.0 * per_second).min(burst);
        self.at = now;
        self.tokens -= 1.0;
        self.tokens >= -1e-9
    }
}

proptest! {
    #[test]
    fn cytube_never_drops_what_the_queue_lets_go(
        arrivals in prop::collection::vec((0_u64..400, 0..3_usize, 200_u64..4000), 1..200),
        rank in prop::sample::select(vec![0.0, 1.5, 2.0, 3.0]),
        jitter in prop::collection::vec(0_u64..15, 200),
    ) {
        let (queue_burst, queue_rate) = if rank >= 2.0 { (10, 2.0) } else { (3, 1.0) };
        let mut pace = Pace::default();
        pace.set_limits(Limits::for_rank(rank, None));
        let mut now = 0;
        let mut sent: Vec<(u64, Entry<u64>)> = Vec::new();
        let mut expired = 0;
        let mut pushed = 0;
        let mut run = |pace: &mut Pace<u64>, until: u64, now: &mut u64| {
            while let Some(due) = pace.next_due().map(|due| u64::try_from(due.as_micros().div_ceil(1000)).unwrap()) {
                if due > until { break; }
                *now = due.max(*now);
                expired += pace.expire(at(*now)).len();
                while let Some(entry) = pace.take(at(*now)) {
                    sent.push((*now, entry));
                }
            }
            *now = until.max(*now);
        };
        for (id, (gap, lane, life)) in arrivals.iter().enumerate() {
            let arrival = now + gap;
            run(&mut pace, arrival, &mut now);
            let (lane, gate) = [
                (Lane::Moderation, Gate::Chat), (Lane::Playlist, Gate::Queue), (Lane::Chat, Gate::Chat),
            ][*lane];
            let entry = Entry { id: id as u64, lane, gate, expires: at(now + life), frame: now };
            pushed += usize::from(pace.push(entry).is_ok());
        }
        run(&mut pace, now + 100_000, &mut now);
        prop_assert!(pace.is_empty());
        prop_assert_eq!(sent.len() + expired, pushed, "each is sent or given back, once");
        for (gate, burst, rate) in [(Gate::Chat, 20, 10.0), (Gate::Queue, queue_burst, queue_rate)] {
            let mut cytube = Cytube {
                burst, interval: (1000.0 / rate) as u64, silence: (1000.0 * f64::from(burst) / rate) as u64,
                count: 0, last: None,
            };
            let mut bucket = Bucket { tokens: f64::from(burst), at: 0 };
            let mut reached = 0;
            for (index, (when, entry)) in sent.iter().enumerate().filter(|(_, (_, entry))| entry.gate == gate) {
                prop_assert!(at(*when) < entry.expires, "nothing goes too late");
                // Frames arrive in their order, each a little later than it was sent.
                reached = reached.max(when + jitter[index % jitter.len()]);
                prop_assert!(cytube.takes(reached), "CyTube drops {:?}", entry.id);
                prop_assert!(bucket.takes(f64::from(burst), rate, reached));
            }
        }
        for lane in [Lane::Moderation, Lane::Playlist, Lane::Chat] {
            let ids: Vec<u64> = sent.iter().filter(|(_, entry)| entry.lane == lane).map(|(_, entry)| entry.id).collect();
            prop_assert!(ids.is_sorted(), "the order within a lane stays");
        }
    }
}
