//! A user.

use serde_json::Value;

use super::{counted, joined, rows, section};
use crate::output::printable;
use crate::screen::{Grid, Screen, column, day_and_time, duration, number, text};

/// Everything: one line for each fact, and the lists below. Reads `user.stats` and `user.profile`.
pub(crate) fn all(screen: Screen, channel: Option<&str>, data: &Value) -> String {
    let mut facts = Grid::new([column(""), column("")]);
    let mut fact = |name: &str, value: String| facts.row([name.to_owned(), value]);
    fact("user", text(&data["username"]));
    if let Some(channel) = channel {
        if let Some(present) = data.get("present") {
            fact("in the channel now", text(present));
        }
        fact(
            &format!("lines in {}", printable(channel)),
            text(&data["messages"]),
        );
    } else if let Some(present) = data.get("present") {
        fact("here now", text(present));
    }
    if let Some(seen) = data.get("first_seen_at") {
        fact("first seen", day_and_time(seen));
    }
    fact("private messages", text(&data["pms"]));
    let kudos = match data.get("kudos") {
        Some(kudos) => (&kudos["plusplus"], &kudos["phrases"]),
        None => (&data["kudos_plusplus"], &data["kudos_phrases"]),
    };
    fact("++ kudos", text(kudos.0));
    if let Some(spent) = data.get("activity").filter(|spent| spent.is_object()) {
        fact(
            "time in the channel",
            duration(number(&spent["total_time_seconds"])),
        );
        fact(
            "of it not away",
            duration(number(&spent["not_afk_time_seconds"])),
        );
    }
    let mut sections = vec![facts.draw(screen)];
    for (title, list, name) in [
        ("Lines by channel", &data["all_messages"], "channel"),
        ("Kudos by phrase", kudos.1, "phrase"),
        ("Emotes", &data["emotes"], "emote"),
    ] {
        if !rows(list).is_empty() {
            sections.push(section(screen, title, &counted(screen, rows(list), name)));
        }
    }
    let spent = match data["activity"].is_array() {
        true => &data["activity"],
        false => &data["all_activity"],
    };
    if !rows(spent).is_empty() {
        sections.push(section(
            screen,
            "Time by channel",
            &times(screen, rows(spent)),
        ));
    }
    joined(sections)
}

/// `user.messages`.
pub(crate) fn messages(screen: Screen, data: &Value) -> String {
    let user = text(&data["username"]);
    if let Some(count) = data.get("message_count") {
        let (count, channel) = (text(count), text(&data["channel"]));
        return format!("{user} has said {count} lines in {channel}.");
    }
    match rows(&data["channels"]) {
        [] => format!("{user} has not said anything yet."),
        list => counted(screen, list, "channel"),
    }
}

/// `user.activity`.
pub(crate) fn activity(screen: Screen, data: &Value) -> String {
    let user = text(&data["username"]);
    let spent = &data["activity"];
    if spent.is_object() {
        return format!(
            "{user} was in {} for {}, {} of it not away.",
            text(&data["channel"]),
            duration(number(&spent["total_time_seconds"])),
            duration(number(&spent["not_afk_time_seconds"])),
        );
    }
    match rows(&data["all_activity"]) {
        [] => format!("No visit of {user} has ended yet; time counts when somebody leaves."),
        list => times(screen, list),
    }
}

/// `user.kudos`.
pub(crate) fn kudos(screen: Screen, data: &Value) -> String {
    let (user, plusplus) = (text(&data["username"]), text(&data["plusplus"]));
    let phrases = rows(&data["phrases"]);
    if data["plusplus"] == 0 && phrases.is_empty() {
        return format!("Nobody has given {user} kudos yet.");
    }
    let mut sections = vec![format!("{user} has {plusplus} kudos by ++.")];
    if !phrases.is_empty() {
        let list = counted(screen, phrases, "phrase");
        sections.push(section(screen, "By phrase", &list));
    }
    joined(sections)
}

