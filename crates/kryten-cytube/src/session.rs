//! One connection as a state machine: text and time in, actions out; no socket, no clock.
//!
//! The order of a good session is: `0{…}` from the server, `40` from us, `40{…}`, then `joinChannel` and `login`
//! together, the server's join frames, `login` with success, `playerReady`. All events are handed on in between.

mod login;
mod reasons;

use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::config::{CytubeConfig, Login};
use crate::frame::{Frame, FrameError, payload};
use crate::item::DisconnectReason;
use login::LoginState;

/// What the shell has to do, in this order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Send this text.
    Send(String),
    /// The namespace is granted; events may be sent from now on.
    Connected,
    /// Hand on an event.
    Deliver {
        /// CyTube's name of it.
        name: String,
        /// Its arguments as one value.
        payload: Box<RawValue>,
        /// The id to answer with, if the server asked.
        ack: Option<u64>,
    },
    /// CyTube answered the event that was sent with this id.
    Answered {
        /// The id.
        id: u64,
        /// The answer.
        args: Vec<Box<RawValue>>,
    },
    /// The server gave a sign of life, and nothing else.
    SignOfLife,
    /// Our rank is now this.
    OwnRank(f64),
    /// We are in the channel and logged in.
    Joined {
        /// Our name; `None` for an anonymous viewer.
        name: Option<String>,
        /// Whether we are a guest.
        guest: bool,
    },
    /// Report a frame that cannot be read.
    Unreadable(FrameError),
    /// Close the connection.
    Close(DisconnectReason),
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    channel: String,
    channel_password: Option<SecretString>,
    login_as: Login,
    login_timeout: Duration,
    entered: bool,
    handshake_until: Instant,
    heartbeat: Option<Duration>,
    silent_since: Instant,
    login: LoginState,
    /// `needPassword` came; the value tells whether a password was given.
    password_refused: Option<bool>,
    password_until: Option<Instant>,
    joined: bool,
    /// A kick came, and its `41` is to follow.
    kick: Option<(DisconnectReason, Instant)>,
}

/// After a kick the server ends the session at once; a server that does not is not waited for.
const KICK_GRACE: Duration = Duration::from_secs(2);

impl Session {
    /// A connection whose websocket has just opened.
    pub fn new(config: &CytubeConfig, now: Instant) -> Self {
        Self {
            channel: config.channel.clone(),
            channel_password: config.channel_password.clone(),
            login_as: config.login.clone(),
            login_timeout: config.login_timeout,
            entered: false,
            handshake_until: now + config.connect_timeout,
            heartbeat: None,
            silent_since: now,
            login: LoginState::NotAsked,
            password_refused: None,
            password_until: None,
            joined: false,
            kick: None,
        }
    }

    /// A websocket text message came.
    pub fn receive(&mut self, text: &str, now: Instant) -> Vec<Action> {
        self.silent_since = now;
        match Frame::parse(text) {
            Ok(frame) => self.receive_frame(frame, now),
            Err(error) => vec![Action::Unreadable(error)],
        }
    }

