//! Hears requests on `kryten.robot.command`, on the older subject of each channel, and for user levels.
//!
//! Each request gets one reply. Commands to CyTube are planned and queued in the order in which they came, before the
//! next message is looked at; what they wait for keeps nobody else waiting.

mod acting;
mod legacy;
mod read;
mod reload;
mod state;
pub(crate) mod system;
mod user_level;

use std::collections::HashMap;
use std::sync::Arc;

use async_nats::Message;
use bytes::Bytes;
use futures_util::StreamExt;
use kryten_client::respond::RespondError;
use kryten_client::round_trip::round_trip;
use kryten_protocol::command::Reply;
use kryten_protocol::subject;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::channel_view::ChannelView;
use crate::commands::allowed;
use crate::office::Office;
use crate::verify::WhoAsks;
use read::{Asked, SERVICE, Target};

/// Listens until it is stopped.
#[derive(Debug)]
pub(crate) struct Requests {
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Takes one message.
type Take = Box<dyn Fn(&Arc<Office>, Message, &TaskTracker) + Send>;

impl Requests {
    /// Listens on the subject of all requests and on those of each channel, as channels come and go.
    pub(crate) async fn start(office: Arc<Office>) -> Result<Self, RespondError> {
        let requests = Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let stop = requests.stop.clone();
        let subject = subject::command(SERVICE)?;
        requests
            .listen(&office, subject, &stop, Box::new(unified))
            .await?;
        let mut changes = office.channels.changes();
        let mut heard = HashMap::new();
        requests.follow(&office, &mut heard).await?;
        // Who asks right after we return must find us.
        round_trip(&office.client.nats()).await;
        let following = Self {
            stop: requests.stop.clone(),
            tasks: requests.tasks.clone(),
        };
        requests.tasks.spawn(async move {
            loop {
                tokio::select! {
                    changed = changes.changed() => if changed.is_err() { break },
                    () = following.stop.cancelled() => break,
                }
                if let Err(error) = following.follow(&office, &mut heard).await {
                    tracing::warn!(%error, "commands to a new channel cannot be heard on its own subjects");
                }
            }
        });
        Ok(requests)
    }

    /// Listens for the channels that are there now, and for those that are gone no more.
    async fn follow(
        &self,
        office: &Arc<Office>,
        heard: &mut HashMap<String, CancellationToken>,
    ) -> Result<(), RespondError> {
        let views = office.views();
        let key = |view: &ChannelView| format!("{} {}", view.id.domain, view.id.channel);
        heard.retain(|known, stop| {
            let is_there = views.iter().any(|view| key(view) == *known);
            if !is_there {
                stop.cancel();
            }
            is_there
        });
        for view in &views {
            if heard.contains_key(&key(view)) {
                continue;
            }
            let stop = self.stop.child_token();
            heard.insert(key(view), stop.clone());
            let served = view.clone();
            let older: Take = Box::new(move |office, message, tasks| {
                legacy::take(office, &served, message, tasks);
            });
            let subject = subject::legacy_commands(&view.id.channel)?;
            self.listen(office, subject, &stop, older).await?;
            for subject in user_level::subjects(&view.id)? {
                let served = view.clone();
                let level: Take = Box::new(move |office, message, tasks| {
                    if !served.is_anothers() {
                        let body = user_level::answer(&served);
                        tasks.spawn(reply(Arc::clone(office), message.reply, body));
                    }
                });
                self.listen(office, subject, &stop, level).await?;
            }
        }
        Ok(())
    }

    async fn listen(
        &self,
        office: &Arc<Office>,
        subject: String,
        stop: &CancellationToken,
        take: Take,
    ) -> Result<(), RespondError> {
        // No queue group: several robots share the subject, and each takes what is meant for its channels.
        let subscribed = office.client.listen(subject, None).await;
        let mut inbox = subscribed.map_err(|error| RespondError::Closed(Box::new(error)))?;
        let (stop, tasks, office) = (stop.clone(), self.tasks.clone(), Arc::clone(office));
        self.tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    message = inbox.next() => message,
                    () = stop.cancelled() => None,
                };
                let Some(message) = message else { break };
                if is_from_a_stream(&message) {
                    tracing::warn!(
                        subject = message.subject.as_str(),
                        "a command that a stream was made to send is passed over"
                    );
                    continue;
                }
                take(&office, message, &tasks);
            }
            // Those who ask from now on are told by the server that nobody listens.
            let _ = inbox.unsubscribe().await;
        });
        Ok(())
    }

    /// Takes no more requests, and returns when those taken are answered.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Whether JetStream sent it: who may read a stream may name any subject for what is read, also one on which it may not
