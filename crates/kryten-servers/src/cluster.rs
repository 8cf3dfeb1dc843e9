//! Several nats-servers that keep streams together.

use std::io;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::cable::Cable;
use crate::find::{FindOptions, find_nats_server};
use crate::server::{NatsServer, NatsServerOptions, ServerError};
use crate::settings::{Credentials, free_port};

/// An election takes some seconds; on a busy machine more than one is needed.
const PATIENCE: Duration = Duration::from_secs(45);
/// For so long they follow it: when routes that were made twice end, a server counts as offline for a moment.
const STEADY: Duration = Duration::from_millis(400);
/// Another process may take a port between our look and a server's bind.
const STARTS_TO_TRY: usize = 5;

/// Running nats-servers that form one cluster; all are killed when this is dropped.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsServer>,
    monitors: Vec<u16>,
    /// Before the route ports, where the routes can be cut.
    cables: Vec<Cable>,
    _folder: tempfile::TempDir,
}

#[derive(Deserialize)]
struct JetStreamStatus {
    meta_cluster: Option<MetaCluster>,
}

#[derive(Deserialize)]
struct MetaCluster {
    #[serde(default)]
    leader: String,
    #[serde(default)]
    replicas: Vec<Replica>,
}

#[derive(Deserialize)]
struct Replica {
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
}

impl NatsCluster {
    /// A cluster for a test: any free ports, JetStream on, one user for all servers, gone on drop. Returns when the
    /// servers have elected a leader and all follow it.
    ///
    /// # Panics
    /// When no nats-server can be found or started, or the servers do not come together; the text says why.
    pub async fn ephemeral(size: usize) -> Self {
        Self::for_test(size, false).await
    }

    /// As [`NatsCluster::ephemeral`], with routes between the servers that can be cut.
    ///
    /// # Panics
    /// As there.
    pub async fn wired(size: usize) -> Self {
        Self::for_test(size, true).await
    }

