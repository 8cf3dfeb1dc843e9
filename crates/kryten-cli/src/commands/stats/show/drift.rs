//! `system.drift`: where the robot's state differed from the events.

use jiff::Timestamp;
use serde_json::Value;

use super::{joined, rows, section};
use crate::output::printable;
use crate::screen::{Grid, Screen, ago, column, number, text};

/// So many names are shown of each difference.
const NAMES: usize = 5;

/// A table for each channel: the last comparison of each kind, and the sum since the start.
pub(crate) fn all(screen: Screen, data: &Value, now: Timestamp) -> String {
    let channels = rows(&data["channels"]);
    if channels.is_empty() {
        return "The service counts no channel.".to_owned();
    }
    let is_compared = |channel: &Value| {
        let kinds = channel["kinds"].as_object();
        kinds.is_some_and(|kinds| kinds.values().any(Value::is_object))
    };
    let head = match number(&data["total"]) {
        0.0 if channels.iter().any(is_compared) => {
            screen.good("✓ The robot's state and the events agree.")
        }
        0.0 => "Nothing was compared yet; --check does it now.".to_owned(),
        _ => format!(
            "{} differences since the service started.",
            text(&data["total"])
        ),
    };
    let tables = channels.iter().map(|channel| {
        section(
            screen,
            &text(&channel["channel"]),
            &kinds(screen, &channel["kinds"], now),
        )
    });
    joined(std::iter::once(head).chain(tables).collect())
}

fn kinds(screen: Screen, kinds: &Value, now: Timestamp) -> String {
    let mut grid = Grid::new([
        column("compared"),
        column("when"),
        column("differences").right(),
        column("since the start").right(),
        column("which").cut(),
    ]);
    for (kind, last) in kinds.as_object().into_iter().flatten() {
        let kind = printable(kind);
        if last.is_null() {
            grid.row([
                kind,
                "not yet".to_owned(),
                "-".to_owned(),
                "-".to_owned(),
                String::new(),
            ]);
            continue;
        }
        grid.row([
            kind,
            ago(&last["checked_at"], now).unwrap_or_default(),
            text(&last["differences"]),
            text(&last["total"]),
            which(last),
        ]);
    }
    grid.draw(screen)
}

fn which(last: &Value) -> String {
    let told = [("not told", "missing"), ("gone", "surplus")]
        .into_iter()
        .filter_map(|(word, field)| {
            let names = rows(&last[field]);
            if names.is_empty() {
                return None;
            }
            let first: Vec<String> = names.iter().take(NAMES).map(text).collect();
            let more = match names.len() > NAMES {
                true => ", …",
                false => "",
            };
            Some(format!("{word}: {}{more}", first.join(", ")))
        });
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_has_a_line_with_its_last_comparison() {
        let now: Timestamp = "2026-11-29T12:00:30Z".parse().unwrap();
        let at = "2026-11-29T12:00:00+00:00";
        let data = json!({"total": 3, "channels": [{"domain": "cytu.be", "channel": "Lounge", "kinds": {
            "users": {"checked_at": at, "differences": 2, "missing": ["ann"], "surplus": ["bob\u{1b}"], "healed": true, "total": 3},
            "afk": {"checked_at": at, "differences": 0, "missing": [], "surplus": [], "healed": false, "total": 0},
            "emotes": null, "media": null,
        }}]});
        insta::assert_snapshot!(all(Screen::pipe(), &data, now), @r"
        3 differences since the service started.

        Lounge
        compared  when      differences  since the start  which
        users     30 s ago            2                3  not told: ann; gone: bob\x1B
        afk       30 s ago            0                0
        emotes    not yet             -                -
        media     not yet             -                -
        ");
        let none =
            json!({"total": 0, "channels": [{"channel": "Lounge", "kinds": {"users": null}}]});
        assert!(all(Screen::pipe(), &none, now).starts_with("Nothing was compared yet; "));
    }
}
