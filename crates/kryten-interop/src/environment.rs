//! A private Python environment with kryten-py, made once and kept in the cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::process::Command;

/// What is installed. nats-py is named too, since it decides which keys kryten-py takes.
const PACKAGES: [&str; 2] = ["kryten-py==0.17.5", "nats-py==2.16.0"];

/// Says whether an environment holds kryten-py of this version, and not kryten-robot.
const LOOK: &str = "
from importlib.metadata import PackageNotFoundError, version
import kryten.kv_store, nats
assert version('kryten-py') == '0.17.5' and version('nats-py') == '2.16.0'
try:
    version('kryten-robot')
except PackageNotFoundError:
    pass
else:
    raise SystemExit('kryten-robot is in it')
";

/// The interpreter of the environment, which is made where it is not there or not as it should be.
pub(crate) async fn python() -> anyhow::Result<PathBuf> {
    let cache = cache_dir().context("there is no cache folder; set KRYTEN_CACHE")?;
    let folder = cache.join("interop-kryten-py-0.17.5");
    let python = folder.join("bin/python");
    if is_right(&python).await {
        return Ok(python);
    }
    fs::create_dir_all(&cache)?;
    let making = tempfile::Builder::new()
        .prefix(".interop-")
        .tempdir_in(&cache)?;
    let new = making.path().join("environment");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&new);
    done(make, "python3 -m venv").await?;
    let mut install = Command::new(new.join("bin/python"));
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(PACKAGES);
    done(install, "pip install kryten-py").await?;
    ensure!(
        is_right(&new.join("bin/python")).await,
        "the new Python environment does not hold what was installed"
    );
    // Another run may have been faster; its environment is as good.
    if fs::rename(&new, &folder).is_err() && !is_right(&python).await {
        fs::remove_dir_all(&folder)?;
        fs::rename(&new, &folder)?;
    }
    Ok(python)
}

async fn is_right(python: &Path) -> bool {
    let mut look = Command::new(python);
    look.args(["-I", "-c", LOOK]).stderr(Stdio::null());
    matches!(look.status().await, Ok(status) if status.success())
}

async fn done(mut command: Command, what: &str) -> anyhow::Result<()> {
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.with_context(|| format!("cannot run {what}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what} failed: {}", stderr.trim());
    Ok(())
}

fn cache_dir() -> Option<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("KRYTEN_CACHE")
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("kryten")))
        .or_else(|| Some(variable("HOME")?.join(".cache/kryten")))
}
