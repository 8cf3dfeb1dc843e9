//! Telling chat that CyTube replays on a join from chat that nobody has seen. Pure.
//!
//! CyTube offers its last 15 lines to everyone who joins; nothing but their identity tells them from live ones. A
//! replayed line is known if as many equal lines (time, user, text) are known as this replay has offered so far: two
//! equal lines in one millisecond are two lines, and a replay that repeats both repeats nothing new.

use std::collections::{HashMap, VecDeque};

use kryten_protocol::cytube::ChatMsg;

/// How many lines CyTube keeps and replays, however old they are.
pub(crate) const REPLAYED: usize = 15;
/// How many of the lines are remembered that CyTube may replay.
const REPLAYABLE: usize = 400;
/// How many of the others: they are only told from equal ones of the same millisecond.
const OTHERS: usize = 100;

/// What makes two lines equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Identity {
    time: i64,
    username: String,
    message: String,
}

impl Identity {
    fn of(line: &ChatMsg) -> Self {
        Self {
            time: line.time,
            username: line.username.clone(),
            message: line.message.clone(),
        }
    }
}

/// The last lines of one kind.
#[derive(Debug)]
struct Window {
    places: usize,
    lines: VecDeque<Identity>,
    counts: HashMap<Identity, u32>,
}

impl Window {
    fn new(places: usize) -> Self {
        Self {
            places,
            lines: VecDeque::new(),
            counts: HashMap::new(),
        }
    }

    /// How many equal lines are known.
    fn count(&self, line: &Identity) -> u32 {
        self.counts.get(line).copied().unwrap_or_default()
    }

    /// Says which of the equal lines it is, from 1.
    fn remember(&mut self, line: Identity) -> u32 {
        let count = self.counts.entry(line.clone()).or_default();
        *count += 1;
        let nth = *count;
        self.lines.push_back(line);
        if self.lines.len() > self.places {
            self.forget_oldest();
        }
        nth
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.lines.pop_front() else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&oldest) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&oldest);
            }
        }
    }
}

/// Lines of one channel that have been published, and the replay that is under way.
#[derive(Debug)]
pub struct History {
    /// Lines that CyTube may replay. The others have places of their own: CyTube's notices may be any number, and its
    /// replay is as long ago as it is.
    replayable: Window,
    others: Window,
    /// Time of the newest line that CyTube would replay.
    last_replayable: Option<i64>,
    replay: Option<Replay>,
}

#[derive(Debug, Default)]
struct Replay {
    offered: HashMap<Identity, u32>,
    lines: usize,
    overlaps: bool,
    last_before: Option<i64>,
    first_offered: Option<i64>,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// Not seen before; the number says which of the equal lines it is, from 1.
    New(u32),
    /// Published before.
    Known,
}

/// What the replay of a join showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplaySummary {
    /// How many lines CyTube offered.
    pub offered: usize,
    /// Whether the chat is complete: the replay overlaps with what was known, or nothing was known before.
    pub complete: bool,
    /// The newest known line that CyTube would have replayed, in milliseconds since the Unix epoch.
    pub last_known: Option<i64>,
    /// The oldest offered line.
    pub first_offered: Option<i64>,
}

impl Default for History {
    fn default() -> Self {
        Self {
            replayable: Window::new(REPLAYABLE),
            others: Window::new(OTHERS),
            last_replayable: None,
            replay: None,
        }
    }
}

impl History {
    /// Remembers a line that was published earlier, oldest first.
    pub fn remember(&mut self, line: &ChatMsg) -> u32 {
        let identity = Identity::of(line);
        if !line.is_replayed() {
            return self.others.remember(identity);
        }
        self.last_replayable = self.last_replayable.max(Some(line.time));
        self.replayable.remember(identity)
    }

    /// A join begins: lines up to [`Self::end_replay`] may have been seen before.
    pub fn begin_replay(&mut self) {
        self.replay = Some(Replay {
            last_before: self.last_replayable,
            ..Replay::default()
        });
    }

    /// Whether a replay is under way.
    pub fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    /// Takes a line that came from CyTube.
    pub fn see(&mut self, line: &ChatMsg) -> Sighting {
        if let Some(replay) = &mut self.replay
            && line.is_replayed()
        {
            replay.lines += 1;
            replay.first_offered = replay.first_offered.or(Some(line.time));
            let identity = Identity::of(line);
            let offered = replay.offered.entry(identity.clone()).or_default();
            *offered += 1;
            if self.replayable.count(&identity) >= *offered {
                replay.overlaps = true;
                return Sighting::Known;
            }
        }
        Sighting::New(self.remember(line))
    }

