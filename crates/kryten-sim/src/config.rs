//! What is simulated.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A simulated server: its first channel, and what holds for all of them.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A port for https and wss besides, with a certificate of its own.
    pub tls: Option<TlsConfig>,
    /// The address of a TLS proxy before the simulator, which the socketconfig then names besides the plain one.
    pub secure_url: Option<String>,
    /// The channel's name as registered.
    pub channel: String,
    /// The channel's password, if it has one.
    pub channel_password: Option<String>,
    /// Further channels, which are scripted; a recording has the server to itself.
    pub channels: Vec<ChannelConfig>,
    /// Registered accounts. While this is empty, any name and password are accepted with `default_rank`.
    pub accounts: Vec<Account>,
    /// The channel rank of accounts that are not listed.
    pub default_rank: f64,
    /// Names that are banned from the channel.
    pub banned: Vec<String>,
    /// How long a guest has to wait after another guest's login; zero for no limit.
    pub guest_delay: Duration,
    /// How often the server pings.
    pub ping_interval: Duration,
    /// How long it waits for the answer.
    pub ping_timeout: Duration,
    /// Whether chat and queue limits of CyTube are in force.
    pub flood_limits: bool,
    /// Whether CyTube's limits of connections are in force: 5 at once and 1 in 10 s from an address, 10 at a time.
    pub connection_limits: bool,
    /// What happens in the channel.
    pub mode: Mode,
    /// Where to write the ledger each second and at the end.
    pub ledger: Option<PathBuf>,
    /// How many chat lines at most may be said that the test has not reported as seen.
    pub window: Option<u64>,
    /// Whether everything but replayable chat waits while no bot is in the channel.
    pub hold_others_while_bot_is_out: bool,
}

/// A port with TLS.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to write the certificate of the authority that clients are to trust, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Names that the certificate is for, besides `localhost`, the loopback addresses and the address listened on.
    pub names: Vec<String>,
}

/// A further channel.
#[derive(Debug, Clone)]
pub struct ChannelConfig {
    /// The name as registered.
    pub name: String,
    /// The password, if it has one.
    pub password: Option<String>,
    /// Ranks here that differ from [`Account::rank`] or [`SimConfig::default_rank`].
    pub ranks: Vec<(String, f64)>,
    /// Names that are banned.
    pub banned: Vec<String>,
    /// What happens.
    pub script: ScriptConfig,
    /// Where to write the ledger each second and at the end.
    pub ledger: Option<PathBuf>,
    /// How many chat lines at most may be said that the test has not reported as seen.
    pub window: Option<u64>,
    /// Whether everything but replayable chat waits while no bot is in the channel.
    pub hold_others_while_bot_is_out: bool,
}

/// A registered user.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name as registered.
    pub name: String,
    /// The password; `None` accepts any.
    pub password: Option<String>,
    /// The rank in the channel.
    pub rank: f64,
}

/// What happens in the channel.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Replays a recording, one of its sessions for each accepted connection.
    Recording {
        /// A file of `cytube_frames.jsonl`'s form.
        path: PathBuf,
        /// How fast.
        speed: Speed,
    },
    /// Plays a script.
    Script(ScriptConfig),
}

/// How fast a recording is replayed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as the client takes it.
    Max,
    /// This many times as fast as it was recorded.
    Times(f64),
}

/// A scripted channel. The same seed gives the same lines, whatever the rate.
#[derive(Debug, Clone)]
pub struct ScriptConfig {
    /// How many users there are; about two thirds of them are in the channel at the start.
    pub users: usize,
    /// The seed of all chance.
    pub seed: u64,
    /// Chat lines per second; 0 says nothing at all, so that only the test acts.
    pub rate: f64,
    /// Multiplies the rate; [`Speed::Max`] says lines as fast as the clients take them.
    pub speed: Speed,
    /// Stop after so many scripted chat lines.
    pub lines: Option<u64>,
    /// Whether the script waits for the first login of a bot.
    pub waits_for_bot: bool,
    /// How many lines were said before the start; at most 15 are replayed.
    pub history: usize,
    /// How many films are on the playlist at the start.
    pub films: usize,
}

impl Default for ScriptConfig {
    fn default() -> Self {
        Self {
            users: 25,
            seed: 1,
            rate: 4.0,
            speed: Speed::Times(1.0),
            lines: None,
            waits_for_bot: true,
            history: 15,
            films: 8,
        }
    }
}

impl ScriptConfig {
    /// Nobody is there, nothing is said, nothing plays.
    pub fn quiet() -> Self {
        Self {
            users: 0,
            rate: 0.0,
            history: 0,
            films: 0,
            ..Self::default()
        }
    }
}

impl ChannelConfig {
    /// A lively channel.
    pub fn lively(name: impl Into<String>, script: ScriptConfig) -> Self {
        Self {
            name: name.into(),
            password: None,
            ranks: Vec::new(),
            banned: Vec::new(),
            script,
            ledger: None,
            window: None,
            hold_others_while_bot_is_out: false,
        }
    }

    /// A channel in which only the test acts.
    pub fn quiet(name: impl Into<String>) -> Self {
        Self::lively(name, ScriptConfig::quiet())
    }
}

impl TlsConfig {
    /// A free port of the loopback; the authority is asked for by [`crate::SimHandle::ca_pem`].
    pub fn on_loopback() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ca_file: None,
            names: Vec::new(),
        }
    }
}

impl SimConfig {
    /// A lively channel on a free port of the loopback.
    pub fn lively(channel: impl Into<String>, script: ScriptConfig) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            tls: None,
            secure_url: None,
            channel: channel.into(),
            channel_password: None,
            channels: Vec::new(),
            accounts: Vec::new(),
            default_rank: 3.0,
            banned: Vec::new(),
            guest_delay: Duration::ZERO,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(120),
            flood_limits: true,
            connection_limits: false,
            mode: Mode::Script(script),
            ledger: None,
            window: None,
            hold_others_while_bot_is_out: false,
        }
    }

    /// A channel in which only the test acts: no users, no films, no history.
    pub fn quiet(channel: impl Into<String>) -> Self {
        Self {
            flood_limits: false,
            ..Self::lively(channel, ScriptConfig::quiet())
        }
    }

    /// A recording, as fast as the client takes it.
    pub fn recording(channel: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self {
            mode: Mode::Recording {
                path: path.into(),
                speed: Speed::Max,
            },
            ..Self::quiet(channel)
        }
    }

    /// Each channel as if it were the only one of the server.
    pub(crate) fn each_channel(&self) -> Vec<(Self, Vec<(String, f64)>)> {
        let first = Self {
            channels: Vec::new(),
            ..self.clone()
        };
        let further = self.channels.iter().map(|channel| {
            let config = Self {
                channel: channel.name.clone(),
                channel_password: channel.password.clone(),
                banned: channel.banned.clone(),
                mode: Mode::Script(channel.script.clone()),
                ledger: channel.ledger.clone(),
                window: channel.window,
                hold_others_while_bot_is_out: channel.hold_others_while_bot_is_out,
                ..first.clone()
            };
            (config, channel.ranks.clone())
        });
        let further: Vec<_> = further.collect();
        std::iter::once((first, Vec::new()))
            .chain(further)
            .collect()
    }
}
