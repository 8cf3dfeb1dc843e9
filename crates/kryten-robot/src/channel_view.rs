//! A channel as requests see it, for as long as the robot has a seat for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kryten_cytube::CytubeHandle;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::channel::{ChannelState, StateKey};
use crate::channel_name::ChannelId;
use crate::commands::desk::Desk;
use crate::config::{ChannelConfig, CommandTimes, VerifyTimes};
use crate::status::{ChannelReport, ChannelStatus};
use crate::verify::Verifier;

/// Commands to one channel that are under way at the same time; more are refused.
const UNDER_WAY: usize = 512;

/// What queries and commands may see of a channel; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct ChannelView {
    pub(crate) id: Arc<ChannelId>,
    pub(crate) state: Arc<Mutex<ChannelState>>,
    pub(crate) status: Arc<ChannelStatus>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) verifier: Arc<Verifier>,
    /// The name as configured.
    pub(crate) user: Option<Arc<str>>,
    pub(crate) under_way: Arc<Semaphore>,
}

impl ChannelView {
    pub(crate) fn new(
        id: Arc<ChannelId>,
        config: &ChannelConfig,
        times: CommandTimes,
        verify: VerifyTimes,
    ) -> Self {
        let desk = Arc::new(Desk::new(Arc::clone(&id), times));
        Self {
            id,
            state: Arc::clone(&desk.state),
            status: Arc::clone(&desk.status),
            desk,
            verifier: Arc::new(Verifier::new(verify, config.cytube_to_look())),
            user: config.user.as_deref().map(Arc::from),
            under_way: Arc::new(Semaphore::new(UNDER_WAY)),
        }
    }

    /// `None` while the channel is not served here.
    pub(crate) fn set_cytube(&self, handle: Option<CytubeHandle>) {
        self.desk.set_cytube(handle);
    }

    pub(crate) fn report(&self) -> ChannelReport {
        self.status.report(&self.id.domain, &self.id.channel)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, ChannelState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value of the state as JSON; motd, css and js are texts.
    pub(crate) fn value(&self, key: StateKey) -> Value {
        let text = self.lock().value(key);
        match key {
            StateKey::Motd | StateKey::Css | StateKey::Js => Value::from(text),
            _ => serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    pub(crate) fn is_in(&self) -> bool {
        self.status.in_channel.load(Ordering::Relaxed)
    }

    /// Whether another robot serves the channel and answers in our place.
    pub(crate) fn is_anothers(&self) -> bool {
        let flag = |flag: &std::sync::atomic::AtomicBool| flag.load(Ordering::Relaxed);
        flag(&self.status.stood_down) || flag(&self.status.standing_by)
    }
}
