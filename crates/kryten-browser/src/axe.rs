//! axe-core, the accessibility checker, installed from npm for this run.

use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::tab::Tab;

/// The version that the findings are of.
const PACKAGE: &str = "axe-core@4.14.1";

/// Its source.
pub(crate) struct Axe(String);

impl Axe {
    pub(crate) fn install() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("kryten-axe-").tempdir()?;
        let installed = Command::new("npm")
            .args([
                "install",
                "--silent",
                "--no-save",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                PACKAGE,
            ])
            .current_dir(folder.path())
            .status()
            .context("npm cannot be started; install Node.js with npm")?;
        ensure!(installed.success(), "npm cannot install {PACKAGE}");
        let file = folder.path().join("node_modules/axe-core/axe.min.js");
        let source = std::fs::read_to_string(&file);
        Ok(Self(
            source.with_context(|| format!("{PACKAGE} has no axe.min.js"))?,
        ))
    }

    /// Everything serious that it finds on the page.
    pub(crate) async fn look(&self, tab: &Tab) -> anyhow::Result<()> {
        tab.value(&format!("{};true", self.0)).await?;
        let run = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations \
            .filter(v => v.impact === 'serious' || v.impact === 'critical') \
            .map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + (n.any[0] || n.all[0] || n.none[0] || {}).message).join('; ')))";
        match tab.value(run).await? {
            Value::Array(found) if found.is_empty() => Ok(()),
            Value::Array(found) => bail!("{}", Value::from(found)),
            other => bail!("axe did not answer: {other}"),
        }
    }
}
