//! A command from its plan to the data of its reply.

use std::sync::atomic::Ordering;

use kryten_cytube::EmitError;
use kryten_protocol::cytube::fold_name;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::ChannelCommand;
use super::desk::{Answer, Desk};
use super::effect::Outcome;
use super::plan::{self, Lead, Plan, Silence, Step};

/// What CyTube did.
#[derive(Debug, Default)]
struct Done {
    /// The events that show it, one for each frame; null where CyTube gives no sign.
    signs: Vec<(String, Value)>,
    /// Whether CyTube has confirmed all of it.
    confirmed: bool,
    /// How many bans were lifted.
    removed: Option<usize>,
}

impl Done {
    fn take(&mut self, sign: Sign) {
        self.confirmed &= sign.is_some();
        self.signs.push(sign.unwrap_or_default());
    }
}

/// Why it was not done.
#[derive(Debug, Default)]
struct NotDone {
    reason: String,
    queue_fail: Option<Value>,
}

impl From<String> for NotDone {
    fn from(reason: String) -> Self {
        Self {
            reason,
            queue_fail: None,
        }
    }
}

/// A command that is under way: its frames are queued, so that what is begun first goes first.
#[derive(Debug)]
pub(crate) struct Begun {
    command: ChannelCommand,
    state: Result<Under, NotDone>,
}

/// What is under way.
#[derive(Debug)]
enum Under {
    /// Frames that wait for their turn or their effect.
    Frames(Vec<Frame>),
    /// What needs more than one question.
    Plan(Plan),
}

/// A frame that was queued; without a receiver the queue was full.
#[derive(Debug)]
struct Frame {
    silence: Silence,
    is_queue: bool,
    answer: Option<oneshot::Receiver<Answer>>,
}

/// Plans a command and queues its frames.
pub(crate) fn begin(desk: &Desk, command: ChannelCommand) -> Begun {
    let state = match planned(desk, &command) {
        Ok(Plan::Steps(steps)) => {
            let frames = steps.into_iter().map(|step| queue(desk, step));
            Ok(Under::Frames(frames.collect()))
        }
        Ok(plan) => Ok(Under::Plan(plan)),
        Err(not_done) => Err(not_done),
    };
    Begun { command, state }
}

/// Waits for the end of a command and gives the `data` of its reply, in the original's shape: what was not done says
/// so inside.
pub(crate) async fn finish(desk: &Desk, begun: Begun) -> Value {
    let Begun { command, state } = begun;
    let ended = match state {
        Ok(Under::Frames(frames)) => wait_for(frames).await,
        Ok(Under::Plan(plan)) => run(desk, &command, plan).await,
        Err(not_done) => Err(not_done),
    };
    match ended {
        Ok(done) => Value::Object(data_of(desk, &command, done)),
        Err(not_done) => {
            let is_cytubes = not_done.queue_fail.is_some();
            let error = match is_cytubes {
                // The original gives CyTube's words alone here.
                true => not_done.reason,
                false => format!("{}: {}", fail_words(&command), not_done.reason),
            };
            let mut data = json!({"success": false, "error": error});
            if let Some(fail) = not_done.queue_fail {
                data["queue_fail"] = fail;
            }
            data
        }
    }
}

fn planned(desk: &Desk, command: &ChannelCommand) -> Result<Plan, NotDone> {
    let is_in = desk.status.in_channel.load(Ordering::Relaxed);
    if !is_in && *command != ChannelCommand::Halt {
        return Err(not_there());
    }
    let (playback, now) = desk.playback();
    Ok(plan::plan(command, &desk.lock_state(), &playback, now)?)
}

fn not_there() -> NotDone {
    NotDone::from("the robot is not in the channel now; try again later".to_owned())
}

async fn run(desk: &Desk, command: &ChannelCommand, plan: Plan) -> Result<Done, NotDone> {
    match plan {
        Plan::Steps(steps) => run_steps(desk, steps).await,
        Plan::Lead(_) => lead(desk, command).await,
        Plan::Unban { username, id, ask } => unban(desk, username, id, *ask).await,
        Plan::Reconnect => {
            desk.cytube().ok_or_else(not_there)?.reconnect().await;
            Ok(Done {
                confirmed: true,
                ..Done::default()
            })
        }
        Plan::Halt => halt(desk).await,
    }
}

