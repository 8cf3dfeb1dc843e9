//! The detectors against the originals' vectors, and the fold against what CyTube does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

mod absences;
mod headcounts;
mod rules;

const DOMAIN: &str = "cytu.be";
const CHANNEL: &str = "lounge";
const START: i64 = 1_795_364_000_000;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/detector_vectors.json")).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().unwrap().iter();
    items.map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let items = value.as_array().unwrap().iter();
    items
        .map(|pair| {
            let pair = texts(pair);
            (pair[0].clone(), pair[1].clone())
        })
        .collect()
}

fn owned(found: Vec<(&str, String)>) -> Vec<(String, String)> {
    found.into_iter().map(|(n, p)| (n.to_owned(), p)).collect()
}

/// A channel in which things happen one after the other.
struct Channel {
    tally: Tally,
    sums: Sums,
    millis: i64,
}

impl Channel {
    fn new(phrases: &[&str]) -> Self {
        let tally = Tally::new(
            KnownNames::default(),
            Aliases::default(),
            Phrases::new(phrases),
        );
        Self {
            tally,
            sums: Sums::default(),
            millis: START,
        }
    }

    fn send(&mut self, name: &str, payload: Value) {
        self.millis += 1000;
        self.send_at(self.millis, name, &payload);
    }

    fn send_at(&mut self, millis: i64, name: &str, payload: &Value) {
        self.send_of_epoch(0, millis, name, payload);
    }

    fn send_of_epoch(&mut self, epoch: u64, millis: i64, name: &str, payload: &Value) {
        let event = EventView {
            domain: DOMAIN,
            channel: CHANNEL,
            name,
            payload: &payload.to_string(),
            time: WireTime::from_millis(millis),
            line_id: None,
            epoch,
        };
        self.tally.apply(&event, &mut self.sums);
    }

    fn say(&mut self, user: &str, text: &str) {
        let time = self.millis + 1000;
        self.send(
            "chatMsg",
            json!({"username": user, "msg": text, "time": time}),
        );
    }

    fn room(&mut self) -> &mut RoomSums {
        let key = RoomKey {
            domain: DOMAIN.into(),
            channel: CHANNEL.into(),
        };
        self.sums.room(&key)
    }

    fn activity(&mut self, user: &str) -> Option<(i64, i64)> {
        let seconds = self.room().activity.get(user)?;
        Some((seconds.total_seconds, seconds.not_afk_seconds))
    }
}

#[test]
fn every_vector_of_the_detectors_is_found() {
    let vectors = vectors();
    let phrases = Phrases::new(texts(&vectors["trigger_phrases"]));
    let emotes = EmoteSet::new(texts(&vectors["emote_names_raw"]));
    let cases = vectors["vectors"].as_array().unwrap();
    assert_eq!(cases.len(), 232);
    for case in cases {
        let text = case["message"].as_str().unwrap();
        assert_eq!(plusplus(text), texts(&case["plusplus"]), "++ in {text:?}");
        assert_eq!(
            owned(phrase_kudos(text, &phrases)),
            pairs(&case["phrase"]),
            "phrases in {text:?}"
        );
        assert_eq!(
            emote_uses(text, &emotes),
            texts(&case["emotes"]),
            "emotes in {text:?}"
        );
        let expected = case["vote"].as_i64().map(|v| v as i8);
        assert_eq!(vote(text), expected, "vote in {text:?}");
    }
}

#[test]
fn every_vector_leads_to_the_rows_of_the_original() {
    let vectors = vectors();
    let fixture = &vectors["handler_fixture"];
    let mut names = KnownNames::default();
    for name in texts(&fixture["known_users"]) {
        names.insert(&name);
    }
    let aliases = fixture["aliases"].as_object().unwrap().iter();
    let aliases = Aliases::new(
        aliases.map(|(alias, owner)| (owner.as_str().unwrap().to_owned(), alias.clone())),
    );
    let phrases = Phrases::new(texts(&vectors["trigger_phrases"]));
    for case in vectors["vectors"].as_array().unwrap() {
        let mut channel = Channel::new(&[]);
        channel.tally = Tally::new(names.clone(), aliases.clone(), phrases.clone());
        channel.send("emoteList", vectors["emote_names_raw"].clone());
        channel.send("drinkCount", json!(0));
        channel.say("Sender", case["message"].as_str().unwrap());

        let room = channel.room();
        let mut found = Vec::new();
        for (name, count) in &room.kudos {
            found.extend((0..*count).map(|_| vec!["kudos++".to_owned(), name.clone()]));
        }
        for ((name, phrase), count) in &room.phrases {
            let row = ["kudos_phrase", name, phrase].map(str::to_owned).to_vec();
            found.extend((0..*count).map(|_| row.clone()));
        }
        for ((name, emote), count) in &room.emotes {
            let row = ["emote", name, emote].map(str::to_owned).to_vec();
            found.extend((0..*count).map(|_| row.clone()));
        }
        let mut expected: Vec<Vec<String>> = case["writes_with_sender_Sender"]
            .as_array()
            .unwrap()
            .iter()
            .map(texts)
            .collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{case}");
    }
}

