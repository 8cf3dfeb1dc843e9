//! Several instances on one database: who counts what, and that nothing counts twice.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use kryten_protocol::command::Request;
use kryten_protocol::state::StateMark;
use kryten_protocol::subject;
use kryten_userstats::{ChannelConfig, Config, Userstats};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, eventually, get, line, within};

/// Within this time a channel is taken over.
const TAKEOVER: Duration = Duration::from_secs(10);

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("room{number}")).collect()
}

fn config(bench: &Bench, channels: &[String]) -> Config {
    let mut config = bench.config();
    let channels = channels.iter().map(|channel| ChannelConfig {
        domain: DOMAIN.into(),
        channel: channel.clone(),
    });
    config.channels = channels.collect();
    config
}

async fn start(bench: &Bench, channels: &[String]) -> Userstats {
    let service = Userstats::bind(config(bench, channels)).await.unwrap();
    within("the service is ready", service.ready()).await;
    service
}

/// How many channels each counts.
fn shares(services: &[&Userstats]) -> Vec<usize> {
    let shares = services.iter().map(|service| {
        let view = service.status().view();
        view.sharing.here.len()
    });
    shares.collect()
}

async fn divided(services: &[&Userstats], expected: &[usize]) {
    eventually("the channels are divided", || async {
        shares(services) == expected
    })
    .await;
}

async fn say(bench: &Bench, channel: &str, second: i64, text: &str) {
    let payload = line(second, "bob", text);
    let body = json!({
        "event_name": "chatMsg", "payload": payload, "channel": channel, "domain": DOMAIN,
        "timestamp": crate::bench::at(second).to_string(), "correlation_id": format!("{channel}-{second}"),
    });
    let subject = subject::event(channel, "chatMsg").unwrap();
    let ack = bench
        .client
        .jetstream()
        .publish(subject, body.to_string().into())
        .await;
    ack.unwrap().await.unwrap();
}

/// A line in each channel.
async fn say_everywhere(bench: &Bench, channels: &[String], second: i64) {
    for channel in channels {
        say(bench, channel, second, "hi").await;
    }
}

async fn counted(bench: &Bench, channels: &[String], lines: i64) {
    let store = bench.store().await;
    for channel in channels {
        eventually("all lines are counted", || async {
            let counted = store.messages_of("bob", channel, DOMAIN).await.unwrap();
            assert!(counted <= lines, "{channel}: {counted} of {lines}");
            counted == lines
        })
        .await;
    }
}

on_both! {
async fn channels_are_divided_and_divided_anew_when_one_comes_or_goes(backend) {
    let bench = Bench::with(backend).await;
    let channels = names(6);
    let one = start(&bench, &channels).await;
    say_everywhere(&bench, &channels, 1).await;
    divided(&[&one], &[6]).await;
    let two = start(&bench, &channels).await;
    say_everywhere(&bench, &channels, 2).await;
    divided(&[&one, &two], &[3, 3]).await;
    say_everywhere(&bench, &channels, 3).await;
    let three = start(&bench, &channels).await;
    say_everywhere(&bench, &channels, 4).await;
    divided(&[&one, &two, &three], &[2, 2, 2]).await;
    say_everywhere(&bench, &channels, 5).await;
    counted(&bench, &channels, 5).await;

    let health = || async {
        let (status, health) = get(&two.router(), "/health").await;
        let health: Value = serde_json::from_str(&health).unwrap();
        let lists = ["channels_here", "channels_elsewhere"];
        (status, lists.map(|list| health[list].as_array().unwrap().len()), health["instances"].clone())
    };
    // What others count is known after the next look at them.
    eventually("health knows who counts what", || async {
        health().await == (StatusCode::OK, [2, 4], json!(3))
    })
    .await;
    let (_, metrics) = get(&two.router(), "/metrics").await;
    assert!(metrics.contains("\nuserstats_channels_here 2\n"), "{metrics}");
    assert!(metrics.contains("\nuserstats_channels_uncounted 0\n"), "{metrics}");

    // Who is asked is chance; each request is answered by one of them, for all channels.
    let asked = |service: &Userstats| service.status().view().commands;
    let before = asked(&one) + asked(&two) + asked(&three);
    for _ in 0..20 {
        assert_eq!(bench.stats().await["total_messages"], 30);
    }
    assert_eq!(asked(&one) + asked(&two) + asked(&three), before + 20);

    let left = Instant::now();
    one.shutdown().await.unwrap();
    divided(&[&two, &three], &[3, 3]).await;
    assert!(left.elapsed() < TAKEOVER, "{:?}", left.elapsed());
    say_everywhere(&bench, &channels, 6).await;
    counted(&bench, &channels, 6).await;
    two.shutdown().await.unwrap();
    three.shutdown().await.unwrap();
    assert!(bench.store().await.leases().await.unwrap().is_empty());
}
}

