//! Answers `system:` private messages, each user in his turn.

use std::sync::Arc;

use kryten_protocol::cytube::fold_name;
use tokio::sync::mpsc;
use tracing::info;

use crate::commands::command::ChannelCommand;
use crate::commands::perform;
use crate::office::{Office, Served};
use crate::requests::system;
use crate::system_pm::{self, Patience, PmCommand};

/// A private message that begins with `system:`.
#[derive(Debug)]
pub(crate) struct SystemPm {
    pub(crate) from: String,
    pub(crate) message: String,
}

/// Answers until the channel is given up.
pub(crate) async fn run(
    office: Arc<Office>,
    served: Arc<Served>,
    mut messages: mpsc::Receiver<SystemPm>,
) {
    let mut patience = Patience::default();
    while let Some(SystemPm { from, message }) = messages.recv().await {
        let live = office.live();
        let (is_own, rank) = {
            let state = served.lock();
            // CyTube sends our own messages back to us.
            let own = state.own_name().map(fold_name);
            (
                own.as_deref() == Some(&fold_name(&from)),
                state.rank_of(&from),
            )
        };
        let Some(command) = PmCommand::read(&message) else {
            continue;
        };
        if is_own || !live.commands_enabled || served.stood_down() {
            continue;
        }
        if !patience.allows(&from, office.started.elapsed()) {
            continue;
        }
        let answer = match command.is_allowed(rank, live.pm_ranks) {
            true => answer(&office, &served, command, &from, rank),
            false => "your rank is too low for this".to_owned(),
        };
        let say = ChannelCommand::Pm {
            to: from,
            message: answer,
        };
        let begun = perform::begin(&served.desk, say);
        perform::finish(&served.desk, begun).await;
        // After the answer, which needs the connection.
        act(&office, &served, command, rank).await;
    }
}

fn answer(
    office: &Office,
    served: &Served,
    command: PmCommand,
    from: &str,
    rank: Option<f64>,
) -> String {
    match command {
        PmCommand::About => system_pm::about(
            env!("CARGO_PKG_VERSION"),
            office.lifecycle.uptime(),
            &served.id.channel,
            &served.id.domain,
            office.services().versions(),
        ),
        PmCommand::Help => system_pm::help(rank, office.live().pm_ranks),
        PmCommand::Health => {
            let health = system::health(office);
            let word = |name: &str| health[name].to_string();
            format!(
                "{} | NATS connected: {}",
                health["status"].as_str().unwrap_or_default(),
                word("nats_connected"),
            )
        }
        PmCommand::Reload => {
            let reply = system::reload(office, None);
            let errors = reply["errors"].as_array().into_iter().flatten();
            let errors: Vec<&str> = errors.filter_map(|error| error.as_str()).collect();
            let message = reply["message"].as_str().unwrap_or_default();
            format!("{message} {}", errors.join("; "))
                .trim_end()
                .to_owned()
        }
        PmCommand::Reconnect => "reconnecting".to_owned(),
        PmCommand::Shutdown if !office.live().remote_shutdown => {
            "a shutdown by others is switched off (commands.remote_shutdown)".to_owned()
        }
        PmCommand::Shutdown => {
            info!(from, "asked to stop by a private message");
            "stopping".to_owned()
        }
    }
}

async fn act(office: &Office, served: &Served, command: PmCommand, rank: Option<f64>) {
    let live = office.live();
    if !command.is_allowed(rank, live.pm_ranks) {
        return;
    }
    match command {
        PmCommand::Reconnect => served.desk.cytube.reconnect().await,
        PmCommand::Shutdown if live.remote_shutdown => {
            let reason = "a private message said shutdown".to_owned();
            office.stop_after(std::time::Duration::ZERO, reason);
        }
        _ => {}
    }
}
