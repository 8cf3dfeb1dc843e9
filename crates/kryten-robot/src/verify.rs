//! Compares what CyTube, memory and KV have of a channel, and mends what differs: every few minutes, and when asked.
//!
//! CyTube tells only its playlist again; it is asked for it within its limit, and the bridge takes the answer as it
//! takes every full list. KV is compared by its writer, so that nothing that is about to be written counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::channel::Drift;
use crate::channel_view::ChannelView;
use crate::commands::desk::Answer;
use crate::commands::effect::{Look, Outcome};
use crate::commands::pace::{Gate, Lane};
use crate::commands::plan::{Patience, Silence, Step};
use crate::config::VerifyTimes;
use crate::kv_writer::{KvFindings, VerifyRequest};

/// How long the comparison of KV is waited for.
const KV_PATIENCE: Duration = Duration::from_secs(10);

/// One channel's comparisons.
#[derive(Debug)]
pub(crate) struct Verifier {
    times: VerifyTimes,
    /// `None` while nothing is written to KV.
    writer: Mutex<Option<mpsc::Sender<VerifyRequest>>>,
    /// The next full playlist is the answer to our question.
    asked: AtomicBool,
    /// What that answer mended.
    mended: Mutex<Option<Drift>>,
    /// On which connection CyTube was asked last, and when; held during a comparison, so that there is one at a time.
    last_asked: tokio::sync::Mutex<Option<(u64, Instant)>>,
}

/// What CyTube's playlist showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Playlist {
    /// It was compared; with what differed.
    Compared(Option<Drift>),
    NotCompared(String),
}

impl Verifier {
    pub(crate) fn new(times: VerifyTimes) -> Self {
        Self {
            times,
            writer: Mutex::default(),
            asked: AtomicBool::new(false),
            mended: Mutex::default(),
            last_asked: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn set_writer(&self, writer: Option<mpsc::Sender<VerifyRequest>>) {
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = writer;
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
    pub(crate) async fn verify(&self, view: &ChannelView) -> Value {
        let mut last_asked = self.last_asked.lock().await;
        let playlist = match self.may_ask(view, *last_asked) {
            Ok(()) => {
                *last_asked = Some((connection(view), Instant::now()));
                self.compare_playlist(view).await
            }
            Err(reason) => Playlist::NotCompared(reason),
        };
        let kv = self.compare_kv().await;
        tell(view, &playlist, &kv);
        as_json(&playlist, &kv)
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

    async fn compare_playlist(&self, view: &ChannelView) -> Playlist {
        self.asked.store(true, Ordering::Relaxed);
        let step = Step {
            event: "requestPlaylist",
            payload: json!({}),
            looks: vec![Look::Answer("playlist")],
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
                return Playlist::Compared(mended.take());
            }
            Some(Answer::Sent(Outcome::Refused { reason, .. })) => reason,
            Some(Answer::Sent(Outcome::Silent)) => "CyTube did not answer in time".to_owned(),
            Some(Answer::NotSent(error)) => error.to_string(),
            Some(Answer::TooLate) | None => "too many frames wait to be sent".to_owned(),
        };
        self.asked.store(false, Ordering::Relaxed);
        Playlist::NotCompared(failure)
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
                _ = view.verifier.verify(&view) => {}
                () = stop.cancelled() => return,
            }
        }
    }
}

/// A number of the connection to CyTube.
fn connection(view: &ChannelView) -> u64 {
    view.status.connects.load(Ordering::Relaxed)
}

fn tell(view: &ChannelView, playlist: &Playlist, kv: &KvFindings) {
    let channel = &view.id.channel;
    let items = match playlist {
        Playlist::Compared(Some(drift)) => drift.missing + drift.extra + drift.changed,
        _ => 0,
    };
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
            ?playlist,
            ?kv,
            "the state was compared with CyTube and KV"
        );
    }
}

fn as_json(playlist: &Playlist, kv: &KvFindings) -> Value {
    let playlist = match playlist {
        Playlist::Compared(drift) => {
            let count = |count: fn(&Drift) -> usize| drift.as_ref().map_or(0, count);
            json!({
                "compared": true, "missing": count(|drift| drift.missing),
                "extra": count(|drift| drift.extra), "changed": count(|drift| drift.changed),
            })
        }
        Playlist::NotCompared(reason) => json!({"compared": false, "reason": reason}),
    };
    let mut stored = json!({
        "compared": kv.trouble.is_none(), "checked": kv.checked, "missing": kv.missing,
        "different": kv.different,
    });
    if let Some(reason) = &kv.trouble {
        stored["reason"] = reason.as_str().into();
    }
    json!({"cytube": playlist, "kv": stored})
}