on_both! {
async fn instances_that_read_all_of_the_stream_count_only_what_is_theirs(backend) {
    let bench = Bench::with(backend).await;
    let all = names(41);
    let (nobodys, channels) = all.split_last().unwrap();
    let one = start(&bench, channels).await;
    say_everywhere(&bench, channels, 1).await;
    let two = start(&bench, channels).await;
    divided(&[&one, &two], &[20, 20]).await;
    say_everywhere(&bench, channels, 2).await;
    for other in ["kryten.events.other.room0.chatmsg", "kryten.events.robot.room0.other"] {
        let ack = bench.client.jetstream().publish(other, "no event".into()).await;
        ack.unwrap().await.unwrap();
    }
    say(&bench, nobodys, 2, "hi").await;
    counted(&bench, channels, 2).await;
    let end = bench.stream().await.info().await.unwrap().last_sequence;
    for service in [&one, &two] {
        eventually("all is read", || async { service.status().view().sequence == end }).await;
        assert_eq!(service.status().view().counters.malformed, 0);
    }
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
    let again = start(&bench, channels).await;
    say_everywhere(&bench, &all, 3).await;
    counted(&bench, channels, 3).await;
    assert_eq!(bench.store().await.totals().await.unwrap().messages, 40 * 3);
    again.shutdown().await.unwrap();
}
}

on_both! {
async fn whoever_answers_tells_what_all_have_found(backend) {
    let bench = Bench::with(backend).await;
    let channels = names(2);
    let begin = || async {
        let mut config = config(&bench, &channels);
        config.refresh_interval = Some(Duration::from_millis(50));
        let service = Userstats::bind(config).await.unwrap();
        within("the service is ready", service.ready()).await;
        service
    };
    let (one, two) = (begin().await, begin().await);
    divided(&[&one, &two], &[1, 1]).await;
    say_everywhere(&bench, &channels, 1).await;
    counted(&bench, &channels, 1).await;
    let info = bench.stream().await.info().await.unwrap();
    let mark = StateMark {
        stream_created: info.created_nanos,
        sequence: info.last_sequence,
        epoch: 1,
    };
    // Only KV tells of them: the first are taken as they are, then carol is one too many.
    for (users, differences) in [(json!([{"name": "bob"}]), 0), (json!([{"name": "bob"}, {"name": "carol"}]), 1)] {
        for channel in &channels {
            bench.put(&format!("kryten_{channel}_userlist"), "users", &users, Some(mark)).await;
        }
        let all_told = || async {
            let drift = bench.ask(Request::new("userstats", "system.drift")).await.unwrap();
            let channels = drift["channels"].as_array().unwrap();
            let each = channels.iter().map(|channel| &channel["kinds"]["users"]["total"]);
            drift["total"] == 2 * differences && each.eq([&json!(differences); 2])
        };
        let furthest = || one.status().view().sequence.max(two.status().view().sequence);
        eventually("both tell of both", || async {
            let mut are_right = true;
            for _ in 0..10 {
                are_right &= all_told().await && bench.stats().await["position"] == furthest();
            }
            are_right
        })
        .await;
    }
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
}
}

on_both! {
async fn one_that_stands_by_takes_over_from_one_that_died(backend) {
    let bench = Bench::with(backend).await;
    let channels = [CHANNEL.to_owned()];
    let (first, waiting) = (config(&bench, &channels), config(&bench, &channels));
    let runtime = tokio::task::spawn_blocking(|| tokio::runtime::Runtime::new().unwrap()).await.unwrap();
    let first = runtime.spawn(async move { Userstats::bind(first).await.unwrap() }).await.unwrap();
    within("the first is ready", first.ready()).await;
    let second = Userstats::bind(waiting).await.unwrap();
    within("the second stands by", second.ready()).await;
    let view = second.status().view();
    assert!(view.is_healthy(), "{:?}", view.problem());
    for at in 0..20 {
        say(&bench, CHANNEL, at, "before").await;
    }
    counted(&bench, &channels, 20).await;
    assert_eq!(shares(&[&first, &second]), [1, 0]);
    let died = Instant::now();
    runtime.shutdown_background();
    for at in 20..40 {
        say(&bench, CHANNEL, at, "after").await;
    }
    counted(&bench, &channels, 40).await;
    assert!(died.elapsed() < TAKEOVER, "{:?}", died.elapsed());
    assert_eq!(second.status().view().sharing.takeovers, 1);
    second.shutdown().await.unwrap();
}
}

