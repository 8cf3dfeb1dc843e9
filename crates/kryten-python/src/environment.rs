//! Private Python environments with the originals and with other clients, made once and kept in the cache folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// What an environment holds. kryten-py and kryten-robot both install a Python package called `kryten`, so no
/// environment may hold both.
#[derive(Debug, Clone, Copy)]
pub struct Environment {
    /// The folder's name in the cache.
    name: &'static str,
    /// What is installed, each with its version.
    packages: &'static [&'static str],
    /// What must not be there.
    without: &'static str,
    /// A module that can be imported.
    module: &'static str,
}

/// kryten-py. nats-py is named too, since it decides which keys kryten-py takes.
pub const LIBRARY: Environment = Environment {
    name: "interop-kryten-py-0.17.5",
    packages: &["kryten-py==0.17.5", "nats-py==2.16.0"],
    without: "kryten-robot",
    module: "kryten.kv_store",
};

/// kryten-robot, and the newest python-socketio, which speaks Engine.IO 4.
pub const ROBOT: Environment = Environment {
    name: "interop-kryten-robot-1.12.6",
    packages: &[
        "kryten-robot==1.12.6",
        "python-socketio==5.18.1",
        "python-engineio==4.15.1",
        "requests==2.34.2",
        "websocket-client==1.9.2",
    ],
    without: "kryten-py",
    module: "socketio",
};

/// kryten-cli.
pub const CLI: Environment = Environment {
    name: "interop-kryten-cli-2.7.0",
    packages: &["kryten-cli==2.7.0", "kryten-py==0.17.5", "nats-py==2.16.0"],
    without: "kryten-robot",
    module: "kryten_cli",
};

/// kryten-userstats.
pub const USERSTATS: Environment = Environment {
    name: "interop-kryten-userstats-0.7.1",
    packages: &[
        "kryten-userstats==0.7.1",
        "kryten-py==0.17.5",
        "nats-py==2.16.0",
    ],
    without: "kryten-robot",
    module: "userstats",
};

/// The last python-socketio that speaks Engine.IO 3.
pub const OLD_SOCKETIO: Environment = Environment {
    name: "interop-python-socketio-4.6.1",
    packages: &[
        "python-socketio==4.6.1",
        "python-engineio==3.14.2",
        "requests==2.34.2",
        "websocket-client==1.9.2",
    ],
    without: "kryten-py",
    module: "socketio",
};

/// Says whether an environment holds what it should: what, what not, and a module.
const LOOK: &str = "
import importlib, sys
from importlib.metadata import PackageNotFoundError, version
for package in sys.argv[1].split():
    name, number = package.split('==')
    assert version(name) == number, package
try:
    version(sys.argv[2])
except PackageNotFoundError:
    importlib.import_module(sys.argv[3])
else:
    raise SystemExit(sys.argv[2] + ' is in it')
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

impl Environment {
    /// The interpreter of the environment, which is made where it is not there or not as it should be.
    ///
    /// # Errors
    /// [`EnvironmentError`] when it cannot be made.
    pub async fn python(&self) -> Result<PathBuf, EnvironmentError> {
        let cache = cache_dir().ok_or(EnvironmentError::NoCacheFolder)?;
        let folder = cache.join(self.name);
        let python = folder.join("bin/python");
        if self.is_right(&python).await {
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
            .args(self.packages);
        done(install, "pip install").await?;
        if !self.is_right(&new.join("bin/python")).await {
            return Err(EnvironmentError::Wrong);
        }
        // Another run may have been faster; its environment is as good.
        if fs::rename(&new, &folder).is_err() && !self.is_right(&python).await {
            fs::remove_dir_all(&folder).map_err(prepare)?;
            fs::rename(&new, &folder).map_err(prepare)?;
        }
        Ok(python)
    }

    async fn is_right(&self, python: &Path) -> bool {
        let mut look = Command::new(python);
        look.args(["-I", "-c", LOOK, &self.packages.join(" ")])
            .args([self.without, self.module])
            .stderr(Stdio::null());
        matches!(look.status().await, Ok(status) if status.success())
    }
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
