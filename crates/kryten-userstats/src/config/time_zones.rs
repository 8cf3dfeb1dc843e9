//! In which time zone the hours of a channel are told.

use jiff::tz::TimeZone;

use super::{ChannelConfig, ConfigError};

/// The zones; UTC where nothing is said.
#[derive(Debug, Clone)]
pub struct TimeZones {
    usual: TimeZone,
    channels: Vec<(ChannelConfig, TimeZone)>,
}

impl Default for TimeZones {
    fn default() -> Self {
        Self {
            usual: TimeZone::UTC,
            channels: Vec::new(),
        }
    }
}

impl TimeZones {
    /// Sets the zone of all channels that have none of their own, by its name such as `Europe/Berlin`.
    ///
    /// # Errors
    /// [`ConfigError::Value`] for a name that is not known.
    pub fn set_usual(&mut self, name: &str) -> Result<(), ConfigError> {
        self.usual = named("timezone", name)?;
        Ok(())
    }

    /// Sets the zone of a channel; `key` is where the name was found.
    ///
    /// # Errors
    /// As [`TimeZones::set_usual`].
    pub fn set(
        &mut self,
        key: &str,
        channel: ChannelConfig,
        name: &str,
    ) -> Result<(), ConfigError> {
        self.channels.push((channel, named(key, name)?));
        Ok(())
    }

    /// The zone of a channel.
    pub fn of(&self, domain: &str, channel: &str) -> &TimeZone {
        let own = self
            .channels
            .iter()
            .find(|(known, _)| known.domain == domain && known.channel == channel);
        own.map_or(&self.usual, |(_, zone)| zone)
    }
}

fn named(key: &str, name: &str) -> Result<TimeZone, ConfigError> {
    TimeZone::get(name).map_err(|_| {
        ConfigError::value(
            key,
            "name a time zone of the IANA database, such as Europe/Berlin or UTC",
        )
    })
}