on_both! {
async fn a_wish_that_one_who_stands_by_hears_is_followed_by_all(backend) {
    let bench = Bench::with(backend).await;
    let channels = [CHANNEL.to_owned()];
    let mut deaf = config(&bench, &channels);
    // Who counts takes no wishes, so only the other one can have recorded it.
    deaf.privacy_by_command = false;
    let counting = Userstats::bind(deaf).await.unwrap();
    within("the first is ready", counting.ready()).await;
    let waiting = start(&bench, &channels).await;
    assert_eq!(shares(&[&counting, &waiting]), [1, 0]);
    say(&bench, CHANNEL, 1, "hi").await;
    counted(&bench, &channels, 1).await;
    let wish = |command: &str| Request::new("userstats", command).with("username", "bob");
    let carried_out = async |command: &str| {
        eventually("the wish is carried out", || async { bench.ask(wish(command)).await.is_ok() }).await;
    };
    carried_out("privacy.opt_out").await;
    let store = bench.store().await;
    assert!(store.privacy().await.unwrap().is_out("bob"));
    counted(&bench, &channels, 0).await;
    counting.shutdown().await.unwrap();
    divided(&[&waiting], &[1]).await;
    say(&bench, CHANNEL, 2, "not to be counted").await;
    bench.counted(&waiting).await;
    counted(&bench, &channels, 0).await;
    carried_out("privacy.opt_in").await;
    counted(&bench, &channels, 1).await;
    waiting.shutdown().await.unwrap();
}
}

on_both! {
async fn instances_of_other_configurations_share_what_both_have(backend) {
    let bench = Bench::with(backend).await;
    let one = start(&bench, &names(3)).await;
    let others = [names(3)[2].clone(), "elsewhere".to_owned()];
    let two = start(&bench, &others).await;
    eventually("all are counted", || async {
        let (one, two) = (one.status().view().sharing, two.status().view().sharing);
        one.here.len() + two.here.len() == 4 && two.here.contains("elsewhere")
    })
    .await;
    let all: Vec<String> = names(3).into_iter().chain(["elsewhere".to_owned()]).collect();
    say_everywhere(&bench, &all, 1).await;
    counted(&bench, &all, 1).await;
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
}
}

on_both! {
async fn a_channel_that_was_refused_is_taken_up_again_when_its_lease_is_still_ours(backend) {
    let bench = Bench::with(backend).await;
    let service = bench.start().await;
    let channels = [CHANNEL.to_owned()];
    for at in 0..10 {
        say(&bench, CHANNEL, at, "before").await;
    }
    counted(&bench, &channels, 10).await;
    // As an earlier version does, which knows nothing of leases.
    bench.store().await.claim(CHANNEL).await.unwrap();
    for at in 10..30 {
        say(&bench, CHANNEL, at, "after").await;
    }
    counted(&bench, &channels, 30).await;
    eventually("all is well", || async { service.status().view().is_healthy() }).await;
    service.shutdown().await.unwrap();
}
}

on_both! {
async fn whoever_was_seen_where_another_one_counts_can_be_thanked_here(backend) {
    let bench = Bench::with(backend).await;
    let channels = names(2);
    let one = start(&bench, &channels).await;
    let two = start(&bench, &channels).await;
    divided(&[&one, &two], &[1, 1]).await;
    let [there, here] = [0, 1].map(|at| channels[at].clone());
    say(&bench, &there, 1, "I am bob, and new").await;
    counted(&bench, &[there], 1).await;
    let store = bench.store().await;
    let mut second = 1;
    within("bob is thanked", async {
        while store.totals().await.unwrap().kudos_plusplus == 0 {
            second += 1;
            let payload = json!({"username": "alice", "msg": "bob++", "meta": {}, "time": crate::bench::at(second).millis()});
            let body = json!({
                "event_name": "chatMsg", "payload": payload, "channel": here, "domain": DOMAIN,
                "timestamp": crate::bench::at(second).to_string(), "correlation_id": format!("thanks-{second}"),
            });
            let subject = subject::event(&here, "chatMsg").unwrap();
            let ack = bench.client.jetstream().publish(subject, body.to_string().into()).await;
            ack.unwrap().await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
}
}
