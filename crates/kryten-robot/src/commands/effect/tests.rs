use serde_json::json;

use super::*;
use crate::commands::command::MediaId;

fn raw(value: Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(&value).unwrap()
}

fn line(text: &str) -> Expectation {
    let look = Look::Line {
        own: "Bot".into(),
        said: Said::new(text),
    };
    Expectation {
        frame: "chatMsg",
        looks: vec![look],
        subject: None,
    }
}

fn item(kind: &str, id: &str) -> Expectation {
    let media = MediaId::new(kind, id);
    Expectation {
        frame: "queue",
        looks: vec![Look::Item {
            own: "Bot".into(),
            media,
        }],
        subject: Some(id.to_owned()),
    }
}

fn own_line(msg: &str) -> Box<RawValue> {
    raw(json!({"username": "Bot", "msg": msg, "meta": {}, "time": 1}))
}

fn ids(outcomes: &[(u64, Outcome)]) -> Vec<u64> {
    outcomes.iter().map(|(id, _)| *id).collect()
}

const SOON: Duration = Duration::from_secs(3);

#[test]
fn a_line_is_found_again_in_what_cytube_makes_of_it() {
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, line("a <b> & \"c\""), SOON);
    awaiting.expect(2, line("see https://a.example/x\tnow"), SOON);
    awaiting.expect(3, line("/me waves"), SOON);
    let link = "see <a href=\"https://a.example/x\" target=\"_blank\">https://a.example/x</a> now";
    assert_eq!(ids(&awaiting.feed("chatMsg", &own_line("waves"))), [3]);
    assert_eq!(ids(&awaiting.feed("chatMsg", &own_line(link))), [2]);
    let escaped = own_line("a &lt;b&gt; &amp; \"c\"");
    assert_eq!(ids(&awaiting.feed("chatMsg", &escaped)), [1]);
    assert!(awaiting.is_empty());
}

#[test]
fn a_line_that_a_filter_changed_answers_the_oldest_who_waits() {
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, line("the cat"), SOON);
    awaiting.expect(2, line("something else"), SOON);
    assert_eq!(
        ids(&awaiting.feed("chatMsg", &own_line("the <b>DOG</b>"))),
        [1]
    );
    let other = raw(json!({"username": "bob", "msg": "something else"}));
    assert!(
        awaiting.feed("chatMsg", &other).is_empty(),
        "others' lines are not ours"
    );
}

#[test]
fn a_late_answer_is_not_taken_for_somebody_elses() {
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, line("first"), SOON);
    assert_eq!(awaiting.expire(SOON), [(1, Outcome::Silent)]);
    awaiting.expect(2, line("second"), SOON * 2);
    assert!(awaiting.feed("chatMsg", &own_line("first")).is_empty());
    assert_eq!(ids(&awaiting.feed("chatMsg", &own_line("second"))), [2]);
    assert_eq!(awaiting.next_deadline(), None);
}

#[test]
fn a_queued_item_is_ours_by_name_and_id_and_a_refusal_goes_to_whom_it_names() {
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, item("yt", "a"), SOON);
    awaiting.expect(2, item("yt", "b"), SOON);
    awaiting.expect(3, item("cu", "<iframe>"), SOON);
    let queued = |by: &str, kind: &str, id: &str| {
        raw(
            json!({"item": {"media": {"type": kind, "id": id}, "uid": 7, "queueby": by}, "after": 1}),
        )
    };
    assert!(
        awaiting.feed("queue", &queued("bob", "yt", "a")).is_empty(),
        "K3: anybody's"
    );
    assert_eq!(ids(&awaiting.feed("queue", &queued("bot", "yt", "b"))), [2]);
    let fail = json!({"msg": "Unknown &#39;x&#39;", "link": "l", "id": "a"});
    let outcomes = awaiting.feed("queueFail", &raw(fail.clone()));
    let reason = "Unknown 'x'".to_owned();
    assert_eq!(
        outcomes,
        [(
            1,
            Outcome::Refused {
                reason,
                event: "queueFail".into(),
                payload: fail
            }
        )]
    );
    assert_eq!(
        ids(&awaiting.feed("queue", &queued("Bot", "cu", "cu:hash"))),
        [3]
    );
}

