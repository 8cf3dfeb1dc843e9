//! Lines, each with what it means.

use rand::RngExt;
use rand::rngs::StdRng;

use super::cast::{EMOTES, PLAIN, TYPED_EMOTES};
use crate::ledger::Intents;

/// What a line can be about.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) speaker: &'a str,
    /// Users that the bot knows.
    pub(super) thankable: Vec<&'a str>,
    pub(super) may_vote: bool,
}

/// Composes a line of which every reader of the original's rules takes the same meaning.
pub(super) fn compose(random: &mut StdRng, facts: &Facts<'_>) -> (String, Intents) {
    let kind = random.random_range(0..100);
    // Chance is drawn whether or not the kind is possible, so that facts change a line and not all after it.
    let pick: usize = random.random_range(0..usize::MAX / 2);
    let variant = random.random_range(0..12_usize);
    match kind {
        0..50 => plain(pick),
        50..68 => kudos(facts, pick, variant),
        68..79 => phrase(facts, pick, variant),
        79..93 => emote(pick, variant),
        _ if facts.may_vote => vote(variant),
        _ => plain(pick),
    }
}

fn plain(pick: usize) -> (String, Intents) {
    (PLAIN[pick % PLAIN.len()].to_owned(), Intents::default())
}

/// A user that the bot knows, and whose name is one word to the detectors.
fn name<'a>(facts: &Facts<'a>, pick: usize, one_word: bool) -> Option<&'a str> {
    let names: Vec<&str> = facts
        .thankable
        .iter()
        .copied()
        .filter(|name| *name != facts.speaker && !(one_word && name.contains('-')))
        .collect();
    (!names.is_empty()).then(|| names[pick % names.len()])
}

fn kudos(facts: &Facts<'_>, pick: usize, variant: usize) -> (String, Intents) {
    let Some(name) = name(facts, pick, true) else {
        return plain(pick);
    };
    let other = self::name(facts, pick / 7 + 1, true).unwrap_or(name);
    let (text, names) = match variant {
        0 => (format!("++{name}++"), vec![name, name]),
        1 => (format!("{name}++ and {other}++"), vec![name, other]),
        2 => (format!("thanks ++{name}"), vec![name]),
        3 => (format!("{}++", name.to_uppercase()), vec![name]),
        4 => (
            format!("nobody_at_all++ but {name}++"),
            vec!["nobody_at_all", name],
        ),
        5 => (
            format!("{}++ that is me", facts.speaker),
            own(facts.speaker),
        ),
        6 => (format!("what a pick {name}+++"), vec![name]),
        7 => (format!("@{name}++ good one"), vec![name]),
        _ => (format!("{name}++"), vec![name]),
    };
    let intents = Intents {
        kudos: names.into_iter().map(str::to_owned).collect(),
        ..Intents::default()
    };
    (text, intents)
}

/// Who thanks themselves gets nothing; of a name with a hyphen the detectors take the last part.
fn own(speaker: &str) -> Vec<&str> {
    speaker.rsplit('-').take(1).collect()
}

fn phrase(facts: &Facts<'_>, pick: usize, variant: usize) -> (String, Intents) {
    let Some(name) = name(facts, pick, false) else {
        return plain(pick);
    };
    let (text, phrase, times) = match variant {
        0 | 1 => (format!("lol {name}"), "lol", 1),
        2 => (format!("LOL, @{name}!"), "lol", 1),
        3 => (format!("{name} lol"), "lol", 1),
        4 => (format!("rofl {name} that boat again"), "rofl", 1),
        5 => (format!("{name}: rofl"), "rofl", 1),
        6 => (format!("haha {name}"), "haha", 2),
        7 => (format!("{name} haha"), "haha", 2),
        8 => (format!("hahaha {name}"), "haha", 1),
        9 => (format!("hehe {name}"), "haha", 1),
        10 => ("lol".to_owned(), "lol", 0),
        _ => (format!("hohoho {name}"), "haha", 1),
    };
    let intents = Intents {
        phrases: vec![(name.to_owned(), phrase.to_owned()); times],
        ..Intents::default()
    };
    (text, intents)
}

fn emote(pick: usize, variant: usize) -> (String, Intents) {
    let name = EMOTES[pick % TYPED_EMOTES];
    let other = EMOTES[(pick / 11) % TYPED_EMOTES];
    let (text, emotes) = match variant {
        0 => (format!("#{name} #{name} #{name}"), vec![name; 3]),
        1 => (format!("nice #{name}!"), vec![name]),
        2 => (format!("#{}", name.to_lowercase()), vec![name]),
        3 => (format!("#{name}#{other}"), vec![name, other]),
        4 => (format!("{name} without the sign"), vec![]),
        5 => ("#not_an_emote".to_owned(), vec![]),
        6 => (":grind: D:".to_owned(), vec![]),
        _ => (format!("#{name}"), vec![name]),
    };
    let intents = Intents {
        emotes: emotes.into_iter().map(str::to_lowercase).collect(),
        ..Intents::default()
    };
    (text, intents)
}

/// `movie++` also thanks a user called movie, which nobody here is.
fn vote(variant: usize) -> (String, Intents) {
    let (text, vote, kudos) = match variant {
        0 => ("great movie++", 1, Some("movie")),
        1 => ("movie--", -1, None),
        2 => ("film++", 1, Some("film")),
        3 => ("what a terrible film--", -1, None),
        4 => ("vid+", 1, None),
        5 => ("video-", -1, None),
        6 => ("MOVIE++", 1, Some("MOVIE")),
        _ => ("movie++", 1, Some("movie")),
    };
    let intents = Intents {
        vote: Some(vote),
        kudos: kudos.into_iter().map(str::to_owned).collect(),
        ..Intents::default()
    };
    (text.to_owned(), intents)
}
