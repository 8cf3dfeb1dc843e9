//! How often is answered: each person and each channel so often at most. Pure.

use std::collections::HashMap;
use std::time::Duration;

/// So many people are remembered; whoever was answered longest ago is forgotten first.
const MOST: usize = 1000;

/// When was answered last; times are of any clock that only goes on.
#[derive(Debug)]
pub(crate) struct Pace {
    person: Duration,
    channel: Duration,
    people: HashMap<(String, String), Duration>,
    channels: HashMap<String, Duration>,
}

impl Pace {
    pub(crate) fn new(person: Duration, channel: Duration) -> Self {
        Self {
            person,
            channel,
            people: HashMap::new(),
            channels: HashMap::new(),
        }
    }

    /// Whether an answer may go now, which then counts. What is asked in private does not take the channel's turn.
    pub(crate) fn take(&mut self, channel: &str, user: &str, private: bool, now: Duration) -> bool {
        let waits = |last: Option<&Duration>, every: Duration| {
            last.is_some_and(|last| now.saturating_sub(*last) < every)
        };
        let person = (channel.to_owned(), user.to_lowercase());
        if waits(self.people.get(&person), self.person)
            || (!private && waits(self.channels.get(channel), self.channel))
        {
            return false;
        }
        if self.people.len() >= MOST {
            let oldest = self.people.iter().min_by_key(|(_, last)| **last);
            if let Some(oldest) = oldest.map(|(person, _)| person.clone()) {
                self.people.remove(&oldest);
            }
        }
        self.people.insert(person, now);
        if !private {
            self.channels.insert(channel.to_owned(), now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_channels_have_their_pace() {
        let second = Duration::from_secs;
        let mut pace = Pace::new(second(30), second(5));
        assert!(pace.take("a", "bob", false, second(0)));
        assert!(
            !pace.take("a", "BOB", false, second(29)),
            "too soon for bob"
        );
        assert!(
            !pace.take("a", "carol", false, second(4)),
            "too soon for the channel"
        );
        assert!(pace.take("a", "carol", true, second(4)), "in private");
        assert!(pace.take("b", "bob", false, second(4)), "elsewhere");
        assert!(pace.take("a", "bob", false, second(30)));
    }
}
