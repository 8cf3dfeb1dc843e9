//! Robots and statistics as processes of their own, which do not outlive this one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::service::{clock_file, heap_file};

/// A running service; killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    kind: &'static str,
    config: PathBuf,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts this program as `robot` or `userstats`; what it logs is appended to a file beside its configuration.
    pub(crate) fn start(kind: &'static str, config: &Path) -> anyhow::Result<Self> {
        let log = config.with_extension("log");
        let file = fs::File::options().create(true).append(true).open(&log)?;
        let child = Command::new(std::env::current_exe()?)
            .arg(kind)
            .arg(config)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start this program once more")?;
        Ok(Self {
            kind,
            config: config.to_owned(),
            log,
            child,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// As a power cut: no handler runs.
    pub(crate) fn sigkill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        *self = Self::start(self.kind, &self.config)?;
        Ok(())
    }

    /// As a machine that is suspended: nothing runs, and no connection ends.
    pub(crate) fn suspend(&self) -> anyhow::Result<()> {
        signal(self.child.id(), Signal::SIGSTOP)
    }

    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        signal(self.child.id(), Signal::SIGCONT)
    }

    /// As if somebody set the machine's clock: this process's is so much ahead from now on.
    pub(crate) fn set_clock(&self, ahead_micros: i64) -> anyhow::Result<()> {
        fs::write(clock_file(&self.config), ahead_micros.to_string())?;
        signal(self.child.id(), Signal::SIGUSR1)
    }

    /// As an operator would; it must end well.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        signal(self.child.id(), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.kind);
        self.has_not_panicked()
    }

    /// Whether it still runs, and none of its tasks has panicked.
    pub(crate) fn is_well(&mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait()?;
        ensure!(
            ended.is_none(),
            "{} has ended by itself ({ended:?}); its last words: {}",
            self.kind,
            self.last_words()
        );
        self.has_not_panicked()
    }

    fn has_not_panicked(&self) -> anyhow::Result<()> {
        let log = fs::read_to_string(&self.log)?;
        let panic = log.lines().find(|line| line.contains("panicked at"));
        ensure!(
            panic.is_none(),
            "{}: {}",
            self.kind,
            panic.unwrap_or_default()
        );
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    }

    /// Allocated memory in KiB, as it has told; 0 where it has not yet.
    pub(crate) fn heap(&self) -> u64 {
        let told = fs::read_to_string(heap_file(&self.config)).unwrap_or_default();
        told.parse::<u64>().unwrap_or_default() / 1024
    }

    /// Resident memory in KiB.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        memory_of(self.child.id())
    }

    /// Open files and sockets.
    pub(crate) fn handles(&self) -> anyhow::Result<u64> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count() as u64)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Resident memory of a process in KiB.
pub(crate) fn memory_of(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.context("no VmRSS")?.parse()?)
}

/// Sends a signal to a process that we started.
pub(crate) fn signal(pid: u32, signal: Signal) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
}
