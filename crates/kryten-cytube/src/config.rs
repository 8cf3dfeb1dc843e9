//! Where to connect, as whom, and how patiently.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// As whom the client enters the channel.
#[derive(Debug, Clone, Default)]
pub enum Login {
    /// Without a name: an anonymous viewer, who cannot chat.
    #[default]
    Anonymous,
    /// As a guest, under a name that no account has.
    Guest {
        /// 1 to 20 of letters, digits, `-` and `_`.
        name: String,
    },
    /// As a registered user.
    Account {
        /// The account's name.
        name: String,
        /// The account's password.
        password: SecretString,
    },
}

impl Login {
    /// The name that is asked for; `None` for an anonymous viewer.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::Guest { name } | Self::Account { name, .. } => Some(name),
        }
    }
}

/// Settings of a [`crate::CytubeClient`]; [`CytubeConfig::new`] gives the usual ones.
#[derive(Debug, Clone)]
pub struct CytubeConfig {
    /// Where to ask for the socket, such as `https://cytu.be`. Without one it is `https://` and the domain.
    pub url: Option<String>,
    /// The CyTube host, such as `cytu.be`, with the port if it is not the usual one.
    pub domain: String,
    /// The channel's name.
    pub channel: String,
    /// The channel's password, if it has one.
    pub channel_password: Option<SecretString>,
    /// As whom to enter.
    pub login: Login,
    /// A PEM file with certificates to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The wait before the first new attempt; it doubles with each further one.
    pub reconnect_base: Duration,
    /// The longest wait between attempts.
    pub reconnect_max: Duration,
    /// Whether to come back after an ordinary kick.
    pub reconnect_after_kick: bool,
    /// How long a session has to last for the next loss to start again at `reconnect_base`.
    pub stable_after: Duration,
    /// The time allowed for each of: the socketconfig answer, the websocket, the handshake.
    pub connect_timeout: Duration,
    /// The time allowed for the answers to `joinChannel` and `login`.
    pub login_timeout: Duration,
    /// The time after which a write that the server does not take ends the connection.
    pub write_timeout: Duration,
    /// The largest frame to take, in bytes.
    pub max_frame_bytes: usize,
    /// How many items may wait for a slow reader before the client stops reading from the server.
    pub item_capacity: usize,
    /// How many frames may wait to be sent.
    pub send_capacity: usize,
}

impl CytubeConfig {
    /// The usual settings for a channel: an anonymous viewer, waits of 5 to 300 seconds.
    pub fn new(domain: impl Into<String>, channel: impl Into<String>) -> Self {
        Self {
            url: None,
            domain: domain.into(),
            channel: channel.into(),
            channel_password: None,
            login: Login::Anonymous,
            ca_file: None,
            reconnect_base: Duration::from_secs(5),
            reconnect_max: Duration::from_secs(300),
            reconnect_after_kick: false,
            stable_after: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(15),
            login_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(15),
            max_frame_bytes: 64 << 20,
            item_capacity: 1024,
            send_capacity: 256,
        }
    }

    /// Where to ask for the socket: `url`, or `https://` and the domain.
    pub fn base_url(&self) -> String {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => format!("https://{}", self.domain),
        };
        url.trim_end_matches('/').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        let mut config = CytubeConfig::new("cytu.be", "lounge");
        config.channel_password = Some("swordfish".into());
        config.login = Login::Account {
            name: "bot".to_owned(),
            password: "hunter2".into(),
        };
        let printed = format!("{config:?}");
        assert!(!printed.contains("swordfish") && !printed.contains("hunter2"));
        assert_eq!(config.base_url(), "https://cytu.be");
    }
}
