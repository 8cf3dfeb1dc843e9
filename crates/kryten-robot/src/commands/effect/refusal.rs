//! CyTube's refusals: which event is one, whom it is meant for, and what it says.

use serde_json::Value;

use super::Expectation;
use super::look::unescape;

pub(super) fn is_one(event: &str) -> bool {
    matches!(
        event,
        "queueFail"
            | "errorMsg"
            | "noflood"
            | "cooldown"
            | "spamFiltered"
            | "channelRankFail"
            | "validationError"
            | "costanza"
    )
}

/// The place of the one who is refused.
pub(super) fn whose<'a>(
    event: &str,
    payload: &Value,
    pending: impl Iterator<Item = &'a Expectation> + Clone,
) -> Option<usize> {
    let of_frame = |frames: &'static [&'static str]| {
        let mut pending = pending.clone();
        pending.position(move |expectation| frames.contains(&expectation.frame))
    };
    match event {
        "queueFail" => {
            let is_that = |expectation: &Expectation| {
                let id = expectation.subject.as_deref();
                expectation.frame == "queue"
                    && id.is_some()
                    && (payload["id"].as_str() == id || payload["link"].as_str() == id)
            };
            let exact = pending.clone().position(is_that);
            exact.or_else(|| of_frame(&["queue"]))
        }
        "noflood" | "spamFiltered" => of_frame(&["chatMsg", "pm"]),
        "cooldown" => of_frame(&["chatMsg", "pm"]),
        "channelRankFail" => of_frame(&["setChannelRank"]),
        "validationError" => of_frame(&["setOptions"]),
        "errorMsg" if payload["code"] == "REQ_PLAYLIST_LIMIT_REACHED" => {
            of_frame(&["requestPlaylist"])
        }
        _ => error_of(payload["msg"].as_str().unwrap_or_default(), pending),
    }
}

/// An error text names the frame, or the user, or nothing.
fn error_of<'a>(
    text: &str,
    pending: impl Iterator<Item = &'a Expectation> + Clone,
) -> Option<usize> {
    let folded = text.to_lowercase();
    let named_frame = text
        .strip_prefix("Unexpected error for message ")
        .and_then(|rest| rest.split(':').next());
    if let Some(frame) = named_frame {
        return pending
            .clone()
            .position(|expectation| expectation.frame == frame);
    }
    // It is about a request that the robot makes by itself.
    if folded.contains("playlist urls") {
        return None;
    }
    let has_subject = |expectation: &Expectation| {
        let subject = expectation.subject.as_deref().unwrap_or_default();
        !subject.is_empty() && has_word(&folded, &subject.to_lowercase())
    };
    let about = pending.clone().position(has_subject);
    // `queue` has an event of its own for refusals.
    about.or_else(|| {
        pending
            .clone()
            .position(|expectation| expectation.frame != "queue")
    })
}

fn has_word(text: &str, word: &str) -> bool {
    let is_edge = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    text.match_indices(word).any(|(at, found)| {
        is_edge(text[..at].chars().next_back()) && is_edge(text[at + found.len()..].chars().next())
    })
}

/// What CyTube says, as a sentence without HTML.
pub(super) fn reason(event: &str, payload: &Value) -> String {
    let text = |field: &str| {
        payload[field]
            .as_str()
            .map(unescape)
            .filter(|text| !text.is_empty())
    };
    match event {
        "cooldown" => {
            "CyTube dropped the message because messages came too fast (cooldown)".to_owned()
        }
        "spamFiltered" => format!(
            "CyTube's spam filter dropped the message: {}",
            text("reason").unwrap_or_else(|| "no reason given".to_owned())
        ),
        "validationError" => format!(
            "{}: {}",
            text("target")
                .unwrap_or_default()
                .trim_start_matches("#cs-"),
            text("message").unwrap_or_else(|| "the value is refused".to_owned())
        ),
        _ => text("msg").unwrap_or_else(|| format!("CyTube refused ({event})")),
    }
}
