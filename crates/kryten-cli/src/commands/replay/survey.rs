//! A first look through a recording: how much there is, of which channels, and what cannot be read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use kryten_protocol::subject::{self, EVENTS_WILDCARD};

use super::ReplayArgs;
use crate::bus::covers;
use crate::recording::{self, Recorded};

/// What a look through the file has found.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) replayed: u64,
    /// Lines that are no events.
    pub(super) left_out: u64,
    pub(super) bad: Vec<String>,
    /// The channels' tokens.
    pub(super) channels: BTreeSet<String>,
}

pub(super) fn survey(args: &ReplayArgs) -> anyhow::Result<Survey> {
    let mut survey = Survey::default();
    for line in lines(&args.file)? {
        let (number, line) = line?;
        if number < args.from_line || line.trim_ascii().is_empty() {
            continue;
        }
        match read(&line) {
            Err(why) => survey.bad.push(format!("line {number}: {why}")),
            Ok(recorded) => {
                let subject = &recorded.message.subject;
                if !is_wanted(subject, args.all) {
                    survey.left_out += 1;
                    continue;
                }
                survey.replayed += 1;
                if let Ok(event) = subject::parse_event(subject) {
                    survey.channels.insert(event.channel.to_owned());
                }
            }
        }
    }
    Ok(survey)
}

pub(super) fn lines(
    path: &Path,
) -> anyhow::Result<impl Iterator<Item = anyhow::Result<(u64, Vec<u8>)>>> {
    let named = format!("cannot read {}", path.display());
    let file = File::open(path).with_context(|| named.clone())?;
    let lines = BufReader::with_capacity(1 << 16, file).split(b'\n');
    Ok((1..)
        .zip(lines)
        .map(move |(number, line)| Ok((number, line.with_context(|| named.clone())?))))
}

pub(super) fn read(line: &[u8]) -> Result<Recorded, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is no text".to_owned())?;
    recording::read(text.trim())
}

pub(super) fn is_wanted(subject: &str, all: bool) -> bool {
    all || covers(EVENTS_WILDCARD, subject)
}
