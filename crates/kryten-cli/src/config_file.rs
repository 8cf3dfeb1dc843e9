//! Where a service's configuration file is.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The file that was named, or the first that is there of `/etc/kryten/{package}/config.json` and `./config.json`,
/// where the originals look.
pub(crate) fn find(named: Option<&Path>, package: &str) -> anyhow::Result<PathBuf> {
    if let Some(file) = named {
        anyhow::ensure!(
            file.is_file(),
            "{} is no file; name the configuration with --config",
            file.display()
        );
        return Ok(file.to_owned());
    }
    let usual = [
        PathBuf::from(format!("/etc/kryten/{package}/config.json")),
        PathBuf::from("config.json"),
    ];
    let [system, here] = [
        usual[0].display().to_string(),
        usual[1].display().to_string(),
    ];
    usual
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| {
            format!(
                "no configuration: neither {system} nor ./{here} is there; name one with --config"
            )
        })
}
