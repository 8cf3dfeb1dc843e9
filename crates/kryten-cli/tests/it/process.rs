//! Running `kryten` as a process of its own, which does not outlive the test.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running `kryten`; killed on drop.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts `kryten` with these arguments; what it logs goes to a file.
    pub(crate) fn start(args: &[&str], log: &Path) -> Self {
        Self::start_with(args, log, &[])
    }

    /// As [`Self::start`], with these in the environment.
    pub(crate) fn start_with(args: &[&str], log: &Path, environment: &[(&str, &str)]) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .unwrap();
        let child = kryten()
            .args(args)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut: no handler runs.
    pub(crate) fn sigkill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// As a machine that is suspended: nothing runs, and no connection ends.
    pub(crate) fn sigstop(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a stopped process go on as if nothing had been.
    pub(crate) fn sigcont(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, signal).unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// As an operator would, and waits for the end.
    pub(crate) fn sigterm(&mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary under test, away from the user's own settings.
pub(crate) fn kryten() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kryten"));
    command.env_remove("KRYTEN_DATA_DIR").env_remove("RUST_LOG");
    command
}

/// Awaits a condition, and says which one did not come true.
pub(crate) async fn until<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    const PATIENCE: Duration = Duration::from_secs(60);
    const STEP: Duration = Duration::from_millis(5);
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(STEP).await;
        }
    };
    if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
        panic!("did not come true within {} s: {what}", PATIENCE.as_secs());
    }
}
