//! One line of the table: what was done, how fast by whom, and what was to be reached.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sides::{Side, Sync};
use crate::spread::Spread;

/// One line of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was done.
    pub(crate) work: String,
    /// How the server flushed.
    pub(crate) sync: Sync,
    /// What is counted a second.
    pub(crate) unit: String,
    /// In how many rounds.
    pub(crate) rounds: usize,
    /// How many units a second.
    pub(crate) rates: BTreeMap<Side, Spread>,
    /// Ours over another side's rate, round by round.
    pub(crate) ratios: BTreeMap<Side, Spread>,
    /// What was to be reached.
    pub(crate) targets: Vec<Target>,
    /// What a reader must know of it.
    pub(crate) notes: Vec<String>,
}

/// What was to be reached, at least.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) of: Of,
    pub(crate) at_least: f64,
    pub(crate) reached: f64,
}

/// What a target is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    /// Ours over raw async-nats.
    Raw,
    /// Ours over kryten-py.
    Python,
    /// Our rate.
    Rate,
}

impl Figure {
    /// Adds what was to be reached; it counts where the server flushes as it does by default.
    pub(crate) fn with_target(mut self, of: Of, at_least: f64) -> Self {
        let reached = match of {
            Of::Raw => self.ratios.get(&Side::Raw),
            Of::Python => self.ratios.get(&Side::Python),
            Of::Rate => self.rates.get(&Side::Ours),
        };
        if let (Sync::Default, Some(reached)) = (self.sync, reached) {
            self.targets.push(Target {
                of,
                at_least,
                reached: reached.median,
            });
        }
        self
    }

    pub(crate) fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl Target {
    pub(crate) fn holds(&self) -> bool {
        self.reached >= self.at_least
    }
}