/// publish.
fn is_from_a_stream(message: &Message) -> bool {
    let headers = message.headers.as_ref();
    headers.is_some_and(|headers| headers.get("Nats-Stream").is_some())
        || message
            .reply
            .as_ref()
            .is_some_and(|reply| reply.starts_with("$JS."))
}

/// One message on `kryten.robot.command`.
fn unified(office: &Arc<Office>, message: Message, tasks: &TaskTracker) {
    let asked = match Asked::read(&message.payload) {
        Ok(asked) => asked,
        Err(refused) => {
            tasks.spawn(reply(Arc::clone(office), message.reply, to_bytes(&refused)));
            return;
        }
    };
    let Some(target) = targeted(office, asked.target()) else {
        return;
    };
    let is_query = asked.command.starts_with("state.") || asked.command.starts_with("system.");
    let office = Arc::clone(office);
    if is_query {
        tasks.spawn(async move {
            let answer = match asked.command.strip_prefix("state.") {
                _ if !office.live().allowed.allows(&asked.command) => {
                    Err(allowed::refusal(&asked.command))
                }
                Some("verify") => match target {
                    Ok(channel) => Ok(channel.verifier.verify(&channel, WhoAsks::Somebody).await),
                    Err(refusal) => Err(refusal),
                },
                Some(what) => {
                    target.and_then(|channel| state::answer(&channel, what, &asked.fields, &office))
                }
                None => system::answer(&office, &asked).await,
            };
            let second = office.second();
            office.queries.note(&asked.command, second, answer.is_ok());
            let body = to_bytes(&as_reply(&asked.command, answer));
            reply(office, message.reply, body).await;
        });
        return;
    }
    let status = target.as_ref().ok().map(|view| Arc::clone(&view.status));
    let begun = target.and_then(|channel| acting::begin(&office, &channel, &asked));
    tasks.spawn(async move {
        let answer = match begun {
            Ok(begun) => Ok(begun.finish(&office).await),
            Err(refusal) => Err(refusal),
        };
        let is_done = answer.as_ref().is_ok_and(|data| data["success"] == true);
        office
            .commands
            .note(&asked.command, office.second(), is_done);
        if let Some(status) = status {
            status.note_command(is_done);
        }
        let body = to_bytes(&as_reply(&asked.command, answer));
        reply(office, message.reply, body).await;
    });
}

/// The channel that is meant; `None` if another robot is.
fn targeted(office: &Office, target: Target<'_>) -> Option<Result<ChannelView, String>> {
    let views = office.views();
    let named = |name: &str| {
        let mut views = views.iter();
        views.find(|view| view.id.channel.eq_ignore_ascii_case(name))
    };
    let chosen = match target {
        Target::Exactly { domain, channel } => {
            let mut views = views.iter();
            Ok(views.find(|view| {
                view.id.domain == domain && view.id.channel.eq_ignore_ascii_case(channel)
            })?)
        }
        Target::Channel(name) => {
            named(name).ok_or_else(|| format!("channel {name} is not served by this robot"))
        }
        Target::Any => match views.as_slice() {
            [only] => Ok(only),
            _ => Err("channel required: this robot serves more than one".to_owned()),
        },
    };
    match chosen {
        Ok(served) if served.is_anothers() => None,
        chosen => Some(chosen.cloned()),
    }
}

fn as_reply(command: &str, answer: Result<Value, String>) -> Reply {
    match answer {
        Ok(data) => Reply::done(SERVICE, command, data),
        Err(refusal) => Reply::failed(SERVICE, Some(command), refusal),
    }
}

fn to_bytes(reply: &Reply) -> Bytes {
    Bytes::from(serde_json::to_vec(reply).expect("a reply can be written as JSON"))
}

/// Sends an answer, if somebody waits for it; one that the server does not take is replaced by a failure that says so.
async fn reply(office: Arc<Office>, inbox: Option<async_nats::Subject>, body: Bytes) {
    // An answer among events or values would be our word for what somebody else wants there.
    let is_inbox = |inbox: &async_nats::Subject| {
        !["kryten.", "$"]
            .iter()
            .any(|taken| inbox.starts_with(taken))
    };
    let Some(inbox) = inbox.filter(is_inbox) else {
        return;
    };
    let nats = office.client.nats();
    let limit = nats.max_payload();
    let body = match body.len() <= limit {
        true => body,
        false => to_bytes(&Reply::failed(
            SERVICE,
            None,
            format!(
                "The answer has {} bytes, but the NATS server takes at most {limit}",
                body.len()
            ),
        )),
    };
    if let Err(error) = nats.publish(inbox, body).await {
        tracing::error!(%error, "an answer could not be sent");
    }
}
