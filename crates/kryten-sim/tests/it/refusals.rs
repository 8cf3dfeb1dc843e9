//! What CyTube says when it does not do what it is asked for.

use std::time::{Duration, Instant};

use kryten_sim::{Account, Operation, Sim, SimConfig, SimHandle};
use serde_json::{Value, json};

use crate::client::Client;

async fn ranked(accounts: &[(&str, f64)]) -> SimHandle {
    let account = |(name, rank): &(&str, f64)| Account {
        name: (*name).to_owned(),
        password: None,
        rank: *rank,
    };
    Sim::start(SimConfig {
        accounts: accounts.iter().map(account).collect(),
        ..SimConfig::quiet("Lounge")
    })
    .await
    .unwrap()
}

async fn join(sim: &SimHandle, user: &str, rank: f64) {
    let (user, rank) = (user.to_owned(), Some(rank));
    sim.run(Operation::Join { user, rank }).await.unwrap();
}

fn film(id: &str) -> Value {
    json!({"id": id, "type": "yt", "pos": "end"})
}

#[tokio::test]
async fn typed_moderation_that_fails_says_why() {
    let sim = ranked(&[("Bot", 2.0), ("boss", 4.0)]).await;
    let mut bot = Client::bot(&sim).await;
    join(&sim, "owner", 5.0).await;
    for (typed, error) in [
        ("/kick owner", "You do not have permission to kick owner"),
        (
            "/kick",
            "No kick target specified.  If you're trying to kick anonymous users, use /kickanons",
        ),
        (
            "/mute owner",
            "/mute failed - owner has equal or higher rank than you.",
        ),
        (
            "/smute Nobody",
            "/smute target nobody not present in channel.",
        ),
        ("/mute", "/mute requires a target name"),
        ("/unmute Owner", "owner is not muted."),
        ("/ban owner", "You don't have permission to ban owner"),
        ("/ban boss", "You don't have permission to ban boss"),
        ("/ban", "No ban target specified."),
        ("/ban bot", "You cannot ban yourself"),
    ] {
        bot.emit("chatMsg", json!({"msg": typed})).await;
        assert_eq!(bot.event("errorMsg").await["msg"], error, "{typed}");
    }
    bot.emit("chatMsg", json!({"msg": "/ban Trudy spam & eggs"}))
        .await;
    bot.emit("requestBanlist", json!({})).await;
    let bans = bot.event("banlist").await;
    assert_eq!(
        bans,
        json!([{"id": 1, "ip": "*", "name": "trudy", "reason": "spam & eggs", "bannedby": "Bot"}])
    );
    bot.emit("chatMsg", json!({"msg": "/ban trudy"})).await;
    assert_eq!(
        bot.event("errorMsg").await["msg"],
        "trudy is already banned"
    );
    // Only the number counts.
    bot.emit("unban", json!({"id": 1, "name": "whoever"})).await;
    assert_eq!(
        bot.event("banlistRemove").await,
        json!({"id": 1, "name": "trudy"})
    );
    let rank = Operation::Rank {
        user: "Bot".to_owned(),
        rank: 1.0,
    };
    sim.run(rank).await.unwrap();
    bot.emit("chatMsg", json!({"msg": "/ban trudy"})).await;
    let error = bot.event("errorMsg").await["msg"].clone();
    assert_eq!(error, "You do not have ban permissions on this channel");
}

#[tokio::test]
async fn a_ban_of_an_address_keeps_its_other_names_out() {
    let sim = ranked(&[("Bot", 3.0), ("Other", 1.0)]).await;
    let mut other = Client::enter(&sim, "Other", Some("x")).await;
    let name = "Other".to_owned();
    sim.run(Operation::BanIp { name }).await.unwrap();
    assert_eq!(other.event("kick").await["reason"], "You're banned!");
    let mut again = Client::connect(&sim).await;
    again.emit("joinChannel", json!({"name": "Lounge"})).await;
    let reason = again.event("kick").await["reason"].clone();
    assert_eq!(reason, "You are banned from this channel.");
    let state = sim.state().await.unwrap();
    assert_ne!(state["bans"][0]["ip"], "*");
    assert_eq!(state["banned"], json!(["Other", "Other"]));
    let name = "Other".to_owned();
    sim.run(Operation::Unban { name }).await.unwrap();
    Client::bot(&sim).await;
}

