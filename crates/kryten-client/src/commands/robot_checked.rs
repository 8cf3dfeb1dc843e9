//! Commands that look at the robot's rank first, and commands made of several.

use std::collections::HashMap;

use kryten_protocol::event::emotes::Emote;
use kryten_protocol::robot::RobotCommand;
use serde_json::Value;

use super::Robot;
use crate::command::CommandError;

/// What [`Robot::set_emotes`] changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmotesSet {
    /// Emotes that are new or have another picture.
    pub updated: usize,
    /// Emotes that are gone.
    pub removed: usize,
}

impl Robot {
    /// As [`Robot::send`], when the robot's rank is high enough; CyTube itself ignores a command from too low a rank
    /// without a word.
    ///
    /// The rank is CyTube's own default for the command ([`RobotCommand::rank_needed`]); a channel may ask for
    /// another. A command for which none is known is sent.
    ///
    /// # Errors
    /// [`CommandError::RankTooLow`]; else as [`Robot::send`] and [`Robot::user_level`].
    pub async fn send_checked(&self, command: RobotCommand) -> Result<Value, CommandError> {
        if let Some(needed) = command.rank_needed() {
            let rank = self.user_level().await?.rank;
            if rank < needed {
                return Err(CommandError::RankTooLow { rank, needed });
            }
        }
        self.send(command).await
    }

    /// Adds emotes, or changes their pictures where they are there; the others stay. One command each, one after the
    /// other; after an error those before it are done.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn import_emotes(&self, emotes: &[Emote]) -> Result<(), CommandError> {
        for emote in emotes {
            let (name, image) = (emote.name.clone(), emote.image.clone());
            self.send(RobotCommand::UpdateEmote { name, image }).await?;
        }
        Ok(())
    }

    /// Makes the channel's emotes exactly these: asks which there are, then adds, changes and removes what differs.
    /// Where a name is there twice the last one counts. Running it again after an error goes on where it stopped.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn set_emotes(&self, emotes: &[Emote]) -> Result<EmotesSet, CommandError> {
        let there: HashMap<String, String> = self
            .emotes()
            .await?
            .into_iter()
            .map(|emote| (emote.name, emote.image))
            .collect();
        let wanted: HashMap<&str, &str> = emotes
            .iter()
            .map(|emote| (emote.name.as_str(), emote.image.as_str()))
            .collect();
        let mut done = EmotesSet::default();
        for (name, image) in &wanted {
            if there.get(*name).map(String::as_str) != Some(*image) {
                let (name, image) = ((*name).to_owned(), (*image).to_owned());
                self.send(RobotCommand::UpdateEmote { name, image }).await?;
                done.updated += 1;
            }
        }
        for name in there.into_keys() {
            if !wanted.contains_key(name.as_str()) {
                self.send(RobotCommand::RemoveEmote { name }).await?;
                done.removed += 1;
            }
        }
        Ok(done)
    }
}
