//! The moderator's lists as tables.

use serde_json::Value;

use crate::output::printable;
use crate::screen::{Grid, Screen, column, day_and_time, text};

/// `entry.list`.
pub(super) fn entries(screen: Screen, data: &Value) -> String {
    let list = data["entries"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if list.is_empty() {
        return "No moderation entries found.".to_owned();
    }
    let mut grid = Grid::new([
        column("user"),
        column("action"),
        column("reason").cut(),
        column("moderator"),
    ]);
    for entry in list {
        grid.row(["username", "action", "reason", "moderator"].map(|name| words(&entry[name])));
    }
    let title = format!("Moderation List ({} entries)", list.len());
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

/// `entry.get`: of the service flat, with `moderated`; the Python command line expects it below `entry`.
pub(super) fn entry(screen: Screen, name: &str, data: &Value) -> String {
    let flat = (data["moderated"] == true).then_some(data);
    let Some(entry) = flat.or(data.get("entry").filter(|entry| entry.is_object())) else {
        return format!("{} is not currently moderated.", printable(name));
    };
    let mut grid = Grid::new([column(""), column("").cut()]);
    let mut fact = |name: &str, value: String| grid.row([name.to_owned(), value]);
    fact("Action:", text(&entry["action"]));
    fact(
        "Reason:",
        match words(&entry["reason"]) {
            none if none.is_empty() => "(none)".to_owned(),
            reason => reason,
        },
    );
    fact("Moderator:", words(&entry["moderator"]));
    fact("Timestamp:", day_and_time(&entry["timestamp"]));
    let title = format!("Moderation status for {}", printable(name));
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

/// `pattern.list`.
pub(super) fn patterns(screen: Screen, data: &Value) -> String {
    let list = data["patterns"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if list.is_empty() {
        return "No patterns configured.".to_owned();
    }
    let mut grid = Grid::new([
        column("pattern"),
        column("type"),
        column("action"),
        column("description").cut(),
    ]);
    for pattern in list {
        let kind = match pattern["is_regex"] == true {
            true => "regex",
            false => "substring",
        };
        grid.row([
            words(&pattern["pattern"]),
            kind.to_owned(),
            words(&pattern["action"]),
            words(&pattern["description"]),
        ]);
    }
    let title = format!("Banned Username Patterns ({} patterns)", list.len());
    format!("{}\n{}", screen.title(&title), grid.draw(screen))
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        value => text(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_tables() {
        let list = json!({"entries": [
            {"username": "troll", "action": "ban", "reason": "spamming\n\u{1b}[1m", "moderator": "cli"},
            {"username": "other", "action": "smute", "reason": null, "moderator": "ann"},
        ]});
        insta::assert_snapshot!(entries(Screen::pipe(), &list), @r#"
        Moderation List (2 entries)
        user   action  reason               moderator
        troll  ban     spamming\x0A\x1B[1m  cli
        other  smute                        ann
        "#);
        let list = json!({"patterns": [{"pattern": "ab+", "is_regex": true, "action": "ban", "description": "some words"}]});
        insta::assert_snapshot!(patterns(Screen::pipe(), &list), @r#"
        Banned Username Patterns (1 patterns)
        pattern  type   action  description
        ab+      regex  ban     some words
        "#);
        assert_eq!(
            entries(Screen::pipe(), &Value::Null),
            "No moderation entries found."
        );
        assert_eq!(
            patterns(Screen::pipe(), &json!({})),
            "No patterns configured."
        );
    }

    #[test]
    fn both_forms_of_an_entry_are_read() {
        let flat = json!({"moderated": true, "action": "smute", "reason": null, "moderator": "cli", "timestamp": "2026-01-01T00:00:00"});
        let below = json!({"entry": {"action": "smute", "reason": null, "moderator": "cli", "timestamp": "2026-01-01T00:00:00"}});
        let shown = entry(Screen::pipe(), "troll", &flat);
        insta::assert_snapshot!(shown, @r#"
        Moderation status for troll
        Action:     smute
        Reason:     (none)
        Moderator:  cli
        Timestamp:  2026-01-01 00:00:00
        "#);
        assert_eq!(entry(Screen::pipe(), "troll", &below), shown);
        for none in [
            json!({"moderated": false}),
            json!({"entry": null}),
            Value::Null,
        ] {
            assert_eq!(
                entry(Screen::pipe(), "bob", &none),
                "bob is not currently moderated."
            );
        }
    }
}
