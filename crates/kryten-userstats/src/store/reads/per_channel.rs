//! Sums of each channel.

use std::collections::HashMap;

use super::Totals;
use crate::store::sql;
use crate::store::{Store, StoreError};

/// What is counted of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelTotals {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// Chat lines.
    pub messages: i64,
    /// `++` kudos.
    pub kudos_plusplus: i64,
    /// Kudos by phrase.
    pub kudos_phrases: i64,
    /// Uses of emotes.
    pub emotes: i64,
    /// Votes for films.
    pub votes: i64,
    /// Logged films.
    pub media_changes: i64,
    /// Who is there now.
    pub present: i64,
}

/// Sums over everything and of each channel, as of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllTotals {
    /// Over everything.
    pub all: Totals,
    channels: HashMap<(String, String), ChannelTotals>,
}

impl AllTotals {
    /// Those of a channel; the names compare exactly.
    pub fn of(&self, domain: &str, channel: &str) -> ChannelTotals {
        let key = (domain.to_owned(), channel.to_owned());
        let totals = self.channels.get(&key).cloned();
        totals.unwrap_or_else(|| ChannelTotals {
            domain: key.0,
            channel: key.1,
            ..ChannelTotals::default()
        })
    }

    fn add(&mut self, what: &str, domain: String, channel: String, count: i64) {
        let all = &mut self.all;
        match what {
            "users" => return all.users += count,
            "pms" => return all.pms += count,
            "gaps" => return all.gaps += count,
            _ => {}
        }
        let totals =
            self.channels
                .entry((domain, channel))
                .or_insert_with_key(|(domain, channel)| ChannelTotals {
                    domain: domain.clone(),
                    channel: channel.clone(),
                    ..ChannelTotals::default()
                });
        let (of_all, of_channel) = match what {
            "messages" => (&mut all.messages, &mut totals.messages),
            "kudos_plusplus" => (&mut all.kudos_plusplus, &mut totals.kudos_plusplus),
            "kudos_phrases" => (&mut all.kudos_phrases, &mut totals.kudos_phrases),
            "emotes" => (&mut all.emotes, &mut totals.emotes),
            "votes" => (&mut all.votes, &mut totals.votes),
            "media_changes" => (&mut all.media_changes, &mut totals.media_changes),
            _ => return totals.present += count,
        };
        *of_all += count;
        *of_channel += count;
    }
}

impl Store {
    /// Sums over everything and of each channel. Each table is read once, however many channels there are.
    ///
    /// # Errors
    /// [`StoreError::Sql`].
    pub async fn all_totals(&self) -> Result<AllTotals, StoreError> {
        // Channels before hosts, which are mostly the same: SQLite sorts by them, and the indexes begin so.
        let rows: Vec<(String, String, String, i64)> = sql::query_as(
            "SELECT 'messages' AS what, domain, channel, CAST(COALESCE(SUM(message_count), 0) AS BIGINT) AS counted
                 FROM message_counts GROUP BY channel, domain
             UNION ALL SELECT 'kudos_plusplus', domain, channel, CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT)
                 FROM kudos_plusplus GROUP BY channel, domain
             UNION ALL SELECT 'kudos_phrases', domain, channel, CAST(COALESCE(SUM(kudos_count), 0) AS BIGINT)
                 FROM kudos_phrases GROUP BY channel, domain
             UNION ALL SELECT 'emotes', domain, channel, CAST(COALESCE(SUM(usage_count), 0) AS BIGINT)
                 FROM emote_usage GROUP BY channel, domain
             UNION ALL SELECT 'votes', domain, channel, COUNT(*)
                 FROM movie_votes GROUP BY channel, domain
             UNION ALL SELECT 'media_changes', domain, channel, COUNT(*)
                 FROM media_changes GROUP BY channel, domain
             UNION ALL SELECT 'present', domain, channel, COUNT(*)
                 FROM kryten_visits WHERE closed_at IS NULL GROUP BY domain, channel
             UNION ALL SELECT 'users', '', '', COUNT(*) FROM users
             UNION ALL SELECT 'pms', '', '', CAST(COALESCE(SUM(pm_count), 0) AS BIGINT) FROM pm_counts
             UNION ALL SELECT 'gaps', '', '', COUNT(*) FROM kryten_gaps",
        )
        .fetch_all(&self.readers)
        .await?;
        let mut totals = AllTotals::default();
        for (what, domain, channel, count) in rows {
            totals.add(&what, domain, channel, count);
        }
        Ok(totals)
    }
}
