//! The sides that are compared, and the server that they share.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kryten_client::{Client, NatsConfig};
use kryten_python::PythonSide;
use kryten_servers::NatsServer;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::theatre::Programs;

/// Longer than the slowest thing that the Python side is asked for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// kryten-client.
    Ours,
    /// async-nats, without anything of ours.
    Raw,
    /// kryten-py 0.17.5.
    Python,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::Raw, Self::Python];
}

/// How the server flushes to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sync {
    /// Every two minutes, as it does when nothing is said.
    Default,
    /// Before it answers.
    Always,
}

impl Sync {
    pub(crate) const ALL: [Self; 2] = [Self::Default, Self::Always];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Always => "always",
        }
    }

    pub(crate) fn interval(self) -> &'static str {
        match self {
            Self::Default => "2m",
            Self::Always => "always",
        }
    }
}

/// What is needed to set up a bench.
pub(crate) struct Tools {
    python: PathBuf,
    programs: Option<Programs>,
}

/// A server and the sides, connected to it.
pub(crate) struct Bench {
    pub(crate) sync: Sync,
    pub(crate) ours: Client,
    pub(crate) raw: async_nats::jetstream::Context,
    pub(crate) python: PythonSide,
    _server: NatsServer,
}

impl Tools {
    /// Finds or fetches kryten-py.
    pub(crate) async fn find() -> anyhow::Result<Self> {
        Ok(Self {
            python: kryten_python::LIBRARY.python().await?,
            programs: None,
        })
    }

    /// Builds or fetches the services, ours and the originals.
    pub(crate) async fn programs(&mut self) -> anyhow::Result<&Programs> {
        let programs = match self.programs.take() {
            Some(programs) => programs,
            None => Programs::find().await?,
        };
        Ok(self.programs.insert(programs))
    }

    /// A new server with an empty store; the Python side runs `script`.
    pub(crate) async fn bench(&self, sync: Sync, script: &str) -> anyhow::Result<Bench> {
        let server = NatsServer::ephemeral_with(|options| {
            options.sync_interval = sync.interval().to_owned();
        });
        let server = server.await;
        let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let raw = async_nats::ConnectOptions::with_user_and_password(
            server.user().to_owned(),
            server.password().to_owned(),
        );
        let login =
            json!({"url": server.url(), "user": server.user(), "password": server.password()});
        let script = format!(
            "{}\n{script}\nasyncio.run(main())\n",
            include_str!("../python/side.py")
        );
        let python = PythonSide::start(&self.python, &script, &login, PATIENCE).await;
        Ok(Bench {
            sync,
            ours: Client::connect(&config).await?,
            raw: async_nats::jetstream::new(raw.connect(server.url()).await?),
            python: python.context("the Python side cannot connect")?,
            _server: server,
        })
    }
}
