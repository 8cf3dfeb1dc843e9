//! Who may ask a service to restart.

use std::time::Duration;

use kryten_protocol::lifecycle::RestartNotice;

/// The longest delay that is kept; a longer one would be a restart that nobody expects any more.
pub const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// Whose [`RestartNotice`]s a service obeys.
///
/// The notice says itself who sent it, and NATS does not check that: a list keeps out mistakes, not enemies. What keeps
/// enemies out are permissions of the NATS server on `kryten.lifecycle.group.restart`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RestartPolicy {
    /// Nobody's.
    #[default]
    Nobody,
    /// Those of these initiators.
    From(Vec<String>),
    /// Everybody's, as the Python services that obey at all.
    Anybody,
}

impl RestartPolicy {
    /// Those of these initiators.
    pub fn from_initiators<N: Into<String>>(initiators: impl IntoIterator<Item = N>) -> Self {
        Self::From(initiators.into_iter().map(Into::into).collect())
    }

    /// Whether this notice is obeyed.
    pub fn obeys(&self, notice: &RestartNotice) -> bool {
        match self {
            Self::Nobody => false,
            Self::From(initiators) => initiators.contains(&notice.initiator),
            Self::Anybody => true,
        }
    }
}

/// How long to wait before the restart: not less than nothing, and [`LONGEST_DELAY`] at most.
pub fn delay_of(notice: &RestartNotice) -> Duration {
    match Duration::try_from_secs_f64(notice.delay_seconds) {
        Ok(delay) => delay.min(LONGEST_DELAY),
        Err(_) if notice.delay_seconds < 0.0 => Duration::ZERO,
        Err(_) => LONGEST_DELAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(initiator: &str, delay_seconds: f64) -> RestartNotice {
        RestartNotice {
            initiator: initiator.to_owned(),
            reason: String::new(),
            delay_seconds,
            timestamp: None,
        }
    }

    #[test]
    fn nobody_is_obeyed_unless_somebody_is_named() {
        let asked = notice("ops", 5.0);
        assert!(!RestartPolicy::default().obeys(&asked));
        assert!(RestartPolicy::Anybody.obeys(&asked));
        let policy = RestartPolicy::from_initiators(["ops"]);
        assert!(policy.obeys(&asked));
        assert!(!policy.obeys(&notice("", 5.0)));
    }

    #[test]
    fn a_delay_has_bounds() {
        assert_eq!(delay_of(&notice("", 0.5)), Duration::from_millis(500));
        assert_eq!(delay_of(&notice("", -1.0)), Duration::ZERO);
        assert_eq!(delay_of(&notice("", 1e300)), LONGEST_DELAY);
    }
}
