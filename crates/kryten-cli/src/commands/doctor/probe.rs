//! Looks at the server, the services, clocks, ports and disks. Writes nothing.

mod local;
mod server;
mod services;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kryten_client::{Client, ConnectError};

use super::facts::{Connection, Facts, File, NoConnection};
use crate::cli::ClientArgs;
use crate::commands::config;
use crate::context::Context;

/// A channel: its host where that is known, and its name.
type Named = (Option<String>, String);

/// What configuration files say of services.
#[derive(Default)]
struct Configured {
    channels: Vec<Named>,
    robot: Option<kryten_robot::RobotConfig>,
    userstats: Option<kryten_userstats::Config>,
}

/// Looks at everything.
pub(super) async fn look(client: &ClientArgs, files: &[PathBuf], min_free: u64) -> Facts {
    let mut facts = Facts {
        min_free,
        ..Facts::default()
    };
    let mut configured = Configured::default();
    let from_before = client.config.iter().filter(|file| !files.contains(file));
    for file in files.iter().chain(from_before) {
        facts.files.push(look_at_file(file, &mut configured));
    }
    facts.wants_userstats = configured.userstats.is_some();
    let mut wanted = client.clone();
    if wanted.servers().is_empty() && wanted.config.is_none() && wanted.data_dir.is_none() {
        wanted.config = files.first().cloned();
    }
    let private = local::private_server(&wanted);
    facts.sync_interval = private.as_deref().and_then(local::sync_interval);
    facts.disks = local::disks(client, &configured, private.as_deref());
    let usable = facts.files.iter().all(|file| file.problems.is_empty());
    match connect(&wanted).await {
        Ok((context, client)) => {
            look_at_server(&mut facts, &context, &client, configured).await;
        }
        // The file's own problem says it better.
        Err(failed) if usable || !wanted.servers().is_empty() => {
            facts.ports = local::ports(&configured, false, false).await;
            facts.connection = Some(failed);
        }
        Err(_) => {}
    }
    facts
}

fn look_at_file(path: &Path, configured: &mut Configured) -> File {
    let looked = config::look(path, None);
    if let Ok(robot) = kryten_robot::config::load(path) {
        let channels = robot.channels.iter();
        configured
            .channels
            .extend(channels.map(|one| (Some(one.domain.clone()), one.channel.clone())));
        configured.robot = Some(robot);
    } else if let Ok(userstats) = kryten_userstats::Config::load(path) {
        let channels = userstats.channels.iter();
        configured
            .channels
            .extend(channels.map(|one| (Some(one.domain.clone()), one.channel.clone())));
        configured.userstats = Some(userstats);
    }
    File {
        path: path.display().to_string(),
        purpose: looked.purpose.to_owned(),
        problems: looked.problems,
        warnings: looked.warnings,
    }
}

async fn connect(args: &ClientArgs) -> Result<(Context, Client), Connection> {
    let failed = |why: String, kind| Connection::Failed { why, kind };
    let context = Context::find(args)
        .map_err(|error| failed(format!("{error:#}"), NoConnection::Settings))?;
    match context.connect().await {
        Ok(client) => Ok((context, client)),
        Err(error) => {
            let kind = match error.downcast_ref::<ConnectError>() {
                Some(ConnectError::ServerAway { .. }) => NoConnection::Away,
                Some(ConnectError::WrongCredentials { .. }) => NoConnection::Credentials,
                Some(ConnectError::Tls { .. }) => NoConnection::Tls,
                Some(ConnectError::TimedOut { .. }) => NoConnection::Slow,
                _ => NoConnection::Settings,
            };
            Err(failed(error.to_string(), kind))
        }
    }
}

async fn look_at_server(
    facts: &mut Facts,
    context: &Context,
    client: &Client,
    configured: Configured,
) {
    let info = client.nats().server_info();
    facts.connection = Some(Connection::Stands {
        address: context
            .only_address()
            .unwrap_or_else(|| format!("{}:{}", info.host, info.port)),
        version: info.version.clone(),
        max_payload: client.max_payload(),
    });
    facts.jetstream = Some(server::jetstream(client).await);
    facts.stream = Some(server::stream(client).await);
    let robots = services::robots(client).await;
    facts.robot = Some(robots.service);
    facts.channels = robots.channels;
    facts.clocks.extend(robots.clock);
    let (userstats, clock) = services::userstats(client).await;
    facts.userstats = Some(userstats);
    facts.clocks.extend(clock);

    let mut names: BTreeSet<String> = robots.names;
    let is_served = |name: &String, names: &BTreeSet<String>| names.contains(name);
    let asked: Vec<String> = configured
        .channels
        .iter()
        .map(|(_, name)| name.clone())
        .chain(context.named_channel())
        .chain(context.channels.iter().map(|known| known.channel.clone()))
        .collect();
    if !names.is_empty() {
        let unserved = asked.iter().filter(|name| !is_served(name, &names));
        facts.unserved = unserved
            .cloned()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
    }
    names.extend(asked);
    facts.channels_known = names.len();
    let buckets = server::buckets(client, &names).await;
    facts.buckets = buckets.of_channels;
    facts.dead_buckets = buckets.dead;
    facts.lists = buckets.lists;
    if let Some(clock) = server::clock(client).await {
        facts.clocks.insert(0, clock);
    }
    let is_running = |service: &Option<super::facts::Service>| {
        matches!(service, Some(super::facts::Service::Answers { .. }))
    };
    let (robot, userstats) = (is_running(&facts.robot), is_running(&facts.userstats));
    facts.ports = local::ports(&configured, robot, userstats).await;
}
