//! One channel's task: frame → state → outbox, in CyTube's order.
//!
//! Decisions are made by the pure parts; this file asks them in turn and hands on what they say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use kryten_client::pulse::BEAT_EVERY;
use kryten_cytube::{CytubeItem, DisconnectReason};
use kryten_protocol::cytube::ChatMsg;
use kryten_protocol::event::Envelope;
use kryten_protocol::line::LineKey;
use kryten_protocol::subject;
use kryten_protocol::time::WireTime;
use serde_json::value::RawValue;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use crate::answering_pms::SystemPm;
use crate::audit::Audit;
use crate::channel::{Changes, ChannelState, Drift, DriftKind, StateKey};
use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;
use crate::gap_report;
use crate::history::{History, ReplaySummary, Sighting};
use crate::outbox::{Entry, Outgoing, Snapshot};
use crate::secrets;
use crate::shared_outbox::SharedOutbox;
use crate::snapshots::Snapshots;
use crate::status::{ChannelStatus, add};
use crate::system_pm;
use crate::verify::LookTaken;

/// What the bridge tells the rest of the robot.
#[derive(Debug, Clone)]
pub(crate) enum BridgeNews {
    /// We are in the channel; `true` when we had been there before.
    Joined { again: bool },
    /// We are not in the channel any more.
    Left { reason: String },
    /// We shall not come back by ourselves.
    Stopped { reason: String },
}

/// Why a bridge ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BridgeEnd {
    /// It was told to stop.
    Stopped,
    /// CyTube does not let us come back.
    GivenUp,
    /// The same account has joined elsewhere.
    DuplicateLogin,
}

pub(crate) struct Bridge {
    pub(crate) id: Arc<ChannelId>,
    pub(crate) items: mpsc::Receiver<CytubeItem>,
    pub(crate) outbox: Arc<SharedOutbox>,
    pub(crate) written: mpsc::UnboundedReceiver<StateKey>,
    /// What a second connection was told, to be taken over.
    pub(crate) looks: mpsc::Receiver<LookTaken>,
    pub(crate) news: mpsc::UnboundedSender<BridgeNews>,
    pub(crate) status: Arc<ChannelStatus>,
    pub(crate) state: Arc<std::sync::Mutex<ChannelState>>,
    pub(crate) history: History,
    /// Private messages of this process, told apart by the same rule.
    pub(crate) messages: History,
    /// The last sign of the channel, of this process, of a robot before it or of the stream.
    pub(crate) last_sign: Option<WireTime>,
    /// The last sign before the absence that the next complete join ends.
    pub(crate) absent_from: Option<WireTime>,
    pub(crate) kv_enabled: bool,
    /// Another robot may have taken over when our account has joined elsewhere; the seat finds out.
    pub(crate) has_lease: bool,
    /// Where commands wait for what CyTube says.
    pub(crate) view: ChannelView,
    /// Where `system:` messages go.
    pub(crate) system_pms: mpsc::Sender<SystemPm>,
    pub(crate) audit: Option<Audit>,
    pub(crate) stop: CancellationToken,
    /// Set once the channel is joined and, where there is KV, its state is stored.
    pub(crate) ready: watch::Sender<bool>,
}

/// What lives only while the task runs.
struct Run {
    started: Instant,
    snapshots: Snapshots,
    joins: u64,
    put_all: bool,
    /// A frame of this connection that cannot be read was logged.
    told_unreadable: bool,
    end: BridgeEnd,
}

