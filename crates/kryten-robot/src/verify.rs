//! Compares what CyTube, memory and KV have of a channel, and mends what differs: every few minutes, and when asked.
//!
//! CyTube tells only its playlist again; it is asked for it within its limit, and the bridge takes the answer as it
//! takes every full list. Users and emotes are told on a join only, so a second connection, without a name, looks now
//! and then. KV is compared by its writer, so that nothing that is about to be written counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kryten_cytube::CytubeConfig;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::channel::{Drift, Look, Seen};
use crate::channel_view::ChannelView;
use crate::commands::desk::Answer;
use crate::commands::effect::{self, Outcome};
use crate::commands::pace::{Gate, Lane};
use crate::commands::plan::{Patience, Silence, Step};
use crate::config::VerifyTimes;
use crate::kv_writer::{KvFindings, VerifyRequest};
use crate::look;

/// How long the comparison of KV is waited for.
const KV_PATIENCE: Duration = Duration::from_secs(10);

/// What a second connection saw, for the bridge to take over.
#[derive(Debug)]
pub(crate) struct LookTaken {
    pub(crate) look: Look,
    /// What was mended.
    pub(crate) answer: oneshot::Sender<[Seen; 2]>,
}

/// Who wants a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhoAsks {
    /// It is time again.
    TheClock,
    Somebody,
}

/// One channel's comparisons.
#[derive(Debug)]
pub(crate) struct Verifier {
    times: VerifyTimes,
    /// How the second connection is made.
    second: CytubeConfig,
    /// `None` while the channel is not served.
    bridge: Mutex<Option<mpsc::Sender<LookTaken>>>,
    last_look: tokio::sync::Mutex<Option<Instant>>,
    /// `None` while nothing is written to KV.
    writer: Mutex<Option<mpsc::Sender<VerifyRequest>>>,
    /// The next full playlist is the answer to our question.
    asked: AtomicBool,
    /// What that answer mended.
    mended: Mutex<Option<Drift>>,
    /// On which connection CyTube was asked last, and when; held during a comparison, so that there is one at a time.
    last_asked: tokio::sync::Mutex<Option<(u64, Instant)>>,
}

/// What CyTube's list showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    /// It was compared; with what differed.
    Compared(Option<Drift>),
    NotCompared(String),
}

impl From<Seen> for Listed {
    fn from(seen: Seen) -> Self {
        match seen {
            Seen::Same => Self::Compared(None),
            Seen::Differs(drift) => Self::Compared(Some(drift)),
            Seen::Unsure => Self::NotCompared("it was changed meanwhile".to_owned()),
        }
    }
}