    /// The join is over: whether the lines of our absence are all there. `None` when no replay was under way.
    pub fn end_replay(&mut self) -> Option<ReplaySummary> {
        let replay = self.replay.take()?;
        Some(ReplaySummary {
            offered: replay.lines,
            complete: replay.overlaps || replay.last_before.is_none(),
            last_known: replay.last_before,
            first_offered: replay.first_offered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: i64, username: &str, message: &str) -> ChatMsg {
        ChatMsg {
            username: username.into(),
            message: message.into(),
            time,
            shadow: false,
            to: None,
        }
    }

    fn joined(history: &mut History, replay: &[ChatMsg]) -> (Vec<Sighting>, ReplaySummary) {
        history.begin_replay();
        let sightings = replay.iter().map(|line| history.see(line)).collect();
        (sightings, history.end_replay().unwrap())
    }

    #[test]
    fn lines_said_while_we_were_away_are_new_and_the_others_are_not() {
        let mut history = History::default();
        for time in 1..=20 {
            assert_eq!(history.see(&line(time, "alice", "hi")), Sighting::New(1));
        }
        let replay: Vec<ChatMsg> = (10..25).map(|time| line(time, "alice", "hi")).collect();
        let (sightings, summary) = joined(&mut history, &replay);
        assert_eq!(
            sightings
                .iter()
                .filter(|sighting| **sighting == Sighting::Known)
                .count(),
            11
        );
        assert!(summary.complete);
        assert_eq!(
            joined(&mut history, &replay).0,
            [Sighting::Known; 15],
            "a second join brings nothing new"
        );
    }

    #[test]
    fn equal_lines_in_one_millisecond_are_as_many_lines_as_there_are() {
        let mut history = History::default();
        assert_eq!(history.see(&line(1, "bob", "lol")), Sighting::New(1));
        let twice = [line(1, "bob", "lol"), line(1, "bob", "lol")];
        assert_eq!(
            joined(&mut history, &twice).0,
            [Sighting::Known, Sighting::New(2)]
        );
        assert_eq!(
            joined(&mut history, &twice).0,
            [Sighting::Known, Sighting::Known]
        );
        assert_eq!(
            history.see(&line(1, "bob", "lol")),
            Sighting::New(3),
            "live, so a third one"
        );
    }

    #[test]
    fn a_replay_without_a_known_line_leaves_a_gap() {
        let mut history = History::default();
        let first: Vec<ChatMsg> = (1..=15).map(|time| line(time, "alice", "hi")).collect();
        assert!(
            joined(&mut history, &first).1.complete,
            "before the first line there is nothing to miss"
        );
        let later: Vec<ChatMsg> = (40..55).map(|time| line(time, "alice", "hi")).collect();
        let summary = joined(&mut history, &later).1;
        assert_eq!(
            summary,
            ReplaySummary {
                offered: 15,
                complete: false,
                last_known: Some(15),
                first_offered: Some(40)
            }
        );
        assert!(
            !joined(&mut history, &[]).1.complete,
            "a chat that was cleared may have lost lines"
        );
    }

    #[test]
    fn notices_and_shadow_muted_lines_are_no_part_of_the_replay() {
        let mut history = History::default();
        history.see(&line(1, "alice", "hi"));
        for time in 2..20 {
            history.see(&line(time, "[server]", "bob joined"));
            history.see(&ChatMsg {
                shadow: true,
                ..line(time, "mallory", "spam")
            });
        }
        assert!(
            joined(
                &mut history,
                &[line(1, "alice", "hi"), line(30, "bob", "yo")]
            )
            .1
            .complete
        );
    }
    #[test]
    fn any_number_of_notices_leaves_the_lines_known_that_cytube_replays() {
        let mut history = History::default();
        let replay: Vec<ChatMsg> = (1..=15).map(|time| line(time, "alice", "hi")).collect();
        for line in &replay {
            history.see(line);
        }
        for time in 100..1100 {
            assert_eq!(
                history.see(&line(time, "[server]", "bob joined")),
                Sighting::New(1)
            );
        }
        assert_eq!(
            history.see(&line(1099, "[server]", "bob joined")),
            Sighting::New(2),
            "two equal notices of one millisecond are two"
        );
        assert_eq!(joined(&mut history, &replay).0, [Sighting::Known; 15]);
        assert_eq!(history.others.lines.len(), OTHERS);
    }
}
