//! A vote for the film that plays: `movie++` at the end of a line.

use super::chars::is_space;

const WORDS: [&str; 4] = ["movie", "film", "vid", "video"];

/// The vote that a line ends with: 1 or -1. Any `+` among its one or two signs makes it 1.
pub fn vote(text: &str) -> Option<i8> {
    let line = text.trim_end_matches(is_space);
    let word = line.trim_end_matches(['+', '-']);
    let signs = &line[word.len()..];
    if !(1..=2).contains(&signs.len()) {
        return None;
    }
    let voted = WORDS.iter().any(|w| {
        let Some(at) = word.len().checked_sub(w.len()) else {
            return false;
        };
        word.get(at..)
            .is_some_and(|end| end.eq_ignore_ascii_case(w))
            && word[..at].chars().next_back().is_none_or(is_space)
    });
    voted.then_some(if signs.contains('+') { 1 } else { -1 })
}
