//! Answers in the channel and by private message, said by the robot. Off for the channel unless configured.
//!
//! A question is handed on only after the transaction that counts its line is committed, and its line is never read
//! again after that: so each is answered once at most, whatever is killed when.

mod ask;
mod pace;
mod words;

use std::collections::HashMap;
use std::time::Duration;

use kryten_client::Client;
use kryten_client::commands::Robot;
use kryten_protocol::command::Request;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::config::AnswersConfig;
use crate::counting::now;
use crate::queries::{Queries, QueryError};
use crate::tally::{Question, Wish};
use ask::Ask;
use pace::Pace;

/// Lines that are older are history, or came out of a backlog.
const FRESH_MICROS: i64 = 10_000_000;
/// CyTube's clock may be ahead of ours.
const AHEAD_MICROS: i64 = 60_000_000;
/// Questions that may wait for the robot; more are not answered.
const WAITING: usize = 32;
/// Longer exports are for the operator to give.
const LONGEST_EXPORT: usize = 3000;
const PLACES: i64 = 5;
const HELP: &str = "privacy: say to me in private `!privacy opt-out` not to be counted, `opt-in` to be counted again, \
    `export` to see what is counted of you, `forget` to have it removed";
const UNSURE: &str =
    "everything that was counted of you would be gone for good; say `!privacy forget yes`";

/// Hands questions to whoever answers.
#[derive(Debug, Clone)]
pub(crate) struct Questions(mpsc::Sender<Question>);

/// Where they come out.
pub(crate) type Asked = mpsc::Receiver<Question>;

impl Questions {
    pub(crate) fn new() -> (Self, Asked) {
        let (questions, asked) = mpsc::channel(WAITING);
        (Self(questions), asked)
    }

    /// Hands on what is committed; what does not fit is not answered.
    pub(crate) fn put(&self, questions: Vec<Question>) {
        let now = now().micros();
        for question in questions {
            let age = now - question.at.micros();
            if (-AHEAD_MICROS..=FRESH_MICROS).contains(&age) {
                // Nobody is owed an answer.
                let _ = self.0.try_send(question);
            }
        }
    }
}

/// Answers until told to stop.
pub(crate) struct Answers {
    client: Client,
    queries: Queries,
    config: AnswersConfig,
    in_chat: Pace,
    in_private: Pace,
    robots: HashMap<(String, String), Robot>,
    failing: bool,
}

impl Answers {
    pub(crate) fn new(client: Client, queries: Queries, config: AnswersConfig) -> Self {
        Self {
            client,
            queries,
            in_chat: Pace::new(config.person_every, config.channel_every),
            in_private: Pace::new(config.private_every, Duration::ZERO),
            config,
            robots: HashMap::new(),
            failing: false,
        }
    }

    pub(crate) async fn run(mut self, mut asked: Asked, stop: CancellationToken) {
        let started = Instant::now();
        loop {
            let question = tokio::select! {
                question = asked.recv() => question,
                () = stop.cancelled() => return,
            };
            let Some(question) = question else {
                return;
            };
            let Some(ask) = Ask::read(&question.text) else {
                continue;
            };
            if !self.may_answer(&question, &ask, started.elapsed()) {
                debug!(
                    user = question.user,
                    "asked too often, or where it is not answered"
                );
                continue;
            }
            let answer = self.answer(&question, &ask).await;
            tokio::select! {
                () = self.say(&question, &answer) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn may_answer(&mut self, question: &Question, ask: &Ask, now: Duration) -> bool {
        let (wanted, pace) = match ask.is_private() {
            true => (
                self.config.privacy_by_pm && question.private,
                &mut self.in_private,
            ),
            false => (self.config.in_chat, &mut self.in_chat),
        };
        wanted && pace.take(&question.channel, &question.user, question.private, now)
    }

    async fn answer(&self, question: &Question, ask: &Ask) -> String {
        let answer = match ask {
            Ask::Stats(name) => self.stats(question, name.as_deref()).await,
            Ask::Top => {
                self.places(question, "channel.top_users", "most lines")
                    .await
            }
            Ask::Kudos => {
                self.places(question, "leaderboard.kudos", "most kudos")
                    .await
            }
            Ask::PrivacyHelp => Ok(HELP.to_owned()),
            Ask::ForgetUnsure => Ok(UNSURE.to_owned()),
            Ask::Wish(wish) => self.wish(question, *wish).await,
            Ask::Export => self.export(question).await,
        };
        answer.unwrap_or_else(|error| {
            warn!(%error, "a question cannot be answered");
            "that cannot be told now; ask again later".to_owned()
        })
    }

    async fn stats(&self, question: &Question, name: Option<&str>) -> Result<String, QueryError> {
        let name = name.unwrap_or(&question.user);
        let data = self
            .ask(
                question,
                Request::new("userstats", "user.stats").with("username", name),
            )
            .await?;
        Ok(words::stats(name, &data))
    }

    async fn places(
        &self,
        question: &Question,
        command: &str,
        what: &str,
    ) -> Result<String, QueryError> {
        let request = Request::new("userstats", command)
            .with("limit", PLACES)
            .with("only_channel", question.channel.as_str());
        let data = self.ask(question, request).await?;
        let rows = data.get("top_users").or_else(|| data.get("leaderboard"));
        Ok(words::places(what, rows.unwrap_or(&Value::Null)))
    }

    async fn ask(&self, question: &Question, request: Request) -> Result<Value, QueryError> {
        let request = request
            .with("channel", question.channel.as_str())
            .with("domain", question.domain.as_str());
        self.queries.answer(&request, now()).await
    }

    /// Only the name that asks, whatever aliases it has.
    async fn wish(&self, question: &Question, wish: Wish) -> Result<String, QueryError> {
        let names = vec![question.user.clone()];
        self.queries.carry_out(wish, names).await?;
        info!(
            wish = wish.as_str(),
            "a wish by private message is carried out"
        );
        Ok(match wish {
            Wish::OptOut => "you are no longer counted nor shown; `!privacy opt-in` undoes it",
            Wish::OptIn => "you are counted and shown again",
            Wish::Forget => "what was counted of you is gone",
        }
        .to_owned())
    }

    async fn export(&self, question: &Question) -> Result<String, QueryError> {
        let names = [question.user.clone()];
        let counted: Map<String, Value> = self.queries.export(&names).await?;
        let short = words::export(&counted, LONGEST_EXPORT);
        Ok(short.unwrap_or_else(|| {
            let rows: Vec<String> = counted
                .iter()
                .map(|(what, rows)| format!("{what} {}", rows.as_array().map_or(0, Vec::len)))
                .collect();
            format!(
                "that is too long to be said here, ask whoever runs this service for it; rows of {}",
                rows.join(", ")
            )
        }))
    }

    /// An answer that does not arrive is not said again.
    async fn say(&mut self, question: &Question, answer: &str) {
        let key = (question.domain.clone(), question.channel.clone());
        let client = &self.client;
        let robot = self
            .robots
            .entry(key)
            .or_insert_with_key(|(domain, channel)| {
                client.robot(domain, channel).as_source("userstats")
            });
        let said = match question.private {
            true => robot.pm(&question.user, answer).await,
            false => robot.say(answer).await,
        };
        match said {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                warn!(
                    channel = question.channel,
                    %error,
                    "the robot does not say our answers; are its commands enabled, and may this service use them?"
                );
            }
            Err(error) => debug!(%error, "the robot does not say our answers"),
        }
    }
}
