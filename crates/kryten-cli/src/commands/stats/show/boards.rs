//! Leaderboards.

use serde_json::Value;

use super::rows;
use crate::screen::{Grid, Screen, column, number, text};

/// Who said most.
pub(crate) fn lines(screen: Screen, place: &str, list: &Value) -> String {
    match rows(list) {
        [] => format!("Nobody has said anything in {place} yet."),
        list => places(screen, list, "username", "lines"),
    }
}

/// Who was thanked most.
pub(crate) fn kudos(screen: Screen, place: &str, list: &Value) -> String {
    match rows(list) {
        [] => format!("Nobody has given kudos in {place} yet."),
        list => places(screen, list, "username", "kudos"),
    }
}

/// Which emotes were used most.
pub(crate) fn emotes(screen: Screen, place: &str, list: &Value) -> String {
    match rows(list) {
        [] => format!("Nobody has used an emote in {place} yet."),
        list => places(screen, list, "emote", "uses"),
    }
}

fn places(screen: Screen, list: &[Value], name: &'static str, unit: &'static str) -> String {
    let title = match name {
        "emote" => "emote",
        _ => "user",
    };
    let mut grid = Grid::new([
        column("").right(),
        column(title).cut(),
        column(unit).right(),
    ]);
    for (place, row) in (1..).zip(list) {
        let cells = [place.to_string(), text(&row[name]), text(&row["count"])];
        grid.bar_row(cells, number(&row["count"]));
    }
    grid.draw(screen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_have_bars_in_a_terminal() {
        let list = json!([
            {"username": "alice", "count": 1234},
            {"username": "bob\u{1b}[31m", "count": 617},
        ]);
        insta::assert_snapshot!(lines(Screen::terminal(50), "Lounge", &list), @r#"
           user         lines
        1  alice        1,234  █████████████████████████
        2  bob\x1B[31m    617  ████████████▌
        "#);
        insta::assert_snapshot!(kudos(Screen::pipe(), "Lounge", &list), @r#"
           user         kudos
        1  alice        1,234
        2  bob\x1B[31m    617
        "#);
        let list = json!([{"emote": "kappa", "count": 5}]);
        insta::assert_snapshot!(emotes(Screen::pipe(), "Lounge", &list), @r#"
           emote  uses
        1  kappa     5
        "#);
    }

    #[test]
    fn nothing_yet_is_a_sentence() {
        let none = json!([]);
        let pipe = Screen::pipe();
        assert_eq!(
            kudos(pipe, "Lounge", &none),
            "Nobody has given kudos in Lounge yet."
        );
        assert_eq!(
            lines(pipe, "Lounge", &Value::Null),
            "Nobody has said anything in Lounge yet."
        );
        assert_eq!(
            emotes(pipe, "any channel", &none),
            "Nobody has used an emote in any channel yet."
        );
    }
}
