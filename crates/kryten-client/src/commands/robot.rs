//! A robot in a channel, to whom commands are sent.

use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use kryten_protocol::clock;
use kryten_protocol::command::Request;
use kryten_protocol::robot::reply::{self, UserLevel};
use kryten_protocol::robot::{Meta, RobotCommand, SERVICE};
use kryten_protocol::subject;
use serde_json::Value;

use super::{Asking, ask, malformed};
use crate::chat::{ChatLimits, ChatPace};
use crate::command::CommandError;
use crate::connection::Client;
use crate::exchange::ExchangeError;

/// As kryten-py waits.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The robot itself waits up to 8 s until CyTube's limits let a line go and CyTube has done it.
const TIMEOUT_WITH_CYTUBE: Duration = Duration::from_secs(10);
/// A video waits for its turn and is looked up.
const TIMEOUT_OF_VIDEOS: Duration = Duration::from_secs(20);
/// How often a question is asked.
const TRIES: u32 = 3;

/// The robot in one channel; cheap to clone. See [`Client::robot`].
#[derive(Debug, Clone)]
pub struct Robot {
    client: Client,
    domain: String,
    channel: String,
    source: String,
    timeout: Option<Duration>,
    tries: u32,
    pub(super) pace: Arc<ChatPace>,
}

impl Client {
    /// The robot in this channel.
    ///
    /// The domain must be spelt exactly as the robot has it configured, `cytu.be` not `cytube`: a robot does not
    /// answer what is meant for another one.
    pub fn robot(&self, domain: impl Into<String>, channel: impl Into<String>) -> Robot {
        Robot {
            client: self.clone(),
            domain: domain.into(),
            channel: channel.into(),
            source: "kryten-client".to_owned(),
            timeout: None,
            tries: TRIES,
            pace: Arc::new(ChatPace::new(ChatLimits::default())),
        }
    }
}

impl Robot {
    /// The name of the program that asks, for the robot's log.
    #[must_use]
    pub fn as_source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// How long to wait for an answer; by default 5 s, 10 s where the robot has to wait for CyTube, 20 s for a video.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often a question is asked when no answer comes; by default 3 times. A command that changes something is
    /// sent once.
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    /// How fast [`Robot::say`] and [`Robot::pm`] speak, together with all clones of this robot.
    #[must_use]
    pub fn with_chat_limits(mut self, limits: ChatLimits) -> Self {
        self.pace = Arc::new(ChatPace::new(limits));
        self
    }

    /// As [`Robot::with_chat_limits`], together with other robots that have the same pace: accounts are limited by
    /// CyTube together when they come from one address.
    #[must_use]
    pub fn with_chat_pace(mut self, pace: Arc<ChatPace>) -> Self {
        self.pace = pace;
        self
    }

    /// The channel.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Sends a command and waits for the reply's `data`.
    ///
    /// # Errors
    /// [`CommandError`]. A command that the robot did not do is [`CommandError::Refused`], also where the robot says
    /// so inside of a success. What is meant for a channel that no robot serves is [`CommandError::TimedOut`]; the Python
    /// robot does not answer a command that it does not know either.
    pub async fn send(&self, command: RobotCommand) -> Result<Value, CommandError> {
        let asking = Asking {
            timeout: self.timeout.unwrap_or(match command {
                RobotCommand::Queue { .. } => TIMEOUT_OF_VIDEOS,
                RobotCommand::State(_) | RobotCommand::System(_) => TIMEOUT,
                _ => TIMEOUT_WITH_CYTUBE,
            }),
            tries: match command.is_idempotent() {
                true => self.tries,
                false => 1,
            },
        };
        let request = command.into_request(&self.meta());
        let answer = ask(&self.client, SERVICE, &request, asking).await?;
        let data = answer.data.unwrap_or_default();
        match reply::failure(&data) {
            Some(error) => Err(CommandError::Refused {
                service: SERVICE.to_owned(),
                error,
            }),
            None => Ok(data),
        }
    }

    /// Sends a command without waiting for a reply, as kryten-py does; returns the request's id. That the robot got
    /// it is not known, let alone that it did it.
    ///
    /// # Errors
    /// [`CommandError::ServerAway`] when there is no connection: nothing is left in a buffer to be said much later.
    /// [`CommandError::TooLarge`].
    pub async fn tell(&self, command: RobotCommand) -> Result<String, CommandError> {
        let meta = self.meta();
        let request_id = meta.request_id.clone();
        let request: Request = command.into_request(&meta);
        let body = serde_json::to_vec(&request).map_err(|source| CommandError::Malformed {
            service: SERVICE.to_owned(),
            source,
        })?;
        let subject = subject::command(SERVICE)?;
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        let sent = self
            .client
            .publish_within(&subject, body.into(), timeout)
            .await;
        sent.map_err(|error| CommandError::new(SERVICE, timeout, error))?;
        Ok(request_id)
    }

    /// The robot's own rank in the channel. Asked where the robot listens, and where nobody does, where kryten-py
    /// asks.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn user_level(&self) -> Result<UserLevel, CommandError> {
        let first = subject::user_level(&self.domain, &self.channel)?;
        let second = subject::user_level_of_python(&self.domain, &self.channel)?;
        match self.ask_user_level(&first).await {
            Err(CommandError::NoResponders { .. }) => self.ask_user_level(&second).await,
            answer => answer,
        }
    }

    async fn ask_user_level(&self, subject: &str) -> Result<UserLevel, CommandError> {
        let service = || SERVICE.to_owned();
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        let mut tries_left = self.tries.max(1);
        let answer = loop {
            tries_left -= 1;
            let body = "{}".into();
            let answer = self
                .client
                .exchange_within(subject, HeaderMap::new(), body, timeout)
                .await;
            match answer {
                Err(ExchangeError::TimedOut | ExchangeError::ConnectionLost) if tries_left > 0 => {}
                answer => {
                    break answer.map_err(|error| CommandError::new(SERVICE, timeout, error))?;
                }
            }
        };
        let answer: Value =
            serde_json::from_slice(&answer.payload).map_err(|source| CommandError::Malformed {
                service: service(),
                source,
            })?;
        if let Some(error) = reply::failure(&answer) {
            return Err(CommandError::Refused {
                service: service(),
                error,
            });
        }
        reply::user_level(&answer).ok_or_else(|| malformed(SERVICE, "user_level"))
    }

    fn meta(&self) -> Meta {
        Meta {
            source: self.source.clone(),
            timestamp: clock::now(),
            domain: self.domain.clone(),
            channel: self.channel.clone(),
            request_id: random_uuid(),
        }
    }
}

/// A UUID of version 4.
fn random_uuid() -> String {
    let bits = rand::random::<u128>();
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_its_version_and_is_another_each_time() {
        let (one, other) = (random_uuid(), random_uuid());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
        assert!("89ab".contains(&one[19..20]), "{one}");
    }
}
