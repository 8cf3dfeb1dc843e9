//! What plays, where it is, and who leads.

use serde_json::{Value, json};

use super::{Item, Room, To};

/// Between two reports of the position.
const REPORT_EVERY_MS: i64 = 5000;

/// Position and pace of what plays.
#[derive(Debug, Clone, Default)]
pub(super) struct Playback {
    /// When the position was, or will be, 0.
    zero_at: i64,
    /// The leader's word, while there is a leader.
    led: Option<(f64, bool)>,
    /// The leader's rank before the lead, if it was below a leader's.
    rank_before: Option<f64>,
    /// When the position is reported next.
    report_at: Option<i64>,
    /// How often a film was started; tells the script that something new plays.
    pub(super) starts: u64,
}

impl Room {
    pub(crate) fn starts(&self) -> u64 {
        self.playback.starts
    }

    pub(crate) fn current_item(&self) -> Option<&Item> {
        let uid = self.current?;
        self.items.iter().find(|item| item.uid == uid)
    }

    /// Starts an item with its lead-in, or nothing.
    pub(crate) fn start(&mut self, uid: Option<i64>, now: i64) {
        self.current = uid;
        let Some(item) = self.current_item() else {
            self.stop_playing();
            return;
        };
        let media = item.media.clone();
        self.playback = Playback {
            zero_at: now + self.lead_in_ms,
            led: None,
            rank_before: self.playback.rank_before,
            report_at: (media.seconds > 0).then_some(now + self.lead_in_ms),
            starts: self.playback.starts + 1,
        };
        self.last_media = Some(media);
        self.voters.clear();
        self.tell_current(To::All, now);
        self.tell_start_marks();
    }

    pub(super) fn tell_start_marks(&mut self) {
        self.drinks = 0;
        self.tell(To::All, "drinkCount", 0.into());
        self.tell_voteskip();
    }

    pub(super) fn stop_playing(&mut self) {
        self.playback.report_at = None;
        self.playback.led = None;
    }

    /// The item after the one that plays; a temporary one is deleted when it ends.
    pub(crate) fn play_next(&mut self, now: i64) {
        let Some(index) = self.current.and_then(|uid| self.index_of(uid)) else {
            let first = self.items.first().map(|item| item.uid);
            self.start(first, now);
            return;
        };
        if self.items[index].temp {
            self.delete(self.items[index].uid, now);
        } else {
            let next = self.items.get(index + 1).or(self.items.first());
            let next = next.map(|item| item.uid);
            self.start(next, now);
        }
    }

    pub(crate) fn jump(&mut self, uid: i64, now: i64) -> bool {
        if self.index_of(uid).is_none() {
            return false;
        }
        let ended = self.current.filter(|current| *current != uid);
        if let Some(index) = ended.and_then(|uid| self.index_of(uid))
            && self.items[index].temp
        {
            let ended = self.items.remove(index).uid;
            self.tell(To::All, "delete", json!({"uid": ended}));
            self.tell_playlist_meta(To::All);
        }
        self.start(Some(uid), now);
        true
    }

    pub(super) fn position(&self, now: i64) -> (f64, bool) {
        if let Some(led) = self.playback.led {
            return led;
        }
        let position = (now - self.playback.zero_at) as f64 / 1000.0;
        let length = self.current_item().map_or(0, |item| item.media.seconds) as f64;
        let end = if length > 0.0 { length } else { f64::INFINITY };
        (position.min(end), position < 0.0)
    }

    /// `setCurrent` and `changeMedia`, as clients get them on a start and after `playerReady`.
    pub(super) fn tell_current(&mut self, to: To, now: i64) {
        let Some(item) = self.current_item() else {
            return;
        };
        let (uid, mut media) = (item.uid, item.media.json());
        let (position, paused) = self.position(now);
        media["currentTime"] = seconds_json(position);
        media["paused"] = paused.into();
        self.tell(to, "setCurrent", uid.into());
        self.tell(to, "changeMedia", media);
    }

    /// When the position is to be reported next.
    pub(crate) fn report_at(&self) -> Option<i64> {
        self.playback.report_at.filter(|_| self.leader.is_none())
    }

    /// Reports the position if it is time; a film that has ended is silent.
    pub(crate) fn report_position(&mut self, now: i64) {
        let Some(at) = self.report_at().filter(|at| *at <= now) else {
            return;
        };
        let (position, _) = self.position(now);
        let is_start = at == self.playback.zero_at;
        let length = self.current_item().map_or(0, |item| item.media.seconds);
        if position >= length as f64 {
            self.playback.report_at = None;
            return;
        }
        let late = (now - at) / REPORT_EVERY_MS * REPORT_EVERY_MS;
        self.playback.report_at = Some(at + late + REPORT_EVERY_MS);
        let position = if is_start { 0.0 } else { position };
        let update = json!({"currentTime": seconds_json(position), "paused": false});
        self.tell(To::All, "mediaUpdate", update);
    }

    /// Gives the lead to a user, or to none; whether the user was found.
    pub(crate) fn assign_leader(&mut self, name: &str, now: i64) -> bool {
        if let Some(old) = self.leader.take() {
            let before = self.playback.rank_before.take();
            let rank = before.or_else(|| self.user(&old).map(|user| user.rank));
            match (before, rank) {
                (Some(rank), _) => self.lend_rank(&old, rank),
                (None, Some(rank)) => self.tell_rank(&old, rank),
                (None, None) => {}
            }
        }
        self.playback.led = None;
        let new = self.users().iter().find(|user| user.name == name);
        let Some((name, rank)) = new.map(|user| (user.name.clone(), user.rank)) else {
            if name.is_empty() {
                self.tell(To::All, "setLeader", "".into());
            }
            self.playback.report_at = self.current_item().map(|_| now);
            return name.is_empty();
        };
        self.leader = Some(name.clone());
        self.tell(To::All, "setLeader", name.as_str().into());
        if rank < 1.5 {
            self.playback.rank_before = Some(rank);
            self.lend_rank(&name, 1.5);
        }
        true
    }

    pub(super) fn forget_leader(&mut self, name: &str) {
        if self.leader.as_deref() == Some(name) {
            self.leader = None;
            self.playback.rank_before = None;
            self.playback.led = None;
            self.tell(To::All, "setLeader", "".into());
        }
    }

    /// The leader says where the film is.
    pub(crate) fn lead(&mut self, payload: &Value) {
        let Some(position) = payload["currentTime"].as_f64() else {
            return;
        };
        let paused = payload["paused"].as_bool().unwrap_or(false);
        let playing = self.current_item().map(|item| item.media.id.as_str());
        if playing.is_some() && playing == payload["id"].as_str() {
            self.playback.led = Some((position, paused));
            let update = json!({"currentTime": seconds_json(position), "paused": paused});
            self.tell(To::All, "mediaUpdate", update);
        }
    }
}

/// Seconds as JavaScript writes them: whole ones without a fraction.
fn seconds_json(seconds: f64) -> Value {
    if seconds.fract() == 0.0 {
        json!(seconds as i64)
    } else {
        json!(seconds)
    }
}
