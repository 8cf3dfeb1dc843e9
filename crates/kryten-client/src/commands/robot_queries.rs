//! What the robot knows of itself and of the rest of the channel.

use std::collections::BTreeMap;

use kryten_protocol::event::users::Profile;
use kryten_protocol::robot::reply::{self, JoinedChannel, Ping, ServiceRecord};
use kryten_protocol::robot::{RobotCommand, StateQuery, SystemCommand};
use serde_json::{Map, Value};

use super::Robot;
use crate::command::CommandError;

/// All of these fail as [`Robot::send`] does.
///
/// # Errors
/// [`CommandError`].
impl Robot {
    /// Whether the robot is there, and since when.
    pub async fn ping(&self) -> Result<Ping, CommandError> {
        self.ask(RobotCommand::System(SystemCommand::Ping), reply::ping)
            .await
    }

    /// The channels that the robot is in.
    pub async fn channels(&self) -> Result<Vec<JoinedChannel>, CommandError> {
        let command = RobotCommand::System(SystemCommand::Channels);
        self.ask(command, reply::channels).await
    }

    /// The services that the robot has heard of.
    pub async fn services(&self) -> Result<Vec<ServiceRecord>, CommandError> {
        let command = RobotCommand::System(SystemCommand::Services);
        self.ask(command, reply::services).await
    }

    /// What the users show of themselves, by name.
    pub async fn profiles(&self) -> Result<BTreeMap<String, Profile>, CommandError> {
        self.read(StateQuery::Profiles, reply::profiles).await
    }

    /// The channel's style sheet.
    pub async fn css(&self) -> Result<String, CommandError> {
        self.read(StateQuery::Css, |data| reply::text(data, "css"))
            .await
    }

    /// The channel's script.
    pub async fn js(&self) -> Result<String, CommandError> {
        self.read(StateQuery::Js, |data| reply::text(data, "js"))
            .await
    }

    /// The channel's options; the Python robot knows none.
    pub async fn options(&self) -> Result<Map<String, Value>, CommandError> {
        self.read(StateQuery::Options, |data| reply::object(data, "options"))
            .await
    }

    /// The rank that each action needs; the Python robot knows none.
    pub async fn permissions(&self) -> Result<Map<String, Value>, CommandError> {
        let read = |data: &Value| reply::object(data, "permissions");
        self.read(StateQuery::Permissions, read).await
    }
}