#[tokio::test]
async fn a_mute_outlives_a_visit_and_a_restart() {
    let sim = ranked(&[("Bot", 3.0)]).await;
    let mut bot = Client::bot(&sim).await;
    sim.join("trent").await.unwrap();
    bot.emit("chatMsg", json!({"msg": "/mute trent"})).await;
    assert_eq!(bot.event("setUserMeta").await["meta"]["muted"], true);
    sim.leave("trent").await.unwrap();
    sim.run(Operation::Restart).await.unwrap();
    let mut bot = Client::bot(&sim).await;
    sim.join("trent").await.unwrap();
    let arrived = bot.event("addUser").await;
    assert_eq!(
        (&arrived["name"], &arrived["meta"]["muted"]),
        (&json!("trent"), &json!(true))
    );
    bot.event("setUserMeta").await;
    bot.emit("chatMsg", json!({"msg": "/unmute trent"})).await;
    assert_eq!(bot.event("setUserMeta").await["meta"]["muted"], false);
}

#[tokio::test]
async fn what_may_not_be_queued_is_refused_or_passed_over() {
    let sim = ranked(&[("Bot", 1.0), ("Mod", 2.0)]).await;
    let mut bot = Client::enter(&sim, "Bot", Some("x")).await;
    let mut moderator = Client::enter(&sim, "Mod", Some("x")).await;
    let embed = json!({"id": "<iframe src=x>", "type": "cu", "pos": "end"});
    for (client, payload, error) in [
        (
            &mut bot,
            &embed,
            "You don't have permission to add live media",
        ),
        (
            &mut moderator,
            &embed,
            "You don't have permission to add custom embeds",
        ),
    ] {
        client.emit("queue", payload.clone()).await;
        assert_eq!(client.event("queueFail").await["msg"], error);
    }
    for (payload, error) in [
        (
            json!({"id": "https://a.example/a.mp4", "type": "fi", "pos": "end"}),
            "You don't have permission to add raw video files",
        ),
        (film("err_x"), "Video not found"),
        (film("age_x"), "Cannot add age restricted videos"),
        (
            json!({"id": "x", "type": "xx", "pos": "end"}),
            "Unknown media type &#39;xx&#39;",
        ),
        (
            json!({"id": "PLx", "type": "yp", "pos": "end"}),
            "You don't have permission to add playlists",
        ),
    ] {
        bot.emit("queue", payload.clone()).await;
        assert_eq!(bot.event("queueFail").await["msg"], error, "{payload}");
    }
    sim.run(Operation::Join {
        user: "owner".into(),
        rank: Some(5.0),
    })
    .await
    .unwrap();
    let options = json!({"playlist_max_per_user": 1, "maxlength": 6000});
    sim.act("owner", "setOptions", options).await.unwrap();
    bot.emit("queue", film("d9000_long")).await;
    assert_eq!(
        bot.event("queueFail").await["msg"],
        "Video exceeds the maximum length set by the channel admin: 6000 seconds"
    );
    bot.emit("queue", film("restricted_d")).await;
    let warning = bot.event("queueWarn").await["msg"].clone();
    assert_eq!(
        warning,
        "Video is blocked in the following countries: US, GB"
    );
    bot.event("queue").await;
    bot.emit("queue", film("d90_second")).await;
    assert_eq!(
        bot.event("queueFail").await["msg"],
        "Channel limit exceeded: maximum number of videos per user"
    );
    moderator.emit("queue", film("restricted_d")).await;
    let twice = moderator.event("queueFail").await["msg"].clone();
    assert_eq!(twice, "This item is already on the playlist");
    // Who may not add at all gets no answer: the next frame is that of the line.
    moderator.emit("togglePlaylistLock", json!({})).await;
    bot.event("setPlaylistLocked").await;
    bot.emit("queue", film("d90_third")).await;
    bot.emit("chatMsg", json!({"msg": "and?"})).await;
    assert_eq!(bot.names(1).await, ["chatMsg"]);
}

