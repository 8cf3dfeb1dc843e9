//! The frames of an entry, in CyTube's order.

use kryten_sim::{ScriptConfig, Sim, SimConfig};
use serde_json::json;

use crate::client::Client;

fn furnished() -> SimConfig {
    let script = ScriptConfig {
        users: 6,
        rate: 0.0,
        films: 3,
        ..ScriptConfig::default()
    };
    SimConfig::lively("Lounge", script)
}

#[tokio::test]
async fn the_frames_of_a_moderators_entry_come_in_cytubes_order() {
    let sim = Sim::start(furnished()).await.unwrap();
    let mut client = Client::connect(&sim).await;
    assert_eq!(
        client.next().await.unwrap(),
        ("rank".into(), Some(json!(-1)))
    );
    client.emit("joinChannel", json!({"name": "lounge"})).await;
    let mut expected = vec!["setPermissions", "setPlaylistLocked", "emoteList"];
    expected.extend(["chatMsg"; 15]);
    expected.extend([
        "drinkCount",
        "channelCSSJS",
        "setMotd",
        "channelOpts",
        "setPlaylistMeta",
        "playlist",
        "setCurrent",
        "setCurrent",
        "changeMedia",
        "userlist",
        "usercount",
    ]);
    assert_eq!(client.names(expected.len()).await, expected);

    client
        .emit("login", json!({"name": "Bot", "pw": "x"}))
        .await;
    let entry = client.shown(3).await;
    assert_eq!(entry[0], "rank 1");
    assert_eq!(entry[1], r#"login {"success":true,"name":"Bot"}"#);
    assert!(
        entry[2].starts_with(r#"addUser {"name":"Bot","rank":1,"#),
        "{}",
        entry[2]
    );
    assert!(!entry[2].contains("aliases"), "{}", entry[2]);
    assert_eq!(
        client.next().await.unwrap(),
        ("rank".into(), Some(json!(3)))
    );
    let users = client.next().await.unwrap();
    assert_eq!(users.0, "userlist");
    let users = users.1.unwrap();
    assert_eq!(users.as_array().unwrap().len(), 5);
    assert!(users[0]["meta"]["ip"].is_string());
    assert_eq!(
        client.names(3).await,
        ["setPlaylistMeta", "playlist", "setCurrent"]
    );
    assert_eq!(
        client.shown(1).await,
        [r#"setUserRank {"name":"Bot","rank":3}"#]
    );
    client.emit("playerReady", json!({})).await;
    assert_eq!(client.names(2).await, ["setCurrent", "changeMedia"]);
}

#[tokio::test]
async fn a_guest_gets_no_rank_of_the_channel_and_the_plain_user_list() {
    let sim = Sim::start(furnished()).await.unwrap();
    let mut client = Client::connect(&sim).await;
    client.emit("login", json!({"name": "zed"})).await;
    assert_eq!(
        client.shown(3).await,
        [
            "rank -1",
            "rank 0",
            r#"login {"success":true,"name":"zed","guest":true}"#
        ]
    );
    client.emit("joinChannel", json!({"name": "Lounge"})).await;
    let users = client.event("userlist").await;
    assert_eq!(users[0]["meta"], json!({"afk": false, "muted": false}));
    assert_eq!(client.next().await.unwrap().0, "usercount");
    assert_eq!(client.event("addUser").await["rank"], 0);
}

#[tokio::test]
async fn the_last_fifteen_lines_are_replayed_but_no_notice_shadow_or_private_one() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    for number in 0..20 {
        sim.say("alice", &format!("line {number}")).await.unwrap();
    }
    sim.join("ursula").await.unwrap();
    bot.emit("chatMsg", json!({"msg": "/smute ursula"})).await;
    bot.event("setUserMeta").await;
    sim.say("ursula", "unseen").await.unwrap();
    sim.pm("alice", "psst").await.unwrap();
    assert_eq!(bot.event("pm").await["msg"], "psst");
    let mut live = Vec::new();
    sim.say("alice", "last").await.unwrap();
    let mut second = Client::connect(&sim).await;
    second.emit("joinChannel", json!({"name": "Lounge"})).await;
    second.event("emoteList").await;
    for _ in 0..15 {
        let (name, line) = second.next().await.unwrap();
        assert_eq!(name, "chatMsg");
        live.push(line.unwrap());
    }
    assert_eq!(second.next().await.unwrap().0, "drinkCount");
    let texts: Vec<&str> = live
        .iter()
        .map(|line| line["msg"].as_str().unwrap())
        .collect();
    let mut expected: Vec<String> = (6..20).map(|n| format!("line {n}")).collect();
    expected.push("last".to_owned());
    assert_eq!(texts, expected);
    let times: Vec<i64> = live
        .iter()
        .map(|line| line["time"].as_i64().unwrap())
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[tokio::test]
async fn arrivals_and_departures_are_told_with_what_moderators_see() {
    let sim = Sim::start(SimConfig::quiet("Lounge")).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    sim.join("alice").await.unwrap();
    let shown = bot.shown(3).await;
    assert!(
        shown[0].starts_with(r#"addUser {"name":"alice","rank":1,"#)
            && shown[0].contains("aliases")
    );
    assert!(
        shown[1].contains("alice joined (aliases: alice)"),
        "{}",
        shown[1]
    );
    assert_eq!(shown[2], r#"setUserRank {"name":"alice","rank":1}"#);
    sim.leave("ALICE").await.unwrap();
    assert_eq!(bot.shown(1).await, [r#"userLeave {"name":"alice"}"#]);
    assert!(sim.leave("alice").await.is_err());
}

#[tokio::test]
async fn only_the_first_join_counts_and_another_channel_is_empty() {
    let sim = Sim::start(furnished()).await.unwrap();
    let mut client = Client::connect(&sim).await;
    client.emit("joinChannel", json!({})).await;
    client.emit("joinChannel", json!({"name": "Lounge"})).await;
    client.emit("login", json!({"name": "zed"})).await;
    assert_eq!(client.names(3).await, ["rank", "rank", "login"]);
    let mut lost = Client::connect(&sim).await;
    lost.emit("joinChannel", json!({"name": "Elsewhere"})).await;
    assert_eq!(lost.event("playlist").await, json!([]));
    lost.event("channelNotRegistered").await;
    let mut bad = Client::connect(&sim).await;
    bad.emit("joinChannel", json!({"name": "no such!"})).await;
    assert_eq!(bad.names(4).await, ["rank", "errorMsg", "kick", "41"]);
}
