//! What people wish of what is known of them.

use kryten_client::command::CommandError;
use kryten_protocol::command::Request;
use kryten_protocol::time::WireTime;
use kryten_userstats::Userstats;
use kryten_userstats::tally::Wish;
use serde_json::{Value, json};

use crate::backend::Place;
use crate::bench::{Bench, CHANNEL, DOMAIN, at, eventually, line, within};

fn now() -> WireTime {
    WireTime::from_micros(jiff::Timestamp::now().as_microsecond())
}

async fn wish(bench: &Bench, command: &str, name: &str) -> Result<Value, CommandError> {
    let request = Request::new("userstats", command).with("username", name);
    bench.ask(request).await
}

async fn top(bench: &Bench) -> Value {
    let request = Request::new("userstats", "channel.top_users").with("channel", CHANNEL);
    bench.ask(request).await.unwrap()["top_users"].clone()
}

/// Every text and number in every table, but for those that are there to keep somebody out.
async fn everything_stored(bench: &Bench) -> String {
    let tables = match &bench.place {
        Place::File(_) => "SELECT name FROM sqlite_master WHERE type = 'table'",
        Place::Url(_) => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
    };
    let mut text = String::new();
    for table in bench.place.texts(tables).await {
        let rows = match &bench.place {
            Place::File(_) => {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns = bench.place.texts(&columns).await;
                let cells: Vec<String> = columns
                    .iter()
                    .map(|column| format!("COALESCE(CAST({column} AS TEXT), '')"))
                    .collect();
                format!("SELECT {} FROM {table}", cells.join(" || '|' || "))
            }
            Place::Url(_) => format!("SELECT t::text FROM {table} t"),
        };
        for row in bench.place.texts(&rows).await {
            text += &format!("{table}: {row}\n");
        }
    }
    text
}

/// Bob does everything that leaves a trace.
async fn busy(bench: &Bench) -> Userstats {
    bench.stream().await;
    let users = json!([{"name": "alice"}, {"name": "Bob"}, {"name": "carol"}]);
    bench.event(0, "userlist", &users).await;
    bench
        .event(1, "emoteList", &json!([{"name": "#Kappa"}]))
        .await;
    let film = json!({"type": "yt", "id": "x", "title": "A Film"});
    bench.event(2, "changeMedia", &film).await;
    bench.event(3, "drinkCount", &json!(0)).await;
    bench.say(4, "Bob", "alice++ #kappa movie++").await;
    bench.say(5, "alice", "bob++ lol bob").await;
    bench.event(6, "pm", &line(6, "Bob", "psst")).await;
    bench.event(10, "userLeave", &json!({"name": "Bob"})).await;
    bench.event(11, "addUser", &json!({"name": "Bob"})).await;
    let service = bench.start().await;
    let request = Request::new("userstats", "alias.add")
        .with("username", "Bob")
        .with("alias", "bobby");
    bench.ask(request).await.unwrap();
    bench.say(12, "alice", "bobby++").await;
    bench.counted(&service).await;
    service
}

