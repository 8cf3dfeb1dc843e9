//! What the original client asks and waits for.

use kryten_protocol::robot::{Filter, Position, RobotCommand, SystemCommand, Video};
use serde_json::{Map, Value, json};

use super::{CHANNEL, Matrix, Otherwise, Returned};
use crate::checks::same;

const NAMES: Otherwise = Otherwise::NAMES_THE_ROBOT;
const LISTENS: &str = "the robot listens on kryten.user_level, kryten-py asks on cytube.user_level";

pub(super) async fn run(matrix: &mut Matrix<'_>) {
    system(matrix).await;
    state(matrix).await;
    round_trips(matrix).await;
    checked(matrix).await;
}

/// Counts what both sides made of the same answer.
fn agree<T>(
    matrix: &mut Matrix<'_>,
    name: &str,
    returned: Returned<T>,
    as_json: impl FnOnce(&Value, T) -> (Value, Value),
) {
    let Some((theirs, ours)) = returned else {
        return;
    };
    let (theirs, ours) = as_json(&theirs, ours);
    let name = format!("KrytenClient.{name} makes the same of the answer");
    matrix.report.add(&name, same(ours, theirs));
}

async fn system(matrix: &mut Matrix<'_>) {
    let robot = matrix.robot.clone();
    let none = || json!([]);
    let got = matrix
        .client("get_version", none(), NAMES, robot.version())
        .await;
    agree(matrix, "get_version", got, |theirs, ours| {
        (theirs.clone(), json!(ours))
    });
    let got = matrix.client("ping", none(), NAMES, robot.ping()).await;
    agree(matrix, "ping", got, |theirs, ours| {
        (
            json!([theirs["version"], theirs["uptime_seconds"]]),
            json!([ours.version, ours.uptime_seconds]),
        )
    });
    let got = matrix
        .client("get_channels", none(), NAMES, robot.channels())
        .await;
    agree(matrix, "get_channels", got, |theirs, ours| {
        let ours = ours.into_iter().map(
            |at| json!({"domain": at.domain, "channel": at.channel, "connected": at.connected}),
        );
        (theirs.clone(), ours.collect())
    });
    let got = matrix
        .client("get_services", none(), NAMES, robot.services())
        .await;
    agree(matrix, "get_services", got, |theirs, ours| {
        (
            theirs["services"].clone(),
            ours.into_iter()
                .map(|service| Value::Object(service.fields))
                .collect(),
        )
    });
    let send = |command| robot.send(RobotCommand::System(command));
    for (method, command) in [
        ("get_stats", SystemCommand::Stats),
        ("get_config", SystemCommand::Config),
    ] {
        let got = matrix.client(method, none(), NAMES, send(command)).await;
        agree(matrix, method, got, |theirs, ours| (theirs.clone(), ours));
    }
    let reload = |config_path| SystemCommand::Reload { config_path };
    matrix
        .client("reload_config", none(), NAMES, send(reload(None)))
        .await;
    let path = json!(["/etc/kryten.json"]);
    let got = matrix
        .client(
            "reload_config",
            path,
            NAMES,
            send(reload(Some("/etc/kryten.json".into()))),
        )
        .await;
    agree(matrix, "reload_config", got, |theirs, ours| {
        (theirs.clone(), ours)
    });
    let shutdown = SystemCommand::Shutdown {
        delay_seconds: 3,
        reason: "new version".into(),
    };
    let arguments = json!([3, "new version"]);
    matrix
        .client("shutdown", arguments, NAMES, send(shutdown))
        .await;
}

async fn state(matrix: &mut Matrix<'_>) {
    let robot = matrix.robot.clone();
    let channel = || json!([CHANNEL]);
    let got = matrix
        .client(
            "get_state_channel_options",
            channel(),
            NAMES,
            robot.options(),
        )
        .await;
    agree(matrix, "get_state_channel_options", got, |theirs, ours| {
        (theirs.clone(), ours.into())
    });
    let got = matrix
        .client(
            "get_state_channel_permissions",
            channel(),
            NAMES,
            robot.permissions(),
        )
        .await;
    agree(
        matrix,
        "get_state_channel_permissions",
        got,
        |theirs, ours| (theirs.clone(), ours.into()),
    );
    for method in ["get_state_emotes", "export_emotes"] {
        let got = matrix
            .client(method, channel(), NAMES, robot.emotes())
            .await;
        agree(matrix, method, got, |theirs, ours| {
            let ours = ours
                .into_iter()
                .map(|emote| json!({"name": emote.name, "image": emote.image}));
            (theirs.clone(), ours.collect())
        });
    }
    let user = || json!([CHANNEL, "bob"]);
    let got = matrix
        .client("get_user", user(), NAMES, robot.user("bob"))
        .await;
    agree(matrix, "get_user", got, |theirs, ours| {
        (
            json!([theirs["name"], theirs["rank"].as_f64()]),
            json!(ours.map(|user| (user.name, user.rank))),
        )
    });
    let got = matrix
        .client("get_user_profile", user(), NAMES, robot.user("bob"))
        .await;
    agree(matrix, "get_user_profile", got, |theirs, ours| {
        let ours = ours.map(|user| json!({"image": user.profile.image, "text": user.profile.text}));
        (theirs.clone(), json!(ours))
    });
    let got = matrix
        .client("get_all_profiles", channel(), NAMES, robot.profiles())
        .await;
    agree(matrix, "get_all_profiles", got, |theirs, ours| {
        let ours = ours
            .into_iter()
            .map(|(name, shown)| (name, json!({"image": shown.image, "text": shown.text})));
        (theirs.clone(), Value::Object(ours.collect()))
    });
    let where_it_listens = Otherwise {
        subject: true,
        why: LISTENS,
        ..Otherwise::default()
    };
    let got = matrix
        .client(
            "get_user_level",
            channel(),
            where_it_listens,
            robot.user_level(),
        )
        .await;
    agree(matrix, "get_user_level", got, |theirs, ours| {
        (
            json!([theirs["rank"].as_f64(), theirs["username"]]),
            json!([ours.rank, ours.username]),
        )
    });
}

