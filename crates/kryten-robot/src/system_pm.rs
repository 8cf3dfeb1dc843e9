//! `system:` private messages: who may ask what, and in which words it is answered. Pure.

use std::collections::HashMap;
use std::time::Duration;

use kryten_protocol::cytube::fold_name;

/// What a private message begins with to be one for the robot.
pub const PREFIX: &str = "system:";
/// A user is answered at most once in this time.
const EVERY: Duration = Duration::from_secs(2);
/// So many users are remembered.
const MOST: usize = 1000;

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PmCommand {
    /// Version, uptime, services.
    About,
    /// What can be asked.
    Help,
    /// Whether all is well.
    Health,
    /// A new connection to CyTube.
    Reconnect,
    /// The configuration is read again.
    Reload,
    /// The robot ends.
    Shutdown,
}

/// Which rank in the channel is needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PmRanks {
    /// For `about`, `help`.
    pub ask: f64,
    /// For everything else.
    pub control: f64,
}

impl Default for PmRanks {
    /// Anyone asks, as in the original; owners control.
    fn default() -> Self {
        Self {
            ask: f64::NEG_INFINITY,
            control: 4.0,
        }
    }
}

impl PmCommand {
    /// Reads a message; `None` for what the robot passes over in silence, as the original does.
    pub fn read(message: &str) -> Option<Self> {
        let command = message.strip_prefix(PREFIX)?.trim().to_lowercase();
        Some(match command.as_str() {
            "about" => Self::About,
            "help" => Self::Help,
            "health" => Self::Health,
            "reconnect" => Self::Reconnect,
            "reload" => Self::Reload,
            "shutdown" => Self::Shutdown,
            _ => return None,
        })
    }

    /// Whether somebody of this rank may ask it; whose rank is not known is nobody.
    pub fn is_allowed(self, rank: Option<f64>, ranks: PmRanks) -> bool {
        let least = match self {
            Self::About | Self::Help => ranks.ask,
            _ => ranks.control,
        };
        rank.unwrap_or(-1.0) >= least
    }
}

/// The answer to `help`, with what this user may ask.
pub fn help(rank: Option<f64>, ranks: PmRanks) -> String {
    let mut text = "system:about \u{2014} version, uptime, and all connected services | \
                    system:help \u{2014} show this message"
        .to_owned();
    if PmCommand::Health.is_allowed(rank, ranks) {
        text.push_str(" | system:health, reconnect, reload, shutdown");
    }
    text
}

/// The answer to `about`.
pub fn about<'a>(
    version: &str,
    uptime: Duration,
    channel: &str,
    domain: &str,
    services: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let services: Vec<String> = services
        .map(|(name, version)| format!("{name} v{version}"))
        .collect();
    let services = match services.is_empty() {
        true => "none registered".to_owned(),
        false => services.join(", "),
    };
    format!(
        "Kryten Robot v{version} | up {} | channel: {channel}@{domain} | services: {services}",
        uptime_text(uptime)
    )
}

fn uptime_text(uptime: Duration) -> String {
    let minutes = uptime.as_secs() / 60;
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h{minutes}m"),
    }
}

/// Keeps the robot from being made to talk without end.
#[derive(Debug, Default)]
pub struct Patience {
    answered: HashMap<String, Duration>,
}

impl Patience {
    /// Whether this user may be answered now; if so, it is noted.
    pub fn allows(&mut self, user: &str, now: Duration) -> bool {
        self.answered.retain(|_, at| *at + EVERY > now);
        let user = fold_name(user);
        if self.answered.contains_key(&user) || self.answered.len() >= MOST {
            return false;
        }
        self.answered.insert(user, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_originals_words() {
        let services = [("robot", "1.0"), ("userstats", "0.7.1")];
        let up = Duration::from_secs(90_061);
        assert_eq!(
            about("1.0", up, "Lounge", "cytu.be", services.into_iter()),
            "Kryten Robot v1.0 | up 1d1h1m | channel: Lounge@cytu.be | services: robot v1.0, userstats v0.7.1"
        );
        let short = about("1.0", Duration::from_secs(59), "c", "d", std::iter::empty());
        assert!(short.ends_with("up 0m | channel: c@d | services: none registered"));
        assert!(help(Some(1.0), PmRanks::default()).ends_with("\u{2014} show this message"));
        assert!(help(Some(4.0), PmRanks::default()).ends_with("shutdown"));
    }

    #[test]
    fn control_needs_a_rank_and_everything_else_is_passed_over() {
        let ranks = PmRanks::default();
        assert_eq!(PmCommand::read("system: ABOUT "), Some(PmCommand::About));
        assert_eq!(PmCommand::read("System:about"), None);
        assert_eq!(PmCommand::read("system:about Kryten"), None);
        assert!(PmCommand::About.is_allowed(None, ranks));
        for (rank, allowed) in [(None, false), (Some(3.0), false), (Some(4.0), true)] {
            assert_eq!(PmCommand::Shutdown.is_allowed(rank, ranks), allowed);
        }
        let strict = PmRanks {
            ask: 2.0,
            control: 5.0,
        };
        assert!(!PmCommand::About.is_allowed(Some(1.5), strict));
    }

    #[test]
    fn nobody_is_answered_twice_in_a_moment() {
        let mut patience = Patience::default();
        let at = Duration::from_millis;
        assert!(patience.allows("bob", at(0)));
        assert!(!patience.allows("BOB", at(1000)));
        assert!(patience.allows("alice", at(1000)));
        assert!(patience.allows("bob", at(2001)));
    }
}
