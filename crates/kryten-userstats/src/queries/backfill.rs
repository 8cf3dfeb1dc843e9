//! `backfill.run`: the past is counted, once.

use std::path::{Component, Path, PathBuf};

use jiff::tz::TimeZone;
use kryten_protocol::command::Request;
use kryten_protocol::token::normalize;
use serde_json::{Value, json};

use super::parameters::{optional, required};
use super::{Queries, QueryError};
use crate::backfill::Channel;
use crate::counting::PastSource;

const ELSEWHERE: &str = "another instance counts this channel; ask again until that one answers, or stop the \
     other instances meanwhile";

impl Queries {
    /// `source` is `stream`, or a file in the configured folder: an audit log of chat where it ends in `.log`, else a
    /// recording.
    pub(super) async fn backfill_run(&self, request: &Request) -> Result<Value, QueryError> {
        let source = required(request, "source")?;
        let channel = optional(request, "channel")?
            .map_or_else(|| self.default_channel.clone(), |channel| channel.text);
        let of = Channel {
            domain: self.domain(request)?,
            channel: self.channel_named(&channel),
        };
        let (token, sharing) = (normalize(&of.channel), self.status.view().sharing);
        if sharing.elsewhere.contains_key(&token) && !sharing.here.contains(&token) {
            return Err(QueryError::Refused(ELSEWHERE.to_owned()));
        }
        let zone = match optional(request, "timezone")? {
            None => TimeZone::system(),
            Some(name) => TimeZone::get(&name.text).map_err(|_| {
                QueryError::Unusable("timezone", "name a zone such as Europe/Berlin")
            })?,
        };
        let last_day = match optional(request, "date")? {
            None => None,
            Some(date) => Some(date.text.parse().map_err(|_| {
                QueryError::Unusable("date", "give the day of the last line as 2026-11-22")
            })?),
        };
        let wanted = past_source(
            &source.text,
            self.backfill_folder.as_deref(),
            of,
            zone,
            last_day,
        )
        .map_err(QueryError::Refused)?;
        let inputs = self.inputs.as_ref().ok_or(crate::counting::NotNow)?;
        let added = inputs.backfill(wanted).await?;
        let added = added.map_err(|error| QueryError::Refused(error.to_string()))?;
        Ok(json!({
            "source": source.echo,
            "events": added.events,
            "lines": added.lines,
            "counted_before": added.covered,
        }))
    }
}

/// What a name means; only files in the folder can be read.
pub(crate) fn past_source(
    name: &str,
    folder: Option<&Path>,
    of: Channel,
    zone: TimeZone,
    last_day: Option<jiff::civil::Date>,
) -> Result<PastSource, String> {
    if name == "stream" {
        return Ok(PastSource::Stream);
    }
    let folder =
        folder.ok_or("set backfill.folder in the configuration, and put the file there")?;
    let inside = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err("name a file in the folder backfill.folder, or `stream`".to_owned());
    }
    let file: PathBuf = folder.join(name);
    Ok(
        match file.extension().is_some_and(|ending| ending == "log") {
            true => PastSource::ChatLog {
                file,
                of,
                zone,
                last_day,
            },
            false => PastSource::Recording {
                file,
                frames_of: of,
            },
        },
    )
}
