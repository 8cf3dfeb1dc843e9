//! What ends a visit that nobody saw end, and what does not.

use kryten_protocol::cytube::User;
use kryten_protocol::gap::{Gap, GapReason};
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
    let gap = Gap {
        domain: DOMAIN.into(),
        channel: CHANNEL.into(),
        reason: GapReason::StreamTruncated,
        from: WireTime::from_millis(START + 5_000),
        to: WireTime::from_millis(START + HOUR),
        chat_complete: false,
        lost: None,
    };
    channel.tally.apply_gap(gap, &mut channel.sums);
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
