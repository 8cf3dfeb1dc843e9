//! What a right counter counts, by a small code of its own.
//!
//! The script says with each line what it means ([`Intents`]); lines of clients are read by [`intents_of`], which
//! shares nothing with any detector of the statistics.

mod matcher;
mod title;

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

pub use matcher::intents_of;
pub(crate) use title::clean_title;

/// Counts per user.
type PerUser<T> = BTreeMap<String, T>;

/// The totals of all that the bot received, or will be offered by the replay of the channel's last lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Chat lines by sender.
    pub messages: PerUser<u64>,
    /// Private messages by sender.
    pub pms: PerUser<u64>,
    /// `++` kudos by receiver.
    pub kudos_plusplus: PerUser<u64>,
    /// Phrase kudos by receiver and phrase.
    pub kudos_phrases: PerUser<BTreeMap<String, u64>>,
    /// Emotes by sender.
    pub emotes: PerUser<BTreeMap<String, u64>>,
    /// The last vote by cleaned title and sender.
    pub movie_votes: BTreeMap<String, PerUser<i8>>,
    /// Whether the script has said all its lines.
    pub done: bool,
}

/// What a line means to the statistics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intents {
    /// The names thanked with `++`, each as often as it counts.
    pub kudos: Vec<String>,
    /// The names next to a phrase, with the phrase.
    pub phrases: Vec<(String, String)>,
    /// The emotes, lower case, each as often as it counts.
    pub emotes: Vec<String>,
    /// +1 or -1 for the film.
    pub vote: Option<i8>,
}

/// A chat line as the counter sees it.
#[derive(Debug, Clone)]
pub(crate) struct Said<'a> {
    pub(crate) username: &'a str,
    pub(crate) intents: &'a Intents,
    /// The film that played when it was said.
    pub(crate) title: Option<&'a str>,
}

/// The ledger and whom the bot has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    /// Names as spelt, by lower case.
    seen: HashMap<String, String>,
}

impl Book {
    /// The bot was told of a user: by a list, an arrival, a line or a private message.
    pub(crate) fn see(&mut self, name: &str) {
        self.seen
            .entry(name.to_lowercase())
            .or_insert_with(|| name.to_owned());
    }

    /// Whether the bot has been told of a user.
    pub(crate) fn has_seen(&self, name: &str) -> bool {
        self.seen.contains_key(&name.to_lowercase())
    }

    /// The bot received a chat line.
    pub(crate) fn count_line(&mut self, said: &Said<'_>) {
        let sender = said.username;
        self.see(sender);
        *self.ledger.messages.entry(sender.to_owned()).or_default() += 1;
        for name in &said.intents.kudos {
            if let Some(receiver) = self.receiver(sender, name) {
                *self.ledger.kudos_plusplus.entry(receiver).or_default() += 1;
            }
        }
        for (name, phrase) in &said.intents.phrases {
            if let Some(receiver) = self.receiver(sender, name) {
                let phrases = self.ledger.kudos_phrases.entry(receiver).or_default();
                *phrases.entry(phrase.clone()).or_default() += 1;
            }
        }
        for emote in &said.intents.emotes {
            let emotes = self.ledger.emotes.entry(sender.to_owned()).or_default();
            *emotes.entry(emote.clone()).or_default() += 1;
        }
        if let (Some(vote), Some(title)) = (said.intents.vote, said.title) {
            let votes = self
                .ledger
                .movie_votes
                .entry(clean_title(title))
                .or_default();
            votes.insert(sender.to_owned(), vote);
        }
    }

    /// The bot received a private message, or the echo of its own.
    pub(crate) fn count_pm(&mut self, sender: &str, msg: &str) -> bool {
        if msg.starts_with("system:") {
            return false;
        }
        self.see(sender);
        *self.ledger.pms.entry(sender.to_owned()).or_default() += 1;
        true
    }

    /// The stored spelling of a thanked name; nobody thanks themselves, and only users that were seen are thanked.
    fn receiver(&self, sender: &str, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        if name == sender.to_lowercase() {
            return None;
        }
        self.seen.get(&name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(book: &mut Book, username: &str, text: &str) {
        let emotes = ["kappa".to_owned()].into();
        let intents = intents_of(text, &emotes);
        book.count_line(&Said {
            username,
            intents: &intents,
            title: Some("Some_Film.mkv"),
        });
    }

    #[test]
    fn only_seen_users_are_thanked_and_nobody_thanks_themselves() {
        let mut book = Book::default();
        book.see("Alice");
        count(&mut book, "bob", "++ALICE and nobody++ and bob++");
        count(&mut book, "bob", "haha alice");
        count(&mut book, "Alice", "BOB++ #Kappa #kappa #nope");
        assert_eq!(book.ledger.kudos_plusplus["Alice"], 1);
        assert_eq!(book.ledger.kudos_plusplus["bob"], 1);
        assert_eq!(book.ledger.kudos_plusplus.len(), 2);
        assert_eq!(book.ledger.kudos_phrases["Alice"]["haha"], 2);
        assert_eq!(book.ledger.emotes["Alice"]["kappa"], 2);
        assert_eq!(book.ledger.messages["bob"], 2);
    }

    #[test]
    fn the_last_vote_replaces_and_system_messages_do_not_count() {
        let mut book = Book::default();
        count(&mut book, "bob", "great movie++");
        count(&mut book, "bob", "movie--");
        assert_eq!(book.ledger.movie_votes["Some Film"]["bob"], -1);
        assert!(!book.count_pm("bob", "system:help"));
        assert!(book.count_pm("bob", "hi"));
        assert_eq!(book.ledger.pms["bob"], 1);
    }
}
