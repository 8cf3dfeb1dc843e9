//! A process, so that others on the same machine can see whether it still runs.

use serde::{Deserialize, Serialize};

/// A process, as it may be told to others: in KV, or in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The machine's start and the namespace in which `pid` counts; empty where that cannot be known.
    pub place: String,
    /// Its number.
    pub pid: u32,
    /// When it was started, as the system counts.
    pub started: u64,
}

impl Process {
    /// The running process.
    pub fn this() -> Self {
        let pid = std::process::id();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        let namespace = std::fs::read_link("/proc/self/ns/pid");
        match (boot, namespace, started(pid)) {
            (Ok(boot), Ok(namespace), Some(started)) => Self {
                place: format!("{} {}", boot.trim(), namespace.display()),
                pid,
                started,
            },
            _ => Self {
                pid,
                ..Self::default()
            },
        }
    }

    /// Whether it is a process of the very machine of `ours` and has ended; of other machines nothing is known.
    pub fn has_ended(&self, ours: &Self) -> bool {
        !ours.place.is_empty()
            && self.place == ours.place
            && started(self.pid) != Some(self.started)
    }
}

/// When a process was started, in clock ticks since the machine's start.
fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may have blanks and brackets of its own.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace();
    // A zombie has ended, though its parent has not noticed.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_runs_is_told_from_one_that_has_ended_and_from_one_elsewhere() {
        let ours = Process::this();
        assert!(!ours.has_ended(&ours));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let ended = Process {
            pid,
            started: 1,
            ..ours.clone()
        };
        assert!(ended.has_ended(&ours));
        let successor = Process {
            started: ours.started + 1,
            ..ours.clone()
        };
        assert!(successor.has_ended(&ours), "its number was given again");
        let elsewhere = Process {
            place: "another machine".to_owned(),
            ..ended
        };
        assert!(!elsewhere.has_ended(&ours));
    }
}