    /// Something came that shows that the server lives, such as a websocket ping.
    pub fn sign_of_life(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// Time has passed; called at [`Session::next_deadline`].
    pub fn tick(&mut self, now: Instant) -> Vec<Action> {
        if let Some((reason, until)) = &self.kick {
            if now >= *until {
                return vec![Action::Close(reason.clone())];
            }
            return Vec::new();
        }
        if !self.entered && now >= self.handshake_until {
            return vec![Action::Close(DisconnectReason::HandshakeTimeout)];
        }
        if self
            .heartbeat
            .is_some_and(|heartbeat| now >= self.silent_since + heartbeat)
        {
            return vec![Action::Close(DisconnectReason::HeartbeatMissed)];
        }
        if self.password_until.is_some_and(|until| now >= until) {
            return vec![Action::Close(self.password_reason())];
        }
        match self.login {
            LoginState::Asked { until } if now >= until => {
                vec![Action::Close(DisconnectReason::JoinTimeout)]
            }
            LoginState::AskAgain { at } if now >= at => self.ask_login(now),
            _ => Vec::new(),
        }
    }

    /// When [`Session::tick`] has something to do next.
    pub fn next_deadline(&self) -> Instant {
        if let Some((_, until)) = &self.kick {
            return *until;
        }
        let handshake = (!self.entered).then_some(self.handshake_until);
        let heartbeat = self
            .heartbeat
            .map(|heartbeat| self.silent_since + heartbeat);
        [
            handshake,
            heartbeat,
            self.password_until,
            self.login.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.handshake_until)
    }

    /// We did not read for this long; the server is not to blame for it.
    pub fn excuse(&mut self, pause: Duration) {
        self.silent_since += pause;
        self.handshake_until += pause;
        self.login.excuse(pause);
        if let Some(until) = &mut self.password_until {
            *until += pause;
        }
    }

    /// Why the connection ended, when the transport is gone for `reason`: a kick before it is the true reason.
    pub fn reason_for_end(&self, reason: DisconnectReason) -> DisconnectReason {
        match &self.kick {
            Some((kick, _)) => kick.clone(),
            None => reason,
        }
    }

    /// Whether the namespace is granted, so that events may be sent.
    pub fn is_connected(&self) -> bool {
        self.entered && self.kick.is_none()
    }

    fn receive_frame(&mut self, frame: Frame, now: Instant) -> Vec<Action> {
        match frame {
            Frame::Open(open) => {
                let heartbeat = open.ping_interval.saturating_add(open.ping_timeout);
                self.heartbeat = Some(Duration::from_millis(heartbeat));
                vec![Action::Send(Frame::Connect(None).encode())]
            }
            Frame::Ping(text) => vec![Action::Send(Frame::Pong(text).encode()), Action::SignOfLife],
            Frame::Connect(_) if !self.entered => self.enter(now),
            Frame::Event { name, args, ack } => self.receive_event(name, payload(args), ack, now),
            Frame::Ack { id, args } => vec![Action::Answered { id, args }],
            Frame::ConnectError(data) => {
                let message = reasons::refusal(data.as_deref());
                vec![Action::Close(DisconnectReason::Refused { message })]
            }
            Frame::Disconnect => {
                vec![Action::Close(
                    self.reason_for_end(DisconnectReason::EndedByServer),
                )]
            }
            Frame::Close => {
                vec![Action::Close(
                    self.reason_for_end(DisconnectReason::ClosedByServer),
                )]
            }
            Frame::Connect(_) | Frame::Pong(_) | Frame::Noop => Vec::new(),
        }
    }

    fn enter(&mut self, now: Instant) -> Vec<Action> {
        self.entered = true;
        let mut join = json!({"name": self.channel});
        if let Some(password) = &self.channel_password {
            join["pw"] = password.expose_secret().into();
        }
        let mut actions = vec![Action::Connected, send("joinChannel", &join)];
        actions.extend(self.ask_login(now));
        actions
    }

    fn ask_login(&mut self, now: Instant) -> Vec<Action> {
        let until = now + self.login_timeout;
        self.login = LoginState::Asked { until };
        match &self.login_as {
            // An anonymous viewer has no login to wait for; the user list stands for its answer.
            Login::Anonymous => Vec::new(),
            Login::Guest { name } => vec![send("login", &json!({"name": name}))],
            Login::Account { name, password } => {
                let login = json!({"name": name, "pw": password.expose_secret()});
                vec![send("login", &login)]
            }
        }
    }

    fn receive_event(
        &mut self,
        name: String,
        payload: Box<RawValue>,
        ack: Option<u64>,
        now: Instant,
    ) -> Vec<Action> {
        let consequences = match name.as_str() {
            "rank" => own_rank(&read(&payload)),
            "setUserRank" => self.own_rank_among(&read(&payload)),
            "login" => self.login_answered(&read(&payload), now),
            "userlist" => self.user_list_came(),
            "needPassword" => self.password_needed(&read(&payload), now),
            "cancelNeedPassword" => {
                self.password_refused = None;
                self.password_until = None;
                self.join_if_ready()
            }
            "kick" => {
                let reason = reasons::kick(&read(&payload));
                self.kick = Some((reason, now + KICK_GRACE));
                Vec::new()
            }
            _ => Vec::new(),
        };
        let mut actions = vec![Action::Deliver { name, payload, ack }];
        actions.extend(consequences);
        actions
    }

    fn login_answered(&mut self, answer: &Value, now: Instant) -> Vec<Action> {
        if self.login.is_done() {
            return Vec::new();
        }
        if answer["success"].as_bool() == Some(true) {
            self.login = LoginState::Done {
                name: answer["name"].as_str().map(str::to_owned),
                guest: answer["guest"].as_bool().unwrap_or(false),
            };
            if self.password_refused.is_some() {
                self.password_until = Some(now + self.login_timeout);
            }
            return self.join_if_ready();
        }
        let error = answer["error"].as_str().unwrap_or_default();
        if let Some(wait) = reasons::guest_wait(error) {
            self.login = LoginState::AskAgain { at: now + wait };
            return Vec::new();
        }
        vec![Action::Close(reasons::login(error))]
    }

    fn user_list_came(&mut self) -> Vec<Action> {
        if matches!(self.login_as, Login::Anonymous) && !self.login.is_done() {
            self.login = LoginState::Done {
                name: None,
                guest: false,
            };
        }
        self.join_if_ready()
    }

    /// An account of rank 2 or more gets in without the password, so its login is waited for.
    fn password_needed(&mut self, given: &Value, now: Instant) -> Vec<Action> {
        self.password_refused = Some(given.as_bool().unwrap_or(false));
        if !matches!(self.login_as, Login::Account { .. }) {
            return vec![Action::Close(self.password_reason())];
        }
        if self.login.is_done() {
            self.password_until = Some(now + self.login_timeout);
        }
        Vec::new()
    }

    fn password_reason(&self) -> DisconnectReason {
        match self.password_refused {
            Some(true) => DisconnectReason::WrongChannelPassword,
            _ => DisconnectReason::ChannelPasswordNeeded,
        }
    }

    fn join_if_ready(&mut self) -> Vec<Action> {
        let LoginState::Done { name, guest } = &self.login else {
            return Vec::new();
        };
        if self.joined || self.password_refused.is_some() {
            return Vec::new();
        }
        self.joined = true;
        vec![
            Action::Joined {
                name: name.clone(),
                guest: *guest,
            },
            send("playerReady", &json!({})),
        ]
    }

    fn own_rank_among(&self, change: &Value) -> Vec<Action> {
        let LoginState::Done {
            name: Some(own), ..
        } = &self.login
        else {
            return Vec::new();
        };
        let named = change["name"].as_str().unwrap_or_default();
        if named.to_lowercase() != own.to_lowercase() {
            return Vec::new();
        }
        own_rank(&change["rank"])
    }
}

fn own_rank(rank: &Value) -> Vec<Action> {
    rank.as_f64().map(Action::OwnRank).into_iter().collect()
}

/// The payload as a value; `null` when it is beyond what a value can hold.
fn read(payload: &RawValue) -> Value {
    serde_json::from_str(payload.get()).unwrap_or_default()
}

fn send(name: &str, payload: &Value) -> Action {
    let args = to_raw_value(payload).into_iter().collect();
    let frame = Frame::Event {
        name: name.to_owned(),
        args,
        ack: None,
    };
    Action::Send(frame.encode())
}

#[cfg(test)]
mod tests;
