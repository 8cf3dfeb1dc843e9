//! Which requests are taken: `commands.allow` and `commands.deny` of the configuration. Pure.
//!
//! A pattern is a name, or the beginning of names with `*` after it. All names of one command are one: who denies
//! `kick` denies `kick_user`, and `/kick` typed as a chat line, too.

use super::command::ChannelCommand;
use super::parse::{Action, action_of, folded, names_of};

/// The names of requests that ask.
pub const QUERIES: [&str; 23] = [
    "state.emotes",
    "state.playlist",
    "state.userlist",
    "state.motd",
    "state.css",
    "state.js",
    "state.options",
    "state.permissions",
    "state.current",
    "state.all",
    "state.user",
    "state.profiles",
    "state.verify",
    "system.ping",
    "system.health",
    "system.stats",
    "system.services",
    "system.config",
    "system.reload",
    "system.loglevel",
    "system.shutdown",
    "system.version",
    "system.channels",
];
/// What CyTube takes as a typed command, beside those that are read as commands of their own.
const TYPED: [(&str, &str); 7] = [
    ("/ipban", "ban"),
    ("/banip", "ban"),
    ("/ban", "ban"),
    ("/kickanons", "kick"),
    ("/poll", "newpoll"),
    ("/hpoll", "newpoll"),
    ("/rank", "setchannelrank"),
];
/// Typed, and yet only said.
const SAID: [&str; 3] = ["/me", "/sp", "/say"];

/// A pattern that stands for no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pattern:?} stands for no command; write a name such as kick, a beginning such as playlist.*, or /* for what is \
     typed"
)]
pub struct PatternError {
    /// As written.
    pub pattern: String,
}

/// Which requests are taken; at first all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedCommands {
    allow: Option<Vec<Pattern>>,
    deny: Vec<Pattern>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    beginning: String,
    is_whole: bool,
}

impl Pattern {
    fn read(written: &str) -> Result<Self, PatternError> {
        let text = folded(written.trim());
        let pattern = match text.strip_suffix('*') {
            Some(beginning) => Self {
                beginning: beginning.to_owned(),
                is_whole: false,
            },
            None => Self {
                beginning: text,
                is_whole: true,
            },
        };
        let is_typed = pattern.beginning.starts_with('/');
        let stands_for_something = is_typed
            || Action::all().any(|action| pattern.is_for(names_of(action)))
            || pattern.is_for(&QUERIES);
        match stands_for_something {
            true => Ok(pattern),
            false => Err(PatternError {
                pattern: written.to_owned(),
            }),
        }
    }

    fn is_for(&self, names: &[&str]) -> bool {
        names.iter().any(|name| match self.is_whole {
            true => *name == self.beginning,
            false => name.starts_with(&self.beginning),
        })
    }
}

impl AllowedCommands {
    /// Reads both lists; no list of what is allowed allows all.
    ///
    /// # Errors
    /// [`PatternError`] for a pattern that stands for no command, so that no slip of the pen leaves something open.
    pub fn read(allow: Option<&[String]>, deny: &[String]) -> Result<Self, PatternError> {
        let read = |patterns: &[String]| patterns.iter().map(|text| Pattern::read(text)).collect();
        Ok(Self {
            allow: allow.map(read).transpose()?,
            deny: read(deny)?,
        })
    }

    /// Whether a request of this name is taken.
    pub fn allows(&self, name: &str) -> bool {
        let name = folded(name);
        let of_action = action_of(&name).map(all_names);
        let names = of_action.unwrap_or_else(|| vec![name.as_str()]);
        self.allows_any_of(&names)
    }

    /// Whether a command may be done, whatever it was asked as: what is typed as a chat line is what it does.
    pub fn allows_command(&self, command: &ChannelCommand) -> bool {
        let typed = |word: &str| {
            let word = word.to_lowercase();
            let does = TYPED.iter().find(|(typed, _)| *typed == word);
            self.allows_any_of(&[word.as_str()])
                && does.is_none_or(|(_, command)| self.allows(command))
        };
        match command {
            ChannelCommand::Mute { .. } => self.allows("mute"),
            ChannelCommand::ShadowMute { .. } => self.allows("smute"),
            ChannelCommand::Unmute { .. } => self.allows("unmute"),
            ChannelCommand::Kick { .. } => self.allows("kick"),
            ChannelCommand::Ban { .. } => self.allows("ban"),
            // CyTube reads what stands behind `/me` and the like as a line of its own, and obeys it.
            ChannelCommand::Say { message } if message.starts_with('/') => message
                .split_whitespace()
                .take_while(|word| word.starts_with('/'))
                .filter(|word| !SAID.contains(word))
                .all(typed),
            _ => true,
        }
    }

