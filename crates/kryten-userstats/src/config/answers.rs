//! What the service answers by itself.

use std::time::Duration;

use kryten_client::config::lenient;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;

/// What is answered in the channel and by private message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswersConfig {
    /// Whether `!stats`, `!top` and `!kudos` are answered.
    pub in_chat: bool,
    /// The time between two answers to one person.
    pub person_every: Duration,
    /// The time between two answers in one channel.
    pub channel_every: Duration,
    /// Whether wishes about one's own data are taken by private message.
    pub privacy_by_pm: bool,
    /// The time between two answers to such wishes of one person.
    pub private_every: Duration,
}

impl Default for AnswersConfig {
    fn default() -> Self {
        Self {
            in_chat: false,
            person_every: Duration::from_secs(30),
            channel_every: Duration::from_secs(5),
            privacy_by_pm: true,
            private_every: Duration::from_secs(3),
        }
    }
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(super) struct Answers {
    /// Whether they are given.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    enabled: bool,
    /// The time between two answers to one person, in seconds.
    #[schemars(extend("default" = 30, "minimum" = 0))]
    #[serde(deserialize_with = "lenient::number")]
    person_seconds: Option<f64>,
    /// The time between two answers in one channel, in seconds.
    #[schemars(extend("default" = 5, "minimum" = 0))]
    #[serde(deserialize_with = "lenient::number")]
    channel_seconds: Option<f64>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(super) struct Privacy {
    /// Whether people may opt out, be forgotten and have their data told by a private message `!privacy` to the bot; by
    /// default unless `compat` is `strict`.
    #[serde(deserialize_with = "lenient::flag")]
    by_pm: Option<bool>,
    /// Whether `privacy.opt_out`, `opt_in`, `forget` and `export` are taken as commands, as `kryten privacy` sends them.
    /// Whoever may ask this service anything may send them.
    #[schemars(extend("default" = true))]
    #[serde(deserialize_with = "lenient::flag")]
    by_command: Option<bool>,
}

impl Privacy {
    pub(super) fn by_command(&self) -> bool {
        self.by_command.unwrap_or(true)
    }
}

/// What is answered by the file.
pub(super) fn answers(
    answers: &Answers,
    privacy: &Privacy,
    strict: bool,
) -> Result<AnswersConfig, ConfigError> {
    let usual = AnswersConfig::default();
    let every = |key: &str, seconds: Option<f64>, usual| match seconds {
        None => Ok(usual),
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .map_err(|_| ConfigError::value(key, "give a number of seconds, 0 or more")),
    };
    Ok(AnswersConfig {
        in_chat: answers.enabled,
        person_every: every(
            "answers.person_seconds",
            answers.person_seconds,
            usual.person_every,
        )?,
        channel_every: every(
            "answers.channel_seconds",
            answers.channel_seconds,
            usual.channel_every,
        )?,
        privacy_by_pm: privacy.by_pm.unwrap_or(!strict),
        private_every: usual.private_every,
    })
}
