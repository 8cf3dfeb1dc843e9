//! The NATS server: connection, JetStream, the stream, buckets.

use kryten_client::kv::{BucketInfo, Storage};

use super::super::facts::{
    Bucket, BucketState, Connection, Facts, JetStream, NoConnection, Stream,
};
use super::{Finding, good, not_allowed, note, wrong};
use crate::size;

/// Older ones answer JetStream requests in ways that our client does not understand.
const OLDEST: (u32, u32) = (2, 11);
/// What CyTube sends in one frame now and then, such as the log of a channel.
const LEAST_PAYLOAD: usize = 1 << 20;
/// What our own private server takes.
const GOOD_PAYLOAD: usize = 8 << 20;
/// An envelope around a payload, with headers.
const ENVELOPE: usize = 1024;
/// From this part of its limit on JetStream is as good as full.
const NEARLY_FULL: f64 = 0.9;

pub(super) fn connection(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "nats";
    let Some(connection) = &facts.connection else {
        return Vec::new();
    };
    match connection {
        Connection::Failed { why, kind } => vec![wrong(
            CHECK,
            why.clone(),
            match kind {
                NoConnection::Settings => {
                    "correct the section `nats` of the configuration, or --nats"
                }
                NoConnection::Away => {
                    "start a nats-server with JetStream (nats-server -js), or `kryten up`, which brings its own; or name the right \
                 address with --nats"
                }
                NoConnection::Credentials => {
                    "put the user and password of the server's configuration into the section `nats`, or into --nats as \
                 nats://user:password@host:4222"
                }
                NoConnection::Tls => {
                    "look at the tls_ keys of the section `nats`, at the server's certificate and at both clocks"
                }
                NoConnection::Slow => {
                    "look at the server's load and at the network between; raise nats.connect_timeout"
                }
            },
        )],
        Connection::Stands {
            address,
            version,
            max_payload,
        } => {
            let mut findings = vec![match is_old(version) {
                false => good(CHECK, format!("nats-server {version} at {address}")),
                true => wrong(
                    CHECK,
                    format!(
                        "nats-server {version} at {address} is older than {}.{}",
                        OLDEST.0, OLDEST.1
                    ),
                    "install a current nats-server; its store is taken over as it is",
                ),
            }];
            findings.push(payload(*max_payload));
            findings
        }
    }
}

fn payload(max_payload: usize) -> Finding {
    const CHECK: &str = "payload";
    let told = format!(
        "the server takes messages of at most {}",
        shown(max_payload)
    );
    match max_payload {
        ..LEAST_PAYLOAD => wrong(
            CHECK,
            format!("{told}; longer playlists, emote lists and logs of the channel are lost"),
            "set max_payload: 8MB in the server's configuration",
        ),
        LEAST_PAYLOAD..GOOD_PAYLOAD => note(
            CHECK,
            format!("{told}; a playlist of some thousand films does not fit"),
            "set max_payload: 8MB in the server's configuration if the channel has that many",
        ),
        _ => good(CHECK, told),
    }
}

fn is_old(version: &str) -> bool {
    let mut numbers = version
        .split(['.', '-', '+'])
        .map(|part| part.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        // A server that says nothing of itself is judged by what it does.
        _ => false,
    }
}

pub(super) fn jetstream(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "jetstream";
    Some(match facts.jetstream.as_ref()? {
        JetStream::Off => wrong(
            CHECK,
            "JetStream is off on this NATS server: events are not kept, and there is no state",
            "start it with `nats-server -js`, or write jetstream { store_dir: … } into its configuration; an account needs \
             jetstream: enabled",
        ),
        JetStream::NoPermission(subject) => not_allowed(CHECK, subject),
        JetStream::Failed(why) => wrong(CHECK, why.clone(), "look at the server's log"),
        JetStream::On {
            storage,
            limit: Some(limit),
        } if *storage as f64 >= *limit as f64 * NEARLY_FULL => wrong(
            CHECK,
            format!(
                "JetStream's storage is full: {} of {} are used",
                size::shown(*storage),
                size::shown(*limit)
            ),
            "raise the account's limit or max_file_store, make room on the server's disk, or give KRYTEN_EVENTS a max_bytes",
        ),
        JetStream::On {
            storage,
            limit: Some(limit),
        } => good(
            CHECK,
            format!(
                "on; {} of {} are used",
                size::shown(*storage),
                size::shown(*limit)
            ),
        ),
        JetStream::On {
            storage,
            limit: None,
        } => good(CHECK, format!("on; {} are used", size::shown(*storage))),
    })
}

