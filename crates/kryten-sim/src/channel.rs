//! Asking one channel of a running simulator for things, and how far it is.

use serde::Serialize;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};

use crate::control::{ControlError, Operation};
use crate::engine::{Input, Target};
use crate::ledger::Ledger;

/// One channel of a running simulator; it works as long as the [`crate::SimHandle`] lives.
#[derive(Debug, Clone)]
pub struct ChannelHandle {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) input: mpsc::Sender<Input>,
    pub(crate) progress: watch::Receiver<Progress>,
}

/// How far the simulator is; tests wait on it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Replayable chat lines said so far, those before the start included.
    pub chat_lines: u64,
    /// Chat lines that reached a bot and are never replayed: notices to moderators and shadow-muted lines.
    pub notices: u64,
    /// Private messages that reached a bot so far, `system:` ones left out.
    pub pms: u64,
    /// Chat lines that fell out of the history before any bot was offered them.
    pub lost_lines: u64,
    /// Clients whose Socket.IO session is up.
    pub connections: usize,
    /// Clients that are logged in.
    pub bots: usize,
    /// Recorded sessions that a client has taken up.
    pub sessions_started: usize,
    /// Recorded sessions whose last frame has been given to the socket.
    pub sessions_sent: usize,
    /// Whether the script has said all its lines.
    pub done: bool,
}

impl ChannelHandle {
    /// The channel's name as registered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How far it is; `wait_for` on it awaits a condition.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Waits until the progress fulfils a condition.
    pub async fn wait_until(&self, condition: impl FnMut(&Progress) -> bool) -> Progress {
        let mut progress = self.progress.clone();
        match progress.wait_for(condition).await {
            Ok(progress) => progress.clone(),
            // The engine has ended; its last word is all there is.
            Err(_) => self.progress.borrow().clone(),
        }
    }

    /// Asks for one thing.
    ///
    /// # Errors
    /// When the request makes no sense now.
    pub async fn run(&self, operation: Operation) -> Result<Value, ControlError> {
        let (reply, answered) = oneshot::channel();
        let input = Input::Control {
            target: self.target.clone(),
            operation,
            reply,
        };
        if self.input.send(input).await.is_err() {
            return Err(ControlError::Stopped);
        }
        answered.await.unwrap_or(Err(ControlError::Stopped))
    }

    /// The ledger now.
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn ledger(&self) -> Result<Ledger, ControlError> {
        let value = self.run(Operation::Ledger).await?;
        serde_json::from_value(value).map_err(|error| ControlError::BadRequest(error.to_string()))
    }

    /// The channel's state, see [`Operation::State`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn state(&self) -> Result<Value, ControlError> {
        self.run(Operation::State).await
    }

    /// A simulated user says something, see [`Operation::Say`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn say(&self, user: &str, msg: &str) -> Result<(), ControlError> {
        let (user, msg) = (user.to_owned(), msg.to_owned());
        self.run(Operation::Say { user, msg }).await.map(drop)
    }

    /// A simulated user sends every bot a private message, see [`Operation::Pm`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn pm(&self, user: &str, msg: &str) -> Result<(), ControlError> {
        let (user, msg) = (user.to_owned(), msg.to_owned());
        self.run(Operation::Pm {
            user,
            msg,
            to: None,
        })
        .await
        .map(drop)
    }

    /// A simulated user joins, with rank 1.
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn join(&self, user: &str) -> Result<(), ControlError> {
        let user = user.to_owned();
        self.run(Operation::Join { user, rank: None })
            .await
            .map(drop)
    }

    /// A simulated user leaves.
    ///
    /// # Errors
    /// When no such user is there, or a recording is replayed.
    pub async fn leave(&self, user: &str) -> Result<(), ControlError> {
        let user = user.to_owned();
        self.run(Operation::Leave { user }).await.map(drop)
    }

    /// A simulated user sends a client event, see [`Operation::Act`].
    ///
    /// # Errors
    /// When a recording is replayed.
    pub async fn act(&self, user: &str, event: &str, payload: Value) -> Result<(), ControlError> {
        let (user, event) = (user.to_owned(), event.to_owned());
        self.run(Operation::Act {
            user,
            event,
            payload,
        })
        .await
        .map(drop)
    }

    /// The test has seen this many replayable chat lines.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn seen(&self, chat: u64) -> Result<(), ControlError> {
        self.run(Operation::Seen { chat }).await.map(drop)
    }

    /// Holds parts of the script, see [`Operation::Hold`].
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn hold(&self, others: bool, chat: bool) -> Result<(), ControlError> {
        self.run(Operation::Hold {
            others: Some(others),
            chat: Some(chat),
            others_while_bot_is_out: None,
        })
        .await
        .map(drop)
    }

    /// Cuts the TCP connections of all clients.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn drop_connections(&self) -> Result<(), ControlError> {
        self.run(Operation::Drop).await.map(drop)
    }

    /// Kicks all clients.
    ///
    /// # Errors
    /// When the simulator has been shut down.
    pub async fn kick_bots(&self, reason: &str) -> Result<(), ControlError> {
        self.run(Operation::Kick {
            name: None,
            reason: Some(reason.to_owned()),
        })
        .await
        .map(drop)
    }
}
