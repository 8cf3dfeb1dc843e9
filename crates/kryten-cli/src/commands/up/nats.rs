//! The private nats-server of `kryten up`: started, kept running, stopped.

use std::path::Path;
use std::time::{Duration, Instant};

use kryten_client::NatsConfig;
use kryten_servers::{FindOptions, NatsServer, NatsServerOptions, ServerError, find_nats_server};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::UpArgs;

/// A server that has run for so long has recovered: its next end is a new story.
const SOUND_AFTER: Duration = Duration::from_secs(60);

/// A nats-server that is started again when it ends by itself.
pub(super) struct PrivateNats {
    config: NatsConfig,
    stop: CancellationToken,
    keeper: JoinHandle<Result<(), ServerError>>,
}

impl PrivateNats {
    pub(super) async fn start(args: &UpArgs, data_dir: &Path) -> anyhow::Result<Self> {
        let server = start(args, data_dir).await?;
        let config = NatsConfig::for_url(server.url()).with_user(server.user(), server.password());
        let stop = CancellationToken::new();
        Ok(Self {
            config,
            keeper: tokio::spawn(keep_running(server, stop.clone())),
            stop,
        })
    }

    /// How to connect to it; stays the same when it is started again.
    pub(super) fn config(&self) -> NatsConfig {
        self.config.clone()
    }

    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        Ok(self.keeper.await??)
    }
}

async fn start(args: &UpArgs, data_dir: &Path) -> anyhow::Result<NatsServer> {
    let options = FindOptions {
        nats_server: args.nats_server.clone(),
        ..FindOptions::default()
    };
    let binary = find_nats_server(&options).await?;
    info!(path = %binary.path.display(), version = binary.version, "nats-server found");
    let mut options = NatsServerOptions::new(&binary, data_dir.join("nats"));
    options.port = args.nats_port;
    options.sync_interval.clone_from(&args.sync_interval);
    NatsServer::start(options).await.map_err(|error| match error {
        ServerError::PortTaken { port } => {
            anyhow::anyhow!("port {port} for NATS is taken; choose another with --nats-port, 0 for any")
        }
        ServerError::StoreLocked { .. } => anyhow::anyhow!(
            "another `kryten up` uses the data folder {}; stop it, or name another folder with --data-dir",
            data_dir.display()
        ),
        other => other.into(),
    })
}

/// Starts the server again on the same port, store and credentials, so that all clients find it again by themselves.
async fn keep_running(mut server: NatsServer, stop: CancellationToken) -> Result<(), ServerError> {
    let mut attempt = 0;
    let mut started = Instant::now();
    loop {
        tokio::select! {
            () = server.ended() => {}
            () = stop.cancelled() => return server.stop().await,
        }
        if started.elapsed() > SOUND_AFTER {
            attempt = 0;
        }
        let delay = restart_delay(attempt);
        attempt += 1;
        error!(
            log = %server.log_file().display(),
            "nats-server has ended by itself; starting it again in {} s", delay.as_secs_f64()
        );
        let again = async {
            tokio::time::sleep(delay).await;
            server.restart().await
        };
        let restarted = tokio::select! {
            restarted = again => restarted,
            // A server that was about to start is killed with its handle.
            () = stop.cancelled() => return server.stop().await,
        };
        started = Instant::now();
        match restarted {
            Ok(()) => info!(port = server.port(), "nats-server runs again"),
            Err(error) => error!("nats-server cannot be started again: {error}"),
        }
    }
}

/// Soon at first, since everybody waits; then doubled, so that a server that cannot run does not fill the log.
fn restart_delay(attempt: u32) -> Duration {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);
    FIRST.saturating_mul(1 << attempt.min(10)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_keeps_ending_is_started_less_and_less_often() {
        assert_eq!(restart_delay(0), Duration::from_millis(100));
        assert_eq!(restart_delay(3), Duration::from_millis(800));
        assert_eq!(restart_delay(u32::MAX), Duration::from_secs(10));
    }
}