fn times(screen: Screen, list: &[Value]) -> String {
    let mut grid = Grid::new([
        column("channel"),
        column("time").right(),
        column("not away").right(),
    ]);
    for row in list {
        let seconds = number(&row["total_time_seconds"]);
        let cells = [
            text(&row["channel"]),
            duration(seconds),
            duration(number(&row["not_afk_time_seconds"])),
        ];
        grid.bar_row(cells, seconds);
    }
    grid.draw(screen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bob() -> Value {
        json!({
            "username": "bob", "messages": 7, "pms": 0, "kudos_plusplus": 3,
            "all_messages": [{"channel": "420grindhouse", "count": 7}, {"channel": "Lounge", "count": 1}],
            "kudos_phrases": [{"phrase": "haha", "count": 2}], "emotes": [{"emote": "kappa", "count": 4}],
            "activity": {"total_time_seconds": 3725, "not_afk_time_seconds": 60},
            "known": true, "present": true, "first_seen_at": "2026-11-22T16:13:23.469619+00:00",
        })
    }

    #[test]
    fn a_user_is_facts_and_lists() {
        insta::assert_snapshot!(all(Screen::pipe(), Some("420grindhouse"), &bob()), @r#"
        user                    bob
        in the channel now      yes
        lines in 420grindhouse  7
        first seen              2026-11-22 16:13:23
        private messages        0
        ++ kudos                3
        time in the channel     1 h 2 min
        of it not away          1 min 0 s

        Lines by channel
        420grindhouse  7
        Lounge         1

        Kudos by phrase
        haha  2

        Emotes
        kappa  4
        "#);
        insta::assert_snapshot!(all(Screen::terminal(40), None, &bob()), @r#"
        user                 bob
        here now             yes
        first seen           2026-11-22 16:13:23
        private messages     0
        ++ kudos             3
        time in the channel  1 h 2 min
        of it not away       1 min 0 s

        Lines by channel
        420grindhouse  7  ████████████████████
        Lounge         1  ██▉

        Kudos by phrase
        haha  2  █████████████████████████████

        Emotes
        kappa  4  ████████████████████████████
        "#);
    }

    #[test]
    fn the_python_services_answers_are_shown_too() {
        let profile = json!({
            "username": "Carol", "messages": 9, "all_messages": [], "pms": 2,
            "kudos": {"plusplus": 0, "phrases": [{"phrase": "😂", "count": 1}]}, "emotes": [],
            "activity": [{"channel": "Lounge", "total_time_seconds": 4, "not_afk_time_seconds": 2}],
        });
        insta::assert_snapshot!(all(Screen::pipe(), None, &profile), @r#"
        user              Carol
        private messages  2
        ++ kudos          0

        Kudos by phrase
        😂  1

        Time by channel
        channel  time  not away
        Lounge    4 s       2 s
        "#);
    }

    #[test]
    fn parts_are_sentences_where_they_are_one_number() {
        let pipe = Screen::pipe();
        let said = json!({"username": "bob", "channel": "Lounge", "message_count": 7});
        assert_eq!(messages(pipe, &said), "bob has said 7 lines in Lounge.");
        let said = json!({"username": "bob", "channels": []});
        assert_eq!(messages(pipe, &said), "bob has not said anything yet.");
        let spent = json!({"username": "bob", "channel": "Lounge",
            "activity": {"total_time_seconds": 4, "not_afk_time_seconds": 2}});
        assert_eq!(
            activity(pipe, &spent),
            "bob was in Lounge for 4 s, 2 s of it not away."
        );
        let spent = json!({"username": "bob", "channel": "Lounge", "activity": null});
        assert!(activity(pipe, &spent).starts_with("No visit of bob has ended yet"));
        let thanked = json!({"username": "bob", "plusplus": 0, "phrases": []});
        assert_eq!(kudos(pipe, &thanked), "Nobody has given bob kudos yet.");
    }
}
