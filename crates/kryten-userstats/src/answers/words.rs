//! The words of answers. Pure. None begins with what a question begins with, so that nothing answers itself.

use serde_json::{Map, Value};

/// What `user.stats` told.
pub(crate) fn stats(name: &str, data: &Value) -> String {
    if data["known"] == false {
        return format!("nothing is known of {name}");
    }
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let sum = |rows: &Value| -> i64 {
        let rows = rows.as_array().into_iter().flatten();
        rows.map(|row| number(&row["count"])).sum()
    };
    let kudos = number(&data["kudos_plusplus"]) + sum(&data["kudos_phrases"]);
    let mut text = format!(
        "{name}: {}, {kudos} kudos, {}",
        counted(number(&data["messages"]), "line"),
        counted(sum(&data["emotes"]), "emote"),
    );
    let seconds = number(&data["activity"]["total_time_seconds"]);
    if seconds >= 60 {
        text += &format!(", {} here", span(seconds));
    }
    text
}

/// The first places of a ranking.
pub(crate) fn places(what: &str, rows: &Value) -> String {
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let places: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} {}", row["username"].as_str()?, row["count"])))
        .collect();
    match places.is_empty() {
        true => format!("{what}: nobody yet"),
        false => format!("{what}: {}", places.join(", ")),
    }
}

/// What is counted of somebody, as JSON; `None` where it is too long to be said.
pub(crate) fn export(counted: &Map<String, Value>, longest: usize) -> Option<String> {
    let text = Value::Object(counted.clone()).to_string();
    (text.chars().count() <= longest).then_some(text)
}

fn counted(number: i64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

fn span(seconds: i64) -> String {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match hours {
        0 => format!("{minutes} min"),
        _ => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_short_sentences_and_no_questions() {
        let data = json!({
            "known": true, "messages": 1, "kudos_plusplus": 2,
            "kudos_phrases": [{"phrase": "lol", "count": 3}], "emotes": [{"emote": "kappa", "count": 4}],
            "activity": {"total_time_seconds": 3725},
        });
        assert_eq!(
            stats("bob", &data),
            "bob: 1 line, 5 kudos, 4 emotes, 1 h 2 min here"
        );
        assert_eq!(
            stats("x", &json!({"known": false})),
            "nothing is known of x"
        );
        let rows = json!([{"username": "a", "count": 3}, {"username": "b", "count": 1}]);
        assert_eq!(places("most lines", &rows), "most lines: a 3, b 1");
        assert_eq!(places("most kudos", &json!([])), "most kudos: nobody yet");
    }
}
