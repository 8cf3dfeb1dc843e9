//! The robot's configuration: the original's JSON file unchanged, and what `kryten up` builds in code.

mod file;
mod schema;

use std::path::PathBuf;
use std::time::Duration;

use kryten_client::config::{NatsConfig, UnknownKey};
use kryten_cytube::{CytubeConfig, Login};
use secrecy::{ExposeSecret, SecretString};

use crate::lease::Times;

use crate::audit::AuditConfig;
use crate::channel::StateCounting;
use crate::commands::allowed::AllowedCommands;
use crate::system_pm::PmRanks;
pub use file::{RobotConfigError, from_value, load, loaded};
pub use schema::schema;

/// Everything that a robot needs to know.
#[derive(Debug, Clone)]
pub struct RobotConfig {
    /// Where NATS is.
    pub nats: NatsConfig,
    /// The channels to serve.
    pub channels: Vec<ChannelConfig>,
    /// Whether commands are taken.
    pub commands_enabled: bool,
    /// Which commands are taken, of those that [`Self::commands_enabled`] lets pass and of those that only ask.
    pub allowed: AllowedCommands,
    /// How long commands wait.
    pub command_times: CommandTimes,
    /// Whether `system.shutdown` and a group restart end the robot.
    pub remote_shutdown: bool,
    /// Who may send `system:` private messages.
    pub pm_ranks: PmRanks,
    /// What is counted of users, items and emotes.
    pub counting: StateCounting,
    /// Where audit logs are written; `None` for nowhere.
    pub audit: Option<AuditConfig>,
    /// Whether the robot only looks on: no login, no NATS.
    pub guest_mode: bool,
    /// The file that this was read from.
    pub path: Option<PathBuf>,
    /// Where `/health` and `/metrics` are served; `None` for nowhere.
    pub health: Option<HealthAddress>,
    /// The least level that is logged, in the original's words (`INFO`).
    pub log_level: String,
    /// How lines are logged: `text` or `json`.
    pub log_format: &'static str,
    /// How many bytes of events wait for a NATS server that is away, per channel.
    pub outbox_bytes: usize,
    /// How long a part of a list stays in KV after the list does without it; who reads just then still finds it.
    pub parts_grace: Duration,
    /// How robots with the same channel agree which one serves it; `None` where there is only one.
    pub lease: Option<Times>,
    /// How often the state is compared with CyTube and KV.
    pub verify: VerifyTimes,
    /// Keys of the file that nobody reads; the robot logs them when it starts.
    pub unknown_keys: Vec<UnknownKey>,
}

/// How often a channel's state is compared with what CyTube and KV have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyTimes {
    /// The time between two comparisons; `None` for only when somebody asks.
    pub every: Option<Duration>,
    /// CyTube tells its playlist to a connection once in this time.
    pub playlist_pause: Duration,
    /// How often a second connection looks what users and emotes CyTube has; `None` for never.
    pub look_every: Option<Duration>,
    /// The least time between two looks, also when somebody asks.
    pub look_pause: Duration,
    /// How long an event may be on its way; what a look shows is compared again after this time.
    pub look_settle: Duration,
}

impl Default for VerifyTimes {
    fn default() -> Self {
        Self {
            every: Some(Duration::from_secs(15 * 60)),
            playlist_pause: Duration::from_secs(60),
            look_every: Some(Duration::from_secs(60 * 60)),
            look_pause: Duration::from_secs(60),
            look_settle: Duration::from_secs(2),
        }
    }
}

/// How long commands wait: for their turn, and for CyTube's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandTimes {
    /// For the effect of a frame.
    pub effect: Duration,
    /// For the effect of a frame for which CyTube looks something up.
    pub look_up: Duration,
    /// A chat line that has waited so long is not said any more.
    pub chat_expiry: Duration,
    /// Anything else that has waited so long is not done any more.
    pub expiry: Duration,
}

impl Default for CommandTimes {
    /// As long as the original waits for videos. Chat is refused before who asked has given up, mostly after 5 s.
    fn default() -> Self {
        Self {
            effect: Duration::from_secs(3),
            look_up: Duration::from_secs(8),
            chat_expiry: Duration::from_secs(3),
            expiry: Duration::from_secs(10),
        }
    }
}

/// A listening address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthAddress {
    /// The host, such as `0.0.0.0`.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// One channel on one CyTube host.
