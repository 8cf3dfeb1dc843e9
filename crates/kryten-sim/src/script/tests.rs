use std::collections::BTreeSet;

use super::*;
use crate::ledger::intents_of;

#[test]
fn what_a_line_means_is_what_an_independent_reader_takes_from_it() {
    let emotes: BTreeSet<String> = cast::EMOTES
        .iter()
        .map(|name| name.to_lowercase())
        .collect();
    let names = ["alice", "rupert-77", "SYBIL", "_under_", "KrytenBot"];
    let mut random = StdRng::seed_from_u64(1);
    let mut kinds = [0; 4];
    for round in 0..20_000 {
        let facts = Facts {
            speaker: names[round % names.len()],
            thankable: names.to_vec(),
            may_vote: round % 2 == 0,
        };
        let (text, intents) = lines::compose(&mut random, &facts);
        let html = crate::room::format_text(&text);
        let mut read = intents_of(&html, &emotes);
        // A reader lists names in the order of the signs, and in the letter case of the text.
        let fold = |names: &[String]| {
            let mut names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
            names.sort();
            names
        };
        assert_eq!(fold(&read.kudos), fold(&intents.kudos), "{text}");
        // Words beside a phrase that nobody is called do not count.
        read.phrases
            .retain(|(name, _)| names.contains(&name.as_str()));
        assert_eq!(read.phrases, intents.phrases, "{text}");
        assert_eq!(read.emotes, intents.emotes, "{text}");
        assert_eq!(read.vote, intents.vote, "{text}");
        kinds[0] += usize::from(!read.kudos.is_empty());
        kinds[1] += usize::from(!read.phrases.is_empty());
        kinds[2] += usize::from(!read.emotes.is_empty());
        kinds[3] += usize::from(read.vote.is_some());
    }
    assert!(kinds.iter().all(|count| *count > 300), "{kinds:?}");
}

#[test]
fn no_name_is_a_word_of_a_detector() {
    for actor in cast::actors(80) {
        let name = actor.name.to_lowercase();
        let words = [
            "movie",
            "film",
            "vid",
            "video",
            "lol",
            "rofl",
            "haha",
            "me",
            "nobody_at_all",
        ];
        assert!(!words.contains(&name.as_str()));
        assert!(name.len() <= 20);
    }
}
