//! `queue`: what may be added by whom, and look-ups one after the other.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::lookup::{self, Failure};
use super::playlist::Position;
use super::requests::Asker;
use super::{ConnectionId, Media, Room, To};

/// Look-ups that wait for their turn, and how they are to go.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    waiting: VecDeque<Lookup>,
    delay_ms: i64,
    failure: Option<String>,
    /// How many more fail; `None` for all.
    failures: Option<u64>,
}

/// A look-up that someone asked for.
#[derive(Debug)]
struct Lookup {
    due: i64,
    name: String,
    rank: f64,
    connection: Option<ConnectionId>,
    kind: String,
    id: String,
    title: Option<String>,
    position: Position,
    temp: bool,
}

impl Lookups {
    fn take_failure(&mut self) -> Option<String> {
        let failure = self.failure.clone()?;
        if let Some(left) = &mut self.failures {
            *left = left.checked_sub(1)?;
        }
        Some(failure)
    }
}

impl Room {
    /// How look-ups go from now on.
    pub(crate) fn set_lookups(&mut self, delay_ms: u64, fail: Option<String>, times: Option<u64>) {
        self.lookups.delay_ms = i64::try_from(delay_ms).unwrap_or(i64::MAX / 4);
        self.lookups.failure = fail;
        self.lookups.failures = times;
    }

    /// When the next look-up is done.
    pub(crate) fn lookup_at(&self) -> Option<i64> {
        self.lookups.waiting.front().map(|lookup| lookup.due)
    }

    /// Finishes look-ups whose time has come.
    pub(crate) fn look_up_if_due(&mut self, now: i64) {
        while self.lookup_at().is_some_and(|due| due <= now)
            && let Some(lookup) = self.lookups.waiting.pop_front()
        {
            self.finish(lookup, now);
        }
    }

    pub(super) fn queue(&mut self, asker: &Asker<'_>, payload: &Value, now: i64) {
        for key in ["id", "type", "pos"] {
            if !payload[key].is_string() {
                let msg = format!("Unexpected error for message queue: Missing key: string:{key}");
                return self.reply(asker, "errorMsg", json!({"msg": msg}));
            }
        }
        let text = |field: &str| payload[field].as_str().unwrap_or_default();
        let (id, kind) = (text("id"), text("type"));
        let position = match text("pos") {
            "next" => Position::Next,
            "end" => Position::End,
            _ => return,
        };
        let list = self.list_permissions();
        let may = |node: &str| asker.rank >= self.permission(node);
        // Who may not add at all gets no answer.
        if !may(&format!("{list}add"))
            || (position == Position::Next && !may(&format!("{list}next")))
        {
            return;
        }
        let refusal = self.refusal_of_kind(asker.rank, kind);
        let refusal = refusal.or_else(|| {
            let may = self.may_queue(asker, now);
            (!may).then_some("You are adding videos too quickly")
        });
        if let Some(msg) = refusal {
            return self.fail(asker.connection, kind, id, msg);
        }
        let last = self.lookups.waiting.back().map_or(now, |last| last.due);
        let lookup = Lookup {
            due: last.max(now) + self.lookups.delay_ms,
            name: asker.name.to_owned(),
            rank: asker.rank,
            connection: asker.connection,
            kind: kind.to_owned(),
            id: id.to_owned(),
            title: payload["title"].as_str().map(str::to_owned),
            position,
            temp: payload["temp"].as_bool().unwrap_or(false)
                || asker.rank < self.permission("addnontemp"),
        };
        self.lookups.waiting.push_back(lookup);
        self.look_up_if_due(now);
    }

