//! Who a name in a request means, and what all the names of one person count together.

use std::collections::BTreeMap;

use super::{Queries, QueryError};
use crate::store::{
    ChannelActivity, ChannelCount, EmoteCount, PhraseCount, Store, UserActivity, UserSeen,
};

/// The names under which somebody was counted.
pub(super) struct Person<'a> {
    store: &'a Store,
    names: Vec<String>,
}

impl Queries {
    /// A name in any case, or an alias, means its owner with all spellings and aliases; to the original a name means
    /// exactly itself.
    pub(super) async fn person(&self, name: &str) -> Result<Person<'_>, QueryError> {
        let store = &self.store;
        let mut names = vec![name.to_owned()];
        if !self.as_original {
            let owner = store.owner_of_alias(name).await?;
            let owner = owner.as_deref().unwrap_or(name);
            let mut meant = store.aliases_in_any_case(owner).await?;
            meant.push(owner.to_owned());
            names = store.spellings(&meant).await?;
        }
        Ok(Person { store, names })
    }
}

impl Person<'_> {
    pub(super) async fn seen(&self) -> Result<Option<UserSeen>, QueryError> {
        let mut all: Option<UserSeen> = None;
        for name in &self.names {
            let Some(seen) = self.store.user_seen(name).await? else {
                continue;
            };
            all = Some(match all {
                None => seen,
                Some(other) => UserSeen {
                    first_seen_at: other.first_seen_at.min(seen.first_seen_at),
                    last_seen_at: other.last_seen_at.max(seen.last_seen_at),
                },
            });
        }
        Ok(all)
    }

    pub(super) async fn is_present(
        &self,
        channel: Option<&str>,
        domain: &str,
    ) -> Result<bool, QueryError> {
        for name in &self.names {
            if self.store.is_present(name, channel, domain).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Without a channel the original says 0.
    pub(super) async fn messages(
        &self,
        channel: Option<&str>,
        domain: &str,
    ) -> Result<i64, QueryError> {
        let mut sum = 0;
        if let Some(channel) = channel {
            for name in &self.names {
                sum += self.store.messages_of(name, channel, domain).await?;
            }
        }
        Ok(sum)
    }

    pub(super) async fn messages_by_channel(
        &self,
        domain: &str,
    ) -> Result<Vec<ChannelCount>, QueryError> {
        let mut counts = Vec::new();
        for name in &self.names {
            let rows = self.store.messages_by_channel(name, domain).await?;
            counts.extend(rows.into_iter().map(|row| (row.channel, row.count)));
        }
        let counts = summed(counts, |a, b| a.cmp(b));
        let row = |(channel, count)| ChannelCount { channel, count };
        Ok(counts.into_iter().map(row).collect())
    }

    pub(super) async fn pms(&self) -> Result<i64, QueryError> {
        let mut sum = 0;
        for name in &self.names {
            sum += self.store.pms_of(name).await?;
        }
        Ok(sum)
    }

    pub(super) async fn plusplus(&self, domain: &str) -> Result<i64, QueryError> {
        let mut sum = 0;
        for name in &self.names {
            sum += self.store.plusplus_of(name, domain).await?;
        }
        Ok(sum)
    }

    pub(super) async fn phrases(&self, domain: &str) -> Result<Vec<PhraseCount>, QueryError> {
        let mut counts = Vec::new();
        for name in &self.names {
            let rows = self.store.phrases_of(name, domain).await?;
            counts.extend(rows.into_iter().map(|row| (row.phrase, row.count)));
        }
        let counts = summed(counts, |a, b| b.cmp(a));
        let row = |(phrase, count)| PhraseCount { phrase, count };
        Ok(counts.into_iter().map(row).collect())
    }

    pub(super) async fn emotes(&self, domain: &str) -> Result<Vec<EmoteCount>, QueryError> {
        let mut counts = Vec::new();
        for name in &self.names {
            let rows = self.store.emotes_of(name, domain).await?;
            counts.extend(rows.into_iter().map(|row| (row.emote, row.count)));
        }
        let counts = summed(counts, |a, b| b.cmp(a));
        let row = |(emote, count)| EmoteCount { emote, count };
        Ok(counts.into_iter().map(row).collect())
    }

    pub(super) async fn activity(
        &self,
        channel: &str,
        domain: &str,
    ) -> Result<Option<UserActivity>, QueryError> {
        let mut all: Option<UserActivity> = None;
        for name in &self.names {
            if let Some(row) = self.store.activity_of(name, channel, domain).await? {
                let sum = all.get_or_insert(UserActivity {
                    total_time_seconds: 0,
                    not_afk_time_seconds: 0,
                });
                sum.total_time_seconds += row.total_time_seconds;
                sum.not_afk_time_seconds += row.not_afk_time_seconds;
            }
        }
        Ok(all)
    }

    pub(super) async fn activity_by_channel(
        &self,
        domain: &str,
    ) -> Result<Vec<ChannelActivity>, QueryError> {
        let mut sums: BTreeMap<String, ChannelActivity> = BTreeMap::new();
        for name in &self.names {
            for row in self.store.activity_by_channel(name, domain).await? {
                match sums.get_mut(&row.channel) {
                    None => {
                        sums.insert(row.channel.clone(), row);
                    }
                    Some(sum) => {
                        sum.total_time_seconds += row.total_time_seconds;
                        sum.not_afk_time_seconds += row.not_afk_time_seconds;
                    }
                }
            }
        }
        Ok(sums.into_values().collect())
    }
}

/// Counts of one key added up; most first, then in the given order of keys.
fn summed(
    counts: Vec<(String, i64)>,
    ties: impl Fn(&str, &str) -> std::cmp::Ordering,
) -> Vec<(String, i64)> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (key, count) in counts {
        *sums.entry(key).or_default() += count;
    }
    let mut sums: Vec<(String, i64)> = sums.into_iter().collect();
    sums.sort_by(|(a, counted), (b, other)| other.cmp(counted).then_with(|| ties(a, b)));
    sums
}
