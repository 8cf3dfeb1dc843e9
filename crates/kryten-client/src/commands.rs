//! Commands to the robot and to the statistics service, typed.
//!
//! [`Robot`] and [`Userstats`] each have one `send` for all their commands, and methods for those that bots use most.
//! What only reads is asked again when no answer came; anything else never is, since nobody knows whether it was done.
//! A [`CommandError`] tells apart: no such service, no answer in time, refused, not a reply.
//!
//! ```no_run
//! # async fn demo(client: kryten_client::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use kryten_protocol::robot::RobotCommand;
//!
//! let robot = client.robot("cytu.be", "420Grindhouse").as_source("greeter");
//! robot.say("Good evening!").await?;
//! for user in robot.userlist().await? {
//!     println!("{} has rank {}", user.name, user.rank);
//! }
//! robot.send(RobotCommand::SetMotd { motd: "<b>Tonight</b>".into() }).await?;
//! # Ok(())
//! # }
//! ```

mod robot;
mod robot_actions;
mod robot_checked;
mod robot_queries;
mod userstats;

use std::time::Duration;

use kryten_protocol::command::{Reply, Request};
use serde::de::Error;

use crate::command::{CommandError, request};
use crate::connection::Client;
pub use robot::Robot;
pub use robot_checked::EmotesSet;
pub use userstats::Userstats;

/// How long to wait for an answer, and how often to ask.
#[derive(Debug, Clone, Copy)]
struct Asking {
    timeout: Duration,
    tries: u32,
}

/// Asks until an answer comes, at most so many times.
async fn ask(
    client: &Client,
    service: &str,
    body: &Request,
    asking: Asking,
) -> Result<Reply, CommandError> {
    let mut tries_left = asking.tries.max(1);
    loop {
        tries_left -= 1;
        match request(client, service, body.clone(), asking.timeout).await {
            Err(CommandError::TimedOut { .. } | CommandError::ConnectionLost { .. })
                if tries_left > 0 =>
            {
                tracing::debug!(
                    service,
                    command = body.command,
                    "no answer came; asking again"
                );
            }
            answer => return answer,
        }
    }
}

fn malformed(service: &str, command: &str) -> CommandError {
    CommandError::Malformed {
        service: service.to_owned(),
        source: serde_json::Error::custom(format!("the data of {command} is of another shape")),
    }
}