impl Verifier {
    pub(crate) fn new(times: VerifyTimes, second: CytubeConfig) -> Self {
        Self {
            times,
            second,
            bridge: Mutex::default(),
            last_look: tokio::sync::Mutex::default(),
            writer: Mutex::default(),
            asked: AtomicBool::new(false),
            mended: Mutex::default(),
            last_asked: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn set_writer(&self, writer: Option<mpsc::Sender<VerifyRequest>>) {
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }

    pub(crate) fn set_bridge(&self, bridge: Option<mpsc::Sender<LookTaken>>) {
        *self.bridge.lock().unwrap_or_else(PoisonError::into_inner) = bridge;
    }

    /// A full playlist has come; says whether we have asked for it.
    pub(crate) fn take_answer(&self, drift: Option<Drift>) -> bool {
        let is_answer = self.asked.swap(false, Ordering::Relaxed);
        if is_answer {
            *self.mended.lock().unwrap_or_else(PoisonError::into_inner) = drift;
        }
        is_answer
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Compares all and tells what was mended, as the reply of `state.verify`.
    pub(crate) async fn verify(&self, view: &ChannelView, asked: WhoAsks) -> Value {
        let looked = self.look(view, asked).await;
        let [users, emotes] = match looked {
            Ok(seen) => seen.map(Listed::from),
            Err(reason) => [
                Listed::NotCompared(reason.clone()),
                Listed::NotCompared(reason),
            ],
        };
        let mut last_asked = self.last_asked.lock().await;
        let playlist = match self.may_ask(view, *last_asked) {
            Ok(()) => {
                *last_asked = Some((connection(view), Instant::now()));
                self.compare_playlist(view).await
            }
            Err(reason) => Listed::NotCompared(reason),
        };
        let kv = self.compare_kv().await;
        tell(view, &[&playlist, &users, &emotes], &kv);
        let mut data = as_json(&playlist, &kv);
        data["users"] = users.as_json();
        data["emotes"] = emotes.as_json();
        data
    }

    /// Lets a second connection see users and emotes, and mends what differs.
    async fn look(&self, view: &ChannelView, asked: WhoAsks) -> Result<[Seen; 2], String> {
        let mut last = self.last_look.lock().await;
        let Some(every) = self.times.look_every else {
            return Err("verify.look_minutes is 0".to_owned());
        };
        if !view.is_in() {
            return Err("the robot is not in the channel".to_owned());
        }
        let pause = match asked {
            WhoAsks::TheClock => every,
            WhoAsks::Somebody => self.times.look_pause,
        };
        if last.is_some_and(|last| last.elapsed() < pause) {
            let pause = pause.as_secs_f64();
            return Err(format!("a second connection looks once in {pause} s"));
        }
        *last = Some(Instant::now());
        view.lock().begin_look();
        let look = look::take(self.second.clone()).await?;
        let seen = view.lock().compare(&look);
        if seen.iter().all(|seen| seen.drift().is_none()) {
            return Ok(seen);
        }
        // What was on its way to one of the two connections has arrived then.
        tokio::time::sleep(self.times.look_settle).await;
        let bridge = self
            .bridge
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let left = || "the channel is being left".to_owned();
        let (answer, answered) = oneshot::channel();
        let taken = LookTaken { look, answer };
        let bridge = bridge.ok_or_else(left)?;
        bridge.send(taken).await.map_err(|_| left())?;
        answered.await.map_err(|_| left())
    }

    fn may_ask(&self, view: &ChannelView, last: Option<(u64, Instant)>) -> Result<(), String> {
        if !view.is_in() {
            return Err("the robot is not in the channel".to_owned());
        }
        let state = view.lock();
        let needed = state.permission("seeplaylist").unwrap_or(-1.0);
        if state.own_rank().unwrap_or(0.0) < needed {
            return Err(format!("CyTube shows the playlist from rank {needed} on"));
        }
        let pause = self.times.playlist_pause;
        match last {
            Some((on, at)) if on == connection(view) && at.elapsed() < pause => Err(format!(
                "CyTube tells its playlist once in {} s",
                pause.as_secs_f64()
            )),
            _ => Ok(()),
        }
    }

    async fn compare_playlist(&self, view: &ChannelView) -> Listed {
        self.asked.store(true, Ordering::Relaxed);
        let step = Step {
            event: "requestPlaylist",
            payload: json!({}),
            looks: vec![effect::Look::Answer("playlist")],
            subject: None,
            lane: Lane::Playlist,
            gate: Gate::Other,
            patience: Patience::Usual,
            silence: Silence::Failure,
        };
        let answer = match view.desk.queue(step) {
            Some(answer) => answer.await.ok(),
            None => None,
        };
        let failure = match answer {
            Some(Answer::Sent(Outcome::Done { .. })) => {
                let mut mended = self.mended.lock().unwrap_or_else(PoisonError::into_inner);
                return Listed::Compared(mended.take());
            }
            Some(Answer::Sent(Outcome::Refused { reason, .. })) => reason,
            Some(Answer::Sent(Outcome::Silent)) => "CyTube did not answer in time".to_owned(),
            Some(Answer::NotSent(error)) => error.to_string(),
            Some(Answer::TooLate) | None => "too many frames wait to be sent".to_owned(),
        };
        self.asked.store(false, Ordering::Relaxed);
        Listed::NotCompared(failure)
    }

    async fn compare_kv(&self) -> KvFindings {
        let trouble = |trouble: &str| KvFindings {
            trouble: Some(trouble.to_owned()),
            ..KvFindings::default()
        };
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(writer) = writer else {
            return trouble("no state is written to KV");
        };
        let (answer, answered) = oneshot::channel();
        let asking = async {
            writer.send(answer).await.ok()?;
            answered.await.ok()
        };
        match tokio::time::timeout(KV_PATIENCE, asking).await {
            Ok(Some(findings)) => findings,
            Ok(None) => trouble("the channel is being left"),
            Err(_) => trouble("KV did not answer in time"),
        }
    }
}

/// Compares the channel again and again until it is stopped.
pub(crate) async fn run(view: ChannelView, stop: CancellationToken) {
    let Some(every) = view.verifier.times.every else {
        return;
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        if view.is_in() && !view.is_anothers() {
            tokio::select! {
                _ = view.verifier.verify(&view, WhoAsks::TheClock) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// A number of the connection to CyTube.
fn connection(view: &ChannelView) -> u64 {
    view.status.connects.load(Ordering::Relaxed)
}

fn tell(view: &ChannelView, lists: &[&Listed], kv: &KvFindings) {
    let channel = &view.id.channel;
    let entries = lists.iter().map(|list| match list {
        Listed::Compared(Some(drift)) => drift.missing + drift.extra + drift.changed,
        _ => 0,
    });
    let items: usize = entries.sum();
    let keys = kv.mended();
    if items + keys > 0 {
        let (missing, different) = (kv.missing.join(" "), kv.different.join(" "));
        warn!(
            channel,
            items, keys, missing, different, "the state had drifted and was mended"
        );
    } else {
        debug!(
            channel,
            ?lists,
            ?kv,
            "the state was compared with CyTube and KV"
        );
    }
}

impl Listed {
    fn as_json(&self) -> Value {
        match self {
            Self::Compared(drift) => {
                let count = |count: fn(&Drift) -> usize| drift.as_ref().map_or(0, count);
                json!({
                    "compared": true, "missing": count(|drift| drift.missing),
                    "extra": count(|drift| drift.extra), "changed": count(|drift| drift.changed),
                })
            }
            Self::NotCompared(reason) => json!({"compared": false, "reason": reason}),
        }
    }
}

fn as_json(playlist: &Listed, kv: &KvFindings) -> Value {
    let playlist = playlist.as_json();
    let mut stored = json!({
        "compared": kv.trouble.is_none(), "checked": kv.checked, "missing": kv.missing,
        "different": kv.different,
    });
    if let Some(reason) = &kv.trouble {
        stored["reason"] = reason.as_str().into();
    }
    json!({"cytube": playlist, "kv": stored})
}