#[test]
fn special_configurations_behave_as_recorded() {
    let vectors = vectors();
    let special = &vectors["special_configs"];
    let text = "hahaha alice lol bob";
    assert_eq!(
        owned(phrase_kudos(text, &Phrases::default())),
        pairs(&special["phrase_with_no_triggers"])
    );
    assert_eq!(
        emote_uses("#kappa", &EmoteSet::default()),
        texts(&special["emotes_with_empty_list"])
    );
    for (phrase, text, name) in [
        ("good job", "good job alice", "multiword_trigger_'good job'"),
        ("Lol!", "lol! alice", "trigger_with_punct_'Lol!'"),
        ("HAHA", "haha alice", "upper_trigger_'HAHA'"),
    ] {
        assert_eq!(
            owned(phrase_kudos(text, &Phrases::new([phrase]))),
            pairs(&special[name]),
            "{name}"
        );
    }
    assert_eq!(
        EmoteSet::new(texts(&vectors["emote_names_raw"])).len(),
        texts(&vectors["emote_set_after_strip_and_lower"]).len()
    );
}

#[test]
fn titles_are_cleaned_as_recorded() {
    for case in vectors()["media_title_clean"].as_array().unwrap() {
        let raw = case["raw"].as_str().unwrap_or_default();
        let clean = kryten_protocol::cytube::CleanTitle::new(raw);
        assert_eq!(clean.as_str(), case["clean"], "{raw:?}");
    }
}

#[test]
fn a_line_counts_once_whoever_publishes_it_again() {
    let mut channel = Channel::new(&[]);
    let line = json!({"username": "bob", "msg": "++alice", "time": START});
    channel.send("addUser", json!({"name": "Alice"}));
    channel.send("chatMsg", line.clone());
    channel.send("CHATMSG", line);
    channel.send("chatMsg", json!({"username": "bob", "msg": "no time"}));
    channel.send("chatMsg", json!({"username": "bob", "msg": "no time"}));
    assert_eq!(channel.room().messages["bob"], 3);
    assert_eq!(channel.room().kudos["Alice"], 1);
    assert_eq!(channel.sums.counters.repeated, 1);
}

#[test]
fn what_cytube_never_replays_pushes_none_of_the_lines_out_that_it_does() {
    let mut channel = Channel::new(&[]);
    let line = json!({"username": "bob", "msg": "hi", "time": START});
    channel.send("chatMsg", line.clone());
    for nth in 0..300 {
        channel.say("[server]", "carol joined");
        let psst = json!({"username": "carol", "msg": "psst", "time": START + nth});
        channel.send("pm", psst);
    }
    channel.send("chatMsg", line);
    assert_eq!(channel.room().messages["bob"], 1);
}

#[test]
fn a_visit_goes_on_over_a_repeated_join_and_pauses_count_apart() {
    let mut channel = Channel::new(&[]);
    channel.send_at(START, "addUser", &json!({"name": "Carol"}));
    channel.send_at(
        START + 10_000,
        "setAFK",
        &json!({"name": "Carol", "afk": true}),
    );
    channel.send_at(
        START + 12_000,
        "addUser",
        &json!({"name": "Carol", "rank": 1.5}),
    );
    let back = json!({"name": "Carol", "meta": {"afk": false}});
    channel.send_at(START + 15_900, "setUserMeta", &back);
    channel.send_at(START + 20_000, "userLeave", &json!({"name": "Carol"}));
    channel.send_at(START + 20_000, "userLeave", &json!({"name": "Carol"}));
    assert_eq!(channel.activity("Carol"), Some((20, 15)));
}

