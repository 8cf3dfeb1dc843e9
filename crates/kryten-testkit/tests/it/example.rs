//! An example as a person starts it: a process of its own, told by arguments, heard by what it prints.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use kryten_testkit::{TestChannel, until};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A running example; killed when dropped.
pub(crate) struct Example {
    name: &'static str,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

/// How an example ended that was not to run.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Built by `cargo test` together with the tests, in the folder beside theirs; but not by `cargo test --test it`.
fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let target = test.ancestors().nth(2).unwrap();
    let path = target.join("examples").join(name);
    let changed = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let source = [format!("{name}.rs"), format!("{name}/main.rs")]
        .iter()
        .find_map(|file| changed(&sources.join(file)));
    assert!(
        changed(&path) >= source,
        "{} is missing or old; build it with `cargo build -p kryten-testkit --examples`",
        path.display()
    );
    path
}

fn command(name: &str, channel: &TestChannel) -> Command {
    let mut command = Command::new(path(name));
    command
        .env_clear()
        .env("NATS_URL", channel.nats_url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Example {
    /// Starts it on a channel, with more arguments, and returns what it prints first.
    pub(crate) async fn start(
        name: &'static str,
        channel: &TestChannel,
        arguments: &[&str],
    ) -> (Self, String) {
        let mut child = command(name, channel)
            .arg(channel.name())
            .args(arguments)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut example = Self { name, child, lines };
        let first = example.line().await;
        (example, first)
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> String {
        let line = tokio::time::timeout(until::PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("{} prints nothing more", self.name));
        line.unwrap()
            .unwrap_or_else(|| panic!("{} has ended", self.name))
    }

    /// Sends SIGTERM, and waits for the end; returns what it printed meanwhile.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, String) {
        let pid = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(pid),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
        let mut rest = String::new();
        let ended = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                rest.push_str(&line);
                rest.push('\n');
            }
            self.child.wait().await.unwrap()
        };
        let status = tokio::time::timeout(until::PATIENCE, ended).await.unwrap();
        (status, rest)
    }
}

/// Starts it and waits for its end.
pub(crate) async fn run(name: &str, channel: &TestChannel, arguments: &[&str]) -> Ended {
    let mut child = command(name, channel)
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let ended = async {
        let (read, read_too) = tokio::join!(
            out.read_to_string(&mut stdout),
            err.read_to_string(&mut stderr)
        );
        read.unwrap();
        read_too.unwrap();
        child.wait().await.unwrap()
    };
    let status = tokio::time::timeout(until::PATIENCE, ended).await;
    Ended {
        status: status.unwrap_or_else(|_| panic!("{name} does not end")),
        stdout,
        stderr,
    }
}
