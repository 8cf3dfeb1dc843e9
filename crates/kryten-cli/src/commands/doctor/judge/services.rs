//! The services: robot, its channels and rank, userstats; and clocks.

use super::super::facts::{Channel, Facts, Service};
use super::{Finding, good, not_allowed, note, wrong};

const OURS: &str = env!("CARGO_PKG_VERSION");
/// The rank of a moderator, without which CyTube refuses most commands and hides shadow-muted lines.
const MODERATOR: f64 = 2.0;
/// Events that userstats may have before it without being slow.
const MUCH_LAG: u64 = 1000;
/// Times that differ by more confuse hours and services.
const MUCH_TIME: f64 = 5.0;

pub(super) fn robot(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "robot";
    Some(match facts.robot.as_ref()? {
        Service::Absent => wrong(
            CHECK,
            "no robot is running",
            "start one: `kryten robot --config FILE`, or `kryten up`; if one runs, it uses another NATS server",
        ),
        Service::Silent => wrong(
            CHECK,
            "a robot is there and does not answer",
            "look at its log; if the process hangs, stop it with SIGTERM and start it again",
        ),
        Service::NoPermission(subject) => not_allowed(CHECK, subject),
        Service::Failed(why) => wrong(
            CHECK,
            format!("the robot's answer cannot be used: {why}"),
            "look at its log",
        ),
        Service::Answers { version, .. } => running(CHECK, "the robot", version),
    })
}

fn running(check: &'static str, who: &str, version: &str) -> Finding {
    match version == OURS {
        true => good(check, format!("{who} {version} is running")),
        false => note(
            check,
            format!("{who} is of version {version}, and this program of {OURS}"),
            "nothing, if that is the Python service or an update is on its way; docs/compatibility.md has what differs",
        ),
    }
}

pub(super) fn channels(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts.channels.iter().flat_map(channel).collect();
    findings.extend(facts.unserved.iter().map(|name| {
        wrong(
            "channel",
            format!("no robot serves {name}"),
            "name it in the robot's configuration (cytube.channel, or channels) and let it read that with system.reload",
        )
    }));
    findings
}

fn channel(channel: &Channel) -> Vec<Finding> {
    const CHECK: &str = "channel";
    let name = &channel.name;
    if channel.stands_by {
        return vec![good(CHECK, format!("a robot stands by for {name}"))];
    }
    if !channel.is_in {
        let why = channel.trouble.as_deref().unwrap_or("it does not say why");
        let then = match channel.is_given_up {
            true => "then start the robot again",
            false => "the robot tries again by itself",
        };
        return vec![wrong(
            CHECK,
            format!("the robot is not in {name}: {why}"),
            format!(
                "see that cytube.domain, channel, user and password are right, that the bot is not banned or logged in twice, and \
                 that CyTube is up; {then}"
            ),
        )];
    }
    let rank = match channel.rank {
        None => note(
            "rank",
            format!("the bot's rank in {name} is not known"),
            "look at the robot's version and at this NATS user's permission for kryten.user_level.>",
        ),
        Some(rank) if rank < MODERATOR => wrong(
            "rank",
            format!(
                "the bot has rank {rank} in {name}: CyTube refuses it most commands, and hides from it what moderators see"
            ),
            "make its account a moderator (rank 2) or an admin (rank 3) in the channel's settings",
        ),
        Some(rank) => good("rank", format!("the bot has rank {rank} in {name}")),
    };
    vec![good(CHECK, format!("the robot is in {name}")), rank]
}

pub(super) fn userstats(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "userstats";
    const START: &str =
        "start it: `kryten userstats --config FILE`; if it runs, it uses another NATS server";
    let Some(service) = &facts.userstats else {
        return Vec::new();
    };
    match service {
        Service::Absent if facts.wants_userstats => {
            vec![wrong(CHECK, "the statistics are not running", START)]
        }
        Service::Absent => vec![note(CHECK, "the statistics are not running", START)],
        Service::Silent => vec![wrong(
            CHECK,
            "the statistics are there and do not answer",
            "look at their log and at the disk of their database; if the process hangs, stop it with SIGTERM and start it again",
        )],
        Service::NoPermission(subject) => vec![not_allowed(CHECK, subject)],
        Service::Failed(why) => {
            vec![wrong(
                CHECK,
                format!("the statistics' answer cannot be used: {why}"),
                "look at their log",
            )]
        }
        Service::Answers {
            version,
            problem,
            lag,
        } => {
            let mut findings = vec![running(CHECK, "userstats", version)];
            if let Some(problem) = problem {
                findings.push(wrong(
                    CHECK,
                    format!("the statistics say: {problem}"),
                    "look at their log, and at the database's disk",
                ));
            }
            if let Some(lag) = lag.filter(|lag| *lag > MUCH_LAG) {
                findings.push(wrong(
                    CHECK,
                    format!("the statistics are {lag} events behind"),
                    "look at the disk of the database, and whether another program holds a lock on it; after a long absence \
                     just wait",
                ));
            }
            findings
        }
    }
}

pub(super) fn clocks(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "clock";
    let far = facts
        .clocks
        .iter()
        .filter(|clock| clock.ahead_seconds.abs() > MUCH_TIME);
    let findings: Vec<Finding> = far
        .map(|clock| {
            let direction = if clock.ahead_seconds > 0.0 {
                "ahead of"
            } else {
                "behind"
            };
            wrong(
                CHECK,
                format!(
                    "the clock of {} is {:.0} s {direction} ours",
                    clock.whose,
                    clock.ahead_seconds.abs()
                ),
                "set both machines' clocks by NTP (timedatectl set-ntp true)",
            )
        })
        .collect();
    match findings.is_empty() && !facts.clocks.is_empty() {
        true => {
            let whose: Vec<&str> = facts
                .clocks
                .iter()
                .map(|clock| clock.whose.as_str())
                .collect();
            vec![good(
                CHECK,
                format!("our clock agrees with that of {}", whose.join(" and ")),
            )]
        }
        false => findings,
    }
}
