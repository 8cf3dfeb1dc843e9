//! Every subject of the Kryten family, built and parsed here and nowhere else.

use crate::token::{is_carriable, normalize};

/// The prefix of everything that [`EVENTS_STREAM`] keeps.
pub const EVENTS_PREFIX: &str = "kryten.events";
/// The subjects that the event stream captures.
pub const EVENTS_WILDCARD: &str = "kryten.events.>";
/// The JetStream stream that keeps all events.
pub const EVENTS_STREAM: &str = "KRYTEN_EVENTS";
/// Notices of the robot that are no CyTube events, such as an event too large to publish.
pub const ROBOT_NOTICE: &str = "kryten.robot.notice";
/// A poll that asks every service to announce itself again.
pub const DISCOVERY_POLL: &str = "kryten.service.discovery.poll";
/// The broadcast that asks every service to restart.
pub const GROUP_RESTART: &str = "kryten.lifecycle.group.restart";

const PLATFORM: &str = "cytube";

/// Why a subject could not be built or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubjectError {
    /// The name has nothing left that a subject can carry, or holds white space or control characters.
    #[error("{what} {name:?} cannot be part of a NATS subject; use letters, digits, '-' or '_'")]
    Name {
        /// Which part: `channel`, `domain`, `event` or `service`.
        what: &'static str,
        /// The name as given.
        name: String,
    },
    /// Not a subject on which CyTube events are published.
    #[error("{0:?} is not an event subject (kryten.events.<platform>.<channel>.<event>)")]
    NotAnEvent(String),
}

fn token(what: &'static str, name: &str) -> Result<String, SubjectError> {
    let token = normalize(name);
    if is_carriable(&token) {
        Ok(token)
    } else {
        Err(SubjectError::Name {
            what,
            name: name.to_owned(),
        })
    }
}

/// The subject on which the robot publishes one CyTube event.
///
/// # Errors
/// [`SubjectError::Name`] when the channel or the event name leaves no usable token.
pub fn event(channel: &str, event_name: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "{EVENTS_PREFIX}.{PLATFORM}.{}.{}",
        token("channel", channel)?,
        token("event", event_name)?
    ))
}

/// The wildcard for all CyTube events of one channel.
///
/// # Errors
/// [`SubjectError::Name`] when the channel leaves no usable token.
pub fn channel_events(channel: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "{EVENTS_PREFIX}.{PLATFORM}.{}.>",
        token("channel", channel)?
    ))
}

/// The subject on which the robot reports a [gap](crate::gap::Gap); inside the stream, so it has its place in the
/// order of events, but not where subscribers of a channel's CyTube events look.
///
/// # Errors
/// [`SubjectError::Name`] when the channel leaves no usable token.
pub fn gap(channel: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "{EVENTS_PREFIX}.robot.{}.gap",
        token("channel", channel)?
    ))
}

/// The subject on which a service takes commands, such as `kryten.robot.command`.
///
/// # Errors
/// [`SubjectError::Name`] when the service name leaves no usable token.
pub fn command(service: &str) -> Result<String, SubjectError> {
    Ok(format!("kryten.{}.command", token("service", service)?))
}

/// The older subject on which the robot also hears commands for one channel.
///
/// # Errors
/// [`SubjectError::Name`] when the channel leaves no usable token.
pub fn legacy_commands(channel: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "kryten.commands.{PLATFORM}.{}.>",
        token("channel", channel)?
    ))
}

/// The subject on which the robot tells its own rank in a channel: domain and channel as configured, so that a domain's
/// dots make tokens.
///
/// # Errors
/// [`SubjectError::Name`] when the domain or the channel cannot be part of a subject as it is.
pub fn user_level(domain: &str, channel: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "kryten.user_level.{}.{}",
        as_written("domain", domain)?,
        as_written("channel", channel)?
    ))
}

/// The subject on which kryten-py asks for what [`user_level`] tells: another prefix, all in lower case.
///
/// # Errors
/// As [`user_level`].
pub fn user_level_of_python(domain: &str, channel: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "{PLATFORM}.user_level.{}.{}",
        as_written("domain", &domain.to_lowercase())?,
        as_written("channel", &channel.to_lowercase())?
    ))
}

/// A name that goes into a subject unchanged; dots in it separate tokens.
fn as_written<'a>(what: &'static str, name: &'a str) -> Result<&'a str, SubjectError> {
    let is_usable = |token: &str| is_carriable(token) && token != "*" && token != ">";
    match name.split('.').all(is_usable) {
        true => Ok(name),
        false => Err(SubjectError::Name {
            what,
            name: name.to_owned(),
        }),
    }
}

/// A lifecycle subject, such as `kryten.lifecycle.robot.startup`.
///
/// # Errors
/// [`SubjectError::Name`] when the service name leaves no usable token.
pub fn lifecycle(service: &str, what: &str) -> Result<String, SubjectError> {
    Ok(format!(
        "kryten.lifecycle.{}.{what}",
        token("service", service)?
    ))
}

/// The parts of an event subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSubject<'a> {
    /// The platform token; today always `cytube`. Older programs put a domain here.
    pub platform: String,
    /// The channel token.
    pub channel: &'a str,
    /// The event token; dots in it are kept.
    pub event: String,
}

/// Takes an event subject apart, by the originals' rule: if the second token is a well-known top-level domain, the
/// first two tokens are a domain of the older form.
///
/// # Errors
/// [`SubjectError::NotAnEvent`] for any other subject.
pub fn parse_event(subject: &str) -> Result<EventSubject<'_>, SubjectError> {
    const TLDS: [&str; 9] = ["com", "be", "org", "net", "io", "tv", "gg", "me", "co"];
    let error = || SubjectError::NotAnEvent(subject.to_owned());
    let rest = subject.strip_prefix("kryten.events.").ok_or_else(error)?;
    let tokens: Vec<&str> = rest.split('.').collect();
    if tokens.len() < 3 {
        return Err(error());
    }
    let platform_tokens = if TLDS.contains(&tokens[1]) { 2 } else { 1 };
    let platform = tokens[..platform_tokens].join(".");
    let channel = tokens.get(platform_tokens).copied().unwrap_or_default();
    let event = tokens
        .get(platform_tokens + 1..)
        .unwrap_or_default()
        .join(".");
    if channel.is_empty() || event.is_empty() {
        return Err(error());
    }
    Ok(EventSubject {
        platform,
        channel,
        event,
    })
}