    /// The permissions that hold for the playlist now.
    pub(super) fn list_permissions(&self) -> &'static str {
        if self.is_locked {
            "playlist"
        } else {
            "oplaylist"
        }
    }

    fn refusal_of_kind(&self, rank: f64, kind: &str) -> Option<&'static str> {
        let may = |node: &str| rank >= self.permission(node);
        let list = format!("{}addlist", self.list_permissions());
        match kind {
            "yp" if !may(&list) => Some("You don't have permission to add playlists"),
            // Custom embeds count as live.
            kind if lookup::is_live(kind) && !may("playlistaddlive") => {
                Some("You don't have permission to add live media")
            }
            "cu" if !may("playlistaddcustom") => {
                Some("You don't have permission to add custom embeds")
            }
            "fi" | "cm" if !may("playlistaddrawfile") => {
                Some("You don't have permission to add raw video files")
            }
            _ => None,
        }
    }

    fn may_queue(&mut self, asker: &Asker<'_>, now: i64) -> bool {
        let limited = self.flood_limits;
        let (burst, per_second) = if asker.rank >= 2.0 {
            (10.0, 2.0)
        } else {
            (3.0, 1.0)
        };
        match asker.connection.and_then(|id| self.viewers.get_mut(&id)) {
            Some(viewer) if limited => viewer.queue_bucket.take(burst, per_second, now),
            _ => true,
        }
    }

    fn finish(&mut self, lookup: Lookup, now: i64) {
        let found = match self.lookups.take_failure() {
            Some(msg) => Err(Failure { msg }),
            None => lookup::look_up(&lookup.kind, &lookup.id, lookup.title.as_deref()),
        };
        let media = match found {
            Ok(media) => media,
            Err(Failure { msg }) => {
                return self.fail(lookup.connection, &lookup.kind, &lookup.id, &msg);
            }
        };
        if let Some(msg) = self.refusal_of_media(&lookup, &media) {
            return self.fail(lookup.connection, &lookup.kind, &lookup.id, &msg);
        }
        if let (Some(countries), Some(connection)) =
            (media.meta["restricted"].as_str(), lookup.connection)
        {
            let msg = format!("Video is blocked in the following countries: {countries}");
            let warning = json!({"msg": msg, "link": lookup::link(&lookup.kind, &lookup.id)});
            self.tell(To::One(connection), "queueWarn", warning);
        }
        if !lookup.temp {
            self.cache(&media);
        }
        self.add(media, lookup.position, lookup.temp, &lookup.name, now);
    }

    fn refusal_of_media(&self, lookup: &Lookup, media: &Media) -> Option<String> {
        let may = |node: &str| lookup.rank >= self.permission(node);
        let option = |name: &str| self.options[name].as_u64().unwrap_or(0);
        let longest = option("maxlength");
        if longest > 0 && media.seconds > longest && !may("exceedmaxlength") {
            return Some(format!(
                "Video exceeds the maximum length set by the channel admin: {longest} seconds"
            ));
        }
        let by = lookup.name.to_lowercase();
        let own = self.items.iter();
        let own = own.filter(|item| item.queued_by.to_lowercase() == by);
        let (mut count, mut seconds) = (0, 0);
        for item in own {
            count += 1;
            seconds += item.media.seconds;
        }
        let most = option("playlist_max_per_user");
        if most > 0 && count >= most && !may("exceedmaxitems") {
            return Some("Channel limit exceeded: maximum number of videos per user".to_owned());
        }
        let most = option("playlist_max_duration_per_user");
        if most > 0 && seconds + media.seconds > most && !may("exceedmaxdurationperuser") {
            return Some("Channel limit exceeded: maximum total playtime per user".to_owned());
        }
        let allows_doubles = self.options["allow_dupes"].as_bool().unwrap_or(false);
        if lookup.position == Position::End && !allows_doubles && self.holds(media) {
            return Some("This item is already on the playlist".to_owned());
        }
        None
    }

    fn fail(&mut self, to: Option<ConnectionId>, kind: &str, id: &str, msg: &str) {
        if let Some(connection) = to {
            let fail = json!({"msg": msg, "link": lookup::link(kind, id), "id": id});
            self.tell(To::One(connection), "queueFail", fail);
        }
    }
}
