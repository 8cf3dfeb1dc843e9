//! `kryten up --demo`, the real program in a process of its own, and its command line beside it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// The running demo.
pub(crate) struct Demo {
    program: PathBuf,
    folder: tempfile::TempDir,
    child: Child,
    /// Where its page is, without a slash at the end.
    pub(crate) url: String,
}

impl Demo {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let program = build()?;
        let folder = tempfile::Builder::new()
            .prefix("kryten-browser-")
            .tempdir()?;
        let child = Command::new(&program)
            .args([
                "up",
                "--demo",
                "--nats-port",
                "0",
                "--web-port",
                "0",
                "--web-requests",
                "100000",
                "--data-dir",
            ])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("kryten cannot be started")?;
        let mut demo = Self {
            program,
            folder,
            child,
            url: String::new(),
        };
        demo.url = demo.address().await?;
        Ok(demo)
    }

    async fn address(&mut self) -> anyhow::Result<String> {
        let file = self.folder.path().join("connection.json");
        let began = Instant::now();
        loop {
            let connection = std::fs::read(&file).ok();
            let connection =
                connection.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
            if let Some(url) =
                connection.and_then(|read| Some(read["web"]["url"].as_str()?.to_owned()))
            {
                return Ok(url.trim_end_matches('/').to_owned());
            }
            ensure!(
                self.child.try_wait()?.is_none(),
                "kryten up has ended by itself"
            );
            ensure!(began.elapsed() < PATIENCE, "kryten up does not get ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What `kryten stats … --json` prints.
    pub(crate) fn stats(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = Command::new(&self.program)
            .arg("--data-dir")
            .arg(self.folder.path())
            .arg("stats")
            .args(arguments)
            .arg("--json")
            .output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "kryten stats {arguments:?} failed: {told}"
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Where commands find its data folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where a shell looks for programs: first where `kryten` is.
    pub(crate) fn path(&self) -> anyhow::Result<OsString> {
        let own = self.program.parent().map(Path::to_owned);
        let others = std::env::var_os("PATH").unwrap_or_default();
        let all = own.into_iter().chain(std::env::split_paths(&others));
        Ok(std::env::join_paths(all)?)
    }

    /// Waits until enough has been said for something to be seen.
    pub(crate) async fn is_lively(&self) -> anyhow::Result<()> {
        const LINES: i64 = 80;
        let began = Instant::now();
        while self.stats(&["system", "stats"])?["total_messages"].as_i64() < Some(LINES) {
            ensure!(began.elapsed() < PATIENCE, "nobody talks in the demo");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Ok(())
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?);
        kill(pid, Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "kryten up ended with {status}");
        Ok(())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Already ended, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Builds the program beside this one, unless KRYTEN names one, and says where it is.
fn build() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("KRYTEN") {
        return Ok(named.into());
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--locked", "--quiet", "-p", "kryten-cli"])
        .status()
        .context("cargo cannot be started")?;
    ensure!(built.success(), "the program kryten cannot be built");
    let here = std::env::current_exe()?;
    let program = here.with_file_name("kryten");
    ensure!(
        program.is_file(),
        "{} is not there; run this with `cargo run -p kryten-browser`",
        program.display()
    );
    Ok(program)
}
