//! All scripted channels, and in which of them each client is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tokio::time::Instant;

use super::Touched;
use super::play::Play;
use crate::config::{Mode, SimConfig};
use crate::room::{ConnectionId, Outgoing, Room};

/// How many connections one address may have at a time.
const MOST_OF_ONE_ADDRESS: usize = 10;

/// The channels, the first one first. It is also where clients wait until they say which one they mean.
pub(super) struct Channels {
    plays: Vec<Play>,
    /// When each has something to do next.
    next: Vec<Option<Instant>>,
    homes: BTreeMap<ConnectionId, usize>,
}

impl Channels {
    pub(super) fn new(config: &SimConfig, now: i64) -> Self {
        let plays = config.each_channel().into_iter().map(|(channel, ranks)| {
            let script = match &channel.mode {
                Mode::Script(script) => script.clone(),
                Mode::Recording { .. } => Default::default(),
            };
            let mut play = Play::new(&channel, &script, now);
            for (name, rank) in ranks {
                play.room.know_rank(&name, rank);
            }
            play
        });
        let plays: Vec<Play> = plays.collect();
        Self {
            next: vec![None; plays.len()],
            plays,
            homes: BTreeMap::new(),
        }
    }

    pub(super) fn all(&self) -> &[Play] {
        &self.plays
    }

    pub(super) fn all_mut(&mut self) -> &mut [Play] {
        &mut self.plays
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Play> {
        self.plays.get_mut(index)
    }

    /// The number of a channel, whose name may be written in any case.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let name = name.to_lowercase();
        self.plays
            .iter()
            .position(|play| play.room.channel.to_lowercase() == name)
    }

    /// The channel that a client is in.
    pub(super) fn home(&self, connection: ConnectionId) -> usize {
        self.homes.get(&connection).copied().unwrap_or(0)
    }

    fn room_of(&mut self, connection: ConnectionId) -> &mut Room {
        let home = self.home(connection);
        &mut self.plays[home].room
    }

    pub(super) fn open(&mut self, connection: ConnectionId, ip: IpAddr, limited: bool, now: i64) {
        let rooms = self.plays.iter().map(|play| &play.room);
        let others: usize = rooms.map(|room| room.clients_of(ip)).sum();
        self.plays[0].room.open(connection, ip);
        self.homes.insert(connection, 0);
        if limited && others >= MOST_OF_ONE_ADDRESS {
            let reason = "Too many connections from your IP address";
            self.plays[0].room.kick_client(connection, reason, now);
        }
    }

    pub(super) fn receive(
        &mut self,
        connection: ConnectionId,
        event: &str,
        args: &[Value],
        ack: Option<u64>,
        now: i64,
    ) {
        if event == "joinChannel" {
            self.find_home(connection, args);
        }
        let room = self.room_of(connection);
        room.receive(connection, event, args, ack, now);
    }

    /// Brings a client that has not joined yet to the channel that it names.
    fn find_home(&mut self, connection: ConnectionId, args: &[Value]) {
        let name = args.first().and_then(|payload| payload["name"].as_str());
        let Some(to) = name.and_then(|name| self.named(name)) else {
            return;
        };
        let from = self.home(connection);
        if to != from
            && let Some(viewer) = self.plays[from].room.release(connection)
        {
            self.plays[to].room.admit(connection, viewer);
            self.homes.insert(connection, to);
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId, now: i64) {
        self.room_of(connection).close(connection, now);
        self.homes.remove(&connection);
    }

    pub(super) fn take_outgoing(&mut self, touched: Touched) -> Vec<Outgoing> {
        let mut outgoing = Vec::new();
        let touched = touched.range(self.plays.len());
        for play in &mut self.plays[touched] {
            outgoing.append(&mut play.room.take_outgoing());
        }
        outgoing
    }

    /// Looks when channels have something to do next; `queued` says how much waits for a client.
    pub(super) fn look_ahead(
        &mut self,
        touched: Touched,
        queued: impl Fn(ConnectionId) -> usize,
        now: i64,
    ) {
        for index in touched.range(self.plays.len()) {
            let play = &mut self.plays[index];
            let most = play.room.connections().map(&queued).max();
            self.next[index] = play.next_step(most.unwrap_or(0), now);
        }
    }

    /// When the next channel has something to do.
    pub(super) fn next_step(&self) -> Option<Instant> {
        self.next.iter().flatten().min().copied()
    }

    pub(super) fn step(&mut self, now: i64) {
        for play in &mut self.plays {
            play.step(now);
        }
    }
}
