//! Which subjects of the stream are read, and whose event came.

use kryten_protocol::subject::{self, EVENTS_PREFIX, EVENTS_WILDCARD};

/// Of more channels than these everything is read, and what is of no channel of ours is left out here. For each message
/// that the server gives out it searches all subjects that the filters match: with a thousand channels that is
/// thousands, and takes a millisecond.
const MOST_FILTERED: usize = 16;

/// The subjects on which the events of channels come, by their tokens; those of other channels may be among them.
pub(super) fn filters_of(tokens: impl Iterator<Item = impl AsRef<str>>) -> Vec<String> {
    let filters = tokens.filter_map(|token| {
        let events = subject::channel_events(token.as_ref()).ok()?;
        Some([events, subject::gap(token.as_ref()).ok()?])
    });
    let filters: Vec<[String; 2]> = filters.collect();
    if filters.len() > MOST_FILTERED {
        return vec![EVENTS_WILDCARD.to_owned()];
    }
    filters.into_iter().flatten().collect()
}

/// The token of the channel whose event or gap report comes on this subject; `None` for whatever else is in the stream.
pub(super) fn channel_of(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix(EVENTS_PREFIX)?.strip_prefix('.')?;
    let (kind, rest) = rest.split_once('.')?;
    let (channel, what) = rest.split_once('.')?;
    let is_counted = kind == "cytube" || (kind == "robot" && what == "gap");
    is_counted.then_some(channel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_channels_are_filtered_by_the_server_and_of_many_all_is_read() {
        let tokens = |count: usize| (0..count).map(|number| format!("room{number}"));
        assert!(filters_of(tokens(0)).is_empty());
        let one = [
            "kryten.events.cytube.room0.>",
            "kryten.events.robot.room0.gap",
        ];
        assert_eq!(filters_of(tokens(1)), one);
        assert_eq!(filters_of(tokens(MOST_FILTERED)).len(), 2 * MOST_FILTERED);
        assert_eq!(filters_of(tokens(MOST_FILTERED + 1)), ["kryten.events.>"]);
    }

    #[test]
    fn only_what_a_filter_would_let_through_is_of_a_channel() {
        assert_eq!(
            channel_of("kryten.events.cytube.room.chatmsg"),
            Some("room")
        );
        assert_eq!(channel_of("kryten.events.cytube.room.a.b"), Some("room"));
        assert_eq!(channel_of("kryten.events.robot.room.gap"), Some("room"));
        for other in [
            "kryten.events.robot.room.gap.more",
            "kryten.events.robot.room.other",
            "kryten.events.cytu.be.room.chatmsg",
            "kryten.events.cytube.room",
            "kryten.events.other.room.chatmsg",
            "kryten.eventsx.cytube.room.chatmsg",
            "kryten.robot.notice",
        ] {
            assert_eq!(channel_of(other), None, "{other}");
        }
    }
}
