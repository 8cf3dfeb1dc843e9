//! Answers in the channel and by private message, said by the robot. Off for the channel unless configured.
//!
//! A question is handed on only after the transaction that counts its line is committed, and its line is never read
//! again after that: so each is answered once at most, whatever is killed when. Each channel has a task of its own, so
//! that one whose robot is silent keeps no other waiting.

mod ask;
mod heard;
mod pace;
mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kryten_client::Client;
use kryten_client::commands::Robot;
use kryten_protocol::command::Request;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::config::AnswersConfig;
use crate::counting::now;
use crate::queries::{Queries, QueryError};
use crate::tally::{Question, Wish};
use ask::Ask;
use heard::Heard;
use pace::Pace;

/// Questions that may wait, of all channels to be given to their tasks and in each channel for the robot; more are not
/// answered.
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
pub(crate) struct Questions(mpsc::Sender<Heard>);

/// Where they come out.
pub(crate) type Asked = mpsc::Receiver<Heard>;

impl Questions {
    pub(crate) fn new() -> (Self, Asked) {
        let (questions, asked) = mpsc::channel(WAITING);
        (Self(questions), asked)
    }

    /// Hands on what is committed; what does not fit is not answered.
    pub(crate) fn put(&self, questions: Vec<Question>) {
        let now = now();
        for question in questions {
            if let Some(heard) = Heard::fresh(question, now) {
                // Nobody is owed an answer.
                let _ = self.0.try_send(heard);
            }
        }
    }
}

/// Gives questions to their channels until told to stop.
pub(crate) struct Answers {
    client: Client,
    queries: Arc<Queries>,
    config: AnswersConfig,
    in_chat: Pace,
    in_private: Pace,
    channels: HashMap<(String, String), mpsc::Sender<(Heard, Ask)>>,
}

impl Answers {
    pub(crate) fn new(client: Client, queries: Queries, config: AnswersConfig) -> Self {
        Self {
            client,
            queries: Arc::new(queries),
            in_chat: Pace::new(config.person_every, config.channel_every),
            in_private: Pace::new(config.private_every, Duration::ZERO),
            config,
            channels: HashMap::new(),
        }
    }

    pub(crate) async fn run(mut self, mut asked: Asked, stop: CancellationToken) {
        let started = Instant::now();
        // Those that still answer end with this.
        let mut answering = JoinSet::new();
        loop {
            let heard = tokio::select! {
                heard = asked.recv() => heard,
                () = stop.cancelled() => return,
            };
            let Some(heard) = heard else {
                return;
            };
            let Some(ask) = Ask::read(&heard.question.text) else {
                continue;
            };
            if !self.may_answer(&heard.question, &ask, started.elapsed()) {
                debug!(
                    user = heard.question.user,
                    "asked too often, or where it is not answered"
                );
                continue;
            }
            let channel = self.channel(&heard.question, &mut answering);
            // Nobody is owed an answer.
            let _ = channel.try_send((heard, ask));
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

    /// The channel's task, begun with its first question.
    fn channel(
        &mut self,
        question: &Question,
        answering: &mut JoinSet<()>,
    ) -> &mpsc::Sender<(Heard, Ask)> {
        let key = (question.domain.clone(), question.channel.clone());
        self.channels
            .entry(key)
            .or_insert_with_key(|(domain, channel)| {
                let (questions, asked) = mpsc::channel(WAITING);
                let answers = ChannelAnswers {
                    robot: self.client.robot(domain, channel).as_source("userstats"),
                    queries: Arc::clone(&self.queries),
                    failing: false,
                };
                answering.spawn(answers.run(asked));
                questions
            })
    }
}

/// Answers in one channel, in the order of the questions.
struct ChannelAnswers {
    robot: Robot,
    queries: Arc<Queries>,
    failing: bool,
}

impl ChannelAnswers {
    async fn run(mut self, mut asked: mpsc::Receiver<(Heard, Ask)>) {
        while let Some((heard, ask)) = asked.recv().await {
            if heard.is_late_for(&ask) {
                debug!("what waited for the robot is too old to be answered");
                continue;
            }
            let answer = self.answer(&heard.question, &ask).await;
            if heard.is_late_for(&ask) {
                debug!("an answer was ready too late to be said");
                continue;
            }
            self.say(&heard.question, &answer).await;
        }
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
        let said = match question.private {
            true => self.robot.pm(&question.user, answer).await,
            false => self.robot.say(answer).await,
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