impl Bridge {
    /// Runs until the CyTube client stops or the robot is told to; then all changed values are in the outbox.
    pub(crate) async fn run(mut self) -> BridgeEnd {
        let mut run = Run {
            started: Instant::now(),
            snapshots: Snapshots::default(),
            joins: 0,
            put_all: true,
            told_unreadable: false,
            end: BridgeEnd::Stopped,
        };
        loop {
            self.status.pulse.beat();
            let turn = Instant::now() + BEAT_EVERY;
            let due = run.snapshots.next_due().map(|due| run.started + due);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Some(key) = self.written.recv() => run.snapshots.written(key),
                Some(look) = self.looks.recv() => self.take_look(&mut run, look),
                item = self.items.recv() => match item {
                    Some(item) => self.take(&mut run, item),
                    None => break,
                },
                () = tokio::time::sleep_until(due.map_or(turn, |due| due.min(turn))) => {}
            }
            self.write_due(&mut run);
            self.note_ready(&run);
        }
        self.status.pulse.rest();
        self.flush(&mut run).await;
        if let (BridgeEnd::Stopped, Some(audit)) = (run.end, &self.audit) {
            audit.connection("SHUTDOWN", &self.id.domain, None);
        }
        run.end
    }

    fn take(&mut self, run: &mut Run, item: CytubeItem) {
        match item {
            CytubeItem::Connected { .. } => {
                add(&self.status.connects, 1);
                run.told_unreadable = false;
                self.history.begin_replay();
                self.absent_from = self.absent_from.or(self.last_sign);
                self.lock_state().begin_session();
            }
            CytubeItem::Joined { .. } => {
                self.status.set_in_channel(true);
                if let Some(audit) = &self.audit {
                    let event = if run.joins > 0 {
                        "RECONNECT"
                    } else {
                        "CONNECT"
                    };
                    audit.connection(event, &self.id.domain, None);
                }
                let _ = self.news.send(BridgeNews::Joined {
                    again: run.joins > 0,
                });
                run.joins += 1;
            }
            CytubeItem::Event {
                name,
                payload,
                received,
                ..
            } => self.take_event(run, &name, &payload, received),
            CytubeItem::SignOfLife { at } => self.hear(at),
            CytubeItem::Unreadable { error, .. } => {
                add(&self.status.frames_unreadable, 1);
                if std::mem::replace(&mut run.told_unreadable, true) {
                    debug!(channel = self.id.channel, %error, "skipped another frame that is no Socket.IO");
                } else {
                    warn!(channel = self.id.channel, %error, "skipped a frame that is no Socket.IO; more of this connection are only counted");
                }
            }
            CytubeItem::Disconnected {
                reason,
                will_retry_in,
                ..
            } => self.leave(&reason, will_retry_in),
            CytubeItem::Stopped { reason } => {
                run.end = match reason {
                    DisconnectReason::Closed => BridgeEnd::Stopped,
                    DisconnectReason::DuplicateLogin => BridgeEnd::DuplicateLogin,
                    _ => BridgeEnd::GivenUp,
                };
                match run.end {
                    BridgeEnd::DuplicateLogin if self.has_lease => self.step_back(&reason),
                    _ => self.give_up(&reason),
                }
            }
            _ => {}
        }
    }

    fn take_event(&mut self, run: &mut Run, name: &str, payload: &RawValue, received: WireTime) {
        self.status.note_event(name, received);
        let masked = secrets::masked(name, payload);
        let payload = masked.as_deref().unwrap_or(payload);
        let is_join_over = name == "userlist";
        if is_join_over && let Some(summary) = self.history.end_replay() {
            self.report_absence(&summary, received);
        }
        if !self.tells_nothing_new(name, payload)
            && let Some(message_id) = self.message_id(name, payload)
        {
            self.publish(name, payload, message_id, received);
        }
        let changes = self.lock_state().apply(name, payload);
        self.note_changes(run, &changes);
        self.hear(received);
        // After the state, so that whoever hears of an effect finds it there.
        self.view.desk.hear(name, payload);
        if is_join_over && run.put_all {
            // Whatever an earlier robot left behind is replaced, also where this session has not changed it.
            StateKey::ALL
                .into_iter()
                .for_each(|key| run.snapshots.mark(key));
            run.put_all = false;
        }
    }

    /// CyTube gave a sign, and all that it told before is in the outbox.
    fn hear(&mut self, at: WireTime) {
        self.last_sign = Some(at);
        if self.status.in_channel.load(Ordering::Relaxed) {
            self.outbox.hear(at);
        }
    }

    /// Takes over what a second connection saw; who follows the events is told the lists as they are now.
    fn take_look(&self, run: &mut Run, look: LookTaken) {
        let (seen, changes) = self.lock_state().mend(look.look);
        self.note_changes(run, &changes);
        for (name, key) in changes.drift.iter().filter_map(full_list) {
            let list = RawValue::from_string(self.lock_state().value(key));
            let list = list.expect("the state is JSON");
            self.publish(name, &list, Uuid::new_v4().to_string(), crate::now());
        }
        // Who asked may have left.
        let _ = look.answer.send(seen);
    }

    fn note_changes(&self, run: &mut Run, changes: &Changes) {
        changes
            .drift
            .iter()
            .for_each(|drift| self.note_drift(drift));
        changes
            .dirty
            .iter()
            .for_each(|key| run.snapshots.mark(*key));
    }

    /// Whether this is the playlist that we have asked for, and it is as we know it: nobody needs to hear that, and
    /// the stream would keep a large list every few minutes.
    fn tells_nothing_new(&self, name: &str, payload: &RawValue) -> bool {
        if name != "playlist" || !self.view.verifier.is_waiting() {
            return false;
        }
        let drift = self.lock_state().playlist_drift(payload);
        self.view.verifier.take_answer(drift) && drift.is_none()
    }

    /// The id under which the event is published; `None` when it must not be.
    fn message_id(&mut self, name: &str, payload: &RawValue) -> Option<String> {
        let history = match name {
            "chatMsg" => &mut self.history,
            "pm" => &mut self.messages,
            _ => return Some(Uuid::new_v4().to_string()),
        };
        let value = serde_json::from_str(payload.get()).ok();
        let Some(line) = value.as_ref().and_then(ChatMsg::read) else {
            return Some(Uuid::new_v4().to_string());
        };
        if name == "pm" && line.message.starts_with(system_pm::PREFIX) {
            // More than that wait only while somebody floods us.
            let _ = self.system_pms.try_send(SystemPm {
                view: self.view.clone(),
                from: line.username.to_string(),
                message: line.message.to_string(),
            });
            return None;
        }
        let Sighting::New(nth) = history.see(&line) else {
            add(&self.status.lines_known, 1);
            return None;
        };
        if let (Some(audit), "chatMsg") = (&self.audit, name) {
            audit.chat(&line.username, &line.message);
        }
        let key = LineKey {
            domain: &self.id.domain,
            channel: &self.id.channel,
            event: name,
            time: line.time,
            username: &line.username,
            message: &line.message,
            nth,
        };
        Some(key.id())
    }

    fn publish(&self, name: &str, payload: &RawValue, message_id: String, received: WireTime) {
        let Ok(subject) = subject::event(&self.id.channel, name) else {
            debug!(
                channel = self.id.channel,
                event = name,
                "an event without a usable name is not published"
            );
            return;
        };
        let envelope = Envelope {
            event_name: name.to_owned(),
            payload: payload.to_owned(),
            channel: self.id.channel.clone(),
            domain: self.id.domain.clone(),
            timestamp: received,
            correlation_id: Uuid::new_v4().to_string(),
        };
        let body =
            Bytes::from(serde_json::to_vec(&envelope).expect("an envelope can be written as JSON"));
        add(&self.status.bytes_published, body.len() as u64);
        debug!(
            channel = self.id.channel,
            event = name,
            correlation_id = envelope.correlation_id,
            message_id,
            "an event is on its way"
        );
        self.outbox.push(Entry::Event(Outgoing {
            event: name.to_owned(),
            subject,
            message_id,
            body,
            received,
            number: 0,
        }));
    }

    fn report_absence(&mut self, summary: &ReplaySummary, now: WireTime) {
        let Some(from) = self.absent_from.take() else {
            return;
        };
        if !summary.complete {
            warn!(
                channel = self.id.channel,
                last_known = summary.last_known,
                first_offered = summary.first_offered,
                "chat may be missing: CyTube's replay does not reach back to the last known line"
            );
        }
        let gap = gap_report::absence(&self.id, from, now, summary);
        add(&self.status.gaps, 1);
        self.outbox
            .push(Entry::Event(gap_report::gap_event(&self.id, &gap)));
    }

    fn note_drift(&self, drift: &Drift) {
        let entries = drift.missing + drift.extra + drift.changed;
        add(&self.status.drift_entries, entries as u64);
        let of_its_kind = match drift.kind {
            DriftKind::Users => &self.status.users_drift,
            DriftKind::Emotes => &self.status.emotes_drift,
            DriftKind::Playlist => &self.status.playlist_drift,
        };
        add(of_its_kind, entries as u64);
        warn!(
            channel = self.id.channel,
            kind = drift.kind.as_str(),
            missing = drift.missing,
            extra = drift.extra,
            changed = drift.changed,
            "a full list from CyTube mended our state"
        );
    }

    fn leave(&mut self, reason: &DisconnectReason, will_retry_in: Option<Duration>) {
        let was_in = self.status.set_in_channel(false);
        self.view.desk.leave(&format!("CyTube: {reason}"));
        if matches!(reason, DisconnectReason::Closed) {
            // We leave by ourselves; the robot's stop tells of it.
            return;
        }
        match will_retry_in {
            Some(wait) => {
                self.status.set_trouble(Some(reason.to_string()));
                warn!(channel = self.id.channel, %reason, wait_ms = wait.as_millis() as u64, "not in the channel; trying again");
            }
            // The end follows, and is told as an error.
            None => debug!(channel = self.id.channel, %reason, "not in the channel"),
        }
        if let Some(audit) = &self.audit {
            let event = if was_in { "DISCONNECT" } else { "ERROR" };
            audit.connection(event, &self.id.domain, Some(&reason.to_string()));
        }
        if was_in {
            let _ = self.news.send(BridgeNews::Left {
                reason: reason.to_string(),
            });
        }
    }

    fn step_back(&self, reason: &DisconnectReason) {
        self.status.set_in_channel(false);
        self.status.set_trouble(None);
        self.view.desk.leave(&format!("CyTube: {reason}"));
        info!(channel = self.id.channel, %reason, "looking whether another robot has the channel");
    }

    fn give_up(&mut self, reason: &DisconnectReason) {
        self.status.set_in_channel(false);
        self.status.set_trouble(None);
        self.view.desk.leave(&format!("CyTube: {reason}"));
        if matches!(reason, DisconnectReason::Closed) {
            info!(channel = self.id.channel, "left the channel");
        } else {
            error!(channel = self.id.channel, %reason, "gave the channel up");
            self.status.give_up(reason.to_string());
        }
        let _ = self.news.send(BridgeNews::Stopped {
            reason: reason.to_string(),
        });
    }

    fn write_due(&self, run: &mut Run) {
        if !self.kv_enabled {
            return;
        }
        let now = run.started.elapsed();
        for key in run.snapshots.take_due(now) {
            let value = Bytes::from(self.lock_state().value(key));
            run.snapshots.taken(key, now, value.len());
            self.outbox.push(Entry::State(Snapshot { key, value }));
        }
    }

    fn note_ready(&self, run: &Run) {
        if run.joins > 0 && !run.put_all && (!self.kv_enabled || run.snapshots.is_idle()) {
            self.ready
                .send_if_modified(|ready| !std::mem::replace(ready, true));
        }
    }

    /// Everything received is published and written before we stop; the robot bounds the time.
    async fn flush(&mut self, run: &mut Run) {
        while let Ok(item) = self.items.try_recv() {
            self.take(run, item);
        }
        while self.kv_enabled && !run.snapshots.is_idle() {
            run.snapshots.hurry();
            self.write_due(run);
            if run.snapshots.is_idle() {
                break;
            }
            let Some(key) = self.written.recv().await else {
                break;
            };
            run.snapshots.written(key);
        }
        self.outbox.wait_until_empty().await;
    }

    fn lock_state(&self) -> std::sync::MutexGuard<'_, ChannelState> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The event that tells a list that a look has mended.
fn full_list(drift: &Drift) -> Option<(&'static str, StateKey)> {
    match drift.kind {
        DriftKind::Users => Some(("userlist", StateKey::Users)),
        DriftKind::Emotes => Some(("emoteList", StateKey::Emotes)),
        // It is only ever told by CyTube on our own connection.
        DriftKind::Playlist => None,
    }
}