    async fn for_test(size: usize, is_wired: bool) -> Self {
        for attempt in 1.. {
            match Self::start(size, is_wired).await {
                Ok(cluster) => return cluster,
                Err(error) if attempt >= STARTS_TO_TRY => panic!("{error}"),
                Err(ServerError::PortTaken { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        unreachable!("the loop above returns or panics")
    }

    /// The servers.
    pub fn servers(&self) -> &[NatsServer] {
        &self.servers
    }

    /// One of the servers, to kill or restart it.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn server_mut(&mut self, number: usize) -> &mut NatsServer {
        &mut self.servers[number]
    }

    /// Which server has a name that the cluster gives, such as that of a stream's leader.
    pub fn number_of(&self, name: &str) -> Option<usize> {
        (0..self.servers.len()).find(|number| server_name(*number) == name)
    }

    /// Ends all routes between the servers, and keeps them from being made; only where they are
    /// [wired](NatsCluster::wired).
    pub fn cut_routes(&self) {
        self.cables.iter().for_each(Cable::cut);
    }

    /// Lets the routes carry nothing and ends none of them; only where they are [wired](NatsCluster::wired).
    pub fn silence_routes(&self) {
        self.cables.iter().for_each(Cable::silence);
    }

    /// Lets the routes be as they were.
    pub fn mend_routes(&self) {
        self.cables.iter().for_each(Cable::mend);
    }

    /// Returns when all servers have followed one leader for a moment.
    ///
    /// # Errors
    /// [`ServerError::NotReady`] when they do not come together.
    pub async fn ready(&self) -> Result<(), ServerError> {
        let deadline = Instant::now() + PATIENCE;
        let mut since = None;
        loop {
            since = match self.is_ready().await {
                true => since.or_else(|| Some(Instant::now())),
                false => None,
            };
            if since.is_some_and(|since| since.elapsed() >= STEADY) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(ServerError::NotReady {
                    after: PATIENCE,
                    log: self
                        .servers
                        .first()
                        .map(NatsServer::log_file)
                        .unwrap_or_default(),
                });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn start(size: usize, is_wired: bool) -> Result<Self, ServerError> {
        let binary = find_nats_server(&FindOptions::default()).await;
        let binary = binary.unwrap_or_else(|error| panic!("{error}"));
        let folder = tempfile::Builder::new().prefix("kryten-nats-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let ports = different_ports(size * 2);
        let (routes, monitors) = ports.split_at(size);
        let mut cables = Vec::new();
        if is_wired {
            for port in routes {
                let cable = Cable::to(&format!("127.0.0.1:{port}")).await;
                cables.push(cable.unwrap_or_else(|error| panic!("no port for a route: {error}")));
            }
        }
        let credentials = Credentials::random();
        let mut starting = tokio::task::JoinSet::new();
        for (number, monitor) in monitors.iter().enumerate() {
            let data_dir = folder.path().join(server_name(number));
            let mut options = NatsServerOptions::new(&binary, data_dir);
            // What a test stores need not survive a power cut.
            options.sync_interval = "2m".to_owned();
            let advertised: Vec<u16> = cables.iter().map(Cable::port).collect();
            options.extra_config = cluster_config(number, routes, &advertised, *monitor);
            let credentials = credentials.clone();
            starting
                .spawn(async move { (number, NatsServer::start_as(options, credentials).await) });
        }
        let mut started = starting.join_all().await;
        started.sort_by_key(|(number, _)| *number);
        let servers: Result<Vec<NatsServer>, ServerError> =
            started.into_iter().map(|(_, server)| server).collect();
        let cluster = Self {
            servers: servers?,
            monitors: monitors.to_vec(),
            cables,
            _folder: folder,
        };
        cluster.ready().await?;
        Ok(cluster)
    }

    async fn is_ready(&self) -> bool {
        let mut leaders = Vec::new();
        for (number, monitor) in self.monitors.iter().enumerate() {
            let Some(meta) = status(*monitor)
                .await
                .ok()
                .and_then(|status| status.meta_cluster)
            else {
                return false;
            };
            // Only the leader knows how the others are.
            let is_leader = meta.leader == server_name(number);
            let following = meta
                .replicas
                .iter()
                .filter(|replica| replica.current && !replica.offline);
            if meta.leader.is_empty() || (is_leader && following.count() + 1 < self.servers.len()) {
                return false;
            }
            leaders.push(meta.leader);
        }
        leaders.windows(2).all(|pair| pair[0] == pair[1])
    }
}

fn server_name(number: usize) -> String {
    format!("server{number}")
}

/// `advertised` are the ports at which the routes are reached, where they are other ones.
fn cluster_config(number: usize, routes: &[u16], advertised: &[u16], monitor: u16) -> String {
    let own = routes[number];
    let reached = if advertised.is_empty() {
        routes
    } else {
        advertised
    };
    let others: Vec<String> = (0..)
        .zip(reached)
        .filter(|(other, _)| *other != number)
        .map(|(_, port)| format!("\"nats-route://127.0.0.1:{port}\""))
        .collect();
    let advertise = advertised.get(number).map_or_else(String::new, |port| {
        format!("advertise: \"127.0.0.1:{port}\",")
    });
    format!(
        "server_name: {}\nhttp: \"127.0.0.1:{monitor}\"\n\
         cluster {{ name: kryten, listen: \"127.0.0.1:{own}\", {advertise} routes: [{}] }}\n",
        server_name(number),
        others.join(", ")
    )
}

fn different_ports(count: usize) -> Vec<u16> {
    let mut ports = Vec::new();
    while ports.len() < count {
        let port = free_port();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// What a server's monitoring page says of JetStream.
async fn status(port: u16) -> io::Result<JetStreamStatus> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET /jsz HTTP/1.0\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(serde_json::from_str(body)?)
}
