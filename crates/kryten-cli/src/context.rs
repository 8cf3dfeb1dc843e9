//! Which NATS server and which channel a client command means.

use std::path::Path;

use crate::cli::ClientArgs;
use crate::connection_file::{self, ChannelName, ConnectionFile, NatsAddress};

/// What is known before a client command talks to anybody.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where NATS is.
    pub(crate) nats: NatsAddress,
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
            (file.nats, file.channels)
        } else {
            match ConnectionFile::read(&connection_file::default_data_dir())?
                .filter(ConnectionFile::is_alive)
            {
                Some(file) => (file.nats, file.channels),
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

    /// The domain that was named, if any.
    pub(crate) fn domain(&self) -> Option<&str> {
        self.wanted_domain.as_deref()
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

fn plain(url: &str) -> NatsAddress {
    NatsAddress {
        url: url.to_owned(),
        user: None,
        password: None,
        token: None,
    }
}

fn from_config(file: &Path) -> anyhow::Result<NatsAddress> {
    anyhow::bail!("reading {} is not possible yet; use --nats", file.display())
}
