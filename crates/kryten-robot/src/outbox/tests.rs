use super::*;

fn event(name: &str, id: u32, bytes: usize) -> Entry {
    Entry::Event(Outgoing {
        event: name.into(),
        subject: "s".into(),
        message_id: id.to_string(),
        body: Bytes::from(vec![b'x'; bytes]),
        received: WireTime::from_millis(i64::from(id)),
        number: 0,
    })
}

fn ids(outbox: &Outbox) -> Vec<String> {
    let id = |entry: &Entry| match entry {
        Entry::Event(event) => event.message_id.clone(),
        Entry::State(snapshot) => snapshot.key.key().to_owned(),
    };
    let waiting = outbox.waiting.iter().map(|(_, entry)| entry);
    outbox.sent.iter().chain(waiting).map(id).collect()
}

#[test]
fn entries_leave_in_order_and_only_when_acknowledged() {
    let mut outbox = Outbox::new(10_000);
    outbox.push(event("chatMsg", 1, 1));
    outbox.push(event("chatMsg", 2, 1));
    assert!(outbox.acknowledge().is_none());
    assert!(
        outbox.send_next().is_some()
            && outbox.send_next().is_some()
            && outbox.send_next().is_none()
    );
    assert!(matches!(outbox.acknowledge(), Some(Entry::Event(event)) if event.message_id == "1"));
    outbox.unsend();
    assert_eq!(ids(&outbox), ["2"]);
    assert_eq!(outbox.remove_stored(|event| event.message_id == "2"), 1);
    assert!(outbox.is_empty() && outbox.size() == 0);
}

#[test]
fn a_newer_snapshot_replaces_an_older_one() {
    let mut outbox = Outbox::new(10_000);
    let snapshot = |value: &'static str| {
        Entry::State(Snapshot {
            key: StateKey::Users,
            value: value.into(),
        })
    };
    outbox.push(snapshot("[]"));
    outbox.push(event("chatMsg", 1, 1));
    outbox.push(snapshot("[1]"));
    assert_eq!(ids(&outbox), ["1", "users"]);
}

#[test]
fn past_the_bound_superseded_positions_go_first_and_then_the_oldest() {
    let mut outbox = Outbox::new(5 * 228);
    outbox.push(event("chatMsg", 1, 100));
    outbox.push(event("mediaUpdate", 2, 100));
    outbox.push(event("chatMsg", 3, 100));
    outbox.push(event("mediaUpdate", 4, 100));
    outbox.push(event("chatMsg", 5, 100));
    assert_eq!(outbox.take_dropped(), None);
    outbox.push(event("chatMsg", 6, 100));
    assert_eq!(ids(&outbox), ["1", "3", "4", "5", "6"]);
    assert_eq!(
        outbox.take_dropped(),
        None,
        "a position that a newer one supersedes is no loss"
    );
    outbox.push(event("chatMsg", 7, 100));
    outbox.push(event("chatMsg", 8, 100));
    assert_eq!(ids(&outbox), ["4", "5", "6", "7", "8"]);
    let (from, to) = (WireTime::from_millis(1), WireTime::from_millis(3));
    assert_eq!(outbox.take_dropped(), Some(Dropped { count: 2, from, to }));
}

#[test]
fn what_another_robot_tells_as_well_is_given_up_and_lines_are_kept() {
    let mut outbox = Outbox::new(10_000);
    outbox.push(event("addUser", 1, 100));
    outbox.send_next();
    outbox.push(event("addUser", 2, 100));
    let Entry::Event(line) = event("chatMsg", 3, 100) else {
        unreachable!()
    };
    outbox.push(Entry::Event(Outgoing {
        message_id: "line-3".into(),
        ..line
    }));
    assert_eq!(outbox.keep_only_lines(), 1);
    assert_eq!(ids(&outbox), ["1", "line-3"]);
    assert_eq!(outbox.sent(), 1);
}