#[test]
fn errors_go_to_the_frame_or_the_user_that_they_name_else_to_the_oldest() {
    let about = |frame, name: &str| Expectation {
        frame,
        looks: vec![Look::Event("never")],
        subject: Some(name.to_owned()),
    };
    let error = |text: &str| raw(json!({"msg": text}));
    let mut awaiting = Awaiting::default();
    for (id, frame, name) in [
        (1, "chatMsg", "bo"),
        (2, "chatMsg", "bob"),
        (3, "setTemp", ""),
        (4, "queue", "x"),
    ] {
        awaiting.expect(id, about(frame, name), SOON);
    }
    assert_eq!(
        ids(&awaiting.feed("errorMsg", &error("You do not have permission to kick Bob"))),
        [2]
    );
    let text = "Unexpected error for message queue: Missing key: string:type";
    assert_eq!(ids(&awaiting.feed("errorMsg", &error(text))), [4]);
    let text = "Get Playlist URLs is limited to 1 usage every 60 seconds.";
    assert!(awaiting.feed("errorMsg", &error(text)).is_empty());
    assert_eq!(ids(&awaiting.feed("errorMsg", &error("Something"))), [1]);
    assert_eq!(ids(&awaiting.feed("errorMsg", &error("Something"))), [3]);
    assert!(awaiting.feed("errorMsg", &error("Something")).is_empty());
}

#[test]
fn what_everybody_sees_answers_all_who_wait_for_it() {
    let left = |name: &str| Expectation {
        frame: "chatMsg",
        looks: vec![Look::Named {
            event: "userLeave",
            field: "name",
            name: name.into(),
        }],
        subject: Some(name.into()),
    };
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, left("bob"), SOON);
    awaiting.expect(2, left("BOB"), SOON);
    awaiting.expect(3, left("carol"), SOON);
    assert_eq!(
        ids(&awaiting.feed("userLeave", &raw(json!({"name": "Bob"})))),
        [1, 2]
    );
    let lost = awaiting.end("kicked");
    assert_eq!(ids(&lost), [3]);
    assert!(matches!(&lost[0].1, Outcome::Refused { reason, .. } if reason == "kicked"));
}

#[test]
fn numbers_mutes_and_notices_are_recognised() {
    let fits =
        |look: &Look, event: &str, payload: Value| look.see(event, &payload) == look::Fit::Shared;
    let current = Look::Exactly {
        event: "setCurrent",
        payload: json!(0),
    };
    assert!(fits(&current, "setCurrent", json!(0)) && !fits(&current, "setCurrent", json!(1)));
    let fields = vec![("uid", json!(3)), ("temp", json!(true))];
    let temp = Look::Fields {
        event: "setTemp",
        fields,
    };
    assert!(fits(&temp, "setTemp", json!({"uid": 3, "temp": true})));
    assert!(!fits(&temp, "setTemp", json!({"uid": 3, "temp": false})));
    let muted = Look::Muted {
        name: "bob".into(),
        muted: true,
    };
    assert!(fits(
        &muted,
        "setUserMeta",
        json!({"name": "Bob", "meta": {"muted": true}})
    ));
    assert!(!fits(
        &muted,
        "setUserMeta",
        json!({"name": "Bob", "meta": {"afk": true}})
    ));
    let notice = Look::Notice("namebanned bob".into());
    let said = |msg: &str| json!({"username": "[server]", "msg": msg});
    assert!(fits(&notice, "chatMsg", said("Bot namebanned Bob")));
    assert!(!fits(&notice, "chatMsg", said("Bot namebanned bobby")));
    assert!(!fits(
        &notice,
        "chatMsg",
        json!({"username": "eve", "msg": "Bot namebanned bob"})
    ));
}

#[test]
fn nonsense_answers_nobody() {
    let mut awaiting = Awaiting::default();
    awaiting.expect(1, line("x"), SOON);
    for payload in [
        json!(null),
        json!(7),
        json!([]),
        json!({"username": 7}),
        json!({"msg": "x"}),
    ] {
        assert!(awaiting.feed("chatMsg", &raw(payload)).is_empty());
    }
}