#[test]
fn a_user_list_after_a_short_absence_lets_visits_go_on() {
    let mut channel = Channel::new(&[]);
    channel.send_at(
        START,
        "userlist",
        &json!([{"name": "stays"}, {"name": "goes"}]),
    );
    channel.send_at(START + 5_000, "usercount", &json!(2));
    let list = json!([{"name": "stays"}, {"name": "comes"}]);
    channel.send_at(START + 65_000, "userlist", &list);
    assert_eq!(channel.activity("goes"), Some((5, 5)));
    assert_eq!(channel.activity("stays"), None);
    channel.send_at(START + 300_000, "userlist", &list);
    assert_eq!(
        channel.activity("stays"),
        Some((65, 65)),
        "two minutes are too long"
    );
    let room = channel.tally.room(DOMAIN, CHANNEL).unwrap();
    let names: Vec<&str> = room.visits().iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["comes", "stays"]);
}

#[test]
fn notices_and_empty_names_are_counted_but_make_no_visit() {
    let mut channel = Channel::new(&[]);
    for name in ["[server]", "[voteskip]", "", "bob"] {
        channel.say(name, "hello");
    }
    assert_eq!(channel.room().messages.len(), 4);
    assert_eq!(channel.sums.users.len(), 4);
    assert_eq!(channel.tally.open_visits(), 1);
}

#[test]
fn a_replayed_vote_goes_to_the_film_that_played_when_it_was_said() {
    let mut channel = Channel::new(&[]);
    let film = |id: &str, at: f64| json!({"type": "yt", "id": id, "title": id, "currentTime": at});
    channel.send_at(START, "changeMedia", &film("first", -3.0));
    // The robot is away while the second film begins; it learns of it after the replay.
    let joined = START + 60_000;
    channel.send_at(joined, "emoteList", &json!([{"name": "#a"}]));
    for (user, said) in [("early", 10_000), ("late", 50_000)] {
        let line = json!({"username": user, "msg": "movie++", "time": START + said});
        channel.send_at(joined, "chatMsg", &line);
    }
    channel.send_at(joined, "drinkCount", &json!(0));
    channel.send_at(joined, "changeMedia", &film("second", 30.0));
    let live = json!({"username": "live", "msg": "movie--", "time": joined + 500});
    channel.send_at(joined + 500, "chatMsg", &live);
    let votes = &channel.room().votes;
    let of = |title: &str, user: &str| votes.get(&(title.into(), user.into())).map(|v| v.vote);
    assert_eq!(of("first", "early"), Some(1));
    assert_eq!(of("second", "late"), Some(1));
    assert_eq!(of("second", "live"), Some(-1));
    assert_eq!(votes.len(), 3);
}

#[test]
fn a_replayed_vote_goes_to_its_film_whatever_the_robots_clock_says() {
    let hour = 3_600_000;
    for ahead in [
        [hour, hour],
        [-hour, -hour],
        [hour, 0],
        [0, hour],
        [0, -hour],
    ] {
        let mut channel = Channel::new(&[]);
        let film =
            |id: &str, at: f64| json!({"type": "yt", "id": id, "title": id, "currentTime": at});
        let line = |user: &str, said: i64, vote: &str| json!({"username": user, "msg": vote, "time": said});
        let [first, second] = ahead.map(|ahead| START + ahead);
        channel.send_at(first, "chatMsg", &line("live", START, "hello"));
        channel.send_at(first + 1_000, "changeMedia", &film("first", 0.0));
        // Its clock may be set while it is away.
        let away = START + 61_000;
        channel.send_at(
            second + 60_000,
            "chatMsg",
            &line("live", away - 1_000, "still"),
        );
        channel.send_at(second + 90_000, "emoteList", &json!([{"name": "#a"}]));
        for (user, said) in [("early", 10_000), ("late", 80_000)] {
            channel.send_at(
                second + 90_000,
                "chatMsg",
                &line(user, START + said, "movie++"),
            );
        }
        channel.send_at(second + 90_000, "userlist", &json!([{"name": "live"}]));
        channel.send_at(second + 90_000, "changeMedia", &film("second", 20.0));
        let votes = &channel.room().votes;
        let films = votes
            .keys()
            .map(|(film, user)| (film.as_str(), user.as_str()));
        let films: BTreeSet<_> = films.collect();
        let right = BTreeSet::from([("first", "early"), ("second", "late")]);
        assert_eq!(films, right, "{ahead:?}");
    }
}

