//! Sums of all channels, read at once.

use std::sync::Arc;

use axum::http::StatusCode;
use kryten_client::NatsConfig;
use kryten_userstats::status::Status;
use kryten_userstats::store::ChannelTotals;
use kryten_userstats::web::{WebState, router};
use kryten_userstats::{ChannelConfig, Config};

use crate::backend::{Backend, Place};
use crate::bench::get;

/// Counts in several channels, whose names differ by case and by host only.
const STORED: &str = "
    INSERT INTO users (username, first_seen_at, last_seen_at) VALUES
        ('bob', '2026-01-01', '2026-01-02'), ('carol', '2026-01-01', '2026-01-02');
    INSERT INTO message_counts (username, channel, domain, message_count) VALUES
        ('bob', 'Lounge', 'cytu.be', 1), ('carol', 'Lounge', 'cytu.be', 20), ('bob', 'lounge', 'cytu.be', 300),
        ('bob', 'Lounge', 'other.host', 4000), ('bob', 'Attic', 'cytu.be', NULL);
    INSERT INTO pm_counts (username, pm_count) VALUES ('bob', 5), ('carol', 6);
    INSERT INTO kudos_plusplus (username, channel, domain, kudos_count) VALUES
        ('bob', 'Lounge', 'cytu.be', 2), ('carol', 'Lounge', 'cytu.be', 3), ('carol', 'Bar', 'cytu.be', 7);
    INSERT INTO kudos_phrases (username, channel, domain, phrase, kudos_count) VALUES
        ('bob', 'Lounge', 'cytu.be', 'lol', 1), ('bob', 'Lounge', 'cytu.be', 'haha', 2);
    INSERT INTO emote_usage (username, channel, domain, emote, usage_count) VALUES
        ('bob', 'Lounge', 'other.host', 'a', 3), ('carol', 'Lounge', 'other.host', 'a', 4),
        ('bob', 'Lounge', 'cytu.be', 'a', 5);
    INSERT INTO movie_votes (channel, domain, media_title, username, vote, timestamp) VALUES
        ('Lounge', 'cytu.be', 'A Film', 'bob', 1, '2026-01-01'),
        ('Lounge', 'cytu.be', 'A Film', 'carol', -1, '2026-01-01');
    INSERT INTO media_changes (channel, domain, timestamp, media_title) VALUES
        ('Lounge', 'cytu.be', '2026-01-01', 'A Film'), ('Bar', 'cytu.be', '2026-01-01', 'A Film'),
        ('Bar', 'cytu.be', '2026-01-02', 'A Film');
    INSERT INTO kryten_visits (domain, channel, username, opened_at, closed_at, afk_seconds) VALUES
        ('cytu.be', 'Lounge', 'bob', 1, 2, 0), ('cytu.be', 'Lounge', 'bob', 3, NULL, 0),
        ('cytu.be', 'Lounge', 'carol', 1, NULL, 0), ('other.host', 'Lounge', 'bob', 1, NULL, 0);
    INSERT INTO kryten_gaps (domain, channel, began_at, ended_at, reason, chat_complete) VALUES
        ('cytu.be', 'Lounge', 1, 2, 'disconnected', TRUE);
";
const CHANNELS: [(&str, &str); 6] = [
    ("cytu.be", "Lounge"),
    ("cytu.be", "lounge"),
    ("other.host", "Lounge"),
    ("cytu.be", "Attic"),
    ("cytu.be", "Bar"),
    ("cytu.be", "nobody-spoke"),
];

/// Asked for of this channel alone.
async fn totals_of(place: &Place, domain: &str, channel: &str) -> ChannelTotals {
    let ask = async |what: &str, table: &str, and: &str| -> i64 {
        let sql = format!(
            "SELECT CAST(COALESCE({what}, 0) AS TEXT) FROM {table}
             WHERE domain = '{domain}' AND channel = '{channel}' {and}"
        );
        place.texts(&sql).await[0].parse().unwrap()
    };
    ChannelTotals {
        domain: domain.to_owned(),
        channel: channel.to_owned(),
        messages: ask("SUM(message_count)", "message_counts", "").await,
        kudos_plusplus: ask("SUM(kudos_count)", "kudos_plusplus", "").await,
        kudos_phrases: ask("SUM(kudos_count)", "kudos_phrases", "").await,
        emotes: ask("SUM(usage_count)", "emote_usage", "").await,
        votes: ask("COUNT(*)", "movie_votes", "").await,
        media_changes: ask("COUNT(*)", "media_changes", "").await,
        present: ask("COUNT(*)", "kryten_visits", "AND closed_at IS NULL").await,
    }
}

async fn stored(backend: Backend, folder: &tempfile::TempDir) -> Place {
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    place.open().await.close().await;
    place.execute(STORED).await;
    place
}

on_both! {
    async fn one_reading_has_the_sums_of_every_channel_and_of_all(backend) {
        let folder = tempfile::tempdir().unwrap();
        let place = stored(backend, &folder).await;
        let store = place.open().await;
        let totals = store.all_totals().await.unwrap();
        for (domain, channel) in CHANNELS {
            let alone = totals_of(&place, domain, channel).await;
            assert_eq!(totals.of(domain, channel), alone);
        }
        let lounge = totals.of("cytu.be", "Lounge");
        assert_eq!((lounge.messages, lounge.present), (21, 2));
        assert_eq!(totals.all, store.totals().await.unwrap());
        assert_eq!(store.user_count().await.unwrap(), totals.all.users);
    }

    async fn metrics_tell_of_the_configured_channels_and_health_how_many_users_there_are(backend) {
        let folder = tempfile::tempdir().unwrap();
        let place = stored(backend, &folder).await;
        let channels = [0, 2, 5].map(|place| ChannelConfig {
            domain: CHANNELS[place].0.to_owned(),
            channel: CHANNELS[place].1.to_owned(),
        });
        let nats = NatsConfig::for_url("nats://localhost:1");
        let config = Config::new(nats, channels.to_vec(), "unused");
        let status = Arc::new(Status::default());
        let router = router(WebState::new(place.open().await, status, &config));
        let (status, metrics) = get(&router, "/metrics").await;
        assert_eq!(status, StatusCode::OK);
        let told: Vec<&str> = metrics
            .lines()
            .filter_map(|line| line.strip_prefix("userstats_channel_messages_total"))
            .collect();
        let expected = [
            "{domain=\"cytu.be\",channel=\"Lounge\"} 21",
            "{domain=\"other.host\",channel=\"Lounge\"} 4000",
            "{domain=\"cytu.be\",channel=\"nobody-spoke\"} 0",
        ];
        assert_eq!(told, expected);
        assert!(metrics.contains("\nuserstats_total_messages 4321\n"), "{metrics}");
        let (_, health) = get(&router, "/health").await;
        let health: serde_json::Value = serde_json::from_str(&health).unwrap();
        assert_eq!(health["total_users_tracked"], 2);
        // A database that is damaged.
        place.execute("DROP TABLE users").await;
        let (_, health) = get(&router, "/health").await;
        let health: serde_json::Value = serde_json::from_str(&health).unwrap();
        assert_eq!(
            (&health["total_users_tracked"], &health["database_query_error"]),
            (&serde_json::Value::Null, &true.into())
        );
    }
}
