//! Where the state that events told differs from the state that the robot keeps.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::known_state::KnownState;
use super::room::Room;
use super::visits::is_person;

/// A part of a channel's state that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    /// Who is there.
    Users,
    /// Who of them is away from the keyboard.
    Afk,
    /// The emotes.
    Emotes,
    /// What plays.
    Media,
}

impl StateKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Users, Self::Afk, Self::Emotes, Self::Media];

    /// The name in metrics and replies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Afk => "afk",
            Self::Emotes => "emotes",
            Self::Media => "media",
        }
    }
}

/// How one part differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The part.
    pub kind: StateKind,
    /// What the robot's state has and the events did not tell.
    pub missing: Vec<String>,
    /// What the events told and the robot's state has not.
    pub surplus: Vec<String>,
}

impl Difference {
    /// In how many names they differ; what plays counts once.
    pub fn size(&self) -> usize {
        match self.kind {
            StateKind::Media => usize::from(!self.is_empty()),
            _ => self.missing.len() + self.surplus.len(),
        }
    }

    /// Whether both say the same.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }

    fn of(kind: StateKind, theirs: &BTreeSet<&str>, ours: &BTreeSet<&str>) -> Self {
        let named = |name: &&str| (*name).to_owned();
        Self {
            kind,
            missing: theirs.difference(ours).map(named).collect(),
            surplus: ours.difference(theirs).map(named).collect(),
        }
    }
}

/// Compares a part of the robot's state with what the events told; users bring two kinds.
pub(super) fn differences(room: &Room, state: &KnownState) -> Vec<Difference> {
    match state {
        KnownState::Users(users) => {
            let people = || users.iter().filter(|user| is_person(&user.name));
            let there: BTreeSet<&str> = people().map(|user| user.name.as_str()).collect();
            let seen: BTreeSet<&str> = room.visits().iter().map(|(name, _)| name).collect();
            // Who is in one list only is told by the other kind.
            let both = |name: &&str| there.contains(name) && seen.contains(name);
            let away = people().filter(|user| user.afk);
            let away: BTreeSet<&str> = away.map(|user| user.name.as_str()).filter(both).collect();
            let seen_away = room.visits().iter();
            let seen_away = seen_away.filter(|(_, visit)| visit.afk_since.is_some());
            let seen_away: BTreeSet<&str> = seen_away.map(|(name, _)| name).filter(both).collect();
            vec![
                Difference::of(StateKind::Users, &there, &seen),
                Difference::of(StateKind::Afk, &away, &seen_away),
            ]
        }
        KnownState::Emotes(emotes) => {
            let theirs: BTreeSet<&str> = emotes.names().collect();
            let ours: BTreeSet<&str> = room.emotes().into_iter().flat_map(|e| e.names()).collect();
            vec![Difference::of(StateKind::Emotes, &theirs, &ours)]
        }
        KnownState::Current(media) => {
            let film = super::Film::of(media);
            let known = room.films().current();
            let same = known == Some(&film);
            let title = |film: &super::Film| vec![film.title.clone()];
            vec![Difference {
                kind: StateKind::Media,
                missing: if same { Vec::new() } else { title(&film) },
                surplus: known.filter(|_| !same).map(title).unwrap_or_default(),
            }]
        }
    }
}

/// Up to which event of the stream each part of a channel's state last changed: a state that reflects a later event
/// can be compared, whatever else has happened since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Changes {
    stream: String,
    users: Option<u64>,
    emotes: Option<u64>,
    media: Option<u64>,
}

impl Changes {
    /// Notes that an event of this name was folded.
    pub(crate) fn note(&mut self, event: &str, stream: i128, sequence: u64) {
        let is = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(event));
        let users = is(&["addUser", "userLeave", "userlist", "setAFK", "setUserMeta"]);
        let emotes = is(&["emoteList", "updateEmote", "renameEmote", "removeEmote"]);
        let media = is(&["changeMedia"]);
        if users || emotes || media {
            self.of_stream(stream);
        }
        for (part, changed) in [
            (&mut self.users, users),
            (&mut self.emotes, emotes),
            (&mut self.media, media),
        ] {
            if changed {
                *part = Some(sequence);
            }
        }
    }

    /// Notes that a part was taken over from a state that reflects the events up to this one.
    pub(crate) fn adopt(&mut self, state: &KnownState, stream: i128, sequence: u64) {
        self.of_stream(stream);
        let part = match state {
            KnownState::Users(_) => &mut self.users,
            KnownState::Emotes(_) => &mut self.emotes,
            KnownState::Current(_) => &mut self.media,
        };
        *part = (*part).max(Some(sequence));
    }

    /// Whether nothing has changed the part since this event.
    pub(crate) fn stood_still_since(
        &self,
        state: &KnownState,
        stream: i128,
        sequence: u64,
    ) -> bool {
        let changed = match state {
            KnownState::Users(_) => self.users,
            KnownState::Emotes(_) => self.emotes,
            KnownState::Current(_) => self.media,
        };
        self.stream == stream.to_string() && changed.is_some_and(|changed| changed <= sequence)
    }

    /// Sequences of another stream say nothing.
    fn of_stream(&mut self, stream: i128) {
        let stream = stream.to_string();
        if self.stream != stream {
            *self = Self {
                stream,
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_compared_only_where_nothing_has_changed_since() {
        let emotes = KnownState::Emotes(super::super::EmoteSet::default());
        let mut changes = Changes::default();
        assert!(
            !changes.stood_still_since(&emotes, 1, 9),
            "nothing is known"
        );
        changes.note("emoteList", 1, 5);
        changes.note("chatMsg", 1, 8);
        assert!(changes.stood_still_since(&emotes, 1, 5));
        assert!(
            !changes.stood_still_since(&emotes, 1, 4),
            "older than our change"
        );
        assert!(
            !changes.stood_still_since(&emotes, 2, 9),
            "of another stream"
        );
        changes.note("addUser", 2, 1);
        assert!(
            !changes.stood_still_since(&emotes, 2, 9),
            "the stream was made anew"
        );
    }
}
