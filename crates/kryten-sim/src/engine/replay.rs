//! A recording, one session for each client in turn.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::channel::Progress;
use crate::config::Speed;
use crate::recording::{Asked, Session};
use crate::room::ConnectionId;
use crate::socket::Outlet;

pub(super) struct Replay {
    sessions: VecDeque<Session>,
    speed: Speed,
    progress: Arc<watch::Sender<Progress>>,
    clients: BTreeMap<ConnectionId, (watch::Sender<Asked>, CancellationToken)>,
}

impl Replay {
    pub(super) fn new(
        sessions: Vec<Session>,
        speed: Speed,
        progress: Arc<watch::Sender<Progress>>,
    ) -> Self {
        Self {
            sessions: sessions.into(),
            speed,
            progress,
            clients: BTreeMap::new(),
        }
    }

    /// A client takes up the next session; after the last one it is turned away.
    pub(super) fn open(&mut self, connection: ConnectionId, outlet: Outlet) {
        let Some(session) = self.sessions.pop_front() else {
            outlet.cut();
            return;
        };
        let (asked, mut asked_rx) = watch::channel(Asked::default());
        self.clients.insert(connection, (asked, outlet.cutter()));
        let speed = self.speed;
        self.progress.send_modify(|progress| {
            progress.sessions_started += 1;
            progress.connections += 1;
        });
        let is_last = self.sessions.is_empty();
        let progress = Arc::clone(&self.progress);
        tokio::spawn(async move {
            let sent = || {
                progress.send_modify(|progress| {
                    progress.sessions_sent += 1;
                    progress.done = is_last;
                });
            };
            let kept = session.play(outlet, asked_rx.clone(), speed, sent).await;
            if kept.is_some() {
                // The transport stays open until the client closes it.
                while asked_rx.changed().await.is_ok() {}
            }
        });
    }

    pub(super) fn receive(&mut self, connection: ConnectionId, event: &str) {
        let Some((asked, _)) = self.clients.get(&connection) else {
            return;
        };
        match event {
            "joinChannel" => asked.send_modify(|asked| asked.join = true),
            "login" => asked.send_modify(|asked| asked.login = true),
            _ => {}
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        if self.clients.remove(&connection).is_some() {
            self.progress
                .send_modify(|progress| progress.connections -= 1);
        }
    }

    pub(super) fn cut_all(&mut self) {
        for (_, cutter) in self.clients.values() {
            cutter.cancel();
        }
    }
}
