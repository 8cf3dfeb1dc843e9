//! What is answered of a person: all their names together, and never older than the last commit.

use std::sync::Arc;

use futures_util::future::join_all;
use kryten_client::NatsConfig;
use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use kryten_userstats::queries::Queries;
use kryten_userstats::status::Status;
use kryten_userstats::store::{ChannelBatch, Meant, Part, Store};
use kryten_userstats::tally::{EventView, Sums, Wish};
use kryten_userstats::{ChannelConfig, Config};
use serde_json::{Value, json};

use crate::backend::Place;
use crate::bench::{CHANNEL, DOMAIN, at, line};

/// More than there are connections to read with.
const AT_ONCE: usize = 12;

fn queries(store: &Store, as_original: bool) -> Queries {
    let channel = ChannelConfig {
        domain: DOMAIN.into(),
        channel: CHANNEL.into(),
    };
    let mut config = Config::new(
        NatsConfig::for_url("nats://localhost:1"),
        vec![channel],
        "unused",
    );
    config.rules.as_original = as_original;
    let status = Arc::new(Status::default());
    Queries::new(store.clone(), status, &config, Arc::default())
}

async fn ask(queries: &Queries, request: &Request) -> Value {
    queries.answer(request, WireTime::default()).await.unwrap()
}

fn of(command: &str, name: &str) -> Request {
    Request::new("userstats", command).with("username", name)
}

/// Lines of bob's, as this name, asked for many times at once.
async fn lines_told(queries: &Queries, name: &str) -> Vec<Value> {
    let request = of("user.stats", name).with("channel", CHANNEL);
    let answers = (0..AT_ONCE).map(|_| ask(queries, &request));
    let answers = join_all(answers).await;
    answers
        .into_iter()
        .map(|mut a| a["messages"].take())
        .collect()
}

on_both! {
/// Each commit is followed by questions to the instance that made it and to another one on the same database.
async fn an_answer_is_never_older_than_the_last_commit_whoever_made_it(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let (one, other) = (place.open().await, place.open().await);
    let asked = [queries(&one, false), queries(&other, false)];
    let mut tally = one.load(&[]).await.unwrap();
    let claim = one.claim(CHANNEL).await.unwrap();
    let told = async |name: &str, expected: i64, when: &str| {
        for queries in &asked {
            let lines = lines_told(queries, name).await;
            assert_eq!(lines, vec![json!(expected); AT_ONCE], "{name}, {when}");
        }
    };
    for round in 1..=30 {
        let mut sums = Sums::default();
        let payload = line(round, "bob", "hi").to_string();
        let event = EventView {
            domain: DOMAIN,
            channel: CHANNEL,
            name: "chatMsg",
            payload: &payload,
            time: at(round),
            line_id: None,
            epoch: 0,
        };
        tally.apply(&event, &mut sums);
        tally.remember(&mut sums);
        let batch = ChannelBatch {
            token: &claim.token,
            epoch: claim.epoch,
            sums: &sums,
            position: None,
            seals: None,
        };
        assert!(one.commit(&[batch]).await.unwrap().lost.is_empty());
        told("BOB", round, "after a line").await;
    }
    let change = |command: &str, alias: &str| {
        of(command, "bob").with("alias", alias).with("old_alias", "bobby").with("new_alias", alias)
    };
    told("Bobby", 0, "before the alias").await;
    ask(&asked[1], &change("alias.add", "bobby")).await;
    told("Bobby", 30, "with the alias").await;
    ask(&asked[0], &change("alias.update", "rob")).await;
    told("Bobby", 0, "with another alias").await;
    told("Rob", 30, "with another alias").await;
    ask(&asked[1], &change("alias.delete", "rob")).await;
    told("Rob", 0, "without the alias").await;
    let privacy = other.privacy().await.unwrap();
    let names = ["bob".to_owned()];
    other.carry_out(Wish::OptOut, &names, &privacy, at(40)).await.unwrap();
    told("bob", 0, "after opting out").await;
    let privacy = one.privacy().await.unwrap();
    one.carry_out(Wish::OptIn, &names, &privacy, at(50)).await.unwrap();
    told("bob", 30, "after opting in").await;
    let privacy = other.privacy().await.unwrap();
    other.carry_out(Wish::Forget, &names, &privacy, at(60)).await.unwrap();
    told("bob", 0, "after being forgotten").await;
    let stats = ask(&asked[0], &of("user.stats", "bob")).await;
    assert_eq!(stats["known"], false);
}
}

