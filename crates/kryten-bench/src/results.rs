//! The results as they are kept.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::figure::Figure;
use crate::grid::Grid;

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

/// All results that are kept, by row.
pub(crate) fn kept() -> anyhow::Result<Vec<RowResult>> {
    let mut results = Vec::new();
    for entry in fs::read_dir(docs().join("results"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let text = fs::read_to_string(&path)?;
            let result = serde_json::from_str(&text);
            let result: RowResult =
                result.with_context(|| format!("{} cannot be read", path.display()))?;
            results.push(result);
        }
    }
    results.sort_by(|a, b| a.row.cmp(&b.row));
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
