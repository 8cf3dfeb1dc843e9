//! The version that a nats-server says it has.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

/// A version of nats-server, without its suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// Older ones answer JetStream requests in ways that our client library does not understand.
pub(crate) const MINIMUM: Version = Version {
    major: 2,
    minor: 11,
    patch: 0,
};

/// A program that is no nats-server may wait for input for ever.
const PATIENCE: Duration = Duration::from_secs(10);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Asks a program for its version.
pub(crate) async fn version_of(path: &Path) -> Result<Version, String> {
    let output = tokio::time::timeout(PATIENCE, run(path))
        .await
        .map_err(|_| "it does not answer --version".to_owned())?
        .map_err(|error| format!("it cannot be run: {error}"))?;
    parse(&String::from_utf8_lossy(&output.stdout))
        .ok_or_else(|| "it does not answer --version as a nats-server does".to_owned())
}

async fn run(path: &Path) -> io::Result<Output> {
    loop {
        let output = tokio::process::Command::new(path)
            .arg("--version")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        match output {
            // A process that is just being forked elsewhere may for a moment hold a copy of the descriptor through
            // which the file was written.
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            output => return output,
        }
    }
}

fn parse(text: &str) -> Option<Version> {
    let text = text.trim().strip_prefix("nats-server: v")?;
    let number = text.split(['-', '+', ' ', '\n']).next()?;
    let mut parts = number.split('.').map(|part| part.parse().ok());
    Some(Version {
        major: parts.next()??,
        minor: parts.next()??,
        patch: parts.next()??,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared() {
        let current = parse("nats-server: v2.15.1\n").unwrap();
        assert_eq!(current.to_string(), "2.15.1");
        assert!(current > MINIMUM);
        assert!(parse("nats-server: v2.9.10").unwrap() < MINIMUM);
        assert_eq!(parse("nats-server: v2.11.0-RC.3").unwrap(), MINIMUM);
        for other in ["", "v2.15.1", "nats-server: v2", "bash 5.2"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
