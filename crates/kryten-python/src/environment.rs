//! A private Python environment with kryten-py, made once and kept in the cache folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

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

/// Why there is no Python environment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// Nothing says where caches are.
    #[error("there is no cache folder; set KRYTEN_CACHE")]
    NoCacheFolder,
    /// A folder could not be made or moved.
    #[error("cannot prepare {path}: {source}", path = path.display())]
    Prepare {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A program could not be run.
    #[error("cannot run {what}: {source}; python3 with venv and pip is needed")]
    Run {
        /// What was to be run.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// A program failed.
    #[error("{what} failed: {stderr}")]
    Failed {
        /// What was run.
        what: &'static str,
        /// What it said.
        stderr: String,
    },
    /// What was installed cannot be imported.
    #[error(
        "the new Python environment does not hold what was installed; install it by hand to see why"
    )]
    Wrong,
}

/// The interpreter of the environment, which is made where it is not there or not as it should be.
///
/// # Errors
/// [`EnvironmentError`] when it cannot be made.
pub async fn interpreter() -> Result<PathBuf, EnvironmentError> {
    let cache = cache_dir().ok_or(EnvironmentError::NoCacheFolder)?;
    let folder = cache.join("interop-kryten-py-0.17.5");
    let python = folder.join("bin/python");
    if is_right(&python).await {
        return Ok(python);
    }
    let prepare = |source| EnvironmentError::Prepare {
        path: folder.clone(),
        source,
    };
    fs::create_dir_all(&cache).map_err(prepare)?;
    let making = tempfile::Builder::new()
        .prefix(".interop-")
        .tempdir_in(&cache)
        .map_err(prepare)?;
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
    if !is_right(&new.join("bin/python")).await {
        return Err(EnvironmentError::Wrong);
    }
    // Another run may have been faster; its environment is as good.
    if fs::rename(&new, &folder).is_err() && !is_right(&python).await {
        fs::remove_dir_all(&folder).map_err(prepare)?;
        fs::rename(&new, &folder).map_err(prepare)?;
    }
    Ok(python)
}

async fn is_right(python: &Path) -> bool {
    let mut look = Command::new(python);
    look.args(["-I", "-c", LOOK]).stderr(Stdio::null());
    matches!(look.status().await, Ok(status) if status.success())
}

async fn done(mut command: Command, what: &'static str) -> Result<(), EnvironmentError> {
    let output = command.stdin(Stdio::null()).output().await;
    let output = output.map_err(|source| EnvironmentError::Run { what, source })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(EnvironmentError::Failed { what, stderr })
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
