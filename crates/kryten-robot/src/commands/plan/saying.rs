//! Lines and private messages. Long ones become several; what is typed as a command shows in other ways than a line.

use kryten_client::chat::{CYTUBE_LIMIT, split};
use serde_json::{Value, json};

use super::{Patience, Step};
use crate::commands::effect::{Look, Said};
use crate::commands::pace::{Gate, Lane};

/// More parts than that are no message but a flood.
const MOST_PARTS: usize = 10;

pub(super) fn lines(message: &str, own: &str) -> Result<Vec<Step>, String> {
    if message.starts_with('/') {
        return Ok(vec![command(message, own)?]);
    }
    let parts = parts(message)?;
    // A bot that repeats what a user says must not be made to do what the user types.
    if parts.iter().skip(1).any(|part| part.starts_with('/')) {
        return Err(
            "a line of the long message would begin with / and be a command to CyTube; cut it elsewhere"
                .to_owned(),
        );
    }
    Ok(parts.into_iter().map(|part| line(part, own)).collect())
}

pub(super) fn private(to: &str, message: &str, own: &str) -> Result<Vec<Step>, String> {
    let step = |part: &str| {
        let look = Look::Pm {
            own: own.to_owned(),
            to: to.to_owned(),
            said: Said::new(part),
        };
        let payload = json!({"to": to, "msg": part, "meta": {}});
        spoken("pm", payload, vec![look]).about(to)
    };
    Ok(parts(message)?.into_iter().map(step).collect())
}

fn parts(message: &str) -> Result<Vec<&str>, String> {
    let parts = split(message, CYTUBE_LIMIT);
    match parts.len() {
        0..=MOST_PARTS => Ok(parts),
        many => Err(format!(
            "the message would be {many} lines of CyTube; at most {MOST_PARTS} go at once"
        )),
    }
}

fn line(text: &str, own: &str) -> Step {
    let look = Look::Line {
        own: own.to_owned(),
        said: Said::new(text),
    };
    spoken("chatMsg", json!({"msg": text, "meta": {}}), vec![look])
}

fn spoken(event: &'static str, payload: Value, looks: Vec<Look>) -> Step {
    let mut step = Step::new(event, payload, looks);
    (step.lane, step.gate) = (Lane::Chat, Gate::Chat);
    step
}

/// A text that CyTube may take for a command; what it does not know it says as a line.
fn command(typed: &str, own: &str) -> Result<Step, String> {
    if typed.encode_utf16().count() > CYTUBE_LIMIT {
        return Err(format!(
            "a line that begins with / may have at most {CYTUBE_LIMIT} characters"
        ));
    }
    let mut step = line(typed, own);
    let (word, rest) = typed.split_once(' ').unwrap_or((typed, ""));
    let named = |event, name: &str| Look::Named {
        event,
        field: "name",
        name: name.to_owned(),
    };
    match word {
        "/afk" => step.looks = vec![named("setAFK", own)],
        "/clear" => step.looks = vec![Look::Event("clearchat")],
        "/poll" | "/hpoll" => step.looks = vec![Look::Event("newPoll")],
        "/rank" => {
            let name = rest.split_whitespace().next().unwrap_or_default();
            step.looks = vec![named("setUserRank", name)];
        }
        "/kickanons" => step.looks = vec![Look::Notice("kicked anonymous users".to_owned())],
        "/ipban" | "/banip" | "/clean" | "/cleantitle" => {
            step.looks = Vec::new();
            step = step.unconfirmed().with_patience(Patience::Brief);
        }
        // A word alone has nothing to show.
        "/me" | "/sp" | "/say" if rest.trim().is_empty() => {
            return Err("there is nothing to say after the command".to_owned());
        }
        _ => {}
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_message_is_no_command() {
        let words = "word ".repeat(CYTUBE_LIMIT / 5 - 1);
        let error = lines(&format!("{words}more /kick bob"), "bot").unwrap_err();
        assert!(error.contains("would begin with /"), "{error}");
        assert_eq!(
            lines(&format!("{words}more and/or bob"), "bot")
                .unwrap()
                .len(),
            2
        );
    }
    #[test]
    fn a_message_of_too_many_parts_is_refused_and_not_cut() {
        let longest = "x".repeat(CYTUBE_LIMIT * MOST_PARTS);
        assert_eq!(lines(&longest, "bot").unwrap().len(), MOST_PARTS);
        let steps = private("bob", &longest, "bot").unwrap();
        assert_eq!(steps.len(), MOST_PARTS);
        let too_long = longest + "x";
        let error = private("bob", &too_long, "bot").unwrap_err();
        assert!(error.contains("11 lines of CyTube"), "{error}");
        assert_eq!(error, lines(&too_long, "bot").unwrap_err());
    }
}