#[tokio::test]
async fn look_ups_wait_for_each_other_and_fail_as_often_as_asked() {
    let sim = ranked(&[("Bot", 3.0)]).await;
    let mut bot = Client::bot(&sim).await;
    let slow = Operation::Lookups {
        delay_ms: 150,
        fail: None,
        times: None,
    };
    sim.run(slow).await.unwrap();
    let start = Instant::now();
    bot.emit("queue", film("d90_a")).await;
    bot.emit("queue", film("d90_b")).await;
    assert_eq!(bot.event("queue").await["item"]["media"]["id"], "d90_a");
    assert_eq!(bot.event("queue").await["item"]["media"]["id"], "d90_b");
    assert!(start.elapsed() >= Duration::from_millis(300));
    let failing = Operation::Lookups {
        delay_ms: 0,
        fail: Some("getaddrinfo ENOTFOUND www.example.com".to_owned()),
        times: Some(1),
    };
    sim.run(failing).await.unwrap();
    bot.emit("queue", film("d90_c")).await;
    let error = bot.event("queueFail").await;
    assert_eq!(error["msg"], "getaddrinfo ENOTFOUND www.example.com");
    assert_eq!(error["link"], "https://youtu.be/d90_c");
    bot.emit("queue", film("d90_c")).await;
    assert_eq!(bot.event("queue").await["item"]["media"]["id"], "d90_c");
}

#[tokio::test]
async fn the_library_is_searched_and_forgets() {
    let sim = ranked(&[("Bot", 3.0)]).await;
    let mut bot = Client::bot(&sim).await;
    bot.emit("queue", film("d90_alpha")).await;
    bot.event("queue").await;
    let search = |source: &str| json!({"source": source, "query": "ALPHA"});
    bot.emit("searchMedia", search("library")).await;
    let found = bot.event("searchResults").await;
    assert_eq!(found["source"], "library");
    let result = &found["results"][0];
    assert_eq!(
        (&result["id"], &result["meta"]),
        (&json!("d90_alpha"), &json!("{}"))
    );
    assert_eq!(
        (&result["channel"], &result["duration"]),
        (&json!("Lounge"), &json!("01:30"))
    );
    bot.emit("searchMedia", search("yt")).await;
    let found = bot.event("searchResults").await;
    assert_eq!(found["results"][0]["meta"], json!({}));
    bot.emit("uncache", json!({"id": "d90_alpha"})).await;
    bot.emit("searchMedia", search("library")).await;
    assert_eq!(bot.event("searchResults").await["results"], json!([]));
}

#[tokio::test]
async fn private_messages_and_the_lead_are_refused_with_a_sentence() {
    let sim = ranked(&[("Bot", 3.0)]).await;
    let mut bot = Client::bot(&sim).await;
    for (to, error) in [
        ("Bot", "You can't PM yourself!"),
        ("no one", "PM failed: no one isn't a valid username."),
        (
            "Nobody",
            "PM failed: nobody isn't connected to this channel.",
        ),
    ] {
        bot.emit("pm", json!({"to": to, "msg": "hi"})).await;
        assert_eq!(bot.event("errorMsg").await["msg"], error);
    }
    bot.emit("assignLeader", json!({"name": "nobody"})).await;
    let error = bot.event("errorMsg").await["msg"].clone();
    assert_eq!(error, "Unable to assign leader: could not find user nobody");
    bot.emit("assignLeader", json!({"name": "Bot"})).await;
    assert_eq!(bot.event("setLeader").await, "Bot");
    bot.emit("queue", film("d90_a")).await;
    bot.event("changeMedia").await;
    let update = json!({"id": "d90_a", "type": "yt", "currentTime": 42.5, "paused": true});
    bot.emit("mediaUpdate", update).await;
    let told = bot.event("mediaUpdate").await;
    assert_eq!(told, json!({"currentTime": 42.5, "paused": true}));
    bot.emit("assignLeader", json!({"name": ""})).await;
    assert_eq!(bot.event("setLeader").await, "");
    let mut nameless = Client::connect(&sim).await;
    nameless
        .emit("joinChannel", json!({"name": "Lounge"}))
        .await;
    nameless.emit("pm", json!({"to": "Bot", "msg": "hi"})).await;
    let error = nameless.event("errorMsg").await["msg"].clone();
    assert_eq!(error, "You must be signed in to send PMs");
    sim.run(Operation::Password {
        password: Some("sesame".into()),
    })
    .await
    .unwrap();
    let mut outside = Client::connect(&sim).await;
    outside.emit("joinChannel", json!({"name": "Lounge"})).await;
    assert_eq!(outside.event("needPassword").await, false);
}
