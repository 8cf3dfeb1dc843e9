//! Where an example finds NATS, and its channel.

use std::path::PathBuf;

use anyhow::Context;
use kryten_client::{Client, NatsConfig};
use serde_json::Value;

/// On the command line, or in the environment.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The NATS server; a user may stand in it: nats://user:password@host:4222
    #[arg(
        long,
        value_name = "URL",
        env = "NATS_URL",
        default_value = "nats://127.0.0.1:4222",
        hide_env_values = true
    )]
    nats: String,
    /// The data folder of a running `kryten up`, whose NATS server is used then
    #[arg(long, value_name = "DIR", env = "KRYTEN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The channel as its robot has it configured, such as 420Grindhouse
    #[arg(env = "KRYTEN_CHANNEL")]
    pub(crate) channel: String,
}

impl Place {
    /// Connects, under a name by which the server's administrator knows the connection.
    pub(crate) async fn connect(&self, name: &str) -> anyhow::Result<Client> {
        let config = match &self.data_dir {
            None => NatsConfig::for_url(&self.nats),
            Some(folder) => {
                let file = folder.join("connection.json");
                let read = || -> anyhow::Result<NatsConfig> {
                    let mut connection: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
                    Ok(serde_json::from_value(connection["nats"].take())?)
                };
                read().with_context(|| {
                    format!(
                        "cannot read {}; start `kryten up --data-dir {}` first",
                        file.display(),
                        folder.display()
                    )
                })?
            }
        };
        Ok(Client::connect(&config.named(name)).await?)
    }
}
