//! Which NATS server and which channel a client command means.

mod discovery;

use std::path::Path;

use anyhow::Context as _;
use async_nats::ServerAddr;
use kryten_client::config::ConfigError;
use kryten_client::{Client, NatsConfig};
use secrecy::SecretString;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::connection_file::{self, ChannelName, ConnectionFile, NatsAddress};
use crate::output;

/// CyTube itself, where nothing else is known: what the Python command line takes.
const CYTUBE: &str = "cytu.be";

/// What is known before a client command talks to anybody.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where NATS is.
    nats: NatsConfig,
    /// The channels that a running `kryten up` serves, or that the configuration names; empty when unknown.
    pub(crate) channels: Vec<ChannelName>,
    wanted_channel: Option<String>,
    wanted_domain: Option<String>,
}

impl Context {
    /// Looks for NATS: `--nats`, `--config`, `--data-dir`, the default data folder of a living `kryten up`, and at
    /// last `nats://localhost:4222`. What `--nats` leaves open is taken from `--config`, if it is there.
    pub(crate) fn find(args: &ClientArgs) -> anyhow::Result<Self> {
        let servers = args.servers();
        let (nats, channels) = if let Some(file) = &args.config {
            let (mut nats, channels) = from_config(file, servers.is_empty())?;
            if !servers.is_empty() {
                nats.servers = servers;
            }
            (nats, channels)
        } else if !servers.is_empty() {
            (at(servers), Vec::new())
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
                None => (at(vec!["nats://localhost:4222".to_owned()]), Vec::new()),
            }
        };
        Ok(Self {
            nats,
            channels,
            wanted_channel: args.channel.clone(),
            wanted_domain: args.domain.clone(),
        })
    }

    /// Where the server is, without a login, where only one is named; a server itself may say that it is everywhere.
    pub(crate) fn only_address(&self) -> Option<String> {
        match self.nats.addresses().as_slice() {
            [only] => {
                let address: ServerAddr = only.parse().ok()?;
                Some(format!("{}:{}", address.host(), address.port()))
            }
            _ => None,
        }
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
            .filter(|known| channel.is_none_or(|channel| is_same(&known.channel, channel)));
        match (known.next(), known.next()) {
            (Some(only), None) => Some(&only.domain),
            _ => None,
        }
    }

    /// The channel that was named.
    pub(crate) fn named_channel(&self) -> Option<String> {
        self.wanted_channel.clone()
    }

    /// The channel that is meant and its domain: what was named, filled up with what is known, and at last with what
    /// the robots say that they serve.
    pub(crate) async fn find_channel(&self, client: &Client) -> anyhow::Result<ChannelName> {
        if let (Some(channel), Some(domain)) = (&self.wanted_channel, &self.wanted_domain) {
            return Ok(ChannelName {
                domain: domain.clone(),
                channel: channel.clone(),
            });
        }
        if let Some(known) = self.only_of(&self.channels)? {
            return Ok(known);
        }
        let served = discovery::served_channels(client).await?;
        if let Some(known) = self.only_of(&served)? {
            return Ok(known);
        }
        match &self.wanted_channel {
            Some(channel) if served.is_empty() => Ok(ChannelName {
                domain: CYTUBE.to_owned(),
                channel: channel.clone(),
            }),
            Some(channel) => anyhow::bail!(
                "no robot serves the channel {}; served: {}",
                output::printable(channel),
                listed(&served)
            ),
            None if served.is_empty() => anyhow::bail!(
                "no robot is running that could say which channel there is; start it, or name the channel with --channel"
            ),
            None => anyhow::bail!(
                "no robot serves a channel on {}; served: {}",
                output::printable(self.wanted_domain.as_deref().unwrap_or_default()),
                listed(&served)
            ),
        }
    }

    /// The channels that robots serve, where this one is not among them: its name may be mistyped.
    pub(crate) async fn served_instead(&self, client: &Client, channel: &str) -> Option<String> {
        // Who does not know it cannot doubt it.
        let served = discovery::served_channels(client).await.ok()?;
        let is_served = served.iter().any(|known| is_same(&known.channel, channel));
        (!is_served && !served.is_empty()).then(|| listed(&served))
    }

    /// The only one of these channels that can be meant; an error where several can.
    fn only_of(&self, known: &[ChannelName]) -> anyhow::Result<Option<ChannelName>> {
        let meant: Vec<ChannelName> = known
            .iter()
            .filter(|known| {
                let channel = self.wanted_channel.as_deref();
                let domain = self.wanted_domain.as_deref();
                channel.is_none_or(|channel| is_same(channel, &known.channel))
                    && domain.is_none_or(|domain| domain == known.domain)
            })
            .cloned()
            .collect();
        match meant.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only.clone())),
            many if self.wanted_channel.is_some() => {
                // As the Python command line, which knows of no other host by itself.
                match many.iter().find(|known| known.domain == CYTUBE) {
                    Some(usual) => Ok(Some(usual.clone())),
                    None => anyhow::bail!(
                        "which of {}? Name the host with --domain before the verb",
                        listed(many)
                    ),
                }
            }
            many => anyhow::bail!(
                "which channel? Name one of {} with --channel before the verb",
                listed(many)
            ),
        }
    }
}

