//! How many users an hour had at most and at least.

use kryten_protocol::gap::GapReason;
use serde_json::json;

use super::super::*;
use super::absences::{HOUR, MINUTE};
use super::{CHANNEL, Channel, DOMAIN, START};

impl Channel {
    /// The most and the fewest users of the hour of this moment.
    fn extent(&mut self, millis: i64) -> Option<(i64, i64)> {
        let hour = self.room().hour(WireTime::from_millis(millis));
        hour.population.map(|extent| (extent.high, extent.low))
    }
}

#[test]
fn who_was_there_before_an_absence_is_not_counted_after_it() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["ann", "bob", "carol"]);
    let back = START + 9 * HOUR;
    // The join tells much before it tells who is there.
    channel.send_at(back, "setPermissions", &json!({}));
    channel.send_at(back, "emoteList", &json!([]));
    let line = json!({"username": "ann", "msg": "hi", "time": START + HOUR});
    channel.send_at(back, "chatMsg", &line);
    channel.gap(GapReason::Absent, START, back + 1_000);
    channel.list(back + 1_000, &["dan"]);
    assert_eq!(channel.extent(back), Some((1, 1)));
    assert_eq!(channel.extent(START), Some((3, 3)));
}

#[test]
fn in_a_quiet_channel_the_next_event_tells_who_was_there() {
    let mut channel = Channel::new(&[]);
    channel.list(START, &["ann", "bob", "carol"]);
    let (one, two, three) = (START + HOUR, START + 3 * HOUR, START + 5 * HOUR);
    channel.leave(one, "ann");
    assert_eq!(channel.extent(one), Some((3, 2)), "a join has no leave");
    channel.sign(two);
    assert_eq!(channel.extent(two), None, "it may be a join");
    channel.sign(two + 2 * MINUTE);
    assert_eq!(channel.extent(two), Some((2, 2)), "it was none");
    channel.sign(three);
    channel.say("bob", "hello");
    assert_eq!(channel.extent(three), Some((2, 2)));
    assert!(channel.tally.room(DOMAIN, CHANNEL).is_some());
}
