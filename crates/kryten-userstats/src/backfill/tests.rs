//! Presence around islands that are counted already.

use serde_json::json;

use super::*;

const HOUR: i64 = 3600;

fn key() -> RoomKey {
    RoomKey {
        domain: "d".to_owned(),
        channel: "c".to_owned(),
    }
}

fn event(second: i64, name: &str, payload: Value) -> PastEvent {
    PastEvent {
        domain: key().domain,
        channel: key().channel,
        name: name.to_owned(),
        payload: payload.to_string(),
        time: WireTime::from_millis(second * 1000),
        line_id: None,
        precision_micros: 0,
    }
}

fn named(name: &str) -> Value {
    json!({"name": name})
}

/// What these events add where this is covered, and what is covered then.
fn count(covered: &Covered, events: &[PastEvent]) -> (Sums, Covered) {
    let mut past = Past::new(Tally::default(), HashMap::from([(key(), covered.clone())]));
    for event in events {
        past.fold(event);
    }
    let (mut sums, _) = past.finish();
    let mut covered = covered.clone();
    for ((kind, _), span) in &sums.room(&key()).coverage {
        covered.add(*kind, *span);
    }
    (sums, covered)
}

/// Whose visits, from which second to which.
fn visits(sums: &mut Sums) -> Vec<(String, i64, i64)> {
    let room = sums.room(&key());
    let visits = room.visits.iter().map(|((name, opened_at), change)| {
        let closed_at = change.closed_at.unwrap().micros();
        (name.clone(), opened_at / 1_000_000, closed_at / 1_000_000)
    });
    visits.collect()
}

fn seconds(sums: &mut Sums, name: &str) -> (i64, i64) {
    let activity = sums.room(&key()).activity.get(name).copied();
    let activity = activity.unwrap_or_default();
    (activity.total_seconds, activity.not_afk_seconds)
}

/// From ten to twelve.
fn island() -> Covered {
    let mut covered = Covered::default();
    let span = |from, to| Span {
        from: from * HOUR * 1_000_000,
        to: to * HOUR * 1_000_000,
    };
    covered.add(CoveredKind::Events, span(10, 12));
    covered
}

fn from_nine_to_one(between: &[PastEvent]) -> Vec<PastEvent> {
    let mut events = vec![event(9 * HOUR, "userlist", json!([]))];
    events.extend_from_slice(between);
    events.push(event(13 * HOUR, "drinkCount", json!(0)));
    events
}

#[test]
fn a_visit_that_ends_within_what_is_covered_counts_up_to_its_beginning() {
    let events = from_nine_to_one(&[
        event(9 * HOUR + 1800, "addUser", named("bob")),
        event(11 * HOUR, "userLeave", named("bob")),
    ]);
    let (mut sums, _) = count(&island(), &events);
    assert_eq!(
        visits(&mut sums),
        [("bob".to_owned(), 9 * HOUR + 1800, 10 * HOUR)]
    );
    assert_eq!(seconds(&mut sums, "bob"), (1800, 1800));
}

#[test]
fn a_visit_around_what_is_covered_counts_before_and_behind_it() {
    let events = from_nine_to_one(&[
        event(9 * HOUR + 1800, "addUser", named("bob")),
        event(
            9 * HOUR + 2400,
            "setAFK",
            json!({"name": "bob", "afk": true}),
        ),
        event(
            12 * HOUR + 600,
            "setAFK",
            json!({"name": "bob", "afk": false}),
        ),
    ]);
    let (mut sums, covered) = count(&island(), &events);
    let bob = "bob".to_owned();
    assert_eq!(
        visits(&mut sums),
        [
            (bob.clone(), 9 * HOUR + 1800, 10 * HOUR),
            (bob, 12 * HOUR, 13 * HOUR)
        ]
    );
    // Away for the last 20 minutes before, and the first 10 behind.
    assert_eq!(seconds(&mut sums, "bob"), (5400, 600 + 3000));
    let (mut again, _) = count(&covered, &events);
    assert_eq!(visits(&mut again), []);
}

