//! Guest mode: the robot looks on without a login and without NATS; chat goes to the audit log, and health is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kryten_client::pulse::BEAT_EVERY;
use kryten_cytube::{CytubeClient, CytubeHandle, CytubeItem, DisconnectReason};
use kryten_protocol::cytube::ChatMsg;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::audit::Audit;
use crate::config::RobotConfig;
use crate::history::{History, Sighting};
use crate::robot::RobotError;
use crate::status::{ChannelReport, ChannelStatus, add, set};

/// A robot in guest mode.
#[derive(Debug)]
pub struct Guest {
    domain: String,
    channel: String,
    status: Arc<ChannelStatus>,
    cytube: CytubeHandle,
    task: JoinHandle<()>,
    audit_task: Option<JoinHandle<()>>,
}

impl Guest {
    /// Starts to look on.
    ///
    /// # Errors
    /// [`RobotError::NoChannel`] when none is configured.
    pub fn start(config: RobotConfig) -> Result<Self, RobotError> {
        let channel = config.channels.first().ok_or(RobotError::NoChannel)?;
        let mut channel = channel.clone();
        channel.anonymous = true;
        let (audit, audit_task) = config.audit.map(Audit::start).unzip();
        let status = Arc::new(ChannelStatus::default());
        // Nothing is published, so nothing can be missing in the stream.
        set(&status.stream_up, true);
        let (cytube, items) = CytubeClient::spawn(channel.cytube());
        let look = Look {
            domain: channel.domain.clone(),
            status: Arc::clone(&status),
            audit,
            cytube: cytube.clone(),
        };
        Ok(Self {
            domain: channel.domain,
            channel: channel.channel,
            status,
            cytube,
            task: tokio::spawn(look.on(items)),
            audit_task,
        })
    }

    /// A function that gives what has happened so far, such as a health page asks for.
    pub fn reporter(&self) -> impl Fn() -> Vec<ChannelReport> + Clone + Send + Sync + 'static {
        let status = Arc::clone(&self.status);
        let (domain, channel) = (self.domain.clone(), self.channel.clone());
        move || vec![status.report(&domain, &channel)]
    }

    /// A function that tells how long the channel's task has not come around, for a watchdog.
    pub fn silence(&self) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
        let pulse = self.status.pulse.clone();
        move || pulse.silence()
    }

    /// Waits until the channel has been given up.
    pub async fn join(&mut self) {
        // A task that panicked has ended too.
        let _ = (&mut self.task).await;
    }

    /// Leaves the channel.
    pub async fn shutdown(mut self) {
        self.cytube.close().await;
        if !self.task.is_finished() {
            let _ = (&mut self.task).await;
        }
        drop(self.task);
        if let Some(task) = self.audit_task {
            let _ = task.await;
        }
    }
}

struct Look {
    domain: String,
    status: Arc<ChannelStatus>,
    audit: Option<Audit>,
    cytube: CytubeHandle,
}

impl Look {
    async fn on(self, mut items: mpsc::Receiver<CytubeItem>) {
        let mut history = History::default();
        loop {
            self.status.pulse.beat();
            let item = match tokio::time::timeout(BEAT_EVERY, items.recv()).await {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(_) => continue,
            };
            match item {
                CytubeItem::Connected { .. } => {
                    add(&self.status.connects, 1);
                    history.begin_replay();
                }
                CytubeItem::Joined { .. } => {
                    self.status.set_in_channel(true);
                    self.note("CONNECT", None);
                    // Without it CyTube does not tell what plays.
                    let _ = self
                        .cytube
                        .emit("playerReady", &serde_json::json!({}))
                        .await;
                }
                CytubeItem::Event {
                    name,
                    payload,
                    received,
                    ..
                } => {
                    self.status.note_event(&name, received);
                    if name == "userlist" {
                        history.end_replay();
                    }
                    if name != "chatMsg" {
                        continue;
                    }
                    let value = serde_json::from_str(payload.get()).ok();
                    if let Some(line) = value.as_ref().and_then(ChatMsg::read)
                        && let Sighting::New(_) = history.see(&line)
                        && let Some(audit) = &self.audit
                    {
                        audit.chat(&line.username, &line.message);
                    }
                }
                CytubeItem::Disconnected { reason, .. } => self.leave(&reason),
                CytubeItem::Stopped { reason } => {
                    self.leave(&reason);
                    if !matches!(reason, DisconnectReason::Closed) {
                        self.status.give_up(reason.to_string());
                    }
                }
                _ => {}
            }
        }
        info!(domain = self.domain, "the guest has left");
    }

    fn leave(&self, reason: &DisconnectReason) {
        if self.status.in_channel.load(Ordering::Relaxed) {
            warn!(domain = self.domain, %reason, "not in the channel");
            self.note("DISCONNECT", Some(&reason.to_string()));
        }
        self.status.set_in_channel(false);
    }

    fn note(&self, event: &str, error: Option<&str>) {
        if let Some(audit) = &self.audit {
            audit.connection(event, &self.domain, error);
        }
    }
}
