//! The statistics service, to which commands are sent.

use std::time::Duration;

use kryten_protocol::userstats::reply::{AliasChange, UserStats};
use kryten_protocol::userstats::{OfUser, SERVICE, UserstatsCommand};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Asking, ask};
use crate::command::CommandError;
use crate::connection::Client;

/// As kryten-cli waits, since `channel.all_stats` takes its time.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a question is asked.
const TRIES: u32 = 3;

/// The statistics service; cheap to clone. See [`Client::userstats`].
///
/// ```no_run
/// # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use kryten_protocol::userstats::{InChannel, UserstatsCommand, reply::TopUsers};
///
/// let userstats = client.userstats();
/// let command = UserstatsCommand::ChannelTopUsers { of: InChannel::new("420Grindhouse"), limit: Some(3) };
/// let top: TopUsers = userstats.ask(command).await?;
/// for place in top.top_users {
///     println!("{}: {}", place.username, place.count);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Userstats {
    client: Client,
    asking: Asking,
}

impl Client {
    /// The statistics service.
    pub fn userstats(&self) -> Userstats {
        Userstats {
            client: self.clone(),
            asking: Asking {
                timeout: TIMEOUT,
                tries: TRIES,
            },
        }
    }
}

impl Userstats {
    /// How long to wait for an answer; by default 10 s.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.asking.timeout = timeout;
        self
    }

    /// How often a question is asked when no answer comes; by default 3 times. A command that changes something is
    /// sent once.
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.asking.tries = tries;
        self
    }

    /// Sends a command and waits for the reply's `data`.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn send(&self, command: UserstatsCommand) -> Result<Value, CommandError> {
        let mut asking = self.asking;
        if !command.is_idempotent() {
            asking.tries = 1;
        }
        let answer = ask(&self.client, SERVICE, &command.into_request(), asking).await?;
        Ok(answer.data.unwrap_or_default())
    }

    /// Sends a command and reads the reply's `data` as one of the types in
    /// [`reply`](kryten_protocol::userstats::reply); each command names its own.
    ///
    /// # Errors
    /// [`CommandError`]; [`CommandError::Malformed`] where the data is of another shape.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        command: UserstatsCommand,
    ) -> Result<T, CommandError> {
        let data = self.send(command).await?;
        serde_json::from_value(data).map_err(|source| CommandError::Malformed {
            service: SERVICE.to_owned(),
            source,
        })
    }

    /// Everything about a user.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn user_stats(&self, of: OfUser) -> Result<UserStats, CommandError> {
        self.ask(UserstatsCommand::UserStats(of)).await
    }

    /// Adds an alias, by which a user can be thanked.
    ///
    /// # Errors
    /// [`CommandError::Refused`] where it is somebody's already; else as [`Userstats::ask`].
    pub async fn add_alias(&self, username: &str, alias: &str) -> Result<(), CommandError> {
        let (username, alias) = (username.to_owned(), alias.to_owned());
        self.change(UserstatsCommand::AliasAdd { username, alias })
            .await
    }

    /// Removes an alias.
    ///
    /// # Errors
    /// [`CommandError::Refused`] where it is not this user's; else as [`Userstats::ask`].
    pub async fn delete_alias(&self, username: &str, alias: &str) -> Result<(), CommandError> {
        let (username, alias) = (username.to_owned(), alias.to_owned());
        self.change(UserstatsCommand::AliasDelete { username, alias })
            .await
    }

    /// A refused change is a success on the wire.
    async fn change(&self, command: UserstatsCommand) -> Result<(), CommandError> {
        let change: AliasChange = self.ask(command).await?;
        match change.done {
            true => Ok(()),
            false => Err(CommandError::Refused {
                service: SERVICE.to_owned(),
                error: change.message,
            }),
        }
    }
}
