//! How far the login is.

use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) enum LoginState {
    /// The namespace is not granted yet.
    NotAsked,
    /// Waiting for the answer.
    Asked { until: Instant },
    /// CyTube limits guest logins; to be asked again later on the same connection.
    AskAgain { at: Instant },
    /// Logged in, or in the channel as an anonymous viewer.
    Done { name: Option<String>, guest: bool },
}

impl LoginState {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Asked { until: at } | Self::AskAgain { at } => Some(*at),
            Self::NotAsked | Self::Done { .. } => None,
        }
    }

    pub(super) fn excuse(&mut self, pause: Duration) {
        if let Self::Asked { until: at } | Self::AskAgain { at } = self {
            *at += pause;
        }
    }
}
