//! Settings, emotes, filters, polls, the library, and what is asked of CyTube.

use serde_json::json;

use super::fixture::Stage;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_changed_before_the_reply_says_so() {
    let stage = Stage::new().await;
    stage
        .done("setMotd", json!({"motd": "<b>tonight</b>"}))
        .await;
    stage
        .done("set_channel_css", json!({"css": "body{}"}))
        .await;
    stage.done("setChannelJS", json!({"js": "/* x */"})).await;
    stage
        .done(
            "setOptions",
            json!({"options": {"afk_timeout": 500, "password": "swordfish"}}),
        )
        .await;
    stage
        .done("setPermissions", json!({"permissions": {"drink": 2}}))
        .await;
    let state = stage.state().await;
    assert_eq!(
        (state["motd"].as_str(), state["css"].as_str()),
        (Some("<b>tonight</b>"), Some("body{}"))
    );
    assert_eq!(
        (
            &state["options"]["afk_timeout"],
            &state["permissions"]["drink"]
        ),
        (&json!(500), &json!(2))
    );
    let reply = stage.ask(json!({"command": "state.options"})).await;
    assert_eq!(reply["data"]["options"]["password"], "***");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emotes_filters_and_polls_come_and_go() {
    let stage = Stage::new().await;
    let image = "https://example.com/a.png";
    stage
        .done(
            "updateEmote",
            json!({"name": "#a", "image": image, "source": "imgur"}),
        )
        .await;
    stage
        .done(
            "renameEmote",
            json!({"old": "#a", "name": "#b", "image": image}),
        )
        .await;
    let emotes = stage.state().await["emotes"].clone();
    let has = |name: &str| {
        emotes
            .as_array()
            .unwrap()
            .iter()
            .any(|emote| emote["name"] == name)
    };
    assert!(has("#b") && !has("#a"), "{emotes}");
    stage
        .done(
            "setEmotes",
            json!({"emotes": [{"name": "#c", "image": image}]}),
        )
        .await;
    stage.done("removeEmote", json!({"name": "#c"})).await;
    assert_eq!(stage.state().await["emotes"], json!([]));

    stage
        .done(
            "addFilter",
            json!({"name": "f", "source": "foo", "replace": "bar"}),
        )
        .await;
    stage
        .done(
            "updateFilter",
            json!({"name": "f", "source": "fu", "flags": "g"}),
        )
        .await;
    stage.done("removeFilter", json!({"name": "f"})).await;

    assert_eq!(
        stage.refused("vote", json!({"option": 0})).await,
        "Failed to vote: no poll is open"
    );
    stage
        .done(
            "newPoll",
            json!({"title": "t", "opts": ["a", "b"], "obscured": false}),
        )
        .await;
    stage.done("vote", json!({"option": "1"})).await;
    assert_eq!(stage.state().await["poll"]["counts"], json!([0, 1]));
    stage
        .done(
            "new_poll",
            json!({"title": "u", "options": ["a"], "timeout": 0}),
        )
        .await;
    stage.done("closePoll", json!({})).await;
    assert!(stage.state().await["poll"].is_null());
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_to_cytube_are_answered_with_its_envelope() {
    let stage = Stage::new().await;
    let data = stage.done("readChanLog", json!({"count": 10})).await;
    assert_eq!(data["log"]["payload"]["success"], true);
    let data = stage.done("searchMedia", json!({"query": "x"})).await;
    assert_eq!(data["results"]["payload"]["source"], "library");
    let data = stage.run("uncache", json!({"id": "x"})).await;
    assert_eq!(data["success"], true);
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_subject_takes_the_same_commands_and_answers_who_wants_an_answer() {
    let stage = Stage::new().await;
    stage.join("victor").await;
    stage
        .tell("chat", json!({"message": "hello from NATS \u{1f3ac}"}))
        .await;
    stage.tell("queue", json!({"url": "yt:d91_legacy"})).await;
    stage.tell("unknownAction", json!({})).await;
    stage
        .tell("kick", json!({"username": "victor", "reason": "by robot"}))
        .await;
    until("all is done", || async {
        let state = stage.state().await;
        let users = state["users"].as_array().unwrap();
        state["chat_lines"] == 1 && state["items"][0]["temp"] == false && users.len() == 1
    })
    .await;
    until("the robot knows the film", || async {
        let reply = stage.ask(json!({"command": "state.playlist"})).await;
        reply["data"]["playlist"][0]["uid"] == 0
    })
    .await;
    let subject = "kryten.commands.cytube.grindhouse420.jump";
    let body = json!({"action": "jump", "data": {"uid": "0"}}).to_string();
    let reply = within(
        "a reply comes",
        stage.client.nats().request(subject, body.into()),
    )
    .await
    .unwrap();
    let reply: serde_json::Value = serde_json::from_slice(&reply.payload).unwrap();
    assert_eq!(reply["data"]["success"], true, "{reply}");
    until("the counts are told", || async {
        let stats = stage.ask(json!({"command": "system.stats"})).await;
        let data = &stats["data"];
        data["cytube_commands_succeeded"] == 4 && data["cytube_commands_failed"] == 1
    })
    .await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_is_made_and_halt_leaves_for_good() {
    let stage = Stage::new().await;
    let data = stage.done("restart", json!({})).await;
    assert_eq!(data["message"], "Restarting connection");
    until("the robot is back", || async {
        let report = &stage.robot.report()[0];
        report.connects == 2 && report.in_channel
    })
    .await;
    let data = stage.done("halt", json!({})).await;
    assert_eq!(data["message"], "Halting connection");
    until("the robot has left", || async {
        let report = &stage.robot.report()[0];
        !report.in_channel && report.stopped.is_some()
    })
    .await;
    assert_eq!(
        stage.refused("say", json!({"message": "x"})).await,
        "Failed to send message: the robot is not in the channel now; try again later"
    );
    stage.end().await;
}
