//! What ends a visit that nobody saw end, and what does not.

use kryten_protocol::cytube::User;
use kryten_protocol::gap::{ChatSpan, Gap, GapReason};
use serde_json::json;

use super::super::*;
use super::{CHANNEL, Channel, DOMAIN, START};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

impl Channel {
    fn list(&mut self, millis: i64, names: &[&str]) {
        let users: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        self.send_at(millis, "userlist", &json!(users));
    }

    /// Takes over who is there as the robot keeps it.
    fn adopt(&mut self, millis: i64, names: &[&str]) {
        let users = names.iter().map(|name| User::read(&json!({"name": name})));
        let state = KnownState::Users(users.map(Option::unwrap).collect());
        let at = WireTime::from_millis(millis);
        self.tally
            .adopt(DOMAIN, CHANNEL, &state, at, &mut self.sums);
    }

    fn sign(&mut self, millis: i64) {
        self.send_at(millis, "usercount", &json!(1));
    }

    fn gap(&mut self, reason: GapReason, from: i64, to: i64) {
        self.gap_in_chat(reason, from, to, None);
    }

    fn gap_in_chat(&mut self, reason: GapReason, from: i64, to: i64, chat: Option<ChatSpan>) {
        let gap = Gap {
            domain: DOMAIN.into(),
            channel: CHANNEL.into(),
            reason,
            from: WireTime::from_millis(from),
            to: WireTime::from_millis(to),
            chat_complete: false,
            chat,
            lost: None,
        };
        self.tally.apply_gap(gap, &mut self.sums);
    }

    fn leave(&mut self, millis: i64, name: &str) {
        self.send_at(millis, "userLeave", &json!({"name": name}));
    }
}

#[test]
fn a_stored_list_takes_no_silence_for_an_absence() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    for ten_minutes in 1..=48 {
        let at = START + ten_minutes * 10 * MINUTE;
        channel.sign(at);
        channel.adopt(at, &["bob"]);
    }
    channel.leave(START + 8 * HOUR, "bob");
    assert_eq!(channel.activity("bob"), Some((28_800, 28_800)));
}

#[test]
fn a_join_after_a_silence_ends_visits_also_where_a_stored_list_came_between() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + 5_000);
    channel.sign(START + HOUR);
    channel.adopt(START + HOUR, &["bob"]);
    channel.list(START + HOUR + 1_000, &["bob"]);
    channel.leave(START + HOUR + 11_000, "bob");
    assert_eq!(channel.activity("bob"), Some((15, 15)));
}

#[test]
fn a_stored_list_ends_visits_where_the_stream_has_lost_events() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + 5_000);
    channel.gap(GapReason::StreamTruncated, START + 5_000, START + HOUR);
    channel.sign(START + HOUR);
    channel.adopt(START + HOUR, &["bob"]);
    channel.leave(START + HOUR + 10_000, "bob");
    assert_eq!(channel.activity("bob"), Some((15, 15)));
}

#[test]
fn a_stored_list_ends_visits_where_we_did_not_listen_and_it_has_changed_meanwhile() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + 5_000);
    // Nobody came or went while we did not listen.
    channel.tally.break_coverage();
    channel.adopt(START + 1_000, &["bob"]);
    assert_eq!(channel.activity("bob"), None);
    channel.sign(START + 10_000);
    channel.tally.break_coverage();
    channel.adopt(START + HOUR, &["bob", "carol"]);
    assert_eq!(channel.activity("bob"), Some((10, 10)));
    // Now we listen.
    channel.sign(START + HOUR);
    channel.sign(START + 2 * HOUR);
    channel.adopt(START + HOUR, &["bob", "carol"]);
    channel.leave(START + 2 * HOUR, "carol");
    assert_eq!(channel.activity("carol"), Some((3_600, 3_600)));
}

#[test]
fn what_was_not_kept_ends_the_visits_only_where_nobody_listened() {
    let (not_kept, absent) = (GapReason::NotKept, GapReason::Absent);
    // Who listens from a moment on that is in the gap has heard the rest of it.
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + HOUR);
    channel.gap(not_kept, START - HOUR, START + HOUR);
    channel.gap(absent, START + HOUR, START + HOUR + 2_000);
    channel.list(START + HOUR + 2_000, &["bob"]);
    channel.leave(START + HOUR + 10_000, "bob");
    assert_eq!(channel.activity("bob"), Some((3_610, 3_610)));

    // Who reads only the stream knows nothing of it; the absence at its end is one with it.
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + 5_000);
    channel.gap(not_kept, START + 5_000, START + HOUR);
    channel.gap(absent, START + HOUR, START + HOUR + 2_000);
    channel.list(START + HOUR + 2_000, &["bob"]);
    channel.leave(START + HOUR + 12_000, "bob");
    assert_eq!(channel.activity("bob"), Some((15, 15)));
}

#[test]
fn a_short_absence_ends_no_visit_however_long_ago_the_last_line_was_said() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    channel.sign(START + 2 * HOUR);
    let chat = ChatSpan {
        from: WireTime::from_millis(START + 1_000),
        to: WireTime::from_millis(START + 2 * HOUR + 1_500),
    };
    let (from, to) = (START + 2 * HOUR, START + 2 * HOUR + 2_000);
    channel.gap_in_chat(GapReason::Absent, from, to, Some(chat));
    channel.list(to, &["bob"]);
    channel.leave(START + 2 * HOUR + 10_000, "bob");
    assert_eq!(channel.activity("bob"), Some((7_210, 7_210)));
}
