//! What ends a visit that nobody saw end, and what does not.

use kryten_protocol::cytube::User;
use kryten_protocol::gap::{ChatSpan, Gap, GapReason};
use serde_json::{Value, json};

use super::super::*;
use super::{CHANNEL, Channel, DOMAIN, START};

pub(super) const MINUTE: i64 = 60_000;
pub(super) const HOUR: i64 = 60 * MINUTE;

impl Channel {
    pub(super) fn list(&mut self, millis: i64, names: &[&str]) {
        let users: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
        self.send_at(millis, "userlist", &json!(users));
    }

    /// Takes over who is there as the robot keeps it.
    pub(super) fn adopt(&mut self, millis: i64, names: &[&str]) {
        let users = names.iter().map(|name| User::read(&json!({"name": name})));
        let state = KnownState::Users(users.map(Option::unwrap).collect());
        let at = WireTime::from_millis(millis);
        self.tally
            .adopt(DOMAIN, CHANNEL, &state, at, &mut self.sums);
    }

    pub(super) fn sign(&mut self, millis: i64) {
        self.send_at(millis, "usercount", &json!(1));
    }

    pub(super) fn gap(&mut self, reason: GapReason, from: i64, to: i64) {
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

    pub(super) fn leave(&mut self, millis: i64, name: &str) {
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

#[test]
fn a_robot_that_tells_of_its_absences_was_there_in_a_silence() {
    let mut channel = Channel::new(&[]);
    let of_ours = |channel: &mut Channel, millis: i64, name: &str, payload: &Value| {
        channel.send_of_epoch(7, millis, name, payload);
    };
    let bob = json!([{"name": "bob"}]);
    of_ours(&mut channel, START, "userlist", &bob);
    // A list that is no join: CyTube sends one with a rank, and the robot where a list had drifted.
    of_ours(&mut channel, START + HOUR, "userlist", &bob);
    let leaves = json!({"name": "bob"});
    of_ours(&mut channel, START + HOUR + 10_000, "userLeave", &leaves);
    assert_eq!(channel.activity("bob"), Some((3_610, 3_610)));
}

#[test]
fn behind_a_long_hole_in_the_stream_nobody_is_taken_to_have_stayed() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob", "carol"]);
    channel.sign(START + 5_000);
    let end = START + 18 * HOUR;
    channel.gap(GapReason::StreamTruncated, START + 5_000, end);
    let (at, sums) = (WireTime::from_millis(START + 5_000), &mut channel.sums);
    channel.tally.lose_sight(DOMAIN, CHANNEL, at, sums);
    assert_eq!(channel.activity("bob"), Some((5, 5)));
    // What the stream still has is folded before the list that is stored now.
    channel.send_at(end + MINUTE, "addUser", &json!({"name": "bob"}));
    channel.leave(end + 10 * MINUTE, "bob");
    channel.leave(end + 10 * MINUTE, "carol");
    channel.sign(end + HOUR);
    channel.adopt(end + HOUR, &["carol"]);
    channel.leave(end + HOUR + 2_000, "carol");
    assert_eq!(channel.activity("bob"), Some((545, 545)));
    assert_eq!(channel.activity("carol"), Some((7, 7)));
}

#[test]
fn who_heard_what_was_not_kept_heard_it_over_a_restart_of_the_robot_too() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["bob"]);
    for minute in 1..=60 {
        channel.sign(START + minute * MINUTE);
        channel.adopt(START + minute * MINUTE, &["bob"]);
    }
    // The robot that reports has begun in the middle.
    let end = START + HOUR;
    channel.gap(GapReason::NotKept, START + 30 * MINUTE, end);
    channel.gap(GapReason::Absent, end, end + 2_000);
    channel.list(end + 2_000, &["bob"]);
    channel.leave(end + 10_000, "bob");
    assert_eq!(channel.activity("bob"), Some((3_610, 3_610)));
}
