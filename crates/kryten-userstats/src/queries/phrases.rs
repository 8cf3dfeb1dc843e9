//! `phrase.…`: the words that count as thanks. The original changes them in its database only.

use std::sync::atomic::Ordering;

use kryten_protocol::command::Request;
use serde_json::{Value, json};

use super::parameters::required;
use super::{Queries, QueryError};
use crate::store::{PhraseAdded, PhraseDeleted};

/// Longer than any word that somebody says.
const LONGEST: usize = 64;

impl Queries {
    pub(super) async fn phrase_list(&self) -> Result<Value, QueryError> {
        let mut phrases = self.store.phrases().await?;
        phrases
            .iter_mut()
            .for_each(|phrase| *phrase = phrase.to_lowercase());
        phrases.sort();
        phrases.dedup();
        Ok(json!({"count": phrases.len(), "phrases": phrases}))
    }

    pub(super) async fn phrase_add(&self, request: &Request) -> Result<Value, QueryError> {
        let phrase = word(request)?;
        match self.store.add_phrase(&phrase).await? {
            PhraseAdded::Added => Ok(self.phrases_changed(&phrase, "Added")),
            PhraseAdded::AlreadyThere => {
                let error = format!("Phrase '{phrase}' is there already");
                Err(QueryError::Refused(error))
            }
        }
    }

    pub(super) async fn phrase_delete(&self, request: &Request) -> Result<Value, QueryError> {
        let phrase = required(request, "phrase")?.text.to_lowercase();
        match self.store.delete_phrase(&phrase).await? {
            PhraseDeleted::Deleted => Ok(self.phrases_changed(&phrase, "Deleted")),
            PhraseDeleted::NotFound => {
                let error = format!("Phrase '{phrase}' not found");
                Err(QueryError::Refused(error))
            }
            PhraseDeleted::Last => {
                let error = format!(
                    "Phrase '{phrase}' is the last one; add another first, since without any the defaults come back"
                );
                Err(QueryError::Refused(error))
            }
        }
    }

    fn phrases_changed(&self, phrase: &str, done: &str) -> Value {
        self.names_changed.store(true, Ordering::Relaxed);
        json!({"phrase": phrase, "message": format!("{done} phrase '{phrase}'")})
    }
}

/// What a phrase can match: a single word of a line, without the marks that are taken off it.
fn word(request: &Request) -> Result<String, QueryError> {
    let phrase = required(request, "phrase")?.text.to_lowercase();
    let is_bare = phrase.trim_matches(['.', ',', '!', '?', ';', ':']) == phrase;
    if phrase.chars().any(char::is_whitespace) || !is_bare {
        return Err(QueryError::Unusable(
            "phrase",
            "give one word without blanks and without marks around it",
        ));
    }
    if phrase.len() > LONGEST {
        return Err(QueryError::Unusable("phrase", "give at most 64 bytes"));
    }
    Ok(phrase)
}