#[test]
fn replayed_votes_are_settled_where_nothing_plays() {
    let mut channel = Channel::new(&[]);
    let film = json!({"type": "yt", "id": "x", "title": "x"});
    channel.send_at(START, "changeMedia", &film);
    channel.send_at(START + 5_000, "emoteList", &json!([]));
    let line = json!({"username": "bob", "msg": "film-", "time": START + 1_000});
    channel.send_at(START + 5_000, "chatMsg", &line);
    assert!(channel.room().votes.is_empty());
    channel.send_at(START + 16_000, "usercount", &json!(1));
    assert_eq!(channel.room().votes.len(), 1);
}

#[test]
fn a_film_shown_again_is_logged_once() {
    let mut channel = Channel::new(&[]);
    let film = json!({"type": "fi", "id": 77, "title": "Numeric.id.mkv", "seconds": 1.5});
    channel.send("changeMedia", film.clone());
    channel.send("changeMedia", film);
    let media = &channel.room().media;
    assert_eq!(media.len(), 1);
    assert_eq!(
        (media[0].film.title.as_str(), media[0].film.id.as_str()),
        ("Numeric id", "77")
    );
}

#[test]
fn emotes_follow_their_events() {
    let mut channel = Channel::new(&[]);
    channel.send("emoteList", json!([{"name": "#Kappa"}, {"name": "old"}]));
    channel.send("drinkCount", json!(0));
    channel.send("updateEmote", json!({"name": "#new"}));
    channel.send("renameEmote", json!({"name": "#renamed", "old": "old"}));
    channel.send("removeEmote", json!({"name": "#Kappa"}));
    channel.say("bob", "#kappa #new #old #renamed");
    let mut used: Vec<&String> = channel.room().emotes.keys().map(|(_, e)| e).collect();
    used.sort();
    assert_eq!(used, ["new", "renamed"]);
}

#[test]
fn clocks_do_not_run_backwards() {
    let mut channel = Channel::new(&[]);
    channel.send_at(START + 60_000, "addUser", &json!({"name": "bob"}));
    channel.send_at(START, "userLeave", &json!({"name": "bob"}));
    assert_eq!(channel.activity("bob"), Some((0, 0)));
    assert_eq!(channel.sums.counters.backwards, 1);
}

#[test]
fn a_robot_that_was_replaced_changes_nothing_but_its_lines_count() {
    let mut channel = Channel::new(&[]);
    channel.send_of_epoch(2, START, "addUser", &json!({"name": "bob"}));
    channel.send_of_epoch(1, START + 1000, "userLeave", &json!({"name": "bob"}));
    let line = json!({"username": "bob", "msg": "hi", "time": START});
    channel.send_of_epoch(1, START + 1000, "chatMsg", &line);
    assert_eq!(channel.tally.open_visits(), 1);
    assert_eq!(channel.sums.counters.stale, 1);
    assert_eq!(channel.room().messages["bob"], 1);
}

#[test]
fn private_messages_count_for_their_sender() {
    let mut channel = Channel::new(&[]);
    channel.send(
        "pm",
        json!({"username": "bob", "msg": "hi", "time": 1, "to": "bot"}),
    );
    channel.send("pm", json!({"from": "ignored", "msg": "x"}));
    channel.send("pm", json!({"from": "FromKey2", "msg": null}));
    let mut names: Vec<&String> = channel.sums.pms.keys().collect();
    names.sort();
    assert_eq!(names, ["FromKey2", "bob"]);
}

#[test]
fn what_is_unreadable_is_counted_as_such() {
    let mut channel = Channel::new(&[]);
    for (name, payload) in [
        ("chatMsg", json!("text")),
        ("chatMsg", json!({"username": "x", "msg": null})),
        ("addUser", json!({"name": null})),
        ("userlist", json!({})),
        ("changeMedia", json!(null)),
        ("emoteList", json!(["", {"name": null}])),
    ] {
        channel.send(name, payload);
    }
    assert_eq!(channel.sums.counters.malformed, 6);
    assert!(channel.sums.users.is_empty());
}

#[test]
fn memory_reads_back_as_it_was() {
    let mut channel = Channel::new(&[]);
    channel.send("emoteList", json!([{"name": "#Kappa"}]));
    channel.say("bob", "movie++");
    channel.send(
        "changeMedia",
        json!({"type": "yt", "id": "x", "title": "x"}),
    );
    channel.tally.remember(&mut channel.sums);
    let stored = channel.room().memory.clone().unwrap();
    assert_eq!(stored.emotes.as_deref(), Some(r##"["#Kappa"]"##));
    let memory: Memory = serde_json::from_str(&stored.memory).unwrap();
    assert_eq!(memory, channel.tally.room(DOMAIN, CHANNEL).unwrap().memory);
}
