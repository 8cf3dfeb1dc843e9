//! The queue of frames to CyTube, which keeps within CyTube's limits. Pure: time is an argument.
//!
//! Moderation goes before the playlist, the playlist before chat, whatever waits; within a lane the order stays. What
//! has waited too long is given back and never sent. The queue is bounded.

mod limiter;

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

pub use limiter::{Limit, Limiter};

/// How many frames wait at most in one channel.
pub const CAPACITY: usize = 256;
/// How many of these places chat may take, so that a flood of it leaves room for moderation.
pub const CHAT_CAPACITY: usize = 192;

/// What is sent before what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Kicks, bans, mutes.
    Moderation,
    /// The playlist, playback, settings.
    Playlist,
    /// Lines and private messages.
    Chat,
}

/// Which of CyTube's limits a frame counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gate {
    /// Lines, typed commands and private messages.
    Chat,
    /// Adding videos.
    Queue,
    /// Everything else: CyTube has no limit of its own, and some servers limit all frames together.
    Other,
}

/// CyTube's limits as they are in force for us.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Lines, typed commands and private messages.
    pub chat: Limit,
    /// Adding videos.
    pub queue: Limit,
    /// Everything else.
    pub other: Limit,
}

impl Limits {
    /// For a rank, with the channel's own limit for chat where it has one.
    pub fn for_rank(rank: f64, antiflood: Option<Limit>) -> Self {
        let is_moderator = rank >= 2.0;
        let chat = Limit::new(20, 10.0);
        Self {
            chat: match antiflood {
                Some(limit) if !is_moderator => limit,
                _ => chat,
            },
            queue: match is_moderator {
                true => Limit::new(10, 2.0),
                false => Limit::new(3, 1.0),
            },
            other: Limit::new(20, 10.0),
        }
    }
}

/// A frame in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<T> {
    /// Who waits for it.
    pub id: u64,
    /// What goes before what.
    pub lane: Lane,
    /// Which limit it counts against.
    pub gate: Gate,
    /// When it is too old to be sent.
    pub expires: Duration,
    /// The frame.
    pub frame: T,
}

/// The queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The queue of one channel. Moments are durations since any fixed start.
#[derive(Debug)]
pub struct Pace<T> {
    waiting: VecDeque<Entry<T>>,
    limits: Limits,
    chat: Limiter,
    queue: Limiter,
    other: Limiter,
}

impl<T> Default for Pace<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            limits: Limits::for_rank(0.0, None),
            chat: Limiter::default(),
            queue: Limiter::default(),
            other: Limiter::default(),
        }
    }
}

impl<T> Pace<T> {
    /// The limits that are in force from now on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// How many frames wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// What waits, in the order in which it would go.
    pub fn iter(&self) -> impl Iterator<Item = &Entry<T>> {
        self.waiting.iter()
    }

    /// Puts a frame into its lane.
    ///
    /// # Errors
    /// [`Full`] when as many wait as may.
    pub fn push(&mut self, entry: Entry<T>) -> Result<(), Full> {
        let is_chat = |entry: &Entry<T>| entry.lane == Lane::Chat;
        let chats = self.waiting.iter().filter(|entry| is_chat(entry)).count();
        if self.waiting.len() >= CAPACITY || is_chat(&entry) && chats >= CHAT_CAPACITY {
            return Err(Full);
        }
        let at = self
            .waiting
            .partition_point(|other| other.lane <= entry.lane);
        self.waiting.insert(at, entry);
        Ok(())
    }

    /// The next frame that may go now.
    pub fn take(&mut self, now: Duration) -> Option<Entry<T>> {
        let mut shut = HashSet::new();
        for at in 0..self.waiting.len() {
            let (gate, expires) = (self.waiting[at].gate, self.waiting[at].expires);
            // Whoever comes later must not overtake at the same gate.
            if expires <= now || shut.contains(&gate) {
                continue;
            }
            let (limiter, limit) = self.limiter(gate);
            if limiter.ready_at(&limit) <= now {
                limiter.pass(&limit, now);
                return self.waiting.remove(at);
            }
            shut.insert(gate);
        }
        None
    }

    /// Those that have waited too long.
    pub fn expire(&mut self, now: Duration) -> Vec<Entry<T>> {
        let mut expired = Vec::new();
        let mut at = 0;
        while at < self.waiting.len() {
            if self.waiting[at].expires <= now {
                expired.extend(self.waiting.remove(at));
            } else {
                at += 1;
            }
        }
        expired
    }

    /// Everything that waits is given back.
    pub fn drain(&mut self) -> Vec<Entry<T>> {
        self.waiting.drain(..).collect()
    }

    /// CyTube said that we are too fast: nothing of this kind goes for a while.
    pub fn hold(&mut self, gate: Gate, until: Duration) {
        self.limiter(gate).0.hold(until);
    }

    /// When [`Self::take`] or [`Self::expire`] has something to do.
    pub fn next_due(&self) -> Option<Duration> {
        let due = |entry: &Entry<T>| {
            let ready = match entry.gate {
                Gate::Chat => self.chat.ready_at(&self.limits.chat),
                Gate::Queue => self.queue.ready_at(&self.limits.queue),
                Gate::Other => self.other.ready_at(&self.limits.other),
            };
            ready.min(entry.expires)
        };
        self.waiting.iter().map(due).min()
    }

    fn limiter(&mut self, gate: Gate) -> (&mut Limiter, Limit) {
        match gate {
            Gate::Chat => (&mut self.chat, self.limits.chat),
            Gate::Queue => (&mut self.queue, self.limits.queue),
            Gate::Other => (&mut self.other, self.limits.other),
        }
    }
}

#[cfg(test)]
mod tests;
