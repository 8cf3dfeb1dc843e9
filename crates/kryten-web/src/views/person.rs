//! What is known of a person: what the statistics answer to `user.stats`, under every spelling and alias.

use kryten_protocol::command::Request;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EmoteCount;
use crate::error::PageError;
use crate::sources::{App, now};

/// Whom.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Whom {
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) domain: Option<String>,
}

/// A person in a domain.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct Person {
    pub(crate) username: String,
    pub(crate) domain: String,
    /// Whether the person is in a channel of the domain.
    pub(crate) present: bool,
    pub(crate) first_seen_at: Option<String>,
    /// Chat lines over all channels of the domain.
    pub(crate) messages: i64,
    /// Kudos of both kinds over the domain.
    pub(crate) kudos: i64,
    pub(crate) kudos_plusplus: i64,
    pub(crate) kudos_phrases: Vec<PhraseCount>,
    /// Seconds of ended visits.
    pub(crate) total_time_seconds: i64,
    /// Without the time away from the keyboard.
    pub(crate) not_afk_time_seconds: i64,
    /// Most lines first.
    pub(crate) channels: Vec<InChannel>,
    pub(crate) emotes: Vec<EmoteCount>,
}

/// A person in a channel.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub(crate) struct InChannel {
    pub(crate) channel: String,
    pub(crate) messages: i64,
    pub(crate) total_time_seconds: i64,
    pub(crate) not_afk_time_seconds: i64,
}

/// Kudos by a phrase.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PhraseCount {
    pub(crate) phrase: String,
    pub(crate) count: i64,
}

/// The statistics' answer; what it lacks is nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer {
    known: Option<bool>,
    present: bool,
    first_seen_at: Option<String>,
    all_messages: Vec<Lines>,
    kudos_plusplus: i64,
    kudos_phrases: Vec<PhraseCount>,
    emotes: Vec<Emote>,
    all_activity: Vec<Activity>,
}

#[derive(Debug, Deserialize)]
struct Lines {
    channel: String,
    count: i64,
}

#[derive(Debug, Deserialize)]
struct Emote {
    emote: String,
    count: i64,
}

#[derive(Debug, Deserialize)]
struct Activity {
    channel: String,
    total_time_seconds: i64,
    not_afk_time_seconds: i64,
}

/// # Errors
/// [`PageError::NoPerson`] where nobody of that name was seen, or the person does not want to be shown.
pub(crate) async fn read(app: &App, whom: &Whom) -> Result<Person, PageError> {
    let first = app.channels().first().map(|channel| channel.domain.clone());
    let domain = whom.domain.clone().or(first).unwrap_or_default();
    let name = whom.name.trim();
    if name.is_empty() {
        return Err(PageError::Request("give a name".to_owned()));
    }
    let request = Request::new("userstats", "user.stats")
        .with("username", name)
        .with("domain", domain.as_str());
    let answer = app.reads.queries.answer(&request, now()).await?;
    let answer: Answer = serde_json::from_value(answer).unwrap_or_default();
    let counted = !answer.all_messages.is_empty() || !answer.all_activity.is_empty();
    if !answer.known.unwrap_or(counted) {
        return Err(PageError::NoPerson);
    }
    Ok(person(name.to_owned(), domain, answer))
}

fn person(username: String, domain: String, answer: Answer) -> Person {
    let mut channels: Vec<InChannel> = answer
        .all_messages
        .into_iter()
        .map(|lines| InChannel {
            channel: lines.channel,
            messages: lines.count,
            ..InChannel::default()
        })
        .collect();
    for activity in answer.all_activity {
        let known = channels
            .iter()
            .position(|known| known.channel == activity.channel);
        let at = known.unwrap_or_else(|| {
            channels.push(InChannel {
                channel: activity.channel.clone(),
                ..InChannel::default()
            });
            channels.len() - 1
        });
        channels[at].total_time_seconds = activity.total_time_seconds;
        channels[at].not_afk_time_seconds = activity.not_afk_time_seconds;
    }
    let phrases: i64 = answer.kudos_phrases.iter().map(|phrase| phrase.count).sum();
    let emotes = answer.emotes.into_iter();
    Person {
        username,
        domain,
        present: answer.present,
        first_seen_at: answer.first_seen_at,
        messages: channels.iter().map(|channel| channel.messages).sum(),
        kudos: answer.kudos_plusplus + phrases,
        kudos_plusplus: answer.kudos_plusplus,
        kudos_phrases: answer.kudos_phrases,
        total_time_seconds: channels
            .iter()
            .map(|channel| channel.total_time_seconds)
            .sum(),
        not_afk_time_seconds: channels
            .iter()
            .map(|channel| channel.not_afk_time_seconds)
            .sum(),
        channels,
        emotes: emotes
            .map(|emote| EmoteCount {
                emote: emote.emote,
                count: emote.count,
            })
            .collect(),
    }
}
