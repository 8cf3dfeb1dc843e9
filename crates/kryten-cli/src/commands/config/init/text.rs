//! The text of configuration files, with comments. Pure.

/// What goes into a file.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) domain: String,
    pub(super) channels: Vec<String>,
    pub(super) user: Option<String>,
    pub(super) nats: String,
    pub(super) timezone: Option<String>,
}

/// The robot's, which `kryten up` reads too.
pub(super) fn robot(wanted: &Wanted) -> String {
    let first = wanted
        .channels
        .first()
        .map(String::as_str)
        .unwrap_or_default();
    let user = match &wanted.user {
        Some(user) => format!("user = {}", quoted(user)),
        None => "# user = \"MyBot\"".to_owned(),
    };
    let more = match wanted.channels.as_slice() {
        [] | [_] => "\
# More channels: each has the keys of [cytube] where it has none of its own.
# [[channels]]
# channel = \"another\"
"
        .to_owned(),
        all => {
            let mut text =
                "# Each channel has the keys of [cytube] where it has none of its own.\n"
                    .to_owned();
            for channel in all {
                text += &format!("[[channels]]\nchannel = {}\n", quoted(channel));
            }
            text
        }
    };
    format!(
        "\
# The configuration of `kryten robot`, and of `kryten up --config`.
# `kryten config check` looks at it, `kryten config schema robot` has every key.

# The least level that is logged: DEBUG, INFO, WARNING or ERROR.
log_level = \"INFO\"

[cytube]
# The CyTube host, and the channel as in its address, in the same case.
domain = {domain}
channel = {channel}
# The bot's account; without it the bot is a guest. Make it a moderator there.
# Its password is taken from the environment: KRYTEN_CYTUBE_PASSWORD.
{user}
# Of a channel with a password:
# channel_password = \"${{KRYTEN_CHANNEL_PASSWORD}}\"
# Whether the bot comes back after a kick.
aggressive_reconnect = false

{more}
[nats]
{nats}
[commands]
# Whether others may have the robot say, kick, queue and so on, over NATS.
enabled = true

[health]
# Where /health and /metrics are served; `kryten up` has them on its own port.
enabled = true
host = \"127.0.0.1\"
port = 8080

[logging]
# The folder of the logs of what was asked and done.
base_path = \"logs\"

# The page of `kryten up`; `kryten robot` has none.
# [web]
# Where it listens; elsewhere than on this machine it needs a token or a proxy.
# host = \"127.0.0.1\"
# port = 8088
# What visitors have to know, at least 16 characters:
# token = \"${{KRYTEN_WEB_TOKEN}}\"
# Or the address from which a proxy connects that logs visitors in, and the
# header in which it names them:
# proxy = [\"127.0.0.1\"]
# user_header = \"x-forwarded-user\"
",
        domain = quoted(&wanted.domain),
        channel = quoted(first),
        nats = nats(wanted),
    )
}

/// That of the statistics.
pub(super) fn userstats(wanted: &Wanted) -> String {
    let mut channels = String::new();
    for channel in &wanted.channels {
        channels += &format!(
            "[[channels]]\ndomain = {}\nchannel = {}\n\n",
            quoted(&wanted.domain),
            quoted(channel)
        );
    }
    format!(
        "\
# The configuration of `kryten userstats`.
# `kryten config check` looks at it; `kryten config schema userstats` has every
# key.

# The least level that is logged: DEBUG, INFO, WARNING or ERROR.
log_level = \"INFO\"
# The time zone in which hours are told; a channel may have its own.
timezone = {timezone}

# The channels that are counted, written as their robot has them.
{channels}[nats]
{nats}
[database]
# An SQLite file; it is made where it is missing. One of the Python
# kryten-userstats is carried on.
path = \"data/userstats.db\"

[metrics]
# Where the page, /health and /metrics are served.
host = \"127.0.0.1\"
port = 28282
",
        timezone = quoted(wanted.timezone.as_deref().unwrap_or("UTC")),
        nats = nats(wanted),
    )
}

/// That of the command line and of bots.
pub(super) fn client(wanted: &Wanted) -> String {
    format!(
        "\
# Where NATS is, for `kryten --config` and for bots.
# `kryten config check --of client` looks at it; `kryten config schema client`
# has every key.

[nats]
{}",
        nats(wanted)
    )
}

fn nats(wanted: &Wanted) -> String {
    format!(
        "\
# The servers; the next one is tried where one does not answer.
servers = [{}]
# How to log in: user and password, or one of token, nkey_seed_file and
# credentials_file. ${{NAME}} is taken from the environment.
# user = \"robot\"
# password = \"${{KRYTEN_NATS_PASSWORD}}\"
",
        wanted
            .nats
            .split(',')
            .map(|server| quoted(server.trim()))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            character if character.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(character)));
            }
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted() {
        assert_eq!(quoted("a\"b\\c\n\u{7f}ü"), r#""a\"b\\c\u000A\u007Fü""#);
    }
}
