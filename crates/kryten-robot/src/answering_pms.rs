//! Answers `system:` private messages, each user in his turn.

use std::sync::Arc;

use kryten_protocol::cytube::fold_name;
use tokio::sync::mpsc;
use tracing::info;

use crate::channel_view::ChannelView;
use crate::commands::command::ChannelCommand;
use crate::commands::perform;
use crate::office::Office;
use crate::requests::system;
use crate::stop_asked::StopAsked;
use crate::system_pm::{self, Patience, PmCommand};

/// A private message that begins with `system:`.
#[derive(Debug)]
pub(crate) struct SystemPm {
    pub(crate) view: ChannelView,
    pub(crate) from: String,
    pub(crate) message: String,
}

/// Answers until the robot stops.
pub(crate) async fn run(office: Arc<Office>, mut messages: mpsc::Receiver<SystemPm>) {
    let mut patience = Patience::default();
    while let Some(message) = messages.recv().await {
        let user = format!("{} {}", message.view.id.channel, message.from);
        let Some((command, rank)) = read(&office, &message) else {
            continue;
        };
        if patience.allows(&user, office.started.elapsed()) {
            // An answer may wait for its turn in a channel, which is no matter to the others.
            tokio::spawn(reply(Arc::clone(&office), message, command, rank));
        }
    }
}

/// What is asked, and the rank of who asks.
fn read(office: &Office, message: &SystemPm) -> Option<(PmCommand, Option<f64>)> {
    let SystemPm {
        view,
        from,
        message,
    } = message;
    let command = PmCommand::read(message)?;
    let (is_own, rank) = {
        let state = view.lock();
        // CyTube sends our own messages back to us.
        let own = state.own_name().map(fold_name);
        (own == Some(fold_name(from)), state.rank_of(from))
    };
    let is_for_us = !is_own && !view.is_anothers() && office.live().commands_enabled;
    is_for_us.then_some((command, rank))
}

async fn reply(office: Arc<Office>, message: SystemPm, command: PmCommand, rank: Option<f64>) {
    let SystemPm { view, from, .. } = message;
    let is_allowed = command.is_allowed(rank, office.live().pm_ranks);
    let words = match is_allowed {
        true => answer(&office, &view, command, &from, rank).await,
        false => "your rank is too low for this".to_owned(),
    };
    let say = ChannelCommand::Pm {
        to: from,
        message: words,
    };
    let begun = perform::begin(&view.desk, say);
    perform::finish(&view.desk, begun).await;
    if is_allowed {
        // After the answer, which needs the connection.
        act(&office, &view, command).await;
    }
}

async fn answer(
    office: &Office,
    served: &ChannelView,
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
            let reply = system::reload(office, None).await;
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

async fn act(office: &Office, view: &ChannelView, command: PmCommand) {
    match command {
        PmCommand::Reconnect => {
            if let Some(cytube) = view.desk.cytube() {
                cytube.reconnect().await;
            }
        }
        PmCommand::Shutdown if office.live().remote_shutdown => {
            let asked = StopAsked::shutdown("a private message said shutdown");
            office.stop_after(std::time::Duration::ZERO, asked);
        }
        _ => {}
    }
}
