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
    /// For single ones, in the order of [`PmCommand::ALL`].
    each: [Option<f64>; PmCommand::ALL.len()],
}

impl PmRanks {
    /// Another rank for one of them.
    pub fn set(&mut self, command: PmCommand, rank: f64) {
        self.each[command as usize] = Some(rank);
    }

    fn least(&self, command: PmCommand) -> f64 {
        let of_kind = match command {
            PmCommand::About | PmCommand::Help => self.ask,
            _ => self.control,
        };
        self.each[command as usize].unwrap_or(of_kind)
    }
}

impl Default for PmRanks {
    /// Anyone asks, as in the original; owners control.
    fn default() -> Self {
        Self {
            ask: f64::NEG_INFINITY,
            control: 4.0,
            each: [None; PmCommand::ALL.len()],
        }
    }
}

impl PmCommand {
    /// All of them, as they are declared.
    pub const ALL: [Self; 6] = [
        Self::About,
        Self::Help,
        Self::Health,
        Self::Reconnect,
        Self::Reload,
        Self::Shutdown,
    ];

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Help => "help",
            Self::Health => "health",
            Self::Reconnect => "reconnect",
            Self::Reload => "reload",
            Self::Shutdown => "shutdown",
        }
    }

    /// Reads a message; `None` for what the robot passes over in silence, as the original does.
    pub fn read(message: &str) -> Option<Self> {
        Self::named(&message.strip_prefix(PREFIX)?.trim().to_lowercase())
    }

    /// Whether somebody of this rank may ask it; whose rank is not known is nobody.
    pub fn is_allowed(self, rank: Option<f64>, ranks: PmRanks) -> bool {
        rank.unwrap_or(-1.0) >= ranks.least(self)
    }
}

/// The answer to `help`, with what this user may ask.
pub fn help(rank: Option<f64>, ranks: PmRanks) -> String {
    let mut text = "system:about \u{2014} version, uptime, and all connected services | \
                    system:help \u{2014} show this message"
        .to_owned();
    let more = PmCommand::ALL[2..].iter();
    let more: Vec<&str> = more
        .filter(|command| command.is_allowed(rank, ranks))
        .map(|command| command.name())
        .collect();
    if !more.is_empty() {
        text.push_str(&format!(" | system:{}", more.join(", ")));
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
            ..ranks
        };
        assert!(!PmCommand::About.is_allowed(Some(1.5), strict));
        let mut single = strict;
        single.set(PmCommand::Health, 2.0);
        single.set(PmCommand::Shutdown, 255.0);
        for (command, rank, allowed) in [
            (PmCommand::Health, 2.0, true),
            (PmCommand::Reload, 2.0, false),
            (PmCommand::Reload, 5.0, true),
            (PmCommand::Shutdown, 5.0, false),
        ] {
            assert_eq!(
                command.is_allowed(Some(rank), single),
                allowed,
                "{command:?}"
            );
        }
        assert!(help(Some(2.0), single).ends_with(" | system:health"));
        assert!(help(Some(5.0), single).ends_with(" | system:health, reconnect, reload"));
        for (place, command) in PmCommand::ALL.into_iter().enumerate() {
            assert_eq!(command as usize, place);
        }
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
