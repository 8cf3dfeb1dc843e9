//! Lines that ask the service something.

use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::time::WireTime;

/// What a question begins with.
pub const QUESTION_PREFIX: char = '!';
/// Longer lines are no questions.
const LONGEST: usize = 100;

/// A line that may be a question; whether it is one, and fresh, is decided when it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The CyTube host.
    pub domain: String,
    /// The channel.
    pub channel: String,
    /// Who asks.
    pub user: String,
    /// The line.
    pub text: String,
    /// When it was said.
    pub at: WireTime,
    /// Whether it is a private message.
    pub private: bool,
}

/// Which lines are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listening {
    /// Those of the channel.
    pub chat: bool,
    /// Private messages.
    pub private: bool,
}

impl Listening {
    /// Whether this line may be a question.
    pub(crate) fn hears(self, line: &ChatMsg, private: bool) -> bool {
        let listens = match private {
            true => self.private,
            false => self.chat && !line.shadow,
        };
        listens
            && line.message.starts_with(QUESTION_PREFIX)
            && line.message.len() <= LONGEST
            && super::visits::is_person(&line.username)
    }
}
