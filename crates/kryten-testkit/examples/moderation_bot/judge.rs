//! What is an offence, and what follows from it; without a clock and without NATS.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

/// After so many lines those are forgotten who have been good for long.
const TIDY_EVERY: u64 = 1000;

#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// In lower case.
    pub(crate) words: HashSet<String>,
    /// So many lines are too many within the time below.
    pub(crate) lines: usize,
    pub(crate) within_millis: i64,
    /// After this an offence is forgotten.
    pub(crate) forget_millis: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Offence {
    Word(String),
    Flood { lines: usize },
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => write!(f, "the word {word:?} is not wanted here"),
            Self::Flood { lines } => write!(f, "{lines} lines at once are too many"),
        }
    }
}

/// Each offence has a harder answer than the one before: who is kicked may come back, who is muted stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Warn,
    Kick,
    Mute,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warn => "warn",
            Self::Mute => "mute",
            Self::Kick => "kick",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) step: Step,
    pub(crate) offence: Offence,
}

#[derive(Debug, Default)]
struct Record {
    /// Times of the last lines.
    lines: VecDeque<i64>,
    /// Times of the offences.
    offences: VecDeque<i64>,
}

#[derive(Debug)]
pub(crate) struct Judge {
    rules: Rules,
    records: HashMap<String, Record>,
    looked: u64,
}

impl Judge {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            records: HashMap::new(),
            looked: 0,
        }
    }

    /// Looks at a line; names are the same in upper and lower case.
    pub(crate) fn look(&mut self, name: &str, text: &str, millis: i64) -> Option<Verdict> {
        self.looked += 1;
        if self.looked.is_multiple_of(TIDY_EVERY) {
            self.tidy(millis);
        }
        let rules = &self.rules;
        let record = self.records.entry(name.to_lowercase()).or_default();
        record.forget(rules, millis);
        record.lines.push_back(millis);
        let offence = match words_of(text).find(|word| rules.words.contains(word)) {
            Some(word) => Offence::Word(word),
            None if record.lines.len() >= rules.lines => {
                let lines = record.lines.len();
                // The next offence needs as many lines again.
                record.lines.clear();
                Offence::Flood { lines }
            }
            None => return None,
        };
        record.offences.push_back(millis);
        let step = match record.offences.len() {
            1 => Step::Warn,
            2 => Step::Kick,
            _ => Step::Mute,
        };
        Some(Verdict { step, offence })
    }

    fn tidy(&mut self, millis: i64) {
        let rules = &self.rules;
        self.records.retain(|_, record| {
            record.forget(rules, millis);
            !(record.lines.is_empty() && record.offences.is_empty())
        });
    }
}

impl Record {
    fn forget(&mut self, rules: &Rules, millis: i64) {
        let old = |times: &VecDeque<i64>, kept: i64| {
            times.front().is_some_and(|time| millis - time >= kept)
        };
        while old(&self.lines, rules.within_millis) {
            self.lines.pop_front();
        }
        while old(&self.offences, rules.forget_millis) {
            self.offences.pop_front();
        }
    }
}

/// Whether it can be found in a line.
pub(crate) fn is_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(char::is_alphanumeric)
}

/// Whole words, so that a list does not find its words inside of others.
fn words_of(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge() -> Judge {
        Judge::new(Rules {
            words: HashSet::from(["spam".to_owned()]),
            lines: 3,
            within_millis: 1000,
            forget_millis: 60_000,
        })
    }

    #[test]
    fn each_offence_has_a_harder_answer_until_it_is_forgotten() {
        let mut judge = judge();
        let mut step = |name: &str, text: &str, millis| {
            let verdict = judge.look(name, text, millis);
            verdict.map(|verdict| verdict.step)
        };
        assert_eq!(step("bob", "Buy SPAM!", 0), Some(Step::Warn));
        assert_eq!(step("Bob", "spam", 10_000), Some(Step::Kick));
        assert_eq!(step("alice", "spam", 10_000), Some(Step::Warn));
        assert_eq!(step("bob", "spam", 20_000), Some(Step::Mute));
        assert_eq!(step("bob", "spam", 90_000), Some(Step::Warn));
    }

    #[test]
    fn only_whole_words_are_found() {
        let mut judge = judge();
        assert_eq!(judge.look("bob", "spammers and antispam", 0), None);
        assert!(judge.look("bob", "no&lt;spam&gt;", 5000).is_some());
    }

    #[test]
    fn too_many_lines_at_once_are_one_offence() {
        let mut judge = judge();
        let looks: Vec<_> = (0..7)
            .map(|line| {
                judge
                    .look("bob", "hi", line * 10)
                    .map(|verdict| verdict.step)
            })
            .collect();
        let (warn, kick) = (Some(Step::Warn), Some(Step::Kick));
        assert_eq!(looks, [None, None, warn, None, None, kick, None]);
        assert_eq!(judge.look("alice", "hi", 0), None);
        assert_eq!(judge.look("alice", "hi", 999), None);
        assert_eq!(
            judge.look("alice", "hi", 1998),
            None,
            "never three within a second"
        );
    }

    #[test]
    fn those_who_have_been_good_for_long_are_forgotten() {
        let mut judge = judge();
        for user in 0..TIDY_EVERY - 1 {
            judge.look(&format!("user{user}"), "hi", 0);
        }
        judge.look("late", "hi", 100_000);
        assert_eq!(judge.records.len(), 1);
    }
}
