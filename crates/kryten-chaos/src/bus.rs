//! The nats-server, or the three that form a cluster.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use kryten_client::{Client, NatsConfig};
use kryten_servers::{NatsCluster, NatsServer};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::process::memory_of;

/// How long an election may take.
const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(50);

/// What carries the events.
#[derive(Debug)]
pub(crate) enum Bus {
    One(Box<NatsServer>),
    Three(Box<NatsCluster>),
}

impl Bus {
    pub(crate) async fn start(servers: u8) -> Self {
        match servers {
            1 => Self::One(Box::new(NatsServer::ephemeral().await)),
            size => Self::Three(Box::new(NatsCluster::wired(usize::from(size)).await)),
        }
    }

    /// One server that keeps what it stores in this folder, and its log beside it.
    pub(crate) async fn start_in(folder: &Path) -> Self {
        let server = NatsServer::ephemeral_with(|options| {
            options.log_file = Some(folder.with_extension("log"));
            options.data_dir = folder.to_owned();
        });
        Self::One(Box::new(server.await))
    }

    fn nodes(&self) -> &[NatsServer] {
        match self {
            Self::One(server) => std::slice::from_ref(server.as_ref()),
            Self::Three(cluster) => cluster.servers(),
        }
    }

    pub(crate) fn size(&self) -> usize {
        self.nodes().len()
    }

    pub(crate) fn node(&mut self, number: usize) -> &mut NatsServer {
        match self {
            Self::One(server) => server,
            Self::Three(cluster) => cluster.server_mut(number),
        }
    }

    pub(crate) fn pid(&self, number: usize) -> anyhow::Result<u32> {
        let node = self.nodes().get(number);
        node.and_then(NatsServer::pid)
            .context("a nats-server has ended")
    }

    /// Resident memory of all in KiB.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for number in 0..self.size() {
            sum += memory_of(self.pid(number)?)?;
        }
        Ok(sum)
    }

    /// Whether all run.
    pub(crate) fn is_well(&self) -> anyhow::Result<()> {
        (0..self.size()).try_for_each(|number| self.pid(number).map(drop))
    }

    /// The routes between the nodes.
    pub(crate) fn cluster(&self) -> anyhow::Result<&NatsCluster> {
        match self {
            Self::Three(cluster) => Ok(cluster),
            Self::One(_) => bail!("one server is no cluster"),
        }
    }

    fn urls(&self) -> Vec<String> {
        let urls = self.nodes().iter().map(NatsServer::url);
        urls.map(str::to_owned).collect()
    }

    /// The section of a configuration that leads here.
    pub(crate) fn section(&self) -> Value {
        let node = &self.nodes()[0];
        let mut section =
            json!({"servers": self.urls(), "user": node.user(), "password": node.password()});
        if self.size() > 1 {
            section["replicas"] = self.size().into();
        }
        section
    }

    /// The same for clients of our own.
    pub(crate) fn config(&self) -> NatsConfig {
        let node = &self.nodes()[0];
        let config = NatsConfig {
            servers: self.urls(),
            ..NatsConfig::default()
        };
        NatsConfig {
            replicas: u8::try_from(self.size()).ok().filter(|size| *size > 1),
            ..config.with_user(node.user(), node.password())
        }
    }

    /// Returns when the nodes have a leader.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        match self {
            Self::One(_) => Ok(()),
            Self::Three(cluster) => Ok(cluster.ready().await?),
        }
    }

    /// Which node leads a stream; waits for an election.
    pub(crate) async fn leader_of(&self, nats: &Client, stream: &str) -> anyhow::Result<usize> {
        let cluster = self.cluster()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(stream) = nats.jetstream().get_stream(stream).await
                && let Some(leader) = stream
                    .cached_info()
                    .cluster
                    .as_ref()
                    .and_then(|cluster| cluster.leader.clone())
                && let Some(number) = cluster.number_of(&leader)
            {
                return Ok(number);
            }
            tokio::time::sleep(STEP).await;
        }
        bail!("{stream} has no leader")
    }

    /// Bytes and events of the stream of events.
    pub(crate) async fn stored(&self, nats: &Client) -> anyhow::Result<(u64, u64)> {
        let stream = nats.jetstream().get_stream("KRYTEN_EVENTS").await?;
        let state = &stream.cached_info().state;
        Ok((state.bytes, state.messages))
    }
}
