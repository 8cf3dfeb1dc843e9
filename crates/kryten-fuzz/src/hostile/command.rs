//! One command on one subject: what is sent, and what may be answered.

use std::time::Duration;

use bytes::Bytes;
use kryten_client::Client;
use kryten_protocol::subject;
use kryten_robot::commands::allowed;
use kryten_robot::commands::parse::{Action, names_of};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

use super::Answer;
use super::stage::{CHANNEL, DOMAIN};
use crate::corpus;
use crate::mutate;

/// What the statistics can be asked.
const USERSTATS: [&str; 27] = [
    "user.stats",
    "user.profile",
    "user.messages",
    "user.activity",
    "user.kudos",
    "stats.global",
    "channel.top_users",
    "channel.population",
    "channel.media_history",
    "channel.watermarks",
    "channel.movie_votes",
    "channel.all_stats",
    "leaderboard.messages",
    "leaderboard.kudos",
    "leaderboard.emotes",
    "timeseries.messages",
    "timeseries.channel",
    "timeseries.kudos",
    "system.ping",
    "system.health",
    "system.stats",
    "alias.list",
    "alias.get",
    "alias.find",
    "alias.add",
    "alias.delete",
    "alias.update",
];
/// Lifecycle messages that services send, by the last part of their subject.
const LIFECYCLE: [&str; 5] = [
    "startup",
    "shutdown",
    "heartbeat",
    "connected",
    "disconnected",
];

/// Who answers, and in which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `{command, service, …}` on the subject of a service.
    Request(&'static str),
    /// `{action, data}` on the older subject of a channel.
    Older,
    /// Anything; the answer is the robot's rank.
    UserLevel,
    /// Nobody answers.
    Told,
}

/// A command.
pub(super) struct Command {
    pub(super) name: String,
    subject: String,
    form: Form,
    corpus: Vec<Value>,
}

/// All commands of both services, on each subject that they hear, and what they only listen to.
pub(super) fn all() -> anyhow::Result<Vec<Command>> {
    let mut targets = Vec::new();
    let actions: Vec<&str> = Action::all()
        .filter_map(|action| names_of(action).first().copied())
        .collect();
    for (service, names) in [
        ("robot", [actions.as_slice(), &allowed::QUERIES].concat()),
        ("userstats", USERSTATS.to_vec()),
    ] {
        let subject = subject::command(service)?;
        targets.extend(names.into_iter().map(|name| Command {
            name: format!("{service} {name}"),
            subject: subject.clone(),
            form: Form::Request(service),
            corpus: of_command(service, name),
        }));
    }
    let older = subject::legacy_commands(CHANNEL)?;
    targets.extend(actions.iter().map(|name| Command {
        name: format!("older {name}"),
        subject: older.replace('>', name),
        form: Form::Older,
        corpus: vec![json!({"action": name, "data": arguments()})],
    }));
    for subject in [
        subject::user_level(DOMAIN, CHANNEL)?,
        subject::user_level_of_python(DOMAIN, CHANNEL)?,
    ] {
        targets.push(Command {
            name: format!("level {subject}"),
            subject,
            form: Form::UserLevel,
            corpus: vec![json!({}), Value::Null],
        });
    }
    let mut told: Vec<String> = [subject::DISCOVERY_POLL, subject::GROUP_RESTART]
        .map(str::to_owned)
        .to_vec();
    for what in LIFECYCLE {
        told.push(subject::lifecycle("robot", what)?);
        told.push(subject::lifecycle("stranger", what)?);
    }
    targets.extend(told.into_iter().map(|subject| Command {
        name: format!("told {subject}"),
        subject,
        form: Form::Told,
        corpus: corpus::LIFECYCLE.clone(),
    }));
    for event in [
        "chatMsg",
        "pm",
        "addUser",
        "userlist",
        "changeMedia",
        "emoteList",
        "unheardOf",
    ] {
        targets.push(Command {
            name: format!("event {event}"),
            subject: subject::event(CHANNEL, event)?,
            form: Form::Told,
            corpus: corpus::ENVELOPES.clone(),
        });
    }
    Ok(targets)
}

/// Recorded requests of this command; where there are none, one with every argument that any command has.
fn of_command(service: &str, name: &str) -> Vec<Value> {
    let is_this = |message: &&Value| message["command"] == name && message.get("success").is_none();
    let mut found: Vec<Value> = corpus::COMMANDS.iter().filter(is_this).cloned().collect();
    let mut flat = arguments();
    flat.insert("command".to_owned(), name.into());
    flat.insert("service".to_owned(), service.into());
    found.push(Value::Object(flat));
    found.push(json!({"service": service, "command": name, "args": arguments(), "meta": {"domain": DOMAIN, "channel": CHANNEL}}));
    found
}