/// CyTube's channel names are the same in any case.
fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

fn listed(channels: &[ChannelName]) -> String {
    let one_domain = channels
        .windows(2)
        .all(|two| two[0].domain == two[1].domain);
    let name = |known: &ChannelName| match one_domain {
        true => output::printable(&known.channel),
        false => output::printable(&format!("{} on {}", known.channel, known.domain)),
    };
    let names: Vec<String> = channels.iter().map(name).collect();
    names.join(", ")
}

fn at(servers: Vec<String>) -> NatsConfig {
    NatsConfig {
        servers,
        ..NatsConfig::default()
    }
}

fn of_file(address: &NatsAddress) -> NatsConfig {
    let secret = |text: &Option<String>| text.clone().map(SecretString::from);
    NatsConfig {
        user: address.user.clone(),
        password: secret(&address.password),
        token: secret(&address.token),
        ..at(vec![address.url.clone()])
    }
}

fn from_config(file: &Path, needs_servers: bool) -> anyhow::Result<(NatsConfig, Vec<ChannelName>)> {
    let named = || format!("cannot use the configuration {}", file.display());
    let loaded = kryten_client::config::load(file);
    let mut value = match loaded {
        // These name the file themselves.
        Err(error @ (ConfigError::Read { .. } | ConfigError::Syntax { .. })) => {
            return Err(error.into());
        }
        loaded => loaded.with_context(named)?,
    };
    let channels = channels_in(&value);
    let section = value.get_mut("nats").map(Value::take);
    let nats = match section {
        Some(section) => kryten_client::config::read(section)
            .map_err(|error| error.within("nats"))
            .with_context(named)?,
        None if needs_servers => {
            return Err(anyhow::anyhow!("there is no section `nats` in it")).with_context(named);
        }
        None => NatsConfig::default(),
    };
    Ok((nats, channels))
}

/// The channels of a client's configuration, or those of a robot's: `channels`, else the one in `cytube`.
fn channels_in(config: &Value) -> Vec<ChannelName> {
    let cytube = &config["cytube"];
    let name = |entry: &Value| {
        let text = |key: &str| entry[key].as_str().or(cytube[key].as_str());
        Some(ChannelName {
            domain: text("domain").unwrap_or(CYTUBE).to_owned(),
            channel: text("channel")?.to_owned(),
        })
    };
    match config["channels"].as_array() {
        Some(entries) => entries.iter().filter_map(name).collect(),
        None => name(cytube).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(channel: Option<&str>, domain: Option<&str>) -> Context {
        Context {
            nats: NatsConfig::default(),
            channels: Vec::new(),
            wanted_channel: channel.map(str::to_owned),
            wanted_domain: domain.map(str::to_owned),
        }
    }

    fn known(names: &[(&str, &str)]) -> Vec<ChannelName> {
        let name = |(domain, channel): &(&str, &str)| ChannelName {
            domain: (*domain).to_owned(),
            channel: (*channel).to_owned(),
        };
        names.iter().map(name).collect()
    }

    #[test]
    fn the_only_channel_that_can_be_meant_is_meant() {
        let two = known(&[("cytu.be", "Lounge"), ("cytu.be", "Attic")]);
        let found = context(Some("lounge"), None).only_of(&two).unwrap();
        assert_eq!(found, Some(two[0].clone()), "in any case");
        assert_eq!(context(Some("cellar"), None).only_of(&two).unwrap(), None);
        let several = context(None, None).only_of(&two).unwrap_err().to_string();
        assert_eq!(
            several,
            "which channel? Name one of Lounge, Attic with --channel before the verb"
        );
    }

    #[test]
    fn one_name_on_two_hosts_is_that_of_cytube_or_asked_for() {
        let usual = known(&[("sync.example", "Lounge"), ("cytu.be", "Lounge")]);
        let found = context(Some("Lounge"), None).only_of(&usual).unwrap();
        assert_eq!(found, Some(usual[1].clone()));
        let found = context(None, Some("sync.example")).only_of(&usual).unwrap();
        assert_eq!(found, Some(usual[0].clone()));
        let others = known(&[("a.example", "Lounge"), ("b.example", "Lounge")]);
        let several = context(Some("Lounge"), None).only_of(&others).unwrap_err();
        assert_eq!(
            several.to_string(),
            "which of Lounge on a.example, Lounge on b.example? Name the host with --domain before the verb"
        );
    }

    #[test]
    fn channels_are_read_from_a_clients_and_from_a_robots_configuration() {
        let client =
            json!({"channels": [{"domain": "cytu.be", "channel": "Lounge"}, {"channel": "Attic"}]});
        assert_eq!(
            channels_in(&client),
            known(&[("cytu.be", "Lounge"), ("cytu.be", "Attic")])
        );
        let robot = json!({"cytube": {"domain": "sync.example", "channel": "Lounge"}});
        assert_eq!(channels_in(&robot), known(&[("sync.example", "Lounge")]));
        assert_eq!(channels_in(&json!({"channels": [5, {}]})), known(&[]));
    }
}
