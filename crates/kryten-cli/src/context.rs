//! Which NATS server and which channel a client command means.

use std::path::Path;

use anyhow::Context as _;
use kryten_client::{Client, NatsConfig};
use secrecy::SecretString;

use crate::cli::ClientArgs;
use crate::connection_file::{self, ChannelName, ConnectionFile, NatsAddress};

/// What is known before a client command talks to anybody.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where NATS is.
    nats: NatsConfig,
    /// The channels that a running `kryten up` serves; empty when unknown.
    pub(crate) channels: Vec<ChannelName>,
    wanted_channel: Option<String>,
    wanted_domain: Option<String>,
}

impl Context {
    /// Looks for NATS: `--nats`, `--config`, `--data-dir`, the default data folder of a living `kryten up`, and at
    /// last `nats://localhost:4222`.
    pub(crate) fn find(args: &ClientArgs) -> anyhow::Result<Self> {
        let (nats, channels) = if let Some(url) = &args.nats {
            (plain(url), Vec::new())
        } else if let Some(file) = &args.config {
            (from_config(file)?, Vec::new())
        } else if let Some(dir) = &args.data_dir {
            let file = ConnectionFile::read(dir)?.ok_or_else(|| {
                anyhow::anyhow!(
                    "no {} in {}; start `kryten up --data-dir {}` first, or name the server with --nats",
                    connection_file::FILE_NAME,
                    dir.display(),
                    dir.display()
                )
            })?;
            (of_file(&file.nats), file.channels)
        } else {
            match ConnectionFile::read(&connection_file::default_data_dir())?
                .filter(ConnectionFile::is_alive)
            {
                Some(file) => (of_file(&file.nats), file.channels),
                None => (plain("nats://localhost:4222"), Vec::new()),
            }
        };
        Ok(Self {
            nats,
            channels,
            wanted_channel: args.channel.clone(),
            wanted_domain: args.domain.clone(),
        })
    }

    /// Connects to NATS.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let config = self.nats.clone();
        Ok(Client::connect(&config.named("kryten")).await?)
    }

    /// The domain that was named, or the only one on which a channel of this name is known.
    pub(crate) fn domain_of(&self, channel: Option<&str>) -> Option<&str> {
        if self.wanted_domain.is_some() {
            return self.wanted_domain.as_deref();
        }
        let mut known = self
            .channels
            .iter()
            .filter(|known| channel.is_none_or(|channel| known.channel == channel));
        match (known.next(), known.next()) {
            (Some(only), None) => Some(&only.domain),
            _ => None,
        }
    }

    /// The channel that was named.
    pub(crate) fn named_channel(&self) -> Option<String> {
        self.wanted_channel.clone()
    }

    /// The channel that was named, or the only one that is known.
    pub(crate) fn channel(&self) -> anyhow::Result<String> {
        if let Some(channel) = &self.wanted_channel {
            return Ok(channel.clone());
        }
        match self.channels.as_slice() {
            [only] => Ok(only.channel.clone()),
            [] => anyhow::bail!("which channel? Name it with --channel"),
            many => {
                let names: Vec<&str> = many.iter().map(|known| known.channel.as_str()).collect();
                anyhow::bail!(
                    "which channel? Name one of {} with --channel",
                    names.join(", ")
                )
            }
        }
    }
}

/// One address or several with commas between them.
fn plain(url: &str) -> NatsConfig {
    NatsConfig {
        servers: url.split(',').map(str::to_owned).collect(),
        ..NatsConfig::default()
    }
}

fn of_file(address: &NatsAddress) -> NatsConfig {
    let secret = |text: &Option<String>| text.clone().map(SecretString::from);
    NatsConfig {
        user: address.user.clone(),
        password: secret(&address.password),
        token: secret(&address.token),
        ..plain(&address.url)
    }
}

fn from_config(file: &Path) -> anyhow::Result<NatsConfig> {
    let named = || format!("cannot use the configuration {}", file.display());
    let mut value = kryten_client::config::load(file).with_context(named)?;
    let section = value.get_mut("nats").map(serde_json::Value::take);
    let section = section
        .ok_or_else(|| anyhow::anyhow!("there is no section `nats` in it"))
        .with_context(named)?;
    kryten_client::config::read(section)
        .map_err(|error| error.within("nats"))
        .with_context(named)
}
