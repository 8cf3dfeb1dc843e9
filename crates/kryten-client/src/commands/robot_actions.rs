//! The robot's commands that bots use most, each as a method.

use kryten_protocol::event::channel::{Ban, ChannelRank};
use kryten_protocol::event::emotes::Emote;
use kryten_protocol::event::media::Media;
use kryten_protocol::event::playlist::{After, Item};
use kryten_protocol::event::users::User;
use kryten_protocol::robot::reply;
use kryten_protocol::robot::{Position, RobotCommand, SERVICE, StateQuery, SystemCommand, Video};
use serde_json::Value;

use super::Robot;
use super::malformed;
use crate::chat::{lines, split};
use crate::command::CommandError;

/// All of these fail as [`Robot::send`] does.
///
/// # Errors
/// [`CommandError`].
impl Robot {
    /// Says something in the chat: a long text in several lines, each when the [limits](crate::chat::ChatLimits)
    /// allow it. Nothing is said for an empty text. After an error the lines before it have been said.
    ///
    /// A message that begins with `/` is a command to CyTube, with the robot's rank. A blank before what somebody else
    /// has typed makes it a line; see [`lines`](crate::chat::lines()).
    pub async fn say(&self, message: &str) -> Result<(), CommandError> {
        for line in lines(message, self.pace.limits().max_length) {
            self.pace.next().await;
            let message = line.into_owned();
            self.send(RobotCommand::Say { message }).await?;
        }
        Ok(())
    }

    /// Sends a private message; as [`Robot::say`].
    pub async fn pm(&self, to: &str, message: &str) -> Result<(), CommandError> {
        for part in split(message, self.pace.limits().max_length) {
            self.pace.next().await;
            let (to, message) = (to.to_owned(), part.to_owned());
            self.send(RobotCommand::Pm { to, message }).await?;
        }
        Ok(())
    }

    /// Adds a video to the playlist; gives its uid. What CyTube refuses, or does not confirm within 8 s, is
    /// [`CommandError::Refused`]; the Python robot says `None` where nothing was confirmed.
    pub async fn queue(
        &self,
        video: Video,
        position: Position,
        temp: bool,
    ) -> Result<Option<i64>, CommandError> {
        let command = RobotCommand::Queue {
            video,
            position,
            temp,
        };
        let data = self.send(command).await?;
        reply::queued(&data).ok_or_else(|| malformed(SERVICE, "addvideo"))
    }

    /// Removes an item from the playlist.
    pub async fn delete(&self, uid: i64) -> Result<(), CommandError> {
        self.act(RobotCommand::Delete { uid }).await
    }

    /// Moves an item of the playlist.
    pub async fn move_item(&self, uid: i64, after: After) -> Result<(), CommandError> {
        self.act(RobotCommand::Move { uid, after }).await
    }

    /// Plays an item now.
    pub async fn jump(&self, uid: i64) -> Result<(), CommandError> {
        self.act(RobotCommand::Jump { uid }).await
    }

    /// Throws a user out.
    pub async fn kick(&self, username: &str, reason: Option<&str>) -> Result<(), CommandError> {
        let (username, reason) = (username.to_owned(), reason.map(str::to_owned));
        self.act(RobotCommand::Kick { username, reason }).await
    }

    /// Bans a name.
    pub async fn ban(&self, username: &str, reason: Option<&str>) -> Result<(), CommandError> {
        let (username, reason) = (username.to_owned(), reason.map(str::to_owned));
        self.act(RobotCommand::Ban { username, reason }).await
    }

    /// Lifts all bans of a name.
    pub async fn unban(&self, username: &str) -> Result<(), CommandError> {
        let username = username.to_owned();
        self.act(RobotCommand::Unban { username, id: None }).await
    }

    /// Mutes a user.
    pub async fn mute(&self, username: &str) -> Result<(), CommandError> {
        let username = username.to_owned();
        self.act(RobotCommand::Mute { username }).await
    }

    /// Ends a mute of either kind.
    pub async fn unmute(&self, username: &str) -> Result<(), CommandError> {
        let username = username.to_owned();
        self.act(RobotCommand::Unmute { username }).await
    }

    /// The users in the channel, as the robot knows them.
    pub async fn userlist(&self) -> Result<Vec<User>, CommandError> {
        self.read(StateQuery::Userlist, reply::userlist).await
    }

    /// The playlist, as the robot knows it.
    pub async fn playlist(&self) -> Result<Vec<Item>, CommandError> {
        self.read(StateQuery::Playlist, reply::playlist).await
    }

    /// The emotes, as the robot knows them.
    pub async fn emotes(&self) -> Result<Vec<Emote>, CommandError> {
        self.read(StateQuery::Emotes, reply::emotes).await
    }

    /// A user with the profile; `None` where nobody of that name is in the channel.
    pub async fn user(&self, username: &str) -> Result<Option<User>, CommandError> {
        let username = username.to_owned();
        self.read(StateQuery::User { username }, reply::user).await
    }

    /// The message of the day.
    pub async fn motd(&self) -> Result<String, CommandError> {
        self.read(StateQuery::Motd, |data| reply::text(data, "motd"))
            .await
    }

    /// All bans.
    pub async fn banlist(&self) -> Result<Vec<Ban>, CommandError> {
        self.ask(RobotCommand::RequestBanlist, reply::banlist).await
    }

    /// All users with a rank in the channel.
    pub async fn channel_ranks(&self) -> Result<Vec<ChannelRank>, CommandError> {
        let command = RobotCommand::RequestChannelRanks;
        self.ask(command, reply::channel_ranks).await
    }

    /// The end of the channel's log.
    pub async fn chan_log(&self, count: u64) -> Result<String, CommandError> {
        let command = RobotCommand::ReadChanLog { count };
        self.ask(command, reply::chan_log).await
    }

    /// Looks for videos in the channel's library.
    pub async fn search_library(&self, query: &str) -> Result<Vec<Media>, CommandError> {
        let command = RobotCommand::SearchLibrary {
            query: query.to_owned(),
            source: "library".to_owned(),
        };
        self.ask(command, reply::search_results).await
    }

    /// The robot's version.
    pub async fn version(&self) -> Result<String, CommandError> {
        let command = RobotCommand::System(SystemCommand::Version);
        self.ask(command, |data| reply::text(data, "version")).await
    }

    async fn act(&self, command: RobotCommand) -> Result<(), CommandError> {
        self.send(command).await.map(drop)
    }

    pub(super) async fn read<T>(
        &self,
        query: StateQuery,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, CommandError> {
        self.ask(RobotCommand::State(query), read).await
    }

    pub(super) async fn ask<T>(
        &self,
        command: RobotCommand,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, CommandError> {
        let name = command.name().to_owned();
        let data = self.send(command).await?;
        read(&data).ok_or_else(|| malformed(SERVICE, &name))
    }
}