/// Two spellings and an alias of one person, in two channels and two domains, and somebody with a similar name.
const STORED: &str = "
    INSERT INTO users (username, first_seen_at, last_seen_at) VALUES
        ('Carol', '2026-01-02', '2026-01-05'), ('CAROL', '2026-01-01', '2026-01-03'),
        ('Caz', '2026-01-04', '2026-01-09'), ('Caroline', '2025-01-01', '2026-01-09');
    INSERT INTO user_aliases (username, alias) VALUES ('carol', 'caz'), ('carol', 'never_seen');
    INSERT INTO message_counts (username, channel, domain, message_count) VALUES
        ('Carol', 'Lounge', 'cytu.be', 1), ('CAROL', 'Lounge', 'cytu.be', 2), ('Caz', 'Attic', 'cytu.be', 3),
        ('Carol', 'Bar', 'cytu.be', 3), ('Carol', 'Lounge', 'other.host', 50),
        ('Caroline', 'Lounge', 'cytu.be', 70), ('never_seen', 'Bar', 'cytu.be', 4);
    INSERT INTO pm_counts (username, pm_count) VALUES ('Carol', 1), ('Caz', 2), ('Caroline', 9);
    INSERT INTO kudos_plusplus (username, channel, domain, kudos_count) VALUES
        ('Carol', 'Lounge', 'cytu.be', 1), ('Carol', 'Bar', 'cytu.be', 2), ('CAROL', 'Lounge', 'other.host', 9);
    INSERT INTO kudos_phrases (username, channel, domain, phrase, kudos_count) VALUES
        ('Carol', 'Lounge', 'cytu.be', 'lol', 1), ('Caz', 'Bar', 'cytu.be', 'lol', 1),
        ('Carol', 'Lounge', 'cytu.be', 'haha', 2), ('Carol', 'Lounge', 'cytu.be', 'rofl', 5);
    INSERT INTO emote_usage (username, channel, domain, emote, usage_count) VALUES
        ('Carol', 'Lounge', 'cytu.be', 'a', 1), ('CAROL', 'Bar', 'cytu.be', 'b', 1);
    INSERT INTO user_activity (username, channel, domain, total_time_seconds, not_afk_time_seconds) VALUES
        ('Carol', 'Lounge', 'cytu.be', 10, 5), ('Caz', 'Lounge', 'cytu.be', 1, 1), ('Caz', 'Attic', 'cytu.be', 7, 0);
    INSERT INTO kryten_visits (domain, channel, username, opened_at, closed_at, afk_seconds) VALUES
        ('cytu.be', 'Lounge', 'Carol', 1, 2, 0), ('cytu.be', 'Zoo', 'Caz', 1, NULL, 0),
        ('other.host', 'Attic', 'Carol', 1, NULL, 0), ('cytu.be', 'Attic', 'Caroline', 1, NULL, 0);
";

on_both! {
async fn all_names_of_a_person_are_told_together_and_nobody_elses(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let store = place.open().await;
    place.execute(STORED).await;
    let queries = queries(&store, false);
    for name in ["carol", "CAROL", "caz", "CaZ", "NEVER_SEEN"] {
        let everywhere = ask(&queries, &of("user.stats", name)).await;
        let expected = json!({
            "username": name,
            "messages": 0,
            "all_messages": [
                {"channel": "Bar", "count": 7}, {"channel": "Attic", "count": 3}, {"channel": "Lounge", "count": 3},
            ],
            "pms": 3,
            "kudos_plusplus": 3,
            "kudos_phrases": [
                {"phrase": "rofl", "count": 5}, {"phrase": "lol", "count": 2}, {"phrase": "haha", "count": 2},
            ],
            "emotes": [{"emote": "b", "count": 1}, {"emote": "a", "count": 1}],
            "all_activity": [
                {"channel": "Attic", "total_time_seconds": 7, "not_afk_time_seconds": 0},
                {"channel": "Lounge", "total_time_seconds": 11, "not_afk_time_seconds": 6},
            ],
            "known": true,
            "present": true,
            "first_seen_at": "2026-01-01",
        });
        // As text, since the order of the fields counts too.
        assert_eq!(everywhere.to_string(), expected.to_string());
        let here = ask(&queries, &of("user.stats", name).with("channel", "lounge")).await;
        assert_eq!(
            (&here["messages"], &here["activity"], &here["present"]),
            (&json!(3), &json!({"total_time_seconds": 11, "not_afk_time_seconds": 6}), &json!(false))
        );
        let zoo = ask(&queries, &of("user.stats", name).with("channel", "Zoo")).await;
        assert_eq!((&zoo["present"], &zoo["activity"]), (&json!(true), &Value::Null));
        let kudos = ask(&queries, &of("user.kudos", name)).await;
        assert_eq!((&kudos["plusplus"], &kudos["phrases"]), (&json!(3), &expected["kudos_phrases"]));
        let messages = ask(&queries, &of("user.messages", name)).await;
        assert_eq!(messages["channels"], expected["all_messages"]);
        let activity = ask(&queries, &of("user.activity", name)).await;
        assert_eq!(activity["all_activity"], expected["all_activity"]);
    }
    let elsewhere = ask(&queries, &of("user.stats", "carol").with("domain", "other.host")).await;
    assert_eq!(
        (&elsewhere["all_messages"], &elsewhere["present"], &elsewhere["kudos_plusplus"]),
        (&json!([{"channel": "Lounge", "count": 50}]), &json!(true), &json!(9))
    );
    let seen = store.person(Meant::Exactly("Caz"), "", &[Part::Seen]).await.unwrap();
    assert_eq!(seen.seen.unwrap().last_seen_at, "2026-01-09");
    let there = [Part::Present(Some("Zoo"))];
    assert!(store.person(Meant::Exactly("Caz"), DOMAIN, &there).await.unwrap().present);
}
}

on_both! {
async fn to_the_original_a_name_is_exactly_itself(backend) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(backend, folder.path().join("userstats.db")).await;
    let store = place.open().await;
    place.execute(STORED).await;
    let queries = queries(&store, true);
    let stats = ask(&queries, &of("user.stats", "Carol").with("channel", CHANNEL)).await;
    let expected = json!({
        "username": "Carol",
        "messages": 1,
        "all_messages": [{"channel": "Bar", "count": 3}, {"channel": "Lounge", "count": 1}],
        "pms": 1,
        "kudos_plusplus": 3,
        "kudos_phrases": [
            {"phrase": "rofl", "count": 5}, {"phrase": "haha", "count": 2}, {"phrase": "lol", "count": 1},
        ],
        "emotes": [{"emote": "a", "count": 1}],
        "activity": {"total_time_seconds": 10, "not_afk_time_seconds": 5},
    });
    assert_eq!(stats.to_string(), expected.to_string());
    let nobody = ask(&queries, &of("user.stats", "carol")).await;
    assert_eq!((&nobody["all_messages"], &nobody["pms"]), (&json!([]), &json!(0)));
}
}
