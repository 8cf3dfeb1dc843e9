//! The results as they are kept.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::grid::Grid;
use crate::rows::Row;

/// What one row came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RowResult {
    /// The row, such as `p1`.
    pub(crate) row: String,
    /// When it was measured.
    pub(crate) measured: String,
    /// On how many processors.
    pub(crate) processors: usize,
    /// How busy the machine was at the end, as its load average of five minutes says.
    #[serde(default)]
    pub(crate) load: Option<f64>,
    /// Rates of the sides.
    #[serde(default)]
    pub(crate) figures: Vec<Figure>,
    /// A table of the row's own in their place.
    #[serde(default)]
    pub(crate) grid: Option<Grid>,
}

impl RowResult {
    pub(crate) fn new(row: &str, figures: Vec<Figure>, grid: Option<Grid>) -> Self {
        Self {
            row: row.to_owned(),
            measured: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%MZ")
                .to_string(),
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            load: load(),
            figures,
            grid,
        }
    }

    /// Writes it to `docs/results/`.
    pub(crate) fn keep(&self) -> anyhow::Result<()> {
        let folder = docs().join("results");
        fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{}.json", self.row));
        fs::write(&file, to_json(self)?).with_context(|| format!("cannot write {}", file.display()))
    }

    /// How many targets it missed.
    pub(crate) fn missed(&self) -> usize {
        let targets = self.figures.iter().flat_map(|figure| &figure.targets);
        let goals = self.grid.iter().flat_map(|grid| &grid.goals);
        targets.filter(|target| !target.holds()).count() + goals.filter(|goal| !goal.holds).count()
    }
}

fn load() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().nth(1)?.parse().ok()
}

/// The results of all rows that are kept; what other programs keep in the same folder is theirs.
pub(crate) fn kept() -> anyhow::Result<Vec<RowResult>> {
    let folder = docs().join("results");
    let mut results = Vec::new();
    for row in Row::ALL {
        let path = folder.join(format!("{}.json", row.name()));
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let result = serde_json::from_str(&text);
        results.push(result.with_context(|| format!("{} cannot be read", path.display()))?);
    }
    Ok(results)
}

pub(crate) fn to_json(results: &(impl Serialize + ?Sized)) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(results)? + "\n")
}

/// The documents' folder: cargo says where this crate is.
pub(crate) fn docs() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    here.map_or_else(|| PathBuf::from("docs"), |here| here.join("../../docs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_in_the_tree_are_read_one_of_each_row() {
        let kept = kept().unwrap();
        let rows: Vec<&str> = kept.iter().map(|result| result.row.as_str()).collect();
        assert_eq!(rows, Row::ALL.map(Row::name));
    }
}
