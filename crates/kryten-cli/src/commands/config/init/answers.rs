//! What can be wrong with an answer, or with the option in its place. Pure.

use jiff::tz::TimeZone;
use kryten_client::NatsConfig;

use super::text::Wanted;

/// The longest names that CyTube takes.
const LONGEST_CHANNEL: usize = 30;
const LONGEST_USER: usize = 20;

/// The first thing that is wrong; one sentence that says what to write.
pub(super) fn problem(wanted: &Wanted) -> Option<String> {
    let mut checked = vec![host(&wanted.domain), nats(&wanted.nats)];
    checked.extend(wanted.channels.iter().map(|name| channel(name)));
    checked.extend(wanted.user.as_deref().map(user));
    checked.extend(wanted.timezone.as_deref().map(zone));
    checked.into_iter().find_map(Result::err)
}

pub(super) fn host(text: &str) -> Result<(), String> {
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    match !text.is_empty() && text.chars().all(is_of_host) && !text.ends_with(':') {
        true => Ok(()),
        false => Err(format!(
            "{text:?} is no host; write it alone, such as cytu.be"
        )),
    }
}

pub(super) fn channel(text: &str) -> Result<(), String> {
    match is_name(text, LONGEST_CHANNEL) {
        true => Ok(()),
        false => Err(format!(
            "{text:?} is no CyTube channel name; write what comes after /r/ in its address: letters, digits, - and _"
        )),
    }
}

pub(super) fn user(text: &str) -> Result<(), String> {
    match is_name(text, LONGEST_USER) {
        true => Ok(()),
        false => Err(format!(
            "{text:?} is no name of CyTube; write at most {LONGEST_USER} letters, digits, - and _"
        )),
    }
}

pub(super) fn zone(text: &str) -> Result<(), String> {
    match TimeZone::get(text) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "{text:?} is no time zone; write one of the IANA database, such as Europe/Berlin or UTC"
        )),
    }
}

pub(super) fn nats(text: &str) -> Result<(), String> {
    let config = NatsConfig {
        servers: text
            .split(',')
            .map(|server| server.trim().to_owned())
            .collect(),
        ..NatsConfig::default()
    };
    config.check().map_err(|error| error.to_string())
}

fn is_name(text: &str, longest: usize) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=longest).contains(&text.len()) && text.bytes().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str) -> Result<(), String>;

    #[test]
    fn an_answer_that_cannot_be_used_is_known_at_once() {
        let cases: [(Check, &[&str], &[&str]); 5] = [
            (
                host,
                &["cytu.be", "localhost:8443", "[::1]:8090"],
                &["", "my host", "https://cytu.be", "cytu.be/r/lounge"],
            ),
            (
                channel,
                &["lounge", "Late_Night-2"],
                &["", "a b", "https://cytu.be/r/lounge", "ü"],
            ),
            (user, &["Bot", "my-bot_2"], &["", "my bot", "x@y"]),
            (zone, &["UTC", "Europe/Berlin"], &["", "Nowhere/Zone"]),
            (
                nats,
                &["nats://localhost:4222", "nats://a:1,nats://b:2", "tls://h"],
                &["", "nats://", "a b"],
            ),
        ];
        for (check, good, bad) in cases {
            for text in good {
                assert_eq!(check(text), Ok(()), "{text}");
            }
            for text in bad {
                assert!(check(text).is_err(), "{text}");
            }
        }
        assert!(channel(&"x".repeat(31)).is_err());
        assert!(user(&"x".repeat(21)).is_err());
    }
}