/// What commands are told, by all the names that they know.
fn arguments() -> Map<String, Value> {
    const TEXTS: [(&str, &str); 28] = [
        ("username", "bob"),
        ("name", "bob"),
        ("user", "bob"),
        ("to", "bob"),
        ("leader", "bob"),
        ("message", "hello"),
        ("msg", "hello"),
        ("text", "hello"),
        ("motd", "hello"),
        ("channel", CHANNEL),
        ("domain", DOMAIN),
        ("url", "https://youtu.be/dQw4w9WgXcQ"),
        ("type", "yt"),
        ("id", "dQw4w9WgXcQ"),
        ("reason", "because"),
        ("media_title", "A film"),
        ("alias", "bobby"),
        ("old_alias", "bobby"),
        ("new_alias", "robert"),
        ("title", "Which?"),
        ("source", "x"),
        ("flags", "g"),
        ("replace", "y"),
        ("image", "https://example.invalid/e.png"),
        ("css", "body {}"),
        ("query", "cats"),
        ("start_time", "2026-01-01T00:00:00Z"),
        ("end_time", "2026-01-02T00:00:00Z"),
    ];
    let others = json!({
        "limit": 5, "hours": 24, "days": 7, "uid": 1, "position": 2, "after": 1, "time": 12.5, "temp": true,
        "rank": 2, "duration": 5, "option": 0, "opts": ["a", "b"], "emotes": [],
        "options": {"allow_voteskip": true}, "permissions": {"chat": 0},
    });
    let mut all: Map<String, Value> = TEXTS
        .map(|(name, text)| (name.to_owned(), text.into()))
        .into_iter()
        .collect();
    all.extend(others.as_object().cloned().unwrap_or_default());
    all
}

impl Command {
    /// A message for it. Half of what still is JSON keeps its name, so that most gets past the first look.
    pub(super) fn body(&self, random: &mut StdRng) -> Vec<u8> {
        let original = self.corpus.choose(random).cloned().unwrap_or_default();
        let mut message = original.clone();
        for _ in 0..random.random_range(0..5) {
            mutate::mangle(random, &mut message, &self.corpus);
        }
        if let (Value::Object(fields), true) = (&mut message, random.random_bool(0.5)) {
            for name in ["command", "service", "action"] {
                if let Some(value) = original.get(name) {
                    fields.insert(name.to_owned(), value.clone());
                }
            }
        }
        let mut body = message.to_string().into_bytes();
        if random.random_ratio(1, 6) {
            mutate::bytes(random, &mut body);
        }
        body
    }

    /// Sends it, and looks at the answer.
    pub(super) async fn send(
        &self,
        nats: &Client,
        body: &[u8],
        patience: Duration,
    ) -> Result<Answer, String> {
        let (nats, body) = (nats.nats(), Bytes::copy_from_slice(body));
        if body.len() > nats.max_payload() {
            return Ok(Answer::NoneDue);
        }
        if !self.is_answer_due(&body) {
            let sent = nats.publish(self.subject.clone(), body).await;
            return sent
                .map(|()| Answer::NoneDue)
                .map_err(|error| error.to_string());
        }
        let asked = nats.request(self.subject.clone(), body);
        match tokio::time::timeout(patience, asked).await {
            Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
            Ok(Err(error)) => Err(format!("no answer: {error}")),
            Ok(Ok(reply)) => self.judge(&reply.payload),
        }
    }

    fn is_answer_due(&self, body: &[u8]) -> bool {
        let value: Option<Value> = serde_json::from_slice(body).ok();
        match self.form {
            Form::Told => false,
            Form::UserLevel => true,
            // Without an action it is none of the robot's business.
            Form::Older => match value {
                Some(Value::Object(fields)) => fields
                    .get("action")
                    .and_then(Value::as_str)
                    .is_some_and(|it| !it.is_empty()),
                _ => true,
            },
            // Another robot may serve a channel of another host.
            Form::Request("robot") => {
                let meta = value.as_ref().and_then(|value| value.get("meta"));
                let of_meta =
                    |name: &str| meta.and_then(|meta| meta.get(name)).and_then(Value::as_str);
                of_meta("domain").is_none_or(|domain| {
                    domain == DOMAIN
                        && of_meta("channel").is_none_or(|name| name.eq_ignore_ascii_case(CHANNEL))
                })
            }
            Form::Request(_) => true,
        }
    }

    /// Whether an answer has the form that every client relies on.
    fn judge(&self, payload: &[u8]) -> Result<Answer, String> {
        let wrong = |what: &str| {
            Err(format!(
                "{what}: {}",
                String::from_utf8_lossy(payload).escape_debug()
            ))
        };
        let Ok(Value::Object(reply)) = serde_json::from_slice::<Value>(payload) else {
            return wrong("the answer is no JSON object");
        };
        if self.form == Form::UserLevel {
            let is_whole = reply["success"] == true
                && reply["rank"].is_number()
                && reply["username"].is_string();
            return match is_whole {
                true => Ok(Answer::Done),
                false => wrong("the answer does not tell a rank"),
            };
        }
        let refusal = |of: Option<&Value>| {
            of.and_then(Value::as_str)
                .is_some_and(|text| !text.trim().is_empty())
        };
        match reply.get("success") {
            Some(Value::Bool(false)) if refusal(reply.get("error")) => Ok(Answer::Refused),
            Some(Value::Bool(false)) => wrong("a refusal without words"),
            Some(Value::Bool(true)) => match reply.get("data") {
                Some(data) if data["success"] == false && !refusal(data.get("error")) => {
                    wrong("a refusal without words")
                }
                Some(data) if data["success"] == false => Ok(Answer::Refused),
                Some(_) => Ok(Answer::Done),
                None => wrong("a success without data"),
            },
            // The original's answer, and ours, to what is no request.
            None if refusal(reply.get("error")) && self.form == Form::Request("userstats") => {
                Ok(Answer::Refused)
            }
            _ => wrong("the answer does not say whether it succeeded"),
        }
    }
}
