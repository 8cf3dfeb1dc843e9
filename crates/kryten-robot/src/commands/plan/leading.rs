//! What only the leader may do: the robot takes the lead, sends the update and gives the lead back.

use serde_json::{Value, json};

use super::{Patience, Plan, Step};
use crate::channel::ChannelState;
use crate::commands::effect::Look;

/// The lead, what is done with it, and who has it afterwards.
#[derive(Debug, Clone)]
pub struct Lead {
    /// Takes the lead; nothing where the robot has it.
    pub take: Option<Step>,
    /// The update.
    pub update: Step,
    /// Gives the lead to who had it, whatever became of the update.
    pub give_back: Option<Step>,
}

pub(super) fn pause(state: &ChannelState, own: &str, position: f64) -> Result<Plan, String> {
    lead(state, own, position, true, false)
}

pub(super) fn play(state: &ChannelState, own: &str, position: f64) -> Result<Plan, String> {
    lead(state, own, position, false, false)
}

pub(super) fn seek(state: &ChannelState, own: &str, time: f64) -> Result<Plan, String> {
    lead(state, own, time, false, true)
}

/// Gives the lead to a user, or to nobody.
pub(super) fn assign(name: &str) -> Step {
    let look = Look::Exactly {
        event: "setLeader",
        payload: name.into(),
    };
    Step::new("assignLeader", json!({"name": name}), vec![look]).about(name)
}

fn lead(
    state: &ChannelState,
    own: &str,
    time: f64,
    paused: bool,
    is_seek: bool,
) -> Result<Plan, String> {
    let media = state.current().ok_or_else(|| "nothing plays".to_owned())?;
    let seconds = media.get("seconds").and_then(Value::as_f64).unwrap_or(0.0);
    if seconds <= 0.0 {
        return Err("what plays is live; it has no place to go to".to_owned());
    }
    if is_seek && time > seconds {
        return Err(format!("what plays is only {seconds} seconds long"));
    }
    let field = |name: &str| media.get(name).cloned().unwrap_or_default();
    let payload = json!({
        "id": field("id"), "currentTime": seconds_json(time), "paused": paused, "type": field("type"),
    });
    let look = Look::Fields {
        event: "mediaUpdate",
        fields: vec![("paused", json!(paused)), ("currentTime", json!(time))],
    };
    let update = Step::new("mediaUpdate", payload, vec![look]);
    let is_leader = state.leader() == own;
    let before = state.leader();
    Ok(Plan::Lead(Box::new(Lead {
        take: (!is_leader).then(|| assign(own)),
        update: update.with_patience(Patience::Usual),
        give_back: (!is_leader).then(|| assign(before)),
    })))
}

fn seconds_json(seconds: f64) -> Value {
    match seconds.fract() == 0.0 && seconds < 1e9 {
        true => json!(seconds as i64),
        false => json!(seconds),
    }
}
