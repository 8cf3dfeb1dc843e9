//! What a line of plain words means, for lines that no script composed.

use std::collections::BTreeSet;

use super::Intents;

/// The phrases that statistics look for unless they are told otherwise.
const PHRASES: [&str; 3] = ["lol", "rofl", "haha"];

/// Reads a line by the original's rules. Right for letters, digits and ASCII marks, which is all that simulated
/// users and tests type next to a name; `emotes` are the channel's, lower case.
pub fn intents_of(text: &str, emotes: &BTreeSet<String>) -> Intents {
    Intents {
        kudos: kudos(text),
        phrases: phrases(text),
        emotes: hashtags(text)
            .into_iter()
            .filter(|tag| emotes.contains(tag))
            .collect(),
        vote: vote(text),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn word_at_start(text: &str) -> &str {
    let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    &text[..end]
}

fn word_at_end(text: &str) -> &str {
    let start = text
        .char_indices()
        .rev()
        .find(|(_, c)| !is_word(*c))
        .map_or(0, |(at, c)| at + c.len_utf8());
    &text[start..]
}

/// Names after `++`, then names before `++`.
fn kudos(text: &str) -> Vec<String> {
    let signs: Vec<usize> = (0..text.len())
        .filter(|at| text.as_bytes()[*at..].starts_with(b"++"))
        .collect();
    let after = signs.iter().map(|at| word_at_start(&text[at + 2..]));
    let before = signs.iter().map(|at| word_at_end(&text[..*at]));
    after
        .chain(before)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn phrases(text: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let word = word.to_lowercase();
        let word = word.trim_matches(['.', ',', '!', '?', ';', ':']);
        let mut hits = Vec::new();
        if PHRASES.contains(&word) {
            hits.push(word);
        }
        if is_laughter(word) {
            hits.push("haha");
        }
        let before = index.checked_sub(1).and_then(|at| words.get(at));
        let after = words.get(index + 1);
        for hit in hits {
            for neighbour in [before, after].into_iter().flatten() {
                let name = neighbour.trim_matches(['.', ',', '!', '?', ';', ':', '@']);
                if name.chars().count() >= 2 {
                    found.push((name.to_owned(), hit.to_owned()));
                }
            }
        }
    }
    found
}

/// Two or more of `ha`, `he`, `ho`, and nothing else.
fn is_laughter(word: &str) -> bool {
    let syllables: Vec<&[u8]> = word.as_bytes().chunks(2).collect();
    syllables.len() >= 2
        && syllables
            .iter()
            .all(|syllable| matches!(syllable, [b'h', b'a' | b'e' | b'o']))
}

fn hashtags(text: &str) -> Vec<String> {
    text.match_indices('#')
        .map(|(at, _)| word_at_start(&text[at + 1..]).to_lowercase())
        .filter(|tag| !tag.is_empty())
        .collect()
}

fn vote(text: &str) -> Option<i8> {
    let text = text.to_lowercase();
    let text = text.trim_end();
    let stem = text.trim_end_matches(['+', '-']);
    let signs = &text[stem.len()..];
    if signs.is_empty() || signs.len() > 2 {
        return None;
    }
    let word = word_of_vote(stem)?;
    let before = &stem[..stem.len() - word.len()];
    let starts = before.is_empty() || before.ends_with(char::is_whitespace);
    starts.then_some(if signs.contains('+') { 1 } else { -1 })
}

fn word_of_vote(stem: &str) -> Option<&'static str> {
    ["movie", "film", "vid", "video"]
        .into_iter()
        .find(|word| word_at_end(stem) == *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Intents {
        let emotes = ["kappa", "lul", "wow_1", "39"].map(str::to_owned).into();
        intents_of(text, &emotes)
    }

    #[test]
    fn kudos_are_found_before_and_after_the_signs() {
        for (text, names) in [
            ("++alice++", &["alice", "alice"][..]),
            ("alice++bob", &["bob", "alice"]),
            ("+++alice", &["alice"]),
            ("alice ++", &[]),
            ("the-dash++", &["dash"]),
            ("@alice++, ++bob", &["bob", "alice"]),
        ] {
            assert_eq!(read(text).kudos, names, "{text}");
        }
    }

    #[test]
    fn phrases_thank_their_neighbours_and_haha_counts_twice() {
        let pair = |name: &str, phrase: &str| (name.to_owned(), phrase.to_owned());
        assert_eq!(read("Lol, @alice!").phrases, [pair("alice", "lol")]);
        assert_eq!(
            read("alice haha").phrases,
            [pair("alice", "haha"), pair("alice", "haha")]
        );
        assert_eq!(read("hehe bob").phrases, [pair("bob", "haha")]);
        assert_eq!(read("lol a").phrases, []);
        assert_eq!(read("ahaha bob").phrases, []);
    }

    #[test]
    fn emotes_need_a_hash_and_a_place_in_the_list() {
        assert_eq!(
            read("#Kappa#lul kappa #nope #wow_1!").emotes,
            ["kappa", "lul", "wow_1"]
        );
        assert_eq!(read("it&#39;s").emotes, ["39"]);
    }

    #[test]
    fn votes_end_the_line() {
        for (text, vote) in [
            ("movie++", Some(1)),
            ("great FILM- ", Some(-1)),
            ("vid+-", Some(1)),
            ("video--", Some(-1)),
            ("movie+++", None),
            ("mymovie++", None),
            ("movie++ great", None),
            ("#movie++", None),
        ] {
            assert_eq!(read(text).vote, vote, "{text}");
        }
    }
}
