//! What is waited for after a frame was sent: the sign of its effect, or CyTube's refusal. Pure: frames and time in,
//! outcomes out.
//!
//! CyTube numbers neither requests nor answers, so an answer is given to the oldest request that it fits. It works
//! through the frames of one client in their order, which makes that right.

mod look;
mod refusal;

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

pub use look::{Look, Said};

/// For how long an answer that came too late is still recognised, so that nobody else takes it for his.
const LATE: Duration = Duration::from_secs(30);

/// What is waited for.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The frame that was sent.
    pub frame: &'static str,
    /// The signs of its effect; one of them is enough.
    pub looks: Vec<Look>,
    /// A name that CyTube's error text would have in it.
    pub subject: Option<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// CyTube did it.
    Done {
        /// The event that shows it.
        event: String,
        /// What came with it.
        payload: Value,
    },
    /// CyTube refused.
    Refused {
        /// Its words, or ours if it had none.
        reason: String,
        /// The event that says so.
        event: String,
        /// What came with it.
        payload: Value,
    },
    /// CyTube said nothing in time.
    Silent,
}

/// Everything that is waited for in one channel.
#[derive(Debug, Default)]
pub struct Awaiting {
    /// In the order in which the frames were sent.
    pending: Vec<Pending>,
}

#[derive(Debug)]
struct Pending {
    id: u64,
    expectation: Expectation,
    until: Duration,
    /// Answered as silent already; stays for a while to take its late answer.
    is_late: bool,
}

impl Awaiting {
    /// Waits for the effect of a frame that is about to be sent.
    pub fn expect(&mut self, id: u64, expectation: Expectation, until: Duration) {
        self.pending.push(Pending {
            id,
            expectation,
            until,
            is_late: false,
        });
    }

    /// The frame was not sent after all.
    pub fn forget(&mut self, id: u64) {
        self.pending.retain(|pending| pending.id != id);
    }

    /// How many are waiting.
    pub fn len(&self) -> usize {
        self.pending
            .iter()
            .filter(|pending| !pending.is_late)
            .count()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One frame of CyTube: who is answered by it, and how.
    pub fn feed(&mut self, event: &str, payload: &RawValue) -> Vec<(u64, Outcome)> {
        if self.pending.is_empty() {
            return Vec::new();
        }
        let is_refusal = refusal::is_one(event);
        let is_sign = |pending: &Pending| {
            let mut looks = pending.expectation.looks.iter();
            looks.any(|look| look.event() == event)
        };
        if !is_refusal && !self.pending.iter().any(is_sign) {
            return Vec::new();
        }
        let Ok(payload) = serde_json::from_str::<Value>(payload.get()) else {
            return Vec::new();
        };
        if is_refusal {
            return self.refuse(event, &payload);
        }
        self.done(event, &payload)
    }

    /// We are out of the channel: nothing that is waited for can come any more.
    pub fn end(&mut self, reason: &str) -> Vec<(u64, Outcome)> {
        let pending = std::mem::take(&mut self.pending);
        let outcome = || Outcome::Refused {
            reason: reason.to_owned(),
            event: String::new(),
            payload: Value::Null,
        };
        let waiting = pending.into_iter().filter(|pending| !pending.is_late);
        waiting.map(|pending| (pending.id, outcome())).collect()
    }

    /// Those who have waited long enough.
    pub fn expire(&mut self, now: Duration) -> Vec<(u64, Outcome)> {
        let mut silent = Vec::new();
        for pending in &mut self.pending {
            if !pending.is_late && pending.until <= now {
                pending.is_late = true;
                silent.push((pending.id, Outcome::Silent));
            }
        }
        self.pending
            .retain(|pending| !pending.is_late || pending.until + LATE > now);
        silent
    }

    /// When [`Self::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Duration> {
        let waiting = self.pending.iter().filter(|pending| !pending.is_late);
        waiting.map(|pending| pending.until).min()
    }

    fn done(&mut self, event: &str, payload: &Value) -> Vec<(u64, Outcome)> {
        let fits = |pending: &Pending| {
            let looks = pending.expectation.looks.iter();
            looks
                .map(|look| look.see(event, payload))
                .max()
                .unwrap_or(look::Fit::No)
        };
        let fitting: Vec<(usize, look::Fit)> = self
            .pending
            .iter()
            .enumerate()
            .map(|(at, pending)| (at, fits(pending)))
            .collect();
        let of = |wanted: look::Fit| fitting.iter().filter(move |(_, fit)| *fit == wanted);
        // What was announced for everybody answers all who wait for it; what is one's own answers one.
        let mut answered: Vec<usize> = of(look::Fit::Shared).map(|(at, _)| *at).collect();
        let own = of(look::Fit::Own).map(|(at, _)| *at).next();
        let is_waiting = |at: &usize| !self.pending[*at].is_late;
        let perhaps = of(look::Fit::Perhaps).map(|(at, _)| *at).find(is_waiting);
        answered.extend(own.or(perhaps));
        self.answer(answered, |_| Outcome::Done {
            event: event.to_owned(),
            payload: payload.clone(),
        })
    }

    fn refuse(&mut self, event: &str, payload: &Value) -> Vec<(u64, Outcome)> {
        let expectations = self.pending.iter().map(|pending| &pending.expectation);
        let Some(at) = refusal::whose(event, payload, expectations) else {
            return Vec::new();
        };
        let reason = refusal::reason(event, payload);
        self.answer(vec![at], |_| Outcome::Refused {
            reason: reason.clone(),
            event: event.to_owned(),
            payload: payload.clone(),
        })
    }

    fn answer(
        &mut self,
        mut answered: Vec<usize>,
        outcome: impl Fn(u64) -> Outcome,
    ) -> Vec<(u64, Outcome)> {
        answered.sort_unstable();
        let mut outcomes = Vec::new();
        for at in answered.into_iter().rev() {
            let pending = self.pending.remove(at);
            if !pending.is_late {
                outcomes.push((pending.id, outcome(pending.id)));
            }
        }
        outcomes.reverse();
        outcomes
    }
}

#[cfg(test)]
mod tests;
