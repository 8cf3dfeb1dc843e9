//! The robot's own rank, on the subject that the original hears and on the one that kryten-py asks.

use std::collections::BTreeSet;

use bytes::Bytes;
use kryten_protocol::subject::{self, SubjectError};
use serde_json::{Value, json};

use crate::channel_name::ChannelId;
use crate::channel_view::ChannelView;

/// All spellings: as configured and in lower case, each once.
pub(super) fn subjects(id: &ChannelId) -> Result<BTreeSet<String>, SubjectError> {
    let (domain, channel) = (&id.domain, &id.channel);
    let lower = (domain.to_lowercase(), channel.to_lowercase());
    Ok(BTreeSet::from([
        subject::user_level(domain, channel)?,
        subject::user_level(&lower.0, &lower.1)?,
        subject::user_level_of_python(domain, channel)?,
    ]))
}

pub(super) fn answer(served: &ChannelView) -> Bytes {
    let state = served.lock();
    let username = state.own_name().or(served.user.as_deref());
    let body = json!({
        "success": true,
        "rank": rank_json(state.own_rank().unwrap_or(0.0).max(0.0)),
        "username": username.unwrap_or("guest"),
    });
    Bytes::from(body.to_string())
}

/// Ranks are numbers, and whole ones are written without a fraction.
fn rank_json(rank: f64) -> Value {
    match rank.fract() == 0.0 {
        true => json!(rank as i64),
        false => json!(rank),
    }
}
