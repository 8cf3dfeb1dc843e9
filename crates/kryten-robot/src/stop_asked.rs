//! That somebody has asked the robot to stop, and what is to come after it.

/// Why the robot is asked to stop, and whether it is wanted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopAsked {
    /// Who asked, or why, for people.
    pub reason: String,
    /// A group restart: whoever runs the robot starts it again.
    pub is_restart: bool,
}

impl StopAsked {
    /// For good.
    pub(crate) fn shutdown(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_restart: false,
        }
    }

    /// To be started again.
    pub(crate) fn restart(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_restart: true,
        }
    }
}