on_both! {
    async fn who_opts_out_is_neither_counted_nor_shown_and_comes_back_as_before(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        let before = bench.user("Bob").await;
        assert_eq!(
            (&before["messages"], &before["kudos_plusplus"]),
            (&1.into(), &2.into())
        );
        wish(&bench, "privacy.opt_out", "bob").await.unwrap();

        let hidden = bench.user("Bob").await;
        assert_eq!(
            (&hidden["known"], &hidden["present"]),
            (&false.into(), &false.into())
        );
        assert_eq!(
            top(&bench).await,
            json!([{"username": "alice", "count": 2}])
        );
        for (second, name, payload) in [
            (20, "chatMsg", line(20, "Bob", "carol++ #kappa")),
            (21, "chatMsg", line(21, "alice", "bob++")),
            (22, "pm", line(22, "BOB", "psst")),
            (23, "setAFK", json!({"name": "Bob", "afk": true})),
            (24, "userlist", json!([{"name": "alice"}, {"name": "Bob"}])),
            (25, "userLeave", json!({"name": "Bob"})),
            (26, "addUser", json!({"name": "Bob"})),
        ] {
            bench.event(second, name, &payload).await;
        }
        bench.counted(&service).await;
        assert_eq!(bench.user("Bob").await["known"], false);
        assert_eq!(
            bench.user("carol").await["kudos_plusplus"],
            0,
            "given by who is not counted"
        );
        let stats = bench.stats().await;
        assert_eq!(
            (
                &stats["total_messages"],
                &stats["total_users"],
                &stats["active_sessions"]
            ),
            (&3.into(), &2.into(), &1.into()),
            "totals are those of who is counted"
        );
        let list = bench
            .ask(Request::new("userstats", "privacy.list"))
            .await
            .unwrap();
        assert_eq!(list["opted_out"][0]["username"], "bob");

        // Also after a restart, and when KV names him.
        service.shutdown().await.unwrap();
        let users = json!([{"name": "alice"}, {"name": "Bob"}]);
        bench
            .put("kryten_Lounge_userlist", "users", &users, None)
            .await;
        let service = bench.start().await;
        assert_eq!(bench.user("Bob").await["known"], false);

        wish(&bench, "privacy.opt_in", "BOB").await.unwrap();
        let after = bench.user("Bob").await;
        for field in [
            "messages",
            "kudos_plusplus",
            "kudos_phrases",
            "emotes",
            "pms",
            "first_seen_at",
        ] {
            assert_eq!(after[field], before[field], "{field}");
        }
        bench.say(30, "alice", "bob++").await;
        bench.say(100_000_000, "Bob", "back").await;
        bench.counted(&service).await;
        let bob = bench.user("Bob").await;
        assert_eq!(
            (&bob["messages"], &bob["kudos_plusplus"]),
            (&2.into(), &3.into())
        );
        let list = bench
            .ask(Request::new("userstats", "privacy.list"))
            .await
            .unwrap();
        assert_eq!(list["opted_out"], json!([]));
    }

    async fn who_is_forgotten_leaves_no_trace_and_does_not_come_back_by_old_events_or_kv(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        let stored = everything_stored(&bench).await.to_lowercase();
        assert!(stored.contains("bob") && stored.contains("bobby"));
        let done = wish(&bench, "privacy.forget", "bob").await.unwrap();
        assert!(done["rows"].as_u64().unwrap() >= 8, "{done}");
        let stored = everything_stored(&bench).await.to_lowercase();
        assert!(!stored.contains("bob"), "{stored}");
        assert_eq!(
            top(&bench).await,
            json!([{"username": "alice", "count": 2}])
        );

        // The same events once more, from before the wish: by a robot that publishes all again.
        bench
            .event_like_python(4, "chatMsg", &line(4, "Bob", "alice++ #kappa movie++"))
            .await;
        bench
            .event_like_python(6, "pm", &line(6, "Bob", "psst"))
            .await;
        bench
            .event_like_python(11, "addUser", &json!({"name": "Bob"}))
            .await;
        // Lists name whoever is there, and somebody thanks him.
        let users = json!([{"name": "alice"}, {"name": "Bob"}]);
        bench.event(100_000_000, "userlist", &users).await;
        bench.say(100_000_001, "alice", "bob++ bobby++").await;
        bench
            .put("kryten_Lounge_userlist", "users", &users, None)
            .await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        // Everything in the stream is read again from its beginning.
        bench
            .place
            .execute("UPDATE kryten_position SET sequence = 0, message_id = NULL, message_time = 0")
            .await;
        let service = bench.start().await;
        bench.counted(&service).await;
        assert_eq!(bench.user("Bob").await["known"], false);
        let stored = everything_stored(&bench).await.to_lowercase();
        assert!(!stored.contains("bob"), "{stored}");

        // What he does himself from now on counts again.
        bench.say(100_000_010, "Bob", "hello again").await;
        bench.counted(&service).await;
        assert_eq!(bench.user("Bob").await["messages"], 1);
        let list = bench
            .ask(Request::new("userstats", "privacy.list"))
            .await
            .unwrap();
        assert_eq!(
            (&list["opted_out"], &list["forgotten"]),
            (&json!([]), &1.into())
        );
    }

    async fn who_was_forgotten_and_came_back_stays_known_over_a_restart(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        wish(&bench, "privacy.forget", "bob").await.unwrap();
        let back = 100_000_000;
        bench.event(back, "addUser", &json!({"name": "Bob"})).await;
        bench.say(back + 10, "Bob", "hello again").await;
        bench.counted(&service).await;
        service.shutdown().await.unwrap();
        let service = bench.start().await;
        bench.say(back + 20, "alice", "bob++").await;
        bench.event(back + 60, "userLeave", &json!({"name": "Bob"})).await;
        bench.counted(&service).await;
        let bob = bench.user("Bob").await;
        assert_eq!(
            (&bob["present"], &bob["kudos_plusplus"], &bob["activity"]["total_time_seconds"]),
            (&false.into(), &1.into(), &60.into())
        );
        service.shutdown().await.unwrap();
    }

    async fn who_opts_out_while_nobody_counts_is_not_there_when_they_opt_in(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        service.shutdown().await.unwrap();
        let store = bench.store().await;
        let names = ["Bob".to_owned()];
        for wish in [Wish::OptOut, Wish::OptIn] {
            let privacy = store.privacy().await.unwrap();
            store.carry_out(wish, &names, &privacy, now()).await.unwrap();
        }
        let present = store.present(CHANNEL, DOMAIN).await.unwrap();
        let present: Vec<&str> = present.iter().map(|who| &*who.username).collect();
        assert_eq!(present, ["alice", "carol"]);
    }

    async fn the_last_wish_holds_also_where_the_clock_was_set_back_before_it(backend) {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(backend, folder.path().join("userstats.db")).await;
        let store = place.open().await;
        let wish = async |wish: Wish, names: &[&str], second: i64| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let privacy = store.privacy().await.unwrap();
            store.carry_out(wish, &names, &privacy, at(second)).await.unwrap();
            store.privacy().await.unwrap()
        };
        let listed = async || -> Vec<String> {
            let out = store.opted_out().await.unwrap();
            out.into_iter().map(|out| out.username).collect()
        };
        wish(Wish::OptOut, &["Bob", "carol"], 3600).await;
        let privacy = wish(Wish::OptIn, &["bob"], 100).await;
        assert!(!privacy.is_out("bob") && privacy.is_out("carol"));
        assert_eq!(listed().await, ["carol"]);
        assert!(!privacy.hides("bob", at(200)), "what comes now counts");
        let privacy = wish(Wish::OptOut, &["BOB"], 50).await;
        assert!(privacy.is_out("bob"));
        assert_eq!(listed().await, ["bob", "carol"]);

        // To be forgotten again is another wish, which other instances are to notice.
        let before = wish(Wish::Forget, &["dave"], 3600).await;
        let after = wish(Wish::Forget, &["dave"], 100).await;
        assert!(after.has_gone_since(&before, "dave"));
        // An opt-in of a clock that was ahead does not lose the next hour of who is forgotten now.
        wish(Wish::OptOut, &["erin"], 3500).await;
        wish(Wish::OptIn, &["erin"], 3600).await;
        let privacy = wish(Wish::Forget, &["erin"], 100).await;
        assert!(privacy.hides("erin", at(100)) && !privacy.hides("erin", at(101)));
    }

    async fn a_wish_is_recorded_with_its_time_and_place_and_without_the_name_of_who_is_forgotten(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        let last = bench.stream().await.info().await.unwrap().last_sequence;
        wish(&bench, "privacy.opt_out", "carol").await.unwrap();
        wish(&bench, "privacy.forget", "carol").await.unwrap();
        service.shutdown().await.unwrap();
        let rows = bench
            .place
            .texts(
                "SELECT wish || ' ' || (wished_at > 0) || ' ' || positions || ' ' || COALESCE(username, 'no name')
                 FROM kryten_privacy ORDER BY wished_at",
            )
            .await;
        let expected = |wish: &str, is: &str| format!("{wish} {is} {{\"lounge\":{last}}} no name");
        let is = match bench.place {
            Place::File(_) => "1",
            Place::Url(_) => "true",
        };
        assert_eq!(rows, [expected("opt_out", is), expected("forget", is)]);
        let who = bench.place.texts("SELECT DISTINCT who FROM kryten_privacy").await;
        assert_eq!(who.len(), 1);
    }

    async fn an_export_has_every_row_of_a_person_also_while_opted_out(backend) {
        let bench = Bench::with(backend).await;
        let _service = busy(&bench).await;
        let counted = wish(&bench, "privacy.export", "bob").await.unwrap()["counted"].clone();
        for (what, rows) in [
            ("seen", 1),
            ("aliases", 1),
            ("messages", 1),
            ("private_messages", 1),
            ("activity", 1),
            ("emotes", 1),
            ("kudos_plusplus_received", 1),
            ("kudos_phrases_received", 1),
            ("votes", 1),
            ("visits", 2),
        ] {
            assert_eq!(
                counted[what].as_array().map(Vec::len),
                Some(rows),
                "{what}: {counted:#}"
            );
        }
        assert_eq!(counted["messages"][0]["message_count"], 1);
        wish(&bench, "privacy.opt_out", "Bob").await.unwrap();
        let out = wish(&bench, "privacy.export", "BOB").await.unwrap();
        assert_eq!(
            (&out["opted_out"], &out["counted"]["messages"]),
            (&true.into(), &counted["messages"])
        );
        wish(&bench, "privacy.forget", "Bob").await.unwrap();
        let gone = wish(&bench, "privacy.export", "Bob").await.unwrap();
        assert!(
            gone["counted"]
                .as_object()
                .unwrap()
                .values()
                .all(|rows| rows == &json!([])),
            "{gone}"
        );
        let error = wish(&bench, "privacy.export", "")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("username required"), "{error}");
    }

    async fn wishes_are_taken_as_commands_unless_configured_otherwise(backend) {
        let bench = Bench::with(backend).await;
        let mut config = bench.config();
        config.privacy_by_command = false;
        let service = Userstats::bind(config).await.unwrap();
        within("the service is ready", service.ready()).await;
        for command in ["privacy.forget", "privacy.export", "privacy.list"] {
            let error = wish(&bench, command, "bob").await.unwrap_err().to_string();
            assert!(error.contains("privacy.by_command is false"), "{error}");
        }
    }

    async fn an_instance_that_did_not_hear_the_wish_follows_it(backend) {
        let bench = Bench::with(backend).await;
        let service = busy(&bench).await;
        // As another instance would, straight in the database.
        let store = bench.store().await;
        let privacy = store.privacy().await.unwrap();
        let names = ["Bob".to_owned()];
        store.carry_out(Wish::OptOut, &names, &privacy, now()).await.unwrap();
        let mut second = 50;
        within("the wish is followed", async {
            loop {
                second += 1;
                bench.say(second, "alice", "tick").await;
                bench.counted(&service).await;
                if service.status().view().open_visits == 2 {
                    break;
                }
            }
        })
        .await;
        bench.say(5000, "Bob", "hi").await;
        bench.counted(&service).await;
        assert_eq!(bench.user("Bob").await["known"], false);
        eventually("alice and carol are there", || async {
            bench.stats().await["active_sessions"] == 2
        })
        .await;
        assert!(
            !everything_stored(&bench)
                .await
                .contains("user_activity: Bob")
        );
    }
}
