//! Frames that need more than a line: moderation, videos, votes, ranks.

use serde_json::{Value, json};

use super::{Patience, Step};
use crate::channel::ChannelState;
use crate::commands::command::MediaId;
use crate::commands::effect::Look;
use crate::commands::pace::Gate;

/// A command that is typed as chat.
fn typed(line: String, looks: Vec<Look>, subject: &str) -> Step {
    let mut step = Step::new("chatMsg", json!({"msg": line, "meta": {}}), looks)
        .about(subject)
        .moderation();
    step.gate = Gate::Chat;
    step
}

pub(super) fn mute(word: &str, name: &str, muted: bool) -> Step {
    let look = Look::Muted {
        name: name.to_owned(),
        muted,
    };
    typed(format!("{word} {name}"), vec![look], name)
}

pub(super) fn kick(name: &str, reason: &str) -> Step {
    let looks = vec![
        Look::Named {
            event: "userLeave",
            field: "name",
            name: name.to_owned(),
        },
        Look::Notice(format!("kicked {name}")),
    ];
    typed(with_reason("/kick", name, reason), looks, name)
}

pub(super) fn ban(name: &str, reason: &str) -> Step {
    let looks = vec![
        Look::Notice(format!("namebanned {name}")),
        Look::Named {
            event: "userLeave",
            field: "name",
            name: name.to_owned(),
        },
    ];
    typed(with_reason("/ban", name, reason), looks, name)
}

fn with_reason(word: &str, name: &str, reason: &str) -> String {
    format!("{word} {name} {reason}").trim_end().to_owned()
}

pub(super) fn queue(
    media: &MediaId,
    next: bool,
    temp: bool,
    title: Option<&str>,
    own: String,
) -> Step {
    let pos = if next { "next" } else { "end" };
    let mut payload = json!({"id": media.id, "type": media.kind, "pos": pos, "temp": temp});
    if let (Some(title), "cu" | "fi") = (title, media.kind.as_str()) {
        payload["title"] = json!(title);
    }
    let look = Look::Item {
        own,
        media: media.clone(),
    };
    let mut step = Step::new("queue", payload, vec![look])
        .about(&media.id)
        .with_patience(Patience::LookUp);
    step.gate = Gate::Queue;
    step
}

/// CyTube shows the votes to moderators only.
pub(super) fn voteskip(state: &ChannelState) -> Step {
    let looks = vec![Look::Event("voteskip"), Look::Event("setCurrent")];
    let step = Step::new("voteskip", json!({}), looks);
    let sees = state.own_rank().zip(state.permission("viewvoteskip"));
    match sees {
        Some((rank, least)) if rank < least => step.unconfirmed().with_patience(Patience::Brief),
        _ => step,
    }
}

pub(super) fn rank(username: &str, rank: f64) -> Step {
    let number = match rank.fract() == 0.0 && rank.abs() < 1e9 {
        true => json!(rank as i64),
        false => json!(rank),
    };
    let look = Look::Named {
        event: "setUserRank",
        field: "name",
        name: username.to_owned(),
    };
    let payload = json!({"name": username, "rank": number});
    Step::new("setChannelRank", payload, vec![look])
        .about(username)
        .moderation()
}

/// Names of emotes and filters are compared with case.
pub(super) fn exact_name(event: &'static str, name: &str) -> Look {
    Look::Fields {
        event,
        fields: vec![("name", Value::from(name))],
    }
}