async fn halt(desk: &Desk) -> Result<Done, NotDone> {
    desk.status
        .give_up("left the channel because a command said halt".to_owned());
    desk.cytube().ok_or_else(not_there)?.close().await;
    Ok(Done {
        confirmed: true,
        ..Done::default()
    })
}

async fn run_steps(desk: &Desk, steps: Vec<Step>) -> Result<Done, NotDone> {
    let mut done = Done {
        confirmed: true,
        ..Done::default()
    };
    for step in steps {
        done.take(run_step(desk, step).await?);
    }
    Ok(done)
}

async fn wait_for(frames: Vec<Frame>) -> Result<Done, NotDone> {
    let mut done = Done {
        confirmed: true,
        ..Done::default()
    };
    for frame in frames {
        done.take(ended(frame).await?);
    }
    Ok(done)
}

fn queue(desk: &Desk, step: Step) -> Frame {
    Frame {
        silence: step.silence,
        is_queue: step.event == "queue",
        answer: desk.queue(step),
    }
}

async fn run_step(desk: &Desk, step: Step) -> Result<Sign, NotDone> {
    ended(queue(desk, step)).await
}

/// The event that shows an effect; `None` where CyTube gives none.
type Sign = Option<(String, Value)>;

async fn ended(frame: Frame) -> Result<Sign, NotDone> {
    let Some(answer) = frame.answer else {
        return Err("too many commands wait already; send less"
            .to_owned()
            .into());
    };
    match answer.await.unwrap_or(Answer::NotSent(EmitError::Stopped)) {
        Answer::Sent(Outcome::Done { event, payload }) => Ok(Some((event, payload))),
        Answer::Sent(Outcome::Refused {
            reason,
            event,
            payload,
        }) => Err(NotDone {
            reason,
            queue_fail: (frame.is_queue && event == "queueFail").then_some(payload),
        }),
        Answer::Sent(Outcome::Silent) if frame.silence == Silence::Unconfirmed => Ok(None),
        Answer::Sent(Outcome::Silent) => Err(
            "it was sent, but CyTube did not confirm it in time; look whether it was done"
                .to_owned()
                .into(),
        ),
        Answer::TooLate => Err(
            "it waited too long because of CyTube's limits and was not sent; send less"
                .to_owned()
                .into(),
        ),
        Answer::NotSent(EmitError::NotConnected | EmitError::Stopped) => Err(not_there()),
        Answer::NotSent(error) => Err(error.to_string().into()),
    }
}

async fn lead(desk: &Desk, command: &ChannelCommand) -> Result<Done, NotDone> {
    let _turn = desk.lead.lock().await;
    // Planned anew: whoever led before us has changed who leads.
    let Plan::Lead(lead) = planned(desk, command)? else {
        return Err("the film has changed; try again".to_owned().into());
    };
    let Lead {
        take,
        update,
        give_back,
    } = *lead;
    if let Some(take) = take {
        run_step(desk, take).await?;
    }
    let updated = run_steps(desk, vec![update]).await;
    let given_back = match give_back {
        Some(give_back) => run_step(desk, give_back).await.map(drop),
        None => Ok(()),
    };
    let done = updated?;
    given_back.map_err(|not_done| {
        format!(
            "it was done, but the lead could not be given back: {}",
            not_done.reason
        )
    })?;
    Ok(done)
}

async fn unban(
    desk: &Desk,
    username: Option<String>,
    id: Option<i64>,
    ask: Step,
) -> Result<Done, NotDone> {
    let list = run_step(desk, ask).await?.unwrap_or_default().1;
    let is_wanted = |ban: &&Value| match (&username, id) {
        (_, Some(id)) => ban["id"].as_i64() == Some(id),
        (Some(name), None) => ban["name"]
            .as_str()
            .is_some_and(|other| fold_name(other) == fold_name(name)),
        (None, None) => false,
    };
    let bans = list.as_array().into_iter().flatten().filter(is_wanted);
    let lift = |ban: &Value| {
        let name = ban["name"].as_str().unwrap_or_default();
        Some(plan::unban(ban["id"].as_i64()?, name))
    };
    let steps: Vec<Step> = bans.filter_map(lift).collect();
    if steps.is_empty() {
        let whose = username.or(id.map(|id| id.to_string())).unwrap_or_default();
        return Err(format!("No active ban for '{whose}'").into());
    }
    let removed = steps.len();
    let mut done = run_steps(desk, steps).await?;
    done.removed = Some(removed);
    Ok(done)
}

