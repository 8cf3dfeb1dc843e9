//! What a line asks for. Pure.

use crate::tally::{QUESTION_PREFIX, Wish};

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// What is known of somebody; of oneself without a name.
    Stats(Option<String>),
    /// Who talks most.
    Top,
    /// Who got most kudos.
    Kudos,
    /// A wish of one's own data.
    Wish(Wish),
    /// Forgetting is asked for once more before it is done.
    ForgetUnsure,
    /// Everything about oneself.
    Export,
    /// Which wishes there are.
    PrivacyHelp,
}

impl Ask {
    /// Reads a line; `None` for what is no question of ours.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(QUESTION_PREFIX)?.split_whitespace();
        let verb = words.next()?.to_ascii_lowercase();
        let (first, second, third) = (words.next(), words.next(), words.next());
        let first_word = first.map(str::to_ascii_lowercase);
        let ask = match (verb.as_str(), first_word.as_deref(), second) {
            ("stats", None, None) => Self::Stats(None),
            ("stats", Some(_), None) => {
                let name = first.unwrap_or_default().trim_start_matches('@');
                Self::Stats(Some(name.to_owned()).filter(|name| !name.is_empty()))
            }
            ("top", None, None) => Self::Top,
            ("kudos", None, None) => Self::Kudos,
            ("privacy", None, None) => Self::PrivacyHelp,
            ("privacy", Some("opt-out"), None) => Self::Wish(Wish::OptOut),
            ("privacy", Some("opt-in"), None) => Self::Wish(Wish::OptIn),
            ("privacy", Some("export"), None) => Self::Export,
            ("privacy", Some("forget"), None) => Self::ForgetUnsure,
            ("privacy", Some("forget"), Some(sure)) if sure.eq_ignore_ascii_case("yes") => {
                Self::Wish(Wish::Forget)
            }
            ("privacy", Some(_), _) => Self::PrivacyHelp,
            _ => return None,
        };
        third.is_none().then_some(ask)
    }

    /// Whether it concerns one's own data, which is nobody else's business.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Stats(_) | Self::Top | Self::Kudos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_and_everything_else_is_not() {
        for (text, ask) in [
            ("!stats", Some(Ask::Stats(None))),
            ("!STATS @Bob", Some(Ask::Stats(Some("Bob".into())))),
            ("!stats bob carol", None),
            ("!top", Some(Ask::Top)),
            ("!kudos alice", None),
            ("!kudos", Some(Ask::Kudos)),
            ("! top", Some(Ask::Top)),
            ("top", None),
            ("!topic", None),
            ("!", None),
            ("!privacy", Some(Ask::PrivacyHelp)),
            ("!privacy forget", Some(Ask::ForgetUnsure)),
            ("!privacy forget YES", Some(Ask::Wish(Wish::Forget))),
            ("!privacy forget bob", Some(Ask::PrivacyHelp)),
            ("!privacy opt-out", Some(Ask::Wish(Wish::OptOut))),
            ("!privacy opt-out bob", Some(Ask::PrivacyHelp)),
            ("!privacy export", Some(Ask::Export)),
        ] {
            assert_eq!(Ask::read(text), ask, "{text}");
        }
    }
}