#[derive(Debug, Clone)]
pub struct ChannelConfig {
    /// Where to ask for the socket; `https://{domain}` if `None`.
    pub url: Option<String>,
    /// The CyTube host; goes into envelopes as it is.
    pub domain: String,
    /// The channel; goes into envelopes and bucket names as it is.
    pub channel: String,
    /// The channel's password.
    pub channel_password: Option<SecretString>,
    /// The account's or guest's name.
    pub user: Option<String>,
    /// The account's password.
    pub password: Option<SecretString>,
    /// Whether a kick is followed by a new attempt.
    pub aggressive_reconnect: bool,
    /// The first wait before a new attempt.
    pub reconnect_base: Duration,
    /// The longest wait.
    pub reconnect_max: Duration,
    /// A PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Whether to look on without a login.
    pub anonymous: bool,
}

/// The outbox of a channel holds this many bytes unless the configuration says otherwise.
pub const DEFAULT_OUTBOX_BYTES: usize = 64 << 20;
/// Replaced parts of a list stay in KV for so long.
pub const DEFAULT_PARTS_GRACE: Duration = Duration::from_secs(60);

impl RobotConfig {
    /// A robot for these channels with the usual settings.
    pub fn new(nats: NatsConfig, channels: Vec<ChannelConfig>) -> Self {
        Self {
            nats,
            channels,
            commands_enabled: false,
            allowed: AllowedCommands::default(),
            command_times: CommandTimes::default(),
            remote_shutdown: true,
            pm_ranks: PmRanks::default(),
            counting: StateCounting::default(),
            audit: None,
            guest_mode: false,
            path: None,
            health: None,
            log_level: "INFO".to_owned(),
            log_format: "text",
            outbox_bytes: DEFAULT_OUTBOX_BYTES,
            parts_grace: DEFAULT_PARTS_GRACE,
            lease: Some(Times::default()),
            verify: VerifyTimes::default(),
            unknown_keys: Vec::new(),
        }
    }
}

impl ChannelConfig {
    /// A channel with the usual settings, entered as a guest without a name.
    pub fn new(domain: impl Into<String>, channel: impl Into<String>) -> Self {
        Self {
            url: None,
            domain: domain.into(),
            channel: channel.into(),
            channel_password: None,
            user: None,
            password: None,
            aggressive_reconnect: false,
            reconnect_base: Duration::from_secs(5),
            reconnect_max: Duration::from_secs(300),
            ca_file: None,
            anonymous: false,
        }
    }

    /// Whether nothing would change if this were served instead of `other`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let secret = |secret: &Option<SecretString>| {
            secret
                .as_ref()
                .map(|secret| secret.expose_secret().to_owned())
        };
        let secrets = |config: &Self| (secret(&config.channel_password), secret(&config.password));
        let place = |config: &Self| {
            (
                config.url.clone(),
                config.domain.clone(),
                config.channel.clone(),
            )
        };
        place(self) == place(other)
            && secrets(self) == secrets(other)
            && self.user == other.user
            && self.aggressive_reconnect == other.aggressive_reconnect
            && self.reconnect_base == other.reconnect_base
            && self.reconnect_max == other.reconnect_max
            && self.ca_file == other.ca_file
            && self.anonymous == other.anonymous
    }

    /// The settings of a second connection that only looks.
    pub(crate) fn cytube_to_look(&self) -> CytubeConfig {
        CytubeConfig {
            login: Login::Anonymous,
            ..self.cytube()
        }
    }

    /// The settings of the CyTube client. Without a user the original logs in as the guest `Guest`.
    pub(crate) fn cytube(&self) -> CytubeConfig {
        let name = self.user.clone().filter(|user| !user.is_empty());
        let login = match (name, self.password.clone()) {
            _ if self.anonymous => Login::Anonymous,
            (Some(name), Some(password)) => Login::Account { name, password },
            (Some(name), None) => Login::Guest { name },
            (None, _) => Login::Guest {
                name: "Guest".to_owned(),
            },
        };
        CytubeConfig {
            url: self.url.clone(),
            channel_password: self.channel_password.clone(),
            login,
            ca_file: self.ca_file.clone(),
            reconnect_base: self.reconnect_base,
            reconnect_max: self.reconnect_max,
            reconnect_after_kick: self.aggressive_reconnect,
            ..CytubeConfig::new(self.domain.clone(), self.channel.clone())
        }
    }
}