#[test]
fn a_report_of_a_gap_is_never_given_up() {
    let mut outbox = Outbox::new(3 * 228);
    for id in 1..=4 {
        outbox.push(event("chatMsg", id, 100));
    }
    let lost = outbox.take_dropped().unwrap();
    assert_eq!(lost.count, 1);
    let Entry::Event(report) = event(GAP, 0, 100) else {
        unreachable!()
    };
    outbox.push_before_unsent(report);
    for id in 5..=6 {
        outbox.push(event("chatMsg", id, 100));
    }
    assert_eq!(ids(&outbox), ["0", "5", "6"]);
    assert_eq!(outbox.take_dropped().unwrap().count, 3);
    // Also when it comes back from a connection that ended before it was acknowledged.
    outbox.send_next();
    outbox.unsend();
    outbox.push(event("chatMsg", 7, 100));
    assert_eq!(ids(&outbox), ["0", "6", "7"]);
}

#[test]
fn what_is_sent_is_not_dropped() {
    let mut outbox = Outbox::new(2 * 228);
    outbox.push(event("chatMsg", 1, 100));
    outbox.send_next();
    outbox.push(event("chatMsg", 2, 100));
    outbox.push(event("chatMsg", 3, 100));
    assert_eq!(ids(&outbox), ["1", "3"]);
}

#[test]
fn what_was_sent_on_a_connection_that_ended_stands_first_again() {
    let mut outbox = Outbox::new(10_000);
    for id in 1..=3 {
        outbox.push(event("usercount", id, 1));
    }
    outbox.send_next();
    outbox.send_next();
    outbox.unsend();
    assert_eq!(
        (ids(&outbox), outbox.sent()),
        (vec!["1".to_owned(), "2".to_owned(), "3".to_owned()], 0)
    );
    outbox.limit = 2 * 129;
    outbox.push(event("usercount", 4, 1));
    assert_eq!(ids(&outbox), ["3", "4"], "the oldest are superseded first");
    assert_eq!(outbox.size(), 2 * 129);
    assert_eq!(outbox.take_dropped(), None);
}

#[test]
fn an_event_has_its_number_from_the_first_time_that_it_is_sent() {
    fn send(outbox: &mut Outbox) -> (String, u64) {
        match outbox.send_next() {
            Some(Entry::Event(event)) => (event.message_id.clone(), event.number),
            other => panic!("{other:?}"),
        }
    }
    let mut outbox = Outbox::new(10_000);
    for id in 1..=3 {
        outbox.push(event("chatMsg", id, 1));
    }
    assert_eq!(send(&mut outbox), ("1".to_owned(), 1));
    assert_eq!(send(&mut outbox), ("2".to_owned(), 2));
    outbox.unsend();
    let Entry::Event(report) = event(GAP, 0, 1) else {
        unreachable!()
    };
    outbox.push_before_unsent(report);
    let again = [("0", 3), ("1", 1), ("2", 2), ("3", 4)];
    for (id, number) in again {
        assert_eq!(send(&mut outbox), (id.to_owned(), number));
    }
}

#[test]
fn a_full_line_of_many_small_events_takes_as_many_more_at_once() {
    const MANY: u32 = 200_000;
    let mut outbox = Outbox::new(MANY as usize * 138);
    outbox.push(Entry::State(Snapshot {
        key: StateKey::Users,
        value: Bytes::new(),
    }));
    // Were each push to look at the whole line, this would take hours.
    for id in 0..3 * MANY {
        let name = if id % 7 == 0 {
            "mediaUpdate"
        } else {
            "chatMsg"
        };
        outbox.push(event(name, id, 10));
    }
    assert!(outbox.size() <= outbox.limit && outbox.len() >= MANY as usize - 1);
    let dropped = outbox.take_dropped().unwrap();
    assert!(dropped.count > u64::from(MANY), "{dropped:?}");
    assert_eq!(ids(&outbox)[0], "users", "a snapshot is never given up");
}
