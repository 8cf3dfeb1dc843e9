//! The statistics service's commands against requests to the original and its replies.

use kryten_protocol::userstats::reply::{
    AliasChange, AliasOwner, Aliases, EmoteLeaderboard, Health, MediaHistory, Population, Stats,
    TopUsers, UserKudos, UserLeaderboard, UserStats, Votes, Watermarks,
};
use kryten_protocol::userstats::{AllStatsLimits, InChannel, OfUser, UserstatsCommand};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn wire(command: UserstatsCommand) -> Value {
    let mut wire = serde_json::to_value(command.into_request()).unwrap();
    assert_eq!(
        wire.as_object_mut()
            .unwrap()
            .shift_remove("service")
            .unwrap(),
        "userstats"
    );
    wire
}

#[test]
fn parameters_that_are_not_given_are_not_sent() {
    let of = || InChannel::new("Lounge");
    for (command, expected) in [
        (
            UserstatsCommand::UserStats(OfUser::new("bob").in_channel("Lounge")),
            json!({"command": "user.stats", "username": "bob", "channel": "Lounge"}),
        ),
        (
            UserstatsCommand::UserKudos(OfUser {
                domain: Some("cytu.be".into()),
                ..OfUser::new("bob")
            }),
            json!({"command": "user.kudos", "username": "bob", "domain": "cytu.be"}),
        ),
        (
            UserstatsCommand::StatsGlobal(of()),
            json!({"command": "stats.global", "channel": "Lounge"}),
        ),
        (
            UserstatsCommand::ChannelPopulation {
                of: of(),
                hours: Some(0.5),
            },
            json!({"command": "channel.population", "channel": "Lounge", "hours": 0.5}),
        ),
        (
            UserstatsCommand::ChannelWatermarks {
                of: of(),
                days: None,
            },
            json!({"command": "channel.watermarks", "channel": "Lounge"}),
        ),
        (
            UserstatsCommand::ChannelMovieVotes {
                of: of(),
                media_title: Some("t".into()),
            },
            json!({"command": "channel.movie_votes", "channel": "Lounge", "media_title": "t"}),
        ),
        (
            UserstatsCommand::ChannelAllStats {
                channel: None,
                domain: None,
                limits: Some(AllStatsLimits {
                    top_users: 1,
                    media_history: 2,
                    leaderboards: 3,
                }),
            },
            json!({"command": "channel.all_stats", "limits": {"top_users": 1, "media_history": 2, "leaderboards": 3}}),
        ),
        (
            UserstatsCommand::TimeseriesMessages {
                of: of(),
                start_time: Some("s".into()),
                end_time: None,
            },
            json!({"command": "timeseries.messages", "channel": "Lounge", "start_time": "s"}),
        ),
        (
            UserstatsCommand::SystemPing,
            json!({"command": "system.ping"}),
        ),
        (
            UserstatsCommand::AliasUpdate {
                old_alias: "a".into(),
                new_alias: "b".into(),
            },
            json!({"command": "alias.update", "old_alias": "a", "new_alias": "b"}),
        ),
    ] {
        let changes = command.name() == "alias.update";
        assert_eq!(command.is_idempotent(), !changes);
        assert_eq!(wire(command), expected);
    }
}

/// Reads the data of each recorded success of a command; returns how many there were.
fn read<T: DeserializeOwned>(command: &str) -> usize {
    let vectors: Value =
        serde_json::from_str(include_str!("../fixtures/userstats_replies.json")).unwrap();
    let replies = vectors["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| &pair["reply"]);
    let replies: Vec<&Value> = replies
        .filter(|reply| reply["command"] == command && reply["success"] == true)
        .collect();
    for reply in &replies {
        let data = reply["data"].clone();
        serde_json::from_value::<T>(data).unwrap_or_else(|error| panic!("{error}: {reply}"));
    }
    replies.len()
}

#[test]
fn replies_of_the_original_are_read() {
    let mut count = 0;
    for (command, read) in [
        ("user.stats", read::<UserStats> as fn(&str) -> usize),
        ("user.kudos", read::<UserKudos>),
        ("channel.top_users", read::<TopUsers>),
        ("channel.population", read::<Population>),
        ("channel.media_history", read::<MediaHistory>),
        ("channel.watermarks", read::<Watermarks>),
        ("leaderboard.messages", read::<UserLeaderboard>),
        ("leaderboard.kudos", read::<UserLeaderboard>),
        ("leaderboard.emotes", read::<EmoteLeaderboard>),
        ("system.health", read::<Health>),
        ("system.stats", read::<Stats>),
        ("alias.list", read::<Aliases>),
        ("alias.find", read::<AliasOwner>),
        ("alias.add", read::<AliasChange>),
        ("alias.delete", read::<AliasChange>),
        ("alias.update", read::<AliasChange>),
    ] {
        let found = read(command);
        assert!(found > 0, "{command}");
        count += found;
    }
    assert!(count > 40, "{count}");
    let data = json!([{"media_title": "t", "media_type": "yt", "media_id": "x", "upvotes": 2, "downvotes": 0,
        "total_votes": 2, "score": 2, "last_vote": "2026-11-22T16:13:22.781759+00:00"}]);
    let votes: Vec<Votes> = serde_json::from_value(data).unwrap();
    assert_eq!(votes[0].score, 2);
}
