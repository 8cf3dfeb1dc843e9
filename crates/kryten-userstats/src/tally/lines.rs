//! The last lines of a channel, which are not counted again whoever publishes them.

use std::collections::{HashSet, VecDeque};

/// How many lines are remembered of those that CyTube replays, and how many others. CyTube replays 15; the rest is for
/// robots that resend more.
pub const REMEMBERED: usize = 200;

/// The ids of the last chat lines and private messages of a channel.
#[derive(Debug, Clone, Default)]
pub struct RecentLines {
    replayed: Window,
    others: Window,
}

impl RecentLines {
    /// From ids, the oldest first, and whether CyTube replays their lines.
    pub fn new(ids: impl IntoIterator<Item = (String, bool)>) -> Self {
        let mut lines = Self::default();
        for (id, is_replayed) in ids {
            lines.remember(id, is_replayed);
        }
        lines
    }

    /// Whether the line was counted.
    pub fn contains(&self, id: &str) -> bool {
        self.replayed.ids.contains(id) || self.others.ids.contains(id)
    }

    /// Remembers a line. One that CyTube does not replay, such as a notice or a private message, takes no place from
    /// those that it does.
    pub fn remember(&mut self, id: String, is_replayed: bool) {
        match is_replayed {
            true => self.replayed.remember(id),
            false => self.others.remember(id),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Window {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl Window {
    fn remember(&mut self, id: String) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}
