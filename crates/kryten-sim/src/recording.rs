//! A recorded connection, session by session, and its replay.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::config::Speed;
use crate::handle::SimError;
use crate::packet::{self, Packet};
use crate::socket::Outlet;

/// All sessions of a recording.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    pub(crate) sessions: Vec<Session>,
}

/// What a client got over one websocket.
#[derive(Debug)]
pub(crate) struct Session {
    frames: Vec<Frame>,
    /// The index of the first frame that answers `login`.
    login_at: usize,
    end: End,
    connection: u64,
}

#[derive(Debug)]
struct Frame {
    at: f64,
    text: Utf8Bytes,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// TCP was cut: by the network, or because the server stopped.
    Cut,
    /// The client ended it, after a kick or by itself; the server leaves the transport open.
    ByClient,
}

/// What a client has sent so far, as far as a replay waits for it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Asked {
    pub(crate) join: bool,
    pub(crate) login: bool,
}

#[derive(Deserialize)]
struct Line {
    t: f64,
    conn: Option<u64>,
    transport: Option<String>,
    dir: Option<String>,
    raw: Option<String>,
    ws: Option<String>,
}

impl Recording {
    pub(crate) fn read(path: &Path) -> Result<Self, SimError> {
        let text = std::fs::read_to_string(path).map_err(|source| SimError::Recording {
            path: path.to_owned(),
            source,
        })?;
        let mut recording = Self::default();
        for (index, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
        {
            let line = serde_json::from_str(line).map_err(|source| SimError::RecordingLine {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            recording.add(line);
        }
        recording
            .sessions
            .retain(|session| !session.frames.is_empty());
        if recording.sessions.is_empty() {
            return Err(SimError::EmptyRecording {
                path: path.to_owned(),
            });
        }
        Ok(recording)
    }

    fn add(&mut self, line: Line) {
        let (Some(connection), Some("websocket")) = (line.conn, line.transport.as_deref()) else {
            return;
        };
        let session = match self.sessions.last_mut() {
            Some(session) if session.connection == connection => session,
            _ => {
                self.sessions.push(Session {
                    frames: Vec::new(),
                    login_at: usize::MAX,
                    end: End::Cut,
                    connection,
                });
                self.sessions.last_mut().expect("a session was just pushed")
            }
        };
        let from_client = line.dir.as_deref() == Some("c2s");
        if from_client && line.ws.as_deref() == Some("close") {
            session.end = End::ByClient;
        }
        if let (false, Some(text)) = (from_client, line.raw) {
            session.add(line.t, text);
        }
    }
}

impl Session {
    fn add(&mut self, at: f64, text: String) {
        if !text.starts_with("42") && text != "41" {
            return;
        }
        if self.login_at == usize::MAX && is_event(&text, "login") {
            let after_rank = self
                .frames
                .last()
                .is_some_and(|frame| is_event(&frame.text, "rank"));
            self.login_at = self.frames.len() - usize::from(after_rank);
        }
        let text = text.into();
        self.frames.push(Frame { at, text });
    }

    /// Gives all frames to the client, waiting for its `joinChannel` and `login` where the recording did.
    pub(crate) async fn play(
        &self,
        outlet: Outlet,
        mut asked: watch::Receiver<Asked>,
        speed: Speed,
        sent: impl FnOnce(),
    ) -> Option<Outlet> {
        let mut anchor: Option<(Instant, f64)> = None;
        for (index, frame) in self.frames.iter().enumerate() {
            let waits_for_login = index == self.login_at;
            if index == 0 || waits_for_login {
                let ready = |asked: &Asked| asked.join && (!waits_for_login || asked.login);
                // An Err means that the client is gone.
                asked.wait_for(ready).await.ok()?;
                anchor = None;
            }
            if let Speed::Times(times) = speed {
                let (start, first) = *anchor.get_or_insert((Instant::now(), frame.at));
                let offset = ((frame.at - first) / times.max(f64::MIN_POSITIVE)).max(0.0);
                sleep_until(
                    start + Duration::try_from_secs_f64(offset).unwrap_or(Duration::MAX / 4),
                )
                .await;
            }
            if asked.has_changed().is_err() {
                return None;
            }
            outlet.send(frame.text.clone());
        }
        sent();
        match self.end {
            End::Cut => {
                outlet.cut();
                None
            }
            End::ByClient => Some(outlet),
        }
    }
}

fn is_event(text: &str, wanted: &str) -> bool {
    matches!(packet::parse(text), Some(Packet::Event { name, .. }) if name == wanted)
}