/// The data of a success.
fn data_of(desk: &Desk, command: &ChannelCommand, done: Done) -> Map<String, Value> {
    use ChannelCommand as C;
    let mut data = Map::from_iter([("success".to_owned(), true.into())]);
    if !done.confirmed {
        data.insert("confirmed".to_owned(), false.into());
    }
    if let Some(removed) = done.removed {
        data.insert("removed".to_owned(), removed.into());
    }
    let sign = done.signs.into_iter().next_back().unwrap_or_default();
    match command {
        C::Queue { .. } => {
            let uid = sign.1["item"]["uid"].clone();
            data.insert("uid".to_owned(), uid);
        }
        C::Banlist => _ = data.insert("banlist".to_owned(), envelope(desk, sign)),
        C::ChannelRanks => _ = data.insert("ranks".to_owned(), envelope(desk, sign)),
        C::ChanLog { .. } => _ = data.insert("log".to_owned(), envelope(desk, sign)),
        C::Search { .. } => _ = data.insert("results".to_owned(), envelope(desk, sign)),
        C::Reconnect => _ = data.insert("message".to_owned(), "Reconnecting".into()),
        C::Halt => _ = data.insert("message".to_owned(), "Halting connection".into()),
        _ => {}
    }
    data
}

/// An answer of CyTube as the event that it is.
fn envelope(desk: &Desk, (event, payload): (String, Value)) -> Value {
    json!({
        "event_name": event, "payload": payload, "channel": desk.id.channel, "domain": desk.id.domain,
        "timestamp": crate::now(), "correlation_id": Uuid::new_v4().to_string(),
    })
}

/// What a failure begins with: the original's words where it had any.
fn fail_words(command: &ChannelCommand) -> &'static str {
    use ChannelCommand as C;
    match command {
        C::Say { .. } => "Failed to send message",
        C::Pm { .. } => "Failed to send private message",
        C::Mute { .. } => "Failed to mute user",
        C::ShadowMute { .. } => "Failed to shadow mute user",
        C::Unmute { .. } => "Failed to unmute user",
        C::Kick { .. } => "Failed to kick user",
        C::Ban { .. } => "Failed to ban user",
        C::Unban { .. } => "Failed to unban",
        C::Queue { .. } => "Failed to add video",
        C::Delete { .. } => "Failed to delete video",
        C::Move { .. } => "Failed to move video",
        C::Jump { .. } => "Failed to jump to video",
        C::SetTemp { .. } => "Failed to set temp",
        C::Clear => "Failed to clear playlist",
        C::Shuffle => "Failed to shuffle playlist",
        C::PlayNext => "Failed to play next",
        C::Voteskip => "Failed to voteskip",
        C::Pause => "Failed to pause",
        C::Play => "Failed to play",
        C::Seek { .. } => "Failed to seek",
        C::AssignLeader { .. } => "Failed to assign leader",
        C::SetMotd { .. } => "Failed to set MOTD",
        C::SetCss { .. } => "Failed to set channel CSS",
        C::SetJs { .. } => "Failed to set channel JS",
        C::SetOptions { .. } => "Failed to set options",
        C::SetPermissions { .. } => "Failed to set permissions",
        C::UpdateEmote { .. } => "Failed to update emote",
        C::RemoveEmote { .. } => "Failed to remove emote",
        C::RenameEmote { .. } => "Failed to rename emote",
        C::ImportEmotes { .. } => "Failed to set emotes",
        C::AddFilter(_) => "Failed to add filter",
        C::UpdateFilter(_) => "Failed to update filter",
        C::RemoveFilter { .. } => "Failed to remove filter",
        C::NewPoll { .. } => "Failed to create poll",
        C::Vote { .. } => "Failed to vote",
        C::ClosePoll => "Failed to close poll",
        C::SetChannelRank { .. } => "Failed to set channel rank",
        C::ChannelRanks => "Failed to read channel ranks",
        C::Banlist => "Failed to read the ban list",
        C::ChanLog { .. } => "Failed to read the channel's log",
        C::Search { .. } => "Failed to search",
        C::Uncache { .. } => "Failed to delete from library",
        C::Reconnect => "Failed to reconnect",
        C::Halt => "Failed to halt",
    }
}
