//! What is asked of the service, in which channel, and how the answer is shown.

use jiff::Timestamp;
use kryten_client::Client;
use kryten_client::command::CommandError;
use kryten_protocol::userstats::{InChannel, OfUser, UserstatsCommand};
use serde_json::Value;

use super::{Board, OfChannel, Part, Question, ask, explained, show};
use crate::context::Context;
use crate::screen::Screen;

/// A command and the channel it is about.
pub(super) struct Asked {
    pub(super) command: UserstatsCommand,
    channel: Option<String>,
}

impl Asked {
    pub(super) async fn new(
        context: &Context,
        client: &Client,
        what: &Question,
    ) -> anyhow::Result<Self> {
        let needed = async |own: &Option<String>| needed(context, client, own).await;
        let of_domain = |channel: Option<&str>| context.domain_of(channel).map(str::to_owned);
        Ok(match what {
            Question::User { name, part, of } => Self::of_user(context, name, *part, of),
            Question::Leaderboard { board, of, limit } => {
                let limit = Some(*limit);
                if matches!(board, Board::Messages) {
                    let of = needed(&of.channel).await?;
                    return Ok(Self::in_channel(of, |of| {
                        UserstatsCommand::LeaderboardMessages { of, limit }
                    }));
                }
                let channel = of.channel.clone().or_else(|| context.named_channel());
                let (domain, only_channel) = (of_domain(channel.as_deref()), channel.clone());
                let command = match board {
                    Board::Emotes => UserstatsCommand::LeaderboardEmotes {
                        domain,
                        only_channel,
                        limit,
                    },
                    _ => UserstatsCommand::LeaderboardKudos {
                        domain,
                        only_channel,
                        limit,
                    },
                };
                Self { command, channel }
            }
            Question::Channel(what) => {
                let of = needed(what.channel()).await?;
                Self::in_channel(of, |of| what.command(of, Timestamp::now()))
            }
            Question::System(what) => Self::without(what.command()),
            Question::Alias(what) => Self::without(what.command()),
            Question::Phrase(what) => Self::without(what.command()),
        })
    }

    /// A user in the channel that is named, or in the only one that is known without asking anybody.
    pub(super) fn of_user(
        context: &Context,
        name: &str,
        part: Option<Part>,
        of: &OfChannel,
    ) -> Self {
        let only = || match context.channels.as_slice() {
            [only] => Some(only.channel.clone()),
            _ => None,
        };
        let named = of.channel.clone().or_else(|| context.named_channel());
        let channel = named.or_else(only);
        let domain = context.domain_of(channel.as_deref()).map(str::to_owned);
        let user = OfUser {
            username: name.to_owned(),
            channel: channel.clone(),
            domain,
        };
        let command = match part {
            None => UserstatsCommand::UserStats(user),
            Some(part) => part.command(user),
        };
        Self { command, channel }
    }

    pub(super) fn channel(&self) -> Option<&str> {
        self.channel.as_deref()
    }

    fn in_channel(of: InChannel, command: impl FnOnce(InChannel) -> UserstatsCommand) -> Self {
        let channel = Some(of.channel.clone());
        Self {
            command: command(of),
            channel,
        }
    }

    fn without(command: UserstatsCommand) -> Self {
        Self {
            command,
            channel: None,
        }
    }

    /// The reply's data. A service that does not know our hours has the original's.
    pub(super) async fn data(&self, client: &Client) -> anyhow::Result<Value> {
        let UserstatsCommand::TimeseriesChannel {
            of,
            start_time,
            end_time,
        } = &self.command
        else {
            return ask(client, self.command.clone()).await;
        };
        match client.userstats().send(self.command.clone()).await {
            Err(CommandError::Refused { error, .. }) if error.starts_with("Unknown command") => {
                let messages = UserstatsCommand::TimeseriesMessages {
                    of: of.clone(),
                    start_time: start_time.clone(),
                    end_time: end_time.clone(),
                };
                ask(client, messages).await
            }
            answer => answer.map_err(explained),
        }
    }

    pub(super) fn show(&self, screen: Screen, what: &Question, data: &Value) -> String {
        let place = match &self.channel {
            Some(channel) => crate::output::printable(channel),
            None => "any channel".to_owned(),
        };
        match what {
            Question::User { part: None, .. } => {
                show::user::all(screen, self.channel.as_deref(), data)
            }
            Question::User {
                part: Some(part), ..
            } => match part {
                Part::Messages => show::user::messages(screen, data),
                Part::Activity => show::user::activity(screen, data),
                Part::Kudos => show::user::kudos(screen, data),
                Part::Profile => show::user::all(screen, self.channel.as_deref(), data),
            },
            Question::Leaderboard { board, .. } => {
                let rows = &data["leaderboard"];
                match board {
                    Board::Messages => show::boards::lines(screen, &place, rows),
                    Board::Kudos => show::boards::kudos(screen, &place, rows),
                    Board::Emotes => show::boards::emotes(screen, &place, rows),
                }
            }
            Question::Channel(what) => what.show(screen, &place, data),
            Question::System(what) => what.show(screen, data),
            Question::Alias(what) => what.show(screen, data),
            Question::Phrase(what) => what.show(screen, data),
        }
    }
}

/// The channel that a question must have.
async fn needed(
    context: &Context,
    client: &Client,
    own: &Option<String>,
) -> anyhow::Result<InChannel> {
    if let Some(channel) = own.clone().or_else(|| context.named_channel()) {
        let domain = context.domain_of(Some(&channel)).map(str::to_owned);
        return Ok(InChannel { channel, domain });
    }
    let found = context.find_channel(client).await?;
    Ok(InChannel {
        channel: found.channel,
        domain: Some(found.domain),
    })
}
