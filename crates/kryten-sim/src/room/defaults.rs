//! A channel's settings before anyone changes them: those of CyTube 3.86.

use serde_json::{Map, Value, json};

/// Least ranks by permission.
const PERMISSIONS: [(&str, f64); 41] = [
    ("seeplaylist", -1.0),
    ("playlistadd", 1.5),
    ("playlistnext", 1.5),
    ("playlistmove", 1.5),
    ("playlistdelete", 2.0),
    ("playlistjump", 1.5),
    ("playlistaddlist", 1.5),
    ("oplaylistadd", -1.0),
    ("oplaylistnext", 1.5),
    ("oplaylistmove", 1.5),
    ("oplaylistdelete", 2.0),
    ("oplaylistjump", 1.5),
    ("oplaylistaddlist", 1.5),
    ("playlistaddcustom", 3.0),
    ("playlistaddrawfile", 2.0),
    ("playlistaddlive", 1.5),
    ("exceedmaxlength", 2.0),
    ("addnontemp", 2.0),
    ("settemp", 2.0),
    ("playlistshuffle", 2.0),
    ("playlistclear", 2.0),
    ("pollctl", 1.5),
    ("pollvote", -1.0),
    ("viewhiddenpoll", 1.5),
    ("voteskip", -1.0),
    ("viewvoteskip", 1.5),
    ("mute", 1.5),
    ("kick", 1.5),
    ("ban", 2.0),
    ("motdedit", 3.0),
    ("filteredit", 3.0),
    ("filterimport", 3.0),
    ("emoteedit", 3.0),
    ("emoteimport", 3.0),
    ("playlistlock", 2.0),
    ("leaderctl", 2.0),
    ("drink", 1.5),
    ("chat", 0.0),
    ("chatclear", 2.0),
    ("exceedmaxitems", 2.0),
    ("deletefromchannellib", 2.0),
];

pub(super) fn permissions() -> Map<String, Value> {
    PERMISSIONS
        .into_iter()
        .chain([("exceedmaxdurationperuser", 2.0)])
        .map(|(node, rank)| (node.to_owned(), super::rank_json(rank)))
        .collect()
}

pub(super) fn options(channel: &str, password: Option<&str>) -> Map<String, Value> {
    let password = password.map_or(Value::Bool(false), Value::from);
    let options = json!({
        "allow_voteskip": true,
        "voteskip_ratio": 0.5,
        "afk_timeout": 600,
        "pagetitle": channel,
        "maxlength": 0,
        "externalcss": "",
        "externaljs": "",
        "chat_antiflood": false,
        "chat_antiflood_params": {"burst": 4, "sustained": 1, "cooldown": 4},
        "show_public": true,
        "enable_link_regex": true,
        "password": password,
        "allow_dupes": false,
        "torbanned": false,
        "block_anonymous_users": false,
        "allow_ascii_control": false,
        "playlist_max_per_user": 0,
        "new_user_chat_delay": 0,
        "new_user_chat_link_delay": 0,
        "playlist_max_duration_per_user": 0,
    });
    match options {
        Value::Object(options) => options,
        _ => Map::new(),
    }
}

pub(super) fn motd(channel: &str) -> String {
    format!("<h3>Welcome to <em>{channel}</em></h3><p>Nobody here is real.</p>")
}