    fn allows_any_of(&self, names: &[&str]) -> bool {
        let is_in = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_for(names));
        self.allow.as_deref().is_none_or(is_in) && !is_in(&self.deny)
    }
}

/// What is said to who asks for something that is not taken.
pub fn refusal(name: &str) -> String {
    format!(
        "{name} is not allowed here; commands.allow and commands.deny in the robot's configuration say what is"
    )
}

/// All names of what an action does: `playlist.move` is `move`.
fn all_names(action: Action) -> Vec<&'static str> {
    let others: &[&str] = match action {
        Action::Move => names_of(Action::PlaylistMove),
        Action::PlaylistMove => names_of(Action::Move),
        Action::Queue => names_of(Action::PlaylistQueue),
        Action::PlaylistQueue => names_of(Action::Queue),
        Action::Delete => names_of(Action::PlaylistDelete),
        Action::PlaylistDelete => names_of(Action::Delete),
        _ => &[],
    };
    [names_of(action), others].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(allow: Option<&[&str]>, deny: &[&str]) -> Result<AllowedCommands, PatternError> {
        let owned =
            |list: &[&str]| -> Vec<String> { list.iter().map(|s| (*s).to_owned()).collect() };
        let allow = allow.map(owned);
        AllowedCommands::read(allow.as_deref(), &owned(deny))
    }

    fn say(message: &str) -> ChannelCommand {
        ChannelCommand::Say {
            message: message.to_owned(),
        }
    }

    #[test]
    fn without_lists_all_is_taken() {
        let all = AllowedCommands::default();
        assert!(all.allows("kick") && all.allows("state.all") && all.allows("nonsense"));
        assert!(all.allows_command(&say("/clear")));
    }

    #[test]
    fn a_denied_command_has_no_other_name() {
        let lists = lists(
            None,
            &["Kick", "ban*", "playlist.*", "clear", "system.shutdown"],
        )
        .unwrap();
        for denied in [
            "kick",
            "kick_user",
            "KICK",
            "kickUser",
            "ban_user",
            "playlist.move",
            "move",
            "movevideo",
            "mvvideo",
            "addvideo",
            "rmvideo",
            "clearPlaylist",
            "system.shutdown",
        ] {
            assert!(!lists.allows(denied), "{denied}");
        }
        for taken in [
            "say",
            "unban",
            "mute",
            "settemp",
            "system.ping",
            "state.all",
        ] {
            assert!(lists.allows(taken), "{taken}");
        }
        let kick = ChannelCommand::Kick {
            username: "bob".to_owned(),
            reason: String::new(),
        };
        assert!(!lists.allows_command(&kick));
        for typed in [
            "/ipban bob",
            "/BANIP bob",
            "/kickanons",
            "/me /sp /ipban bob",
        ] {
            assert!(!lists.allows_command(&say(typed)), "{typed}");
        }
        for line in ["/me waves", "and/or /ban", " /ipban bob", "/me and /ban"] {
            assert!(lists.allows_command(&say(line)), "{line}");
        }
    }

    #[test]
    fn a_list_of_what_is_allowed_leaves_everything_else_out() {
        let lists = lists(Some(&["say", "state.*"]), &["state.userlist"]).unwrap();
        for (name, is_taken) in [
            ("chat", true),
            ("state.motd", true),
            ("state.userlist", false),
            ("state.nonsense", true),
            ("kick", false),
            ("system.ping", false),
        ] {
            assert_eq!(lists.allows(name), is_taken, "{name}");
        }
        assert!(!lists.allows_command(&say("/clear")));
        assert!(lists.allows_command(&say("hello")));
        let typing = self::lists(Some(&["say", "/*"]), &["newPoll"]).unwrap();
        assert!(typing.allows_command(&say("/clear")));
        assert!(!typing.allows_command(&say("/poll a,b")));
        let nothing = self::lists(Some(&[]), &[]).unwrap();
        assert!(!nothing.allows("say"));
    }

    #[test]
    fn a_pattern_that_stands_for_no_command_is_an_error() {
        for wrong in ["kik", "plailist.*", "", "*.move", "ki*ck"] {
            let error = lists(None, &[wrong]).unwrap_err();
            assert_eq!(error.pattern, wrong);
        }
        assert!(lists(Some(&["*"]), &["set_*"]).unwrap().allows("kick"));
        assert!(!lists(Some(&["*"]), &["set_*"]).unwrap().allows("setMotd"));
    }
}
