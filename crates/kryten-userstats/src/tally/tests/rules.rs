//! What counts when a rule is set, and what counts without it.

use serde_json::json;

use super::super::*;
use super::{Channel, START};

/// A channel with these rules, three users and some emotes.
fn channel_by(rules: Rules) -> Channel {
    let mut channel = Channel::new(&["lol"]);
    channel.tally.set_rules(rules);
    let owners = [("alice".to_owned(), "bob".to_owned())];
    channel.tally.set_aliases(Aliases::new(owners));
    for name in ["alice", "bob", "dash", "the-dash", "c"] {
        channel.send("addUser", json!({"name": name}));
    }
    let emotes = json!([{"name": "#Kappa"}, {"name": "#foo-bar"}, {"name": "#foo"}, {"name": ":grind:"},
        {"name": "v1.5"}, {"name": "&lt;3"}, {"name": "39"}]);
    channel.send("emoteList", emotes);
    channel
}

fn kudos(channel: &mut Channel) -> Vec<(String, i64)> {
    let mut kudos: Vec<(String, i64)> = channel.room().kudos.clone().into_iter().collect();
    kudos.sort();
    kudos
}

fn emotes(channel: &mut Channel) -> Vec<String> {
    let used = channel.room().emotes.clone();
    let mut used: Vec<String> = used
        .into_iter()
        .map(|((_, emote), count)| format!("{emote} {count}"))
        .collect();
    used.sort();
    used
}

fn pairs_of(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    let owned = expected.iter().map(|(n, c)| ((*n).to_owned(), *c));
    owned.collect()
}

#[test]
fn marked_emotes_count_with_their_marks_when_that_is_set() {
    let line = "#foo-bar. #foo-baz #foo-bar-x #v1.5 #kappa. #-foo";
    let mut plain = channel_by(Rules::default());
    plain.say("bob", line);
    assert_eq!(emotes(&mut plain), ["foo 3", "kappa 1"]);
    let mut marked = channel_by(Rules {
        marked_emotes: true,
        ..Rules::default()
    });
    marked.say("bob", line);
    assert_eq!(
        emotes(&mut marked),
        ["foo 1", "foo-bar 2", "kappa 1", "v1.5 1"]
    );
}

#[test]
fn bare_emotes_count_as_words_when_that_is_set() {
    let line = "Kappa #kappa :GRIND: x:grind: v1.5";
    let mut plain = channel_by(Rules::default());
    plain.say("bob", line);
    assert_eq!(emotes(&mut plain), ["kappa 1"]);
    let rules = Rules {
        bare_emotes: true,
        ..Rules::default()
    };
    let mut bare = channel_by(rules);
    bare.say("bob", line);
    assert_eq!(
        emotes(&mut bare),
        [":grind: 1", "kappa 1", "v1.5 1"],
        "what is listed with # needs it"
    );
    let mut stored = bare.tally.rooms().next().unwrap().2.clone();
    stored.emotes_changed = true;
    let names: Vec<String> = serde_json::from_str(&stored.store().emotes.unwrap()).unwrap();
    assert_eq!(
        Some(EmoteSet::new(names)).as_ref(),
        stored.emotes(),
        "which is listed how is kept over restarts"
    );
}

#[test]
fn kudos_reach_only_real_names_when_that_is_set() {
    let line = "the-dash++ ++alice++ bob++ <a href=\"x?c++\">dash</a> lol (alice) alice,";
    let mut plain = channel_by(Rules::default());
    plain.say("zed", line);
    assert_eq!(
        kudos(&mut plain),
        pairs_of(&[("alice", 3), ("c", 1), ("dash", 1)]),
        "bob is an alias of alice"
    );
    let mut real = channel_by(Rules {
        real_names: true,
        ..Rules::default()
    });
    real.say("zed", line);
    assert_eq!(
        kudos(&mut real),
        pairs_of(&[("alice", 1), ("bob", 1), ("the-dash", 1)])
    );
    assert!(real.room().phrases.is_empty(), "(alice) is no name");
    real.say("BOB", "bob++ lol alice");
    assert_eq!(kudos(&mut real)[1].1, 1, "nobody thanks oneself");
    assert_eq!(
        real.room().phrases[&("alice".to_owned(), "lol".to_owned())],
        1
    );
}

#[test]
fn entities_are_decoded_first_when_that_is_set() {
    let line = "it&#39;s &#x62;ob++ #&#75;appa &lt;b&gt; &unknown; & 1 &amp;lt;";
    let mut plain = channel_by(Rules::default());
    plain.say("zed", line);
    assert_eq!(emotes(&mut plain), ["39 1"]);
    assert!(kudos(&mut plain).is_empty());
    let mut decoded = channel_by(Rules {
        decode_entities: true,
        ..Rules::default()
    });
    decoded.say("zed", line);
    assert_eq!(emotes(&mut decoded), ["kappa 1"]);
    assert_eq!(kudos(&mut decoded), pairs_of(&[("alice", 1)]));
    assert_eq!(
        decode_entities(line),
        "it's bob++ #Kappa <b> &unknown; & 1 &lt;"
    );
}

#[test]
fn lines_of_muted_users_and_of_the_server_are_left_out_when_that_is_set() {
    for (rules, counted) in [
        (
            Rules::default(),
            ["[server]", "[voteskip]", "bob", "shady"].as_slice(),
        ),
        (
            Rules {
                leave_out_muted: true,
                ..Rules::default()
            },
            &["[server]", "[voteskip]", "bob"],
        ),
        (
            Rules {
                leave_out_server: true,
                ..Rules::default()
            },
            &["bob", "shady"],
        ),
    ] {
        let mut channel = channel_by(rules);
        for name in ["[server]", "[voteskip]", "bob"] {
            channel.say(name, "++alice");
        }
        let muted =
            json!({"username": "shady", "msg": "++alice", "meta": {"shadow": true}, "time": START});
        channel.send("chatMsg", muted);
        let mut senders = channel.room().senders.clone();
        senders.sort();
        assert_eq!(senders, counted);
        assert_eq!(kudos(&mut channel)[0].1, counted.len() as i64);
    }
}
