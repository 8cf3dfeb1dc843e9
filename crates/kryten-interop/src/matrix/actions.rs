//! What the original client sends without waiting for an answer.

use kryten_protocol::event::emotes::Emote;
use kryten_protocol::event::playlist::After;
use kryten_protocol::robot::{Filter, RobotCommand};
use serde_json::{Map, Value, json};

use super::{CHANNEL, Matrix, Otherwise, SAME};

/// As kryten-py's methods do, ours that say a thing in the chat take the robot's answer too.
const WAITS: Otherwise = Otherwise {
    waits: true,
    why: "whether the robot did it is told",
    ..SAME
};
const MUTE: Otherwise = Otherwise::in_members(
    &["/args/message", "/args/username", "/command"],
    "the robot has no command `chat`",
);

pub(super) async fn run(matrix: &mut Matrix<'_>) {
    chat(matrix).await;
    playlist(matrix).await;
    users(matrix).await;
    channel(matrix).await;
    emotes_and_filters(matrix).await;
    polls_and_library(matrix).await;
}

/// One that is sent as the robot's command, without waiting.
async fn told(
    matrix: &mut Matrix<'_>,
    method: &str,
    arguments: Value,
    command: RobotCommand,
    otherwise: Otherwise,
) {
    let robot = matrix.robot.clone();
    let mut all = vec![json!(CHANNEL)];
    all.extend(arguments.as_array().cloned().unwrap_or_default());
    matrix
        .client(method, all.into(), otherwise, robot.tell(command))
        .await;
}

async fn chat(matrix: &mut Matrix<'_>) {
    let robot = matrix.robot.clone();
    let text = "h\u{e9}llo \u{2603} <b> /me";
    matrix
        .client("send_chat", json!([CHANNEL, text]), WAITS, robot.say(text))
        .await;
    let pm = json!([CHANNEL, "bob", text]);
    matrix
        .client("send_pm", pm, WAITS, robot.pm("bob", text))
        .await;
    let (name, args) = (
        "dance".to_owned(),
        Map::from_iter([("a".to_owned(), json!(1))]),
    );
    let command = json!({"args": ["robot", "dance", {"a": 1}], "channel": CHANNEL});
    let other = robot.tell(RobotCommand::Other { name, args });
    matrix.client("send_command", command, SAME, other).await;
}

async fn playlist(matrix: &mut Matrix<'_>) {
    let uid = 3;
    told(
        matrix,
        "delete_media",
        json!([uid]),
        RobotCommand::Delete { uid },
        SAME,
    )
    .await;
    let after = After::Uid(0);
    told(
        matrix,
        "move_media",
        json!([uid, 0]),
        RobotCommand::Move { uid, after },
        SAME,
    )
    .await;
    let after = After::Prepend;
    told(
        matrix,
        "move_media",
        json!([uid, "prepend"]),
        RobotCommand::Move { uid, after },
        SAME,
    )
    .await;
    let as_text = Otherwise::in_members(&["/args/uid"], "the robot takes only text here");
    told(
        matrix,
        "jump_to",
        json!([uid]),
        RobotCommand::Jump { uid },
        as_text,
    )
    .await;
    told(
        matrix,
        "clear_playlist",
        json!([]),
        RobotCommand::ClearPlaylist,
        SAME,
    )
    .await;
    told(
        matrix,
        "shuffle_playlist",
        json!([]),
        RobotCommand::ShufflePlaylist,
        SAME,
    )
    .await;
    let temp = RobotCommand::SetTemp { uid, temp: true };
    told(matrix, "set_temp", json!([uid]), temp, SAME).await;
    told(matrix, "pause", json!([]), RobotCommand::Pause, SAME).await;
    told(matrix, "play", json!([]), RobotCommand::Play, SAME).await;
    told(
        matrix,
        "seek",
        json!([12.5]),
        RobotCommand::Seek { time: 12.5 },
        SAME,
    )
    .await;
    told(matrix, "play_next", json!([]), RobotCommand::PlayNext, SAME).await;
    told(matrix, "voteskip", json!([]), RobotCommand::Voteskip, SAME).await;
}

async fn users(matrix: &mut Matrix<'_>) {
    let username = || "bob".to_owned();
    for reason in [None, Some("spam".to_owned())] {
        let arguments = json!(["bob", reason]);
        let kick = RobotCommand::Kick {
            username: username(),
            reason: reason.clone(),
        };
        told(matrix, "kick_user", arguments.clone(), kick, SAME).await;
        let ban = RobotCommand::Ban {
            username: username(),
            reason,
        };
        told(matrix, "ban_user", arguments, ban, SAME).await;
    }
    for name in [Some(username()), None] {
        let arguments = json!([name.clone().unwrap_or_default()]);
        let leader = RobotCommand::AssignLeader { username: name };
        told(matrix, "assign_leader", arguments, leader, SAME).await;
    }
    let bob = || json!(["bob"]);
    let mute = RobotCommand::Mute {
        username: username(),
    };
    told(matrix, "mute_user", bob(), mute, MUTE).await;
    let mute = RobotCommand::ShadowMute {
        username: username(),
    };
    told(matrix, "shadow_mute_user", bob(), mute, MUTE).await;
    let as_line = Otherwise::in_members(&["/command"], "the robot has no command `chat`");
    let unmute = RobotCommand::Unmute {
        username: username(),
    };
    told(matrix, "unmute_user", bob(), unmute, as_line).await;
    let rank = RobotCommand::SetChannelRank {
        username: username(),
        rank: 2,
    };
    told(matrix, "set_channel_rank", json!(["bob", 2]), rank, SAME).await;
    let with_name = Otherwise::in_members(
        &["/args/username"],
        "the robot does not lift a ban by its number alone",
    );
    let unban = RobotCommand::Unban {
        username: username(),
        id: Some(4),
    };
    told(matrix, "unban", json!([4]), unban, with_name).await;
}

