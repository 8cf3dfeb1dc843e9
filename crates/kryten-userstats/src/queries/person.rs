//! What a person has come to, in the order in which replies tell it.

use std::collections::BTreeMap;

use super::{Queries, QueryError};
use crate::store::{
    ChannelActivity, ChannelCount, EmoteCount, Meant, Part, PersonCounts, PhraseCount, UserActivity,
};

/// What was asked of a person, by all the names that are theirs.
pub(super) struct Person(pub(super) PersonCounts);

impl Queries {
    /// A name in any case, or an alias, means its owner with all spellings and aliases; to the original a name means
    /// exactly itself.
    pub(super) async fn person(
        &self,
        name: &str,
        domain: &str,
        parts: &[Part<'_>],
    ) -> Result<Person, QueryError> {
        let meant = match self.as_original {
            true => Meant::Exactly(name),
            false => Meant::Anyhow(name),
        };
        Ok(Person(self.store.person(meant, domain, parts).await?))
    }
}

impl Person {
    /// Without a channel the original says 0.
    pub(super) fn messages(&self, channel: Option<&str>) -> i64 {
        let count = channel.and_then(|channel| self.0.messages.get(channel));
        count.copied().unwrap_or(0)
    }

    pub(super) fn messages_by_channel(&self) -> Vec<ChannelCount> {
        let row = |(channel, count)| ChannelCount { channel, count };
        let counts = most_first(&self.0.messages, |a, b| a.cmp(b));
        counts.into_iter().map(row).collect()
    }

    pub(super) fn phrases(&self) -> Vec<PhraseCount> {
        let row = |(phrase, count)| PhraseCount { phrase, count };
        let counts = most_first(&self.0.phrases, |a, b| b.cmp(a));
        counts.into_iter().map(row).collect()
    }

    pub(super) fn emotes(&self) -> Vec<EmoteCount> {
        let row = |(emote, count)| EmoteCount { emote, count };
        let counts = most_first(&self.0.emotes, |a, b| b.cmp(a));
        counts.into_iter().map(row).collect()
    }

    pub(super) fn activity(&self, channel: &str) -> Option<&UserActivity> {
        self.0.activity.get(channel)
    }

    pub(super) fn activity_by_channel(&self) -> Vec<ChannelActivity> {
        let row = |(channel, sum): (&String, &UserActivity)| ChannelActivity {
            channel: channel.clone(),
            total_time_seconds: sum.total_time_seconds,
            not_afk_time_seconds: sum.not_afk_time_seconds,
        };
        self.0.activity.iter().map(row).collect()
    }
}

/// Most first, then in the given order of keys.
fn most_first(
    sums: &BTreeMap<String, i64>,
    ties: impl Fn(&str, &str) -> std::cmp::Ordering,
) -> Vec<(String, i64)> {
    let mut sums: Vec<(String, i64)> = sums
        .iter()
        .map(|(key, count)| (key.clone(), *count))
        .collect();
    sums.sort_by(|(a, counted), (b, other)| other.cmp(counted).then_with(|| ties(a, b)));
    sums
}