#[test]
fn a_short_absence_of_the_robot_between_two_islands_is_counted_with_them() {
    let mut covered = island();
    let minute = 60 * 1_000_000;
    let noon = 12 * 60 * minute;
    for (from, to) in [(minute / 12, 15 * minute), (30 * minute, 45 * minute)] {
        let (from, to) = (noon + from, noon + to);
        covered.add(CoveredKind::Events, Span { from, to });
    }
    let events = from_nine_to_one(&[event(11 * HOUR, "addUser", named("bob"))]);
    let (mut sums, _) = count(&covered, &events);
    // Not the five seconds, but the two quarters of an hour.
    assert_eq!(seconds(&mut sums, "bob"), (1800, 1800));
}

#[test]
fn a_visit_that_begins_within_what_is_covered_counts_from_its_end() {
    let events = from_nine_to_one(&[
        event(11 * HOUR, "addUser", named("bob")),
        event(12 * HOUR + 60, "userLeave", named("bob")),
    ]);
    let (mut sums, _) = count(&island(), &events);
    assert_eq!(seconds(&mut sums, "bob"), (60, 60));
}

#[test]
fn two_recordings_give_in_any_order_what_one_of_all_gives() {
    let b = from_nine_to_one(&[
        event(9 * HOUR + 1800, "addUser", named("bob")),
        event(9 * HOUR + 2000, "addUser", named("carol")),
        event(11 * HOUR, "userLeave", named("bob")),
    ]);
    // Another robot was there from ten to twelve.
    let there = json!([{"name": "bob"}, {"name": "carol"}]);
    let a = [
        event(10 * HOUR, "userlist", there),
        event(11 * HOUR, "userLeave", named("bob")),
        event(12 * HOUR, "drinkCount", json!(0)),
    ];
    let (mut of_a, covered) = count(&Covered::default(), &a);
    let (mut of_b, _) = count(&covered, &b);
    let (mut of_all, _) = count(&Covered::default(), &b);
    for name in ["bob", "carol"] {
        let parts = seconds(&mut of_a, name).0 + seconds(&mut of_b, name).0;
        assert_eq!(parts, seconds(&mut of_all, name).0, "{name}");
    }
    assert_eq!(seconds(&mut of_all, "bob").0, HOUR + 1800);
}

#[test]
fn who_was_gone_when_the_robot_came_back_left_before_what_is_covered() {
    let events = from_nine_to_one(&[
        event(9 * HOUR, "addUser", named("bob")),
        event(9 * HOUR + 600, "drinkCount", json!(0)),
        // The robot was away meanwhile.
        event(12 * HOUR + 1800, "userlist", json!([])),
    ]);
    let (mut sums, _) = count(&island(), &events);
    assert_eq!(seconds(&mut sums, "bob"), (600, 600));
}

#[test]
fn a_log_of_lines_tells_nothing_of_presence() {
    let line = |second: i64| {
        let payload = json!({"username": "bob", "msg": "hi", "time": second * 1000});
        event(second, "chatMsg", payload)
    };
    let (mut sums, _) = count(&Covered::default(), &[line(10), line(20), line(9000)]);
    assert_eq!(sums.room(&key()).messages["bob"], 3);
    assert_eq!(seconds(&mut sums, "bob"), (0, 0));
    assert_eq!(visits(&mut sums), []);
}

#[test]
fn ids_of_lines_are_not_kept_until_the_end() {
    let mut past = Past::new(
        Tally::default(),
        HashMap::from([(key(), Covered::default())]),
    );
    for second in 1..=3 {
        let payload = json!({"username": "bob", "msg": "hi", "time": second * 1000});
        past.fold(&event(second, "chatMsg", payload));
        let room = past.sums.room(&key());
        assert_eq!((room.messages["bob"], room.lines.len()), (second, 0));
    }
}
