//! The last lines of a channel, which are not counted again whoever publishes them.

use std::collections::{HashSet, VecDeque};

/// How many lines are remembered. CyTube replays 15; the rest is for robots that resend more.
pub const REMEMBERED: usize = 200;

/// The ids of the last chat lines and private messages of a channel.
#[derive(Debug, Clone, Default)]
pub struct RecentLines {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl RecentLines {
    /// From ids, the oldest first.
    pub fn new(ids: impl IntoIterator<Item = String>) -> Self {
        let mut lines = Self::default();
        for id in ids {
            lines.remember(id);
        }
        lines
    }

    /// Whether the line was counted.
    pub fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Remembers a line; whether it is new.
    pub fn remember(&mut self, id: String) -> bool {
        if !self.ids.insert(id.clone()) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
