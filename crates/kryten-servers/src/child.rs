//! A child process with a thread of its own, which starts it, waits for it and buries it.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::{Pid, getppid};
use tokio::sync::watch;

/// Go's garbage collector lets the heap grow to five times what is in use before it collects; its default is twice.
/// While it collects, all who use the server wait, up to a tenth of a second in a flood.
const GOGC: (&str, &str) = ("GOGC", "400");

#[derive(Debug)]
pub(crate) struct Child {
    // `None` once the process has been waited for: its number may then belong to another process.
    pid: Arc<Mutex<Option<u32>>>,
    ended: watch::Receiver<bool>,
    keeper: Option<JoinHandle<()>>,
}

impl Child {
    /// Runs nats-server, `program -c config`, in a process group of its own, its output in `log`; it keeps `lock` open.
    ///
    /// The kernel kills the child when the *thread* that started it ends, hence a thread that lives as long as it.
    pub(crate) fn spawn(program: &Path, config: &Path, log: File, lock: File) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg("-c").arg(config);
        if std::env::var_os(GOGC.0).is_none() {
            command.env(GOGC.0, GOGC.1);
        }
        Self::run(command, log, lock)
    }

    /// As [`Child::spawn`], for any command.
    pub(crate) fn run(mut command: Command, log: File, lock: File) -> io::Result<Self> {
        let name = Path::new(command.get_program()).file_name();
        let name = name.map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C in a terminal goes to the whole group; we stop the server ourselves, last of all.
            .process_group(0);
        die_with_parent(&mut command, lock);

        let pid = Arc::new(Mutex::new(None));
        let (ended_tx, ended) = watch::channel(false);
        let (started_tx, started) = std::sync::mpsc::sync_channel(1);
        let keeper_pid = Arc::clone(&pid);
        let keeper = std::thread::Builder::new().name(name).spawn(move || {
            keep(command, &keeper_pid, &started_tx);
            ended_tx.send_replace(true);
        })?;
        started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts it ended")))?;
        Ok(Self {
            pid,
            ended,
            keeper: Some(keeper),
        })
    }

    /// The process, as long as it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        *locked(&self.pid)
    }

    /// Signals the process; one that has ended needs none.
    pub(crate) fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = locked(&self.pid);
        match *pid {
            Some(number) => Ok(kill(as_pid(number), signal)?),
            None => Ok(()),
        }
    }

    /// Returns when the process has ended and was waited for.
    pub(crate) async fn ended(&self) {
        // The sender is gone only when the thread is, and so the process.
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A killed process is gone within milliseconds; whoever drops us may remove its folder next.
        if self.signal(Signal::SIGKILL).is_ok()
            && let Some(keeper) = self.keeper.take()
        {
            let _ = keeper.join();
        }
    }
}

fn keep(
    mut command: Command,
    pid: &Mutex<Option<u32>>,
    started: &std::sync::mpsc::SyncSender<io::Result<()>>,
) {
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    // Closes our copies of the log and of the lock.
    drop(command);
    *locked(pid) = Some(child.id());
    let _ = started.send(Ok(()));
    // First wait without reaping, so that nobody signals a number that is no longer ours.
    let exited = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    while let Err(nix::errno::Errno::EINTR) = waitid(Id::Pid(as_pid(child.id())), exited) {}
    let mut pid = locked(pid);
    let _ = child.wait();
    *pid = None;
}

#[allow(unsafe_code)]
fn die_with_parent(command: &mut Command, lock: File) {
    let parent = Pid::this();
    // SAFETY: between fork and exec only system calls are made that are safe in a signal handler; nothing allocates.
    unsafe {
        command.pre_exec(move || {
            #[cfg(target_os = "linux")]
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The parent may have died before the signal was asked for.
            if getppid() != parent {
                return Err(io::Error::from_raw_os_error(nix::libc::ESRCH));
            }
            fcntl(&lock, FcntlArg::F_SETFD(FdFlag::empty()))?;
            Ok(())
        });
    }
}

fn as_pid(number: u32) -> Pid {
    Pid::from_raw(number.cast_signed())
}

fn locked(pid: &Mutex<Option<u32>>) -> MutexGuard<'_, Option<u32>> {
    pid.lock().unwrap_or_else(PoisonError::into_inner)
}
