//! What is on this machine: folders, disks, ports.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::facts::{Disk, Port, PortState};
use super::Configured;
use crate::cli::ClientArgs;
use crate::connection_file::{self, ConnectionFile};

/// The data folder of a living `kryten up` with a server of its own, where that is what we look at.
pub(super) fn private_server(client: &ClientArgs) -> Option<PathBuf> {
    if !client.servers().is_empty() || client.config.is_some() {
        return None;
    }
    let folder = client
        .data_dir
        .clone()
        .unwrap_or_else(connection_file::default_data_dir);
    let file = ConnectionFile::read(&folder).ok()??;
    (file.is_alive() && folder.join("nats").is_dir()).then_some(folder)
}

/// `sync_interval` in the configuration of the private server.
pub(super) fn sync_interval(data_dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(data_dir.join("nats/nats-server.conf")).ok()?;
    let (_, rest) = text.split_once("sync_interval:")?;
    let interval = rest.trim_start().trim_start_matches('"');
    let end = interval.find(['"', ' ', ',', '}', '\n'])?;
    Some(interval[..end].to_owned())
}

pub(super) fn disks(
    client: &ClientArgs,
    configured: &Configured,
    private: Option<&Path>,
) -> Vec<Disk> {
    let mut folders: Vec<(&'static str, PathBuf)> = Vec::new();
    if let Some(folder) = private
        .map(Path::to_owned)
        .or_else(|| client.data_dir.clone())
    {
        folders.push(("the data folder", folder));
    }
    let own_database = configured.userstats.as_ref();
    if let Some(userstats) = own_database.filter(|config| config.database_url.is_none()) {
        let folder = userstats.database.parent().map(Path::to_owned);
        folders.push(("the statistics", folder.unwrap_or_default()));
    }
    if let Some(audit) = configured
        .robot
        .as_ref()
        .and_then(|robot| robot.audit.as_ref())
    {
        folders.push(("the audit logs", audit.base_path.clone()));
    }
    let disk = |(what, folder): (&'static str, PathBuf)| {
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let there = folder.ancestors().find(|path| path.is_dir())?;
        let stat = nix::sys::statvfs::statvfs(there).ok()?;
        Some(Disk {
            what,
            path: folder.display().to_string(),
            free: stat.blocks_available().saturating_mul(stat.fragment_size()),
        })
    };
    folders.into_iter().filter_map(disk).collect()
}

pub(super) async fn ports(
    configured: &Configured,
    is_robot_running: bool,
    is_userstats_running: bool,
) -> Vec<Port> {
    let mut ports = Vec::new();
    if let Some(address) = configured
        .robot
        .as_ref()
        .and_then(|robot| robot.health.as_ref())
    {
        let address = format!("{}:{}", address.host, address.port);
        ports.push(Port {
            service: "the robot",
            key: "health.port",
            state: state_of(&address, "cytube_connector", is_robot_running).await,
            address,
        });
    }
    if let Some(address) = configured
        .userstats
        .as_ref()
        .and_then(|userstats| userstats.http)
    {
        let address = address.to_string();
        ports.push(Port {
            service: "userstats",
            key: "metrics.port",
            state: state_of(&address, "userstats", is_userstats_running).await,
            address,
        });
    }
    ports
}

/// `word` is in what the service's `/health` answers.
async fn state_of(address: &str, word: &str, is_running: bool) -> PortState {
    match TcpListener::bind(address).await {
        Ok(_) => PortState::Free,
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            match is_running
                && health(address)
                    .await
                    .is_some_and(|body| body.contains(word))
            {
                true => PortState::Served,
                false => PortState::Taken,
            }
        }
        Err(_) => PortState::Unusable,
    }
}

/// What stands at `/health`, by a request of the simplest kind.
async fn health(address: &str) -> Option<String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const MOST: u64 = 1 << 20;
    let (host, port) = address.rsplit_once(':')?;
    let host = if matches!(host, "0.0.0.0" | "[::]") {
        "127.0.0.1"
    } else {
        host
    };
    let ask = async {
        let mut socket = TcpStream::connect(format!("{host}:{port}")).await.ok()?;
        let request = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        socket.take(MOST).read_to_end(&mut answer).await.ok()?;
        Some(String::from_utf8_lossy(&answer).into_owned())
    };
    tokio::time::timeout(PATIENCE, ask).await.ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_found_in_the_private_servers_configuration() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("nats")).unwrap();
        let file = folder.path().join("nats/nats-server.conf");
        for (text, interval) in [
            (
                "jetstream { store_dir: \"/x\", sync_interval: \"always\" }\n",
                Some("always"),
            ),
            ("jetstream { sync_interval: 2m }\n", Some("2m")),
            ("jetstream { }\n", None),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(sync_interval(folder.path()).as_deref(), interval);
        }
    }
}