pub(super) fn sync(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "sync";
    if !matches!(facts.jetstream, Some(JetStream::On { .. })) {
        return None;
    }
    Some(match facts.sync_interval.as_deref() {
        Some("always") => good(
            CHECK,
            "every event is on the disk before it is acknowledged (sync_interval: always)",
        ),
        Some(interval) => wrong(
            CHECK,
            format!(
                "a power cut loses what was acknowledged in the last {interval} (sync_interval)"
            ),
            "start `kryten up` without --sync-interval, or with --sync-interval always",
        ),
        None => note(
            CHECK,
            "when this server writes to its disk cannot be seen from here",
            "write sync_interval: always into the jetstream section of its configuration, unless it has replicas; without it \
             a power cut loses up to two minutes",
        ),
    })
}

pub(super) fn stream(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "stream";
    let Some(stream) = &facts.stream else {
        return Vec::new();
    };
    match stream {
        Stream::NoPermission(subject) => vec![not_allowed(CHECK, subject)],
        Stream::Failed(why) => vec![wrong(CHECK, why.clone(), "look at the server's log")],
        Stream::Missing { overlapping } if overlapping.is_empty() => vec![wrong(
            CHECK,
            "no stream keeps the events",
            "start the robot (`kryten robot`, or `kryten up`): it makes the stream KRYTEN_EVENTS",
        )],
        Stream::Missing { overlapping } => vec![wrong(
            CHECK,
            format!(
                "the streams {} take a part of kryten.events.>, so that no stream can take all of it",
                overlapping.join(", ")
            ),
            "take those subjects from them (`nats stream edit`), or let one of them take all of kryten.events.>",
        )],
        Stream::There {
            name,
            messages,
            differences,
        } => {
            let mut findings = vec![good(CHECK, format!("{name} has {messages} events"))];
            findings.extend(differences.iter().map(|difference| {
                note(
                    CHECK,
                    format!("{name} {difference}"),
                    "nothing, if that is meant so; else change the stream with `nats stream edit`",
                )
            }));
            findings
        }
    }
}

pub(super) fn buckets(facts: &Facts) -> Vec<Finding> {
    const CHECK: &str = "buckets";
    let mut findings = nameless(&facts.buckets);
    findings.extend(missing(&facts.buckets));
    findings.extend(facts.buckets.iter().flat_map(bucket));
    if findings.is_empty() && !facts.buckets.is_empty() {
        let all = facts.buckets.len();
        findings.push(good(
            CHECK,
            format!("all {all} buckets of state are there, configured as the robot makes them"),
        ));
    }
    if facts.stream.is_some() && facts.channels_known == 0 {
        findings.push(note(
            CHECK,
            "no channel is known, so no buckets of state were looked at",
            "name one with --channel before the verb, or name the robot's configuration file",
        ));
    }
    findings.extend(facts.dead_buckets.iter().map(|name| {
        note(
            CHECK,
            format!("the bucket {name} has a name of old: no program of today reads or writes it"),
            format!("if nothing of your own uses it, empty it with `kryten kv purge {name} --all`"),
        )
    }));
    findings
}

/// Channels whose names are none, once each.
fn nameless(buckets: &[Bucket]) -> Vec<Finding> {
    let mut channels: Vec<&str> = Vec::new();
    for bucket in buckets {
        if matches!(bucket.state, BucketState::NoName) && channels.last() != Some(&&*bucket.channel)
        {
            channels.push(&bucket.channel);
        }
    }
    let told = channels.into_iter().map(|channel| {
        wrong(
            "channel",
            format!("{channel:?} is no CyTube channel name"),
            "write what comes after /r/ in the channel's address: letters, digits, - and _",
        )
    });
    told.collect()
}

