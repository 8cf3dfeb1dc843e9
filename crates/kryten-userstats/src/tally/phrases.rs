//! Kudos by phrase: a laugh or another trigger phrase next to a name.

use std::collections::HashSet;

use super::chars::is_space;

const WORD_MARKS: [char; 6] = ['.', ',', '!', '?', ';', ':'];
const NAME_MARKS: [char; 7] = ['.', ',', '!', '?', ';', ':', '@'];
const LAUGHTER: &str = "haha";
const SYLLABLES: [&str; 3] = ["ha", "he", "ho"];

/// The trigger phrases, in lower case.
#[derive(Debug, Clone, Default)]
pub struct Phrases(HashSet<String>);

impl Phrases {
    /// From phrases as stored, in any case.
    pub fn new(phrases: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(
            phrases
                .into_iter()
                .map(|phrase| phrase.as_ref().to_lowercase())
                .collect(),
        )
    }

    /// How many distinct phrases there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none; then no kudos by phrase are found at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The (name, phrase) pairs of a line: for each trigger word its neighbours.
///
/// Laughter of two or more syllables counts on its own as `haha`, so that a listed `haha` counts twice: existing
/// counts were made so.
pub fn phrase_kudos<'a>(text: &'a str, phrases: &Phrases) -> Vec<(&'a str, String)> {
    if phrases.is_empty() {
        return Vec::new();
    }
    let words: Vec<&str> = text.split(is_space).filter(|w| !w.is_empty()).collect();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let lower = word.to_lowercase();
        let word = lower.trim_matches(WORD_MARKS);
        let mut thank = |phrase: &str| {
            let previous = at.checked_sub(1).map(|at| words[at]);
            let next = words.get(at + 1).copied();
            for neighbour in [previous, next].into_iter().flatten() {
                let name = neighbour.trim_matches(NAME_MARKS);
                if name.chars().nth(1).is_some() {
                    found.push((name, phrase.to_owned()));
                }
            }
        };
        if phrases.0.contains(word) {
            thank(word);
        }
        if is_laughter(word) {
            thank(LAUGHTER);
        }
    }
    found
}

fn is_laughter(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 4
        && bytes.len().is_multiple_of(2)
        && bytes
            .chunks_exact(2)
            .all(|pair| SYLLABLES.iter().any(|s| s.as_bytes() == pair))
}