async fn channel(matrix: &mut Matrix<'_>) {
    let text = || "<b>\u{2603}</b>".to_owned();
    told(
        matrix,
        "set_motd",
        json!([text()]),
        RobotCommand::SetMotd { motd: text() },
        SAME,
    )
    .await;
    let css = RobotCommand::SetChannelCss { css: text() };
    told(matrix, "set_channel_css", json!([text()]), css, SAME).await;
    let js = RobotCommand::SetChannelJs { js: text() };
    told(matrix, "set_channel_js", json!([text()]), js, SAME).await;
    let some = || Map::from_iter([("allow_voteskip".to_owned(), json!(true))]);
    let options = RobotCommand::SetOptions { options: some() };
    told(matrix, "set_options", json!([some()]), options, SAME).await;
    let some = || Map::from_iter([("chat".to_owned(), json!(1.5))]);
    let permissions = RobotCommand::SetPermissions {
        permissions: some(),
    };
    told(
        matrix,
        "set_permissions",
        json!([some()]),
        permissions,
        SAME,
    )
    .await;
    // These bring an answer, so they say for whom they are, as kryten-py's own get_… do.
    let named = Otherwise::in_members(&["/service"], "as the same command with an answer");
    let ranks = RobotCommand::RequestChannelRanks;
    told(matrix, "request_channel_ranks", json!([]), ranks, named).await;
    told(
        matrix,
        "request_banlist",
        json!([]),
        RobotCommand::RequestBanlist,
        named,
    )
    .await;
    let log = RobotCommand::ReadChanLog { count: 100 };
    told(matrix, "read_chan_log", json!([]), log, named).await;
}

async fn emotes_and_filters(matrix: &mut Matrix<'_>) {
    let (name, image) = (
        || "#kappa".to_owned(),
        || "https://example.com/k.png".to_owned(),
    );
    let update = RobotCommand::UpdateEmote {
        name: name(),
        image: image(),
    };
    told(
        matrix,
        "update_emote",
        json!([name(), image()]),
        update,
        SAME,
    )
    .await;
    let remove = RobotCommand::RemoveEmote { name: name() };
    told(matrix, "remove_emote", json!([name()]), remove, SAME).await;
    let robot = matrix.robot.clone();
    let one = json!({"name": name(), "image": image()});
    let emotes = [Emote {
        name: name(),
        image: image(),
        ..Emote::default()
    }];
    let emotes = [
        emotes[0].clone(),
        Emote {
            name: "#b".into(),
            ..emotes[0].clone()
        },
    ];
    let two = json!([one, {"name": "#b", "image": image()}]);
    matrix
        .client(
            "import_emotes",
            json!([CHANNEL, two]),
            WAITS,
            robot.import_emotes(&emotes),
        )
        .await;
    let filter = || Filter {
        flags: "g".into(),
        ..Filter::new("f", "a+", "<b>")
    };
    let arguments = || json!(["f", "a+", "g", "<b>"]);
    told(
        matrix,
        "add_filter",
        arguments(),
        RobotCommand::AddFilter(filter()),
        SAME,
    )
    .await;
    told(
        matrix,
        "update_filter",
        arguments(),
        RobotCommand::UpdateFilter(filter()),
        SAME,
    )
    .await;
    let remove = RobotCommand::RemoveFilter { name: "f".into() };
    told(matrix, "remove_filter", json!(["f"]), remove, SAME).await;
}

async fn polls_and_library(matrix: &mut Matrix<'_>) {
    let poll = RobotCommand::NewPoll {
        title: "t?".into(),
        options: vec!["a".into(), "b".into()],
        obscured: true,
        timeout: 60,
    };
    let both = Otherwise::in_members(&["/args/options"], "the robot reads `options`, not `opts`");
    told(
        matrix,
        "new_poll",
        json!(["t?", ["a", "b"], true, 60]),
        poll,
        both,
    )
    .await;
    told(
        matrix,
        "vote",
        json!([0]),
        RobotCommand::Vote { option: 0 },
        SAME,
    )
    .await;
    told(
        matrix,
        "close_poll",
        json!([]),
        RobotCommand::ClosePoll,
        SAME,
    )
    .await;
    let renamed = Otherwise::in_members(
        &["/command", "/service"],
        "the robot knows no `searchMedia`; as the same command with an answer",
    );
    let search = RobotCommand::SearchLibrary {
        query: "q".into(),
        source: "library".into(),
    };
    told(matrix, "search_library", json!(["q"]), search, renamed).await;
    let renamed = Otherwise::in_members(&["/command"], "the robot knows no `uncache`");
    let delete = RobotCommand::DeleteFromLibrary { id: "x".into() };
    told(matrix, "delete_from_library", json!(["x"]), delete, renamed).await;
}
