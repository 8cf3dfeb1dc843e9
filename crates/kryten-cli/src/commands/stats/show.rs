//! Statistics as aligned tables.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::Value;

use crate::output::{line, printable};

/// A user: one line for each fact, and the lists below.
pub(super) fn user(channel: Option<&str>, data: &Value) {
    let mut facts = table();
    let mut fact = |name: &str, value: String| {
        facts.add_row([name.to_owned(), value]);
    };
    fact("user", text(&data["username"]));
    if let Some(channel) = channel {
        fact("in the channel now", yes_or_no(&data["present"]));
        fact(
            &format!("lines in {}", printable(channel)),
            text(&data["messages"]),
        );
    }
    fact("first seen", text(&data["first_seen_at"]));
    fact("private messages", text(&data["pms"]));
    fact("++ kudos", text(&data["kudos_plusplus"]));
    if let Some(activity) = data.get("activity").filter(|activity| activity.is_object()) {
        fact(
            "time in the channel",
            duration(&activity["total_time_seconds"]),
        );
        fact(
            "of it not away",
            duration(&activity["not_afk_time_seconds"]),
        );
    }
    line(&facts.trim_fmt());
    for (title, list, name) in [
        ("lines by channel", "all_messages", "channel"),
        ("kudos by phrase", "kudos_phrases", "phrase"),
        ("emotes", "emotes", "emote"),
    ] {
        let rows = data[list].as_array().filter(|rows| !rows.is_empty());
        if let Some(rows) = rows {
            line("");
            line(title);
            line(&counts(rows, name).trim_fmt());
        }
    }
}

/// A leaderboard with places.
pub(super) fn places(data: &Value, list: &str, name: &str, unit: &str) {
    let Some(rows) = data[list].as_array().filter(|rows| !rows.is_empty()) else {
        line("nothing is counted yet");
        return;
    };
    let mut places = table();
    for (place, row) in (1..).zip(rows) {
        places.add_row([
            place.to_string(),
            text(&row[name]),
            text(&row["count"]),
            unit.to_owned(),
        ]);
    }
    for column in [0, 2] {
        if let Some(column) = places.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    line(&places.trim_fmt());
}

/// An object, one line for each field.
pub(super) fn fields(data: &Value) {
    let mut fields = table();
    for (name, value) in data.as_object().into_iter().flatten() {
        fields.add_row([name.replace('_', " "), text(value)]);
    }
    line(&fields.trim_fmt());
}

fn counts(rows: &[Value], name: &str) -> Table {
    let mut counts = table();
    for row in rows {
        counts.add_row([format!("  {}", text(&row[name])), text(&row["count"])]);
    }
    if let Some(column) = counts.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    counts
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Bool(_) => yes_or_no(value),
        other => other.to_string(),
    }
}

fn yes_or_no(value: &Value) -> String {
    let word = if value == &Value::Bool(true) {
        "yes"
    } else {
        "no"
    };
    word.to_owned()
}

fn duration(seconds: &Value) -> String {
    let seconds = seconds.as_i64().unwrap_or(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    if hours > 0 {
        format!("{hours} h {minutes} min")
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else {
        format!("{seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, expected) in [(0, "0 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")] {
            assert_eq!(duration(&json!(seconds)), expected);
        }
        assert_eq!(duration(&Value::Null), "0 s");
    }

    #[test]
    fn what_others_sent_cannot_reach_the_terminal() {
        assert_eq!(text(&json!("a\u{1b}[31m")), "a\\x1B[31m");
        assert_eq!(text(&Value::Null), "-");
    }
}