/// Where a robot has never been all of a channel's buckets are missing, which is one thing to mend.
fn missing(buckets: &[Bucket]) -> Vec<Finding> {
    let mut of_channels: Vec<(&str, Vec<&str>)> = Vec::new();
    for bucket in buckets {
        if !matches!(bucket.state, BucketState::Missing { similar: None }) {
            continue;
        }
        match of_channels.last_mut() {
            Some((channel, names)) if *channel == bucket.channel => names.push(&bucket.name),
            _ => of_channels.push((&bucket.channel, vec![&bucket.name])),
        }
    }
    let told = of_channels.into_iter().map(|(channel, names)| {
        let what = match names.as_slice() {
            [only] => format!("the bucket {only} is missing"),
            all => format!("the buckets {} are missing", all.join(", ")),
        };
        wrong(
            "buckets",
            what,
            format!(
                "let a robot serve {channel} on this server: it makes them; what was deleted comes back with the next \
                 change, or by the command state.verify"
            ),
        )
    });
    told.collect()
}

fn bucket(bucket: &Bucket) -> Vec<Finding> {
    const CHECK: &str = "buckets";
    let Bucket {
        channel,
        name,
        state,
    } = bucket;
    match state {
        BucketState::Missing {
            similar: Some(similar),
        } => vec![wrong(
            CHECK,
            format!("the bucket {name} is missing, but {similar} is there"),
            format!(
                "write the channel {channel} everywhere as its robot does; upper and lower case count"
            ),
        )],
        // Told together.
        BucketState::Missing { similar: None } | BucketState::NoName => Vec::new(),
        BucketState::NotABucket => vec![wrong(
            CHECK,
            format!("the stream KV_{name} is there and is no bucket"),
            format!(
                "find out who made it; delete it (`nats stream rm KV_{name}`), and the robot makes the bucket"
            ),
        )],
        BucketState::NoPermission(subject) => vec![not_allowed(CHECK, subject)],
        BucketState::Failed(why) => vec![wrong(
            CHECK,
            format!("{name}: {why}"),
            "look at the server's log",
        )],
        BucketState::There { info, usual_size } => foreign(info, *usual_size),
    }
}

/// What of a bucket's configuration would hurt.
fn foreign(info: &BucketInfo, usual_size: usize) -> Vec<Finding> {
    const CHECK: &str = "buckets";
    let name = &info.name;
    let again = || {
        format!(
            "stop the robot, delete the bucket (`nats kv del {name}`) and start the robot, which makes it anew"
        )
    };
    let mut findings = Vec::new();
    if let Some(ttl) = info.ttl {
        findings.push(wrong(
            CHECK,
            format!(
                "values of the bucket {name} are gone after {} s: somebody else has made it",
                ttl.as_secs()
            ),
            again(),
        ));
    }
    if info.storage == Storage::Memory {
        findings.push(wrong(
            CHECK,
            format!("the bucket {name} is kept in memory: state is gone when the server stops"),
            again(),
        ));
    }
    if let Some(size) = info.max_value_size.filter(|size| *size < usual_size) {
        findings.push(wrong(
            CHECK,
            format!(
                "the bucket {name} takes values of at most {}, not {}: longer lists are left out",
                shown(size),
                shown(usual_size)
            ),
            again(),
        ));
    }
    findings
}

pub(super) fn lists(facts: &Facts) -> Vec<Finding> {
    let Some(Connection::Stands { max_payload, .. }) = &facts.connection else {
        return Vec::new();
    };
    let too_large = facts
        .lists
        .iter()
        .filter(|list| list.bytes + ENVELOPE > *max_payload);
    too_large
        .map(|list| {
            wrong(
                "payload",
                format!(
                    "the {} of {} has {}, and the server takes messages of at most {}: its events are lost",
                    list.what,
                    list.channel,
                    shown(list.bytes),
                    shown(*max_payload)
                ),
                "set max_payload: 8MB, or more, in the server's configuration",
            )
        })
        .collect()
}

fn shown(bytes: usize) -> String {
    size::shown(u64::try_from(bytes).unwrap_or(u64::MAX))
}
