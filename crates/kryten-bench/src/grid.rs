//! A row whose figures are no rates of three sides: a table of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spread::Spread;

/// A table, what was to be reached, and the numbers that it was made from.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Grid {
    pub(crate) header: Vec<String>,
    pub(crate) lines: Vec<Vec<String>>,
    pub(crate) goals: Vec<Goal>,
    pub(crate) notes: Vec<String>,
    pub(crate) samples: Vec<Value>,
}

/// What was to be reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) reached: f64,
    pub(crate) holds: bool,
}

impl Grid {
    pub(crate) fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|cell| (*cell).to_owned()).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        self.lines.push(cells.into_iter().collect());
    }

    pub(crate) fn at_least(&mut self, what: &str, reached: f64, limit: f64) {
        self.goal(format!("{what} ≥ {limit}"), reached, reached >= limit);
    }

    pub(crate) fn at_most(&mut self, what: &str, reached: f64, limit: f64) {
        self.goal(format!("{what} ≤ {limit}"), reached, reached <= limit);
    }

    fn goal(&mut self, what: String, reached: f64, holds: bool) {
        self.goals.push(Goal {
            what,
            reached,
            holds,
        });
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = row(&self.header);
        text += &format!("|{}\n", "---|".repeat(self.header.len()));
        text.extend(self.lines.iter().map(|line| row(line)));
        text.push('\n');
        for goal in &self.goals {
            let verdict = if goal.holds { "holds" } else { "**missed**" };
            text += &format!("- {}: {:.3}, {verdict}\n", goal.what, goal.reached);
        }
        text.extend(self.notes.iter().map(|note| format!("- {note}\n")));
        text.push('\n');
        text
    }
}

/// Median and quartiles, with as many digits as are needed.
pub(crate) fn shown(values: &[f64]) -> String {
    let Some(spread) = Spread::of(values.iter().copied()) else {
        return "-".to_owned();
    };
    let number = |value: f64| match value {
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    };
    match values.len() {
        1 => number(spread.median),
        _ => format!(
            "{} ({}–{})",
            number(spread.median),
            number(spread.low),
            number(spread.high)
        ),
    }
}

pub(crate) fn median(values: &[f64]) -> f64 {
    Spread::of(values.iter().copied()).map_or(f64::NAN, |spread| spread.median)
}
