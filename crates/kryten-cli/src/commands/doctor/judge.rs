//! What the facts mean, and what to do about it. Pure.

mod server;
mod services;

use super::facts::{Disk, Facts, File, JetStream, Port, PortState};
use crate::size;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Worth knowing; nothing is wrong.
    Note,
    Wrong,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Note => "note",
            Self::Wrong => "wrong",
        }
    }
}

/// One sentence about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was looked at, in one word.
    pub(super) check: &'static str,
    pub(super) verdict: Verdict,
    pub(super) what: String,
    pub(super) remedy: Option<String>,
}

fn good(check: &'static str, what: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Good,
        what: what.into(),
        remedy: None,
    }
}

fn note(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Note,
        what: what.into(),
        remedy: Some(remedy.into()),
    }
}

fn wrong(check: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding {
        check,
        verdict: Verdict::Wrong,
        what: what.into(),
        remedy: Some(remedy.into()),
    }
}

/// This NATS user may not do something that everything else needs.
fn not_allowed(check: &'static str, subject: &str) -> Finding {
    wrong(
        check,
        format!("this NATS user may not use {subject}"),
        "give it the permission; `kryten config nats` writes a server's configuration with what each service needs",
    )
}

/// All findings, in the order in which somebody would mend them.
pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.files.iter().flat_map(file).collect();
    findings.extend(server::connection(facts));
    findings.extend(server::jetstream(facts));
    findings.extend(server::sync(facts));
    // Without JetStream there is none, which is told.
    if !matches!(facts.jetstream, Some(JetStream::Off)) {
        findings.extend(server::stream(facts));
    }
    findings.extend(services::robot(facts));
    findings.extend(services::channels(facts));
    findings.extend(server::buckets(facts));
    findings.extend(server::lists(facts));
    findings.extend(services::userstats(facts));
    findings.extend(services::clocks(facts));
    findings.extend(facts.ports.iter().map(port));
    findings.extend(
        facts
            .disks
            .iter()
            .map(|disk| self::disk(disk, facts.min_free)),
    );
    findings
}

fn file(file: &File) -> Vec<Finding> {
    const CHECK: &str = "config";
    let File { path, .. } = file;
    if file.problems.is_empty() {
        let mut findings = vec![good(CHECK, format!("{path} can be used {}", file.purpose))];
        findings.extend(file.warnings.iter().map(|warning| {
            note(
                CHECK,
                format!("{path}: {warning}"),
                format!("correct {path}; `kryten config check {path}` looks again"),
            )
        }));
        return findings;
    }
    let problem = |problem: &String| {
        let what = match problem.contains(path.as_str()) {
            true => problem.clone(),
            false => format!("{path}: {problem}"),
        };
        let remedy = match problem.starts_with("cannot read") {
            true => "name a configuration file that is there and may be read".to_owned(),
            false => format!("correct {path}; `kryten config check {path}` looks again"),
        };
        wrong(CHECK, what, remedy)
    };
    file.problems.iter().map(problem).collect()
}

fn port(port: &Port) -> Finding {
    const CHECK: &str = "port";
    let Port {
        service,
        key,
        address,
        state,
    } = port;
    match state {
        PortState::Free => good(CHECK, format!("{address} is free for {service}")),
        PortState::Served => good(CHECK, format!("{service} answers at {address}")),
        PortState::Taken => wrong(
            CHECK,
            format!("{address}, which {service} is to listen on, is taken by another program"),
            format!("stop that program (`ss -ltnp` names it), or set {key} to another port"),
        ),
        PortState::Unusable => wrong(
            CHECK,
            format!("nobody can listen on {address}, which {service} is to listen on"),
            format!("set {key} to an address of this machine and a port above 1023"),
        ),
    }
}

fn disk(disk: &Disk, min_free: u64) -> Finding {
    const CHECK: &str = "disk";
    let Disk { what, path, free } = disk;
    match *free < min_free {
        false => good(
            CHECK,
            format!("{} free for {what} in {path}", size::shown(*free)),
        ),
        true => wrong(
            CHECK,
            format!("only {} are free for {what} in {path}", size::shown(*free)),
            format!(
                "make room, or move {what} to a larger disk; at least {} should be free",
                size::shown(min_free)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::*;
    use super::*;

    fn wrongs(facts: &Facts) -> Vec<String> {
        let findings = judge(facts).into_iter();
        let wrongs = findings.filter(|finding| finding.verdict == Verdict::Wrong);
        wrongs
            .map(|finding| {
                assert!(finding.remedy.is_some(), "{finding:?}");
                finding.what
            })
            .collect()
    }

    fn stands(version: &str, max_payload: usize) -> Facts {
        Facts {
            connection: Some(Connection::Stands {
                address: "127.0.0.1:4222".into(),
                version: version.into(),
                max_payload,
            }),
            ..Facts::default()
        }
    }

    #[test]
    fn an_old_server_and_a_small_one_are_wrong() {
        assert_eq!(wrongs(&stands("2.15.1", 8 << 20)), [""; 0]);
        assert_eq!(wrongs(&stands("2.11.0-RC.1", 8 << 20)), [""; 0]);
        for old in ["2.9.10", "2.10.26", "1.4.0", "0.9"] {
            assert!(
                wrongs(&stands(old, 8 << 20))[0].contains("older than 2.11"),
                "{old}"
            );
        }
        assert!(wrongs(&stands("2.15.1", 64 << 10))[0].contains("at most 66 kB"));
        let mut facts = stands("2.15.1", 1 << 20);
        facts.lists.push(List {
            channel: "lounge".into(),
            what: "playlist",
            bytes: 2_000_000,
        });
        assert_eq!(
            wrongs(&facts),
            [
                "the playlist of lounge has 2.0 MB, and the server takes messages of at most 1.0 MB: its events are lost"
            ]
        );
    }

    #[test]
    fn a_disk_a_port_and_a_file_are_judged() {
        let facts = Facts {
            disks: vec![Disk {
                what: "the statistics",
                path: "/data".into(),
                free: 10_000_000,
            }],
            ports: [
                PortState::Free,
                PortState::Served,
                PortState::Taken,
                PortState::Unusable,
            ]
            .map(|state| Port {
                service: "the robot",
                key: "health.port",
                address: "0.0.0.0:28080".into(),
                state,
            })
            .into(),
            files: vec![File {
                path: "robot.json".into(),
                purpose: "by the robot".into(),
                problems: vec!["cytube.channel is missing".into()],
                warnings: Vec::new(),
            }],
            min_free: 500_000_000,
            ..Facts::default()
        };
        assert_eq!(
            wrongs(&facts),
            [
                "robot.json: cytube.channel is missing",
                "0.0.0.0:28080, which the robot is to listen on, is taken by another program",
                "nobody can listen on 0.0.0.0:28080, which the robot is to listen on",
                "only 10 MB are free for the statistics in /data",
            ]
        );
    }
}