async fn round_trips(matrix: &mut Matrix<'_>) {
    let robot = matrix.robot.clone();
    let channel = || json!([CHANNEL]);
    let got = matrix
        .client("get_banlist", channel(), NAMES, robot.banlist())
        .await;
    agree(matrix, "get_banlist", got, |theirs, ours| {
        (
            theirs["banlist"]["payload"][0]["id"].clone(),
            json!(ours[0].id),
        )
    });
    let got = matrix
        .client("get_channel_ranks", channel(), NAMES, robot.channel_ranks())
        .await;
    agree(matrix, "get_channel_ranks", got, |theirs, ours| {
        (
            json!(theirs["ranks"]["payload"][0]["rank"].as_f64()),
            json!(ours[0].rank),
        )
    });
    let got = matrix
        .client(
            "get_chan_log",
            json!([CHANNEL, 9]),
            NAMES,
            robot.chan_log(9),
        )
        .await;
    agree(matrix, "get_chan_log", got, |theirs, ours| {
        (theirs["log"]["payload"]["data"].clone(), json!(ours))
    });
    let got = matrix
        .client(
            "get_library_search",
            json!([CHANNEL, "q"]),
            NAMES,
            robot.search_library("q"),
        )
        .await;
    agree(matrix, "get_library_search", got, |theirs, ours| {
        (
            json!(
                theirs["results"]["payload"]["results"]
                    .as_array()
                    .map(Vec::len)
            ),
            json!(ours.len()),
        )
    });
    let video = Video::Media {
        kind: "yt".into(),
        id: "dQw4w9WgXcQ".into(),
    };
    let arguments =
        json!({"args": [CHANNEL, "yt", "dQw4w9WgXcQ"], "position": "next", "temp": false});
    let with_id = Otherwise::in_members(&["/meta/request_id"], "as with every other command");
    let queue = robot.queue(video, Position::Next, false);
    let got = matrix.client("add_media", arguments, with_id, queue).await;
    agree(matrix, "add_media", got, |theirs, ours| {
        (theirs["data"]["uid"].clone(), json!(ours))
    });
}

/// The rank first, then the command.
async fn checked(matrix: &mut Matrix<'_>) {
    let filter = RobotCommand::AddFilter(Filter::new("f", "a+", "b"));
    let options = Map::from_iter([("allow_voteskip".to_owned(), json!(true))]);
    for (method, arguments, command) in [
        (
            "safe_assign_leader",
            json!(["bob"]),
            RobotCommand::AssignLeader {
                username: Some("bob".into()),
            },
        ),
        (
            "safe_set_motd",
            json!(["m"]),
            RobotCommand::SetMotd { motd: "m".into() },
        ),
        (
            "safe_set_channel_rank",
            json!(["bob", 2]),
            RobotCommand::SetChannelRank {
                username: "bob".into(),
                rank: 2,
            },
        ),
        (
            "safe_update_emote",
            json!(["#e", "i"]),
            RobotCommand::UpdateEmote {
                name: "#e".into(),
                image: "i".into(),
            },
        ),
        ("safe_add_filter", json!(["f", "a+", "gi", "b"]), filter),
        (
            "safe_set_options",
            json!([options.clone()]),
            RobotCommand::SetOptions {
                options: options.clone(),
            },
        ),
    ] {
        let mut all = vec![json!(CHANNEL)];
        all.extend(arguments.as_array().cloned().unwrap_or_default());
        let robot = matrix.robot.clone();
        let otherwise = Otherwise {
            subject: true,
            why: LISTENS,
            ..Otherwise::default()
        }
        .and_waits();
        let ours = robot.send_checked(command);
        let got = matrix.client(method, all.into(), otherwise, ours).await;
        agree(matrix, method, got, |theirs, _| {
            (theirs["success"].clone(), json!(true))
        });
    }
}
