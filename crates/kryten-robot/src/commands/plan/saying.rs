//! Lines and private messages. Long ones become several; what is typed as a command shows in other ways than a line.

use std::borrow::Cow;

use kryten_client::chat::{self, CYTUBE_LIMIT};
use serde_json::{Value, json};

use super::{Patience, Step};
use crate::commands::effect::{Look, Said};
use crate::commands::pace::{Gate, Lane};

/// CyTube reads what stands behind these as a line of its own, and obeys it where that begins with `/`.
const SAYING: [&str; 5] = ["/me", "/sp", "/say", "/shout", "/rcv"];
/// More parts than that are no message but a flood.
const MOST_PARTS: usize = 10;

pub(super) fn lines(message: &str, own: &str) -> Result<Vec<Step>, String> {
    if message.starts_with('/') {
        return Ok(vec![command(message, own)?]);
    }
    // A bot that repeats what a user says must not be made to do what the user types.
    let lines = chat::lines(message, CYTUBE_LIMIT);
    check_count(lines.len())?;
    Ok(lines.iter().map(|text| line(text, own)).collect())
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
    let parts = chat::split(message, CYTUBE_LIMIT);
    check_count(parts.len())?;
    Ok(parts.into_iter().map(step).collect())
}

fn check_count(parts: usize) -> Result<(), String> {
    match parts {
        0..=MOST_PARTS => Ok(()),
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
    // Control characters in a row are one blank to CyTube.
    let is_gap = |c: char| c == ' ' || c.is_control();
    let (word, rest) = typed.split_once(is_gap).unwrap_or((typed, ""));
    let rest = rest.trim_start_matches(is_gap);
    // A second blank goes to CyTube with what is said, and makes a line of it.
    let typed = match SAYING.contains(&word) && rest.starts_with('/') {
        true => Cow::Owned(format!("{word}  {rest}")),
        false => Cow::Borrowed(typed),
    };
    if typed.encode_utf16().count() > CYTUBE_LIMIT {
        return Err(format!(
            "a line that begins with / may have at most {CYTUBE_LIMIT} characters"
        ));
    }
    let mut step = line(&typed, own);
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

    fn said(message: &str) -> Vec<String> {
        let text = |step: Step| step.payload["msg"].as_str().unwrap().to_owned();
        let steps = lines(message, "bot").unwrap();
        steps.into_iter().map(text).collect()
    }

    #[test]
    fn the_end_of_a_long_message_is_no_command() {
        let words = "word ".repeat(CYTUBE_LIMIT / 5 - 1);
        let lines = said(&format!("{words}more /kick bob"));
        assert_eq!(lines[1..], [" /kick bob"]);
        let lines = said(&format!("{words}more and/or bob"));
        assert_eq!(lines[1..], ["and/or bob"]);
    }

    #[test]
    fn a_blank_before_a_command_makes_a_line_of_it() {
        for message in [" /clear", "\n/ipban bob", "\u{a0}/kickanons"] {
            let line = format!(" {}", message.trim());
            assert_eq!(said(message), [line.as_str()]);
            let steps = lines(message, "bot").unwrap();
            assert!(matches!(steps[0].looks[..], [Look::Line { .. }]));
        }
        assert_eq!(said("/clear"), ["/clear"]);
        let long = format!(" /me {}", "word ".repeat(CYTUBE_LIMIT / 5));
        assert!(said(&long).len() == 2 && said(&long)[0].starts_with(" /me word"));
    }

    #[test]
    fn what_is_said_by_a_command_is_no_command() {
        assert_eq!(said("/me /kick bob"), ["/me  /kick bob"]);
        assert_eq!(said("/shout /clear"), ["/shout  /clear"]);
        assert_eq!(said("/me  /kick bob"), ["/me  /kick bob"]);
        assert_eq!(said("/me\n\n/kick bob"), ["/me  /kick bob"]);
        assert_eq!(said("/me waves"), ["/me waves"]);
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
