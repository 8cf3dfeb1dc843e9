//! Hours in the channel's time zone, and marks of every join and leave.

use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use kryten_userstats::{Config, Userstats};
use serde_json::{Value, json};

use crate::bench::{Bench, CHANNEL, DOMAIN, START, within};

const HOUR: i64 = 3600;

fn config(bench: &Bench, zones: &Value) -> Result<Config, String> {
    let mut file = json!({
        "nats": {"servers": ["nats://localhost:4222"]},
        "channels": [{"domain": DOMAIN, "channel": CHANNEL}],
    });
    if let Some(own) = zones.get("own") {
        file["channels"][0]["timezone"] = own.clone();
    }
    if let Some(usual) = zones.get("usual") {
        file["timezone"] = usual.clone();
    }
    let mut config = Config::read(file).map_err(|error| error.to_string())?;
    config.nats = bench.config().nats;
    bench.place.put_into(&mut config);
    config.http = None;
    Ok(config)
}

async fn hours(bench: &Bench, command: &str) -> Vec<Value> {
    let request = Request::new("userstats", command).with("channel", CHANNEL);
    let reply = bench.ask(request).await.unwrap();
    reply["data"].as_array().unwrap().clone()
}

on_both! {
    async fn everything_of_an_hour_is_told_by_the_clocks_of_the_channel(backend) {
        let bench = Bench::with(backend).await;
        let zones = json!({"usual": "America/New_York", "own": "Europe/Berlin"});
        let service = Userstats::bind(config(&bench, &zones).unwrap())
            .await
            .unwrap();
        within("the service is ready", service.ready()).await;
        let users = json!([{"name": "alice"}, {"name": "bob"}]);
        bench.event(0, "userlist", &users).await;
        bench
            .event(1, "emoteList", &json!([{"name": "Kappa"}]))
            .await;
        bench.event(2, "drinkCount", &json!(0)).await;
        bench.event(3, "addUser", &json!({"name": "carol"})).await;
        let film = json!({"type": "yt", "id": "x", "title": "A Film"});
        bench.event(4, "changeMedia", &film).await;
        bench.say(5, "bob", "alice++ #kappa movie++").await;
        for name in ["carol", "bob"] {
            bench.event(6, "userLeave", &json!({"name": name})).await;
        }
        bench.say(HOUR, "alice", "lol").await;
        bench.counted(&service).await;

        let all = hours(&bench, "timeseries.channel").await;
        assert_eq!(all.len(), 2, "{all:#?}");
        assert_eq!(
            (&all[0]["hour"], &all[0]["begins_at"]),
            (
                &"2026-11-22 17:00:00".into(),
                &"2026-11-22T17:00:00+01:00".into()
            ),
            "the channel's own zone, not that of all channels"
        );
        for (name, value) in [
            ("messages", 1),
            ("kudos", 1),
            ("emotes", 1),
            ("votes", 1),
            ("media", 1),
            ("population_high", 3),
            ("population_low", 1),
        ] {
            assert_eq!(all[0][name], value, "{name}");
        }
        assert_eq!(
            (&all[1]["population_high"], &all[1]["messages"]),
            (&1.into(), &1.into()),
            "who is there in the new hour was there before"
        );
        let kudos = hours(&bench, "timeseries.kudos").await;
        assert_eq!(
            (&kudos[0]["hour"], &kudos[0]["plusplus"]),
            (&all[0]["hour"], &1.into())
        );
        let messages = hours(&bench, "timeseries.messages").await;
        assert_eq!(
            (&messages[1]["messages"], &messages[1]["avg_active_users"]),
            (&1.into(), &Value::Null)
        );
    }

    async fn watermarks_know_every_join_and_leave(backend) {
        let bench = Bench::with(backend).await;
        let service = bench.start().await;
        let users = json!([{"name": "alice"}, {"name": "bob"}]);
        bench.event(0, "userlist", &users).await;
        bench.event(10, "addUser", &json!({"name": "carol"})).await;
        bench
            .event(11, "userLeave", &json!({"name": "carol"}))
            .await;
        bench.event(20, "userLeave", &json!({"name": "bob"})).await;
        bench.event(21, "addUser", &json!({"name": "bob"})).await;
        bench.counted(&service).await;
        let marks = async || {
            let request = Request::new("userstats", "channel.watermarks").with("channel", CHANNEL);
            bench.ask(request).await.unwrap()
        };
        let at = |second: i64| WireTime::from_millis(START + second * 1000).to_string();
        let exact = json!({
            "high": {"timestamp": at(10), "total_users": 3},
            "low": {"timestamp": at(20), "total_users": 1},
        });
        let told = marks().await;
        assert_eq!(told["exact"], exact);
        assert_eq!(told["high"], Value::Null, "no sample was taken");
        service.shutdown().await.unwrap();
        let _service = bench.start().await;
        assert_eq!(marks().await["exact"], exact, "the same after a restart");
    }

    async fn an_unknown_time_zone_is_refused_with_its_key(backend) {
        let bench = Bench::with(backend).await;
        for (zones, key) in [
            (json!({"usual": "Europe/Nowhere"}), "timezone: "),
            (json!({"own": "CEST5"}), "channels[0].timezone: "),
        ] {
            let error = config(&bench, &zones).unwrap_err();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
