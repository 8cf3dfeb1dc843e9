//! A channel on a CyTube host, with the subjects that follow from it.

use kryten_protocol::subject::{self, SubjectError};

/// Which channel, and where its events go.
#[derive(Debug, Clone)]
pub(crate) struct ChannelId {
    pub(crate) domain: String,
    pub(crate) channel: String,
    /// All events of the channel.
    pub(crate) filter: String,
    /// Its chat lines.
    pub(crate) chat: String,
    /// Its gaps.
    pub(crate) gap: String,
}

impl ChannelId {
    pub(crate) fn new(domain: &str, channel: &str) -> Result<Self, SubjectError> {
        Ok(Self {
            domain: domain.to_owned(),
            channel: channel.to_owned(),
            filter: subject::channel_events(channel)?,
            chat: subject::event(channel, "chatMsg")?,
            gap: subject::gap(channel)?,
        })
    }
}
