//! A channel: population, films, votes, and all of it together.

use jiff::Timestamp;
use serde_json::Value;

use super::{boards, joined, rows, section, system};
use crate::output::printable;
use crate::screen::{Grid, Screen, ago, column, day_and_time, number, sparkline, text};

/// How many were there: now, at least, at most, and a line through time.
pub(crate) fn population(
    screen: Screen,
    place: &str,
    hours: Option<f64>,
    data: &Value,
    now: Timestamp,
) -> String {
    let history = rows(match data.get("history_24h") {
        Some(history) => history,
        None => &data["history"],
    });
    let span = match hours {
        Some(1.0) => "the last hour".to_owned(),
        Some(hours) => format!("the last {hours} h"),
        None => "the last 24 h".to_owned(),
    };
    let current = &data["current"];
    if history.is_empty() && !current.is_object() {
        return format!(
            "No count of the users of {place} in {span}; one is taken every few minutes."
        );
    }
    let mut facts = Grid::new([column(""), column("").right(), column("")]);
    let when = ago(&current["timestamp"], now).unwrap_or_default();
    facts.row([
        "connected".to_owned(),
        text(&current["connected_count"]),
        when,
    ]);
    facts.row([
        "in the chat".to_owned(),
        text(&current["chat_count"]),
        String::new(),
    ]);
    // Newest first in the reply.
    let values: Vec<f64> = history
        .iter()
        .rev()
        .map(|row| number(&row["connected_count"]))
        .collect();
    if !values.is_empty() {
        for (name, order) in [
            ("most", f64::max as fn(f64, f64) -> f64),
            ("fewest", f64::min),
        ] {
            let value = values.iter().copied().reduce(order).unwrap_or_default();
            facts.row([name.to_owned(), value.to_string(), format!("in {span}")]);
        }
    }
    let mut drawn = facts.draw(screen);
    if let Some(width) = screen.width().filter(|_| values.len() > 1) {
        let line = sparkline(&values, width.saturating_sub(2).min(100));
        drawn = format!(
            "{drawn}\n\n {}\n {}",
            screen.charted(&line),
            legend(history, &values)
        );
    }
    drawn
}

/// Between which counts the line is, and how high its ends are.
fn legend(newest_first: &[Value], values: &[f64]) -> String {
    let minute = |row: Option<&Value>| {
        let at = row.map(|row| day_and_time(&row["timestamp"]));
        let at = at.unwrap_or_default();
        at.get(.."2026-11-22 16:13".len())
            .map(str::to_owned)
            .unwrap_or(at)
    };
    let (from, to) = (minute(newest_first.last()), minute(newest_first.first()));
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    let height = match high > low {
        true => format!("▁ is {low}, █ is {high}"),
        false => format!("always {high}"),
    };
    format!("{from} to {to} (UTC); {height}")
}

/// When most and when fewest were there.
pub(crate) fn watermarks(screen: Screen, place: &str, data: &Value) -> String {
    // Of every join and leave, where the service knows it; else of samples.
    let (marks, has_chat) = match data.get("exact").filter(|exact| exact["high"].is_object()) {
        Some(exact) => (exact, false),
        None => (data, true),
    };
    if !marks["high"].is_object() && !marks["low"].is_object() {
        return format!("No count of the users of {place} yet.");
    }
    let when = column("when (UTC)");
    let users = column("users").right();
    let mut grid = match has_chat {
        true => Grid::new([column(""), users, column("in the chat").right(), when]),
        false => Grid::new([column(""), users, when]),
    };
    for (name, mark) in [("most", &marks["high"]), ("fewest", &marks["low"])] {
        let (name, users) = (name.to_owned(), text(&mark["total_users"]));
        let when = day_and_time(&mark["timestamp"]);
        match has_chat {
            true => grid.row([name, users, text(&mark["chat_users"]), when]),
            false => grid.row([name, users, when]),
        }
    }
    grid.draw(screen)
}

/// What was shown, newest first.
pub(crate) fn media(screen: Screen, place: &str, list: &Value) -> String {
    let list = rows(list);
    if list.is_empty() {
        return format!("Nothing was shown in {place} yet.");
    }
    let mut grid = Grid::new([
        column("when (UTC)"),
        column("title").cut(),
        column("source"),
    ]);
    for row in list {
        let (kind, id) = (&row["media_type"], &row["media_id"]);
        let source = match (kind.as_str(), id.as_str()) {
            (None | Some(""), _) => String::new(),
            (Some(kind), Some(id)) => printable(&format!("{kind}:{id}")),
            (Some(kind), None) => printable(kind),
        };
        grid.row([
            day_and_time(&row["timestamp"]),
            text(&row["media_title"]),
            source,
        ]);
    }
    grid.draw(screen)
}

/// How films were liked, best first.
pub(crate) fn votes(screen: Screen, place: &str, list: &Value) -> String {
    let list = rows(list);
    if list.is_empty() {
        return format!("Nobody has voted for a film in {place} yet.");
    }
    let mut grid = Grid::new([
        column("title").cut(),
        column("up").right(),
        column("down").right(),
        column("score").right(),
        column("last vote (UTC)"),
    ]);
    for row in list {
        grid.row([
            text(&row["media_title"]),
            text(&row["upvotes"]),
            text(&row["downvotes"]),
            text(&row["score"]),
            day_and_time(&row["last_vote"]),
        ]);
    }
    grid.draw(screen)
}

/// How one film was liked.
pub(crate) fn votes_for(screen: Screen, place: &str, title: &str, data: &Value) -> String {
    if !data.is_object() {
        return format!("Nobody has voted for {} in {place} yet.", printable(title));
    }
    let mut grid = Grid::new([column(""), column("").right()]);
    grid.row(["up".to_owned(), text(&data["upvotes"])]);
    grid.row(["down".to_owned(), text(&data["downvotes"])]);
    grid.row(["score".to_owned(), text(&data["score"])]);
    section(screen, &text(&data["media_title"]), &grid.draw(screen))
}

/// `stats.global`.
pub(crate) fn summary(screen: Screen, place: &str, data: &Value, now: Timestamp) -> String {
    joined(vec![
        section(
            screen,
            "Who said most",
            &boards::lines(screen, place, &data["top_users"]),
        ),
        section(
            screen,
            "How many are there",
            &population(screen, place, None, &data["population"], now),
        ),
        section(
            screen,
            "Most and fewest",
            &watermarks(screen, place, &data["watermarks"]),
        ),
    ])
}

/// `channel.all_stats`, first what the Python command line shows, in its order.
pub(crate) fn everything(screen: Screen, place: &str, data: &Value, now: Timestamp) -> String {
    let (channel, leaders) = (&data["channel"], &data["leaderboards"]);
    let mut sections = vec![section(
        screen,
        "System",
        &system::brief(screen, &data["system"]),
    )];
    let mut add = |title: &str, body: String| sections.push(section(screen, title, &body));
    add(
        "Kudos Leaderboard",
        boards::kudos(screen, "any channel", &leaders["kudos"]),
    );
    add(
        "Emote Leaderboard",
        boards::emotes(screen, "any channel", &leaders["emotes"]),
    );
    add(
        "Top Active Users",
        boards::lines(screen, place, &channel["top_users"]),
    );
    add(
        "Recent Media",
        media(screen, place, &channel["media_history"]),
    );
    add(
        "Population",
        population(screen, place, None, &channel["population"], now),
    );
    add(
        "Most and Fewest Users",
        watermarks(screen, place, &channel["watermarks"]),
    );
    add("Votes", votes(screen, place, &channel["movie_votes"]));
    joined(sections)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T16:14:23Z".parse().unwrap()
    }

    fn counted(at: &str, connected: u64, chat: u64) -> Value {
        json!({"timestamp": at, "connected_count": connected, "chat_count": chat})
    }

    #[test]
    fn a_population_is_a_line_in_a_terminal() {
        let newest = counted("2026-11-22T16:13:23.469619+00:00", 15, 14);
        let history = [9, 8, 3, 1].map(|n| counted("2026-11-22T15:00:00+00:00", n, n));
        let data = json!({"current": newest, "history": history});
        let drawn = population(Screen::terminal(60), "Lounge", Some(6.0), &data, now());
        insta::assert_snapshot!(drawn, @r#"
        connected    15  59 s ago
        in the chat  14
        most          9  in the last 6 h
        fewest        1  in the last 6 h

         ▁▃▇█
         2026-11-22 15:00 to 2026-11-22 15:00 (UTC); ▁ is 1, █ is 9
        "#);
        let nothing = json!({"current": null, "history": []});
        assert_eq!(
            population(Screen::pipe(), "Lounge", None, &nothing, now()),
            "No count of the users of Lounge in the last 24 h; one is taken every few minutes."
        );
    }

    #[test]
    fn marks_of_every_join_come_before_those_of_samples() {
        let mark = |users: u64| json!({"timestamp": "2026-11-22T16:13:23+00:00", "total_users": users, "chat_users": 3});
        let samples = json!({"high": mark(15), "low": mark(13)});
        insta::assert_snapshot!(watermarks(Screen::pipe(), "Lounge", &samples), @r#"
                users  in the chat  when (UTC)
        most       15            3  2026-11-22 16:13:23
        fewest     13            3  2026-11-22 16:13:23
        "#);
        let exact =
            json!({"high": mark(15), "low": mark(13), "exact": {"high": mark(16), "low": mark(1)}});
        insta::assert_snapshot!(watermarks(Screen::pipe(), "Lounge", &exact), @r#"
                users  when (UTC)
        most       16  2026-11-22 16:13:23
        fewest      1  2026-11-22 16:13:23
        "#);
        let none = json!({"high": null, "low": null, "exact": {"high": null, "low": null}});
        assert_eq!(
            watermarks(Screen::pipe(), "Lounge", &none),
            "No count of the users of Lounge yet."
        );
    }

    #[test]
    fn films_and_votes_are_tables() {
        let films = json!([
            {"timestamp": "2026-11-22T16:13:22Z", "media_title": "Second Feature (1979)", "media_type": "cu", "media_id": "z9"},
            {"timestamp": "2026-11-22T16:13:22Z", "media_title": "Unknown", "media_type": "", "media_id": ""},
        ]);
        insta::assert_snapshot!(media(Screen::pipe(), "Lounge", &films), @r#"
        when (UTC)           title                  source
        2026-11-22 16:13:22  Second Feature (1979)  cu:z9
        2026-11-22 16:13:22  Unknown
        "#);
        insta::assert_snapshot!(media(Screen::terminal(46), "Lounge", &films), @r#"
        when (UTC)           title            source
        2026-11-22 16:13:22  Second Feature…  cu:z9
        2026-11-22 16:13:22  Unknown
        "#);
        let list = json!([{"media_title": "A", "upvotes": 2, "downvotes": 3, "score": -1, "last_vote": "2026-11-22T16:13:22Z"}]);
        insta::assert_snapshot!(votes(Screen::pipe(), "Lounge", &list), @r#"
        title  up  down  score  last vote (UTC)
        A       2     3     -1  2026-11-22 16:13:22
        "#);
        let one = json!({"media_title": "A", "upvotes": 2, "downvotes": 3, "score": -1});
        insta::assert_snapshot!(votes_for(Screen::pipe(), "Lounge", "A", &one), @r#"
        A
        up      2
        down    3
        score  -1
        "#);
        assert_eq!(
            votes_for(Screen::pipe(), "Lounge", "B", &Value::Null),
            "Nobody has voted for B in Lounge yet."
        );
        assert_eq!(
            votes(Screen::pipe(), "Lounge", &json!([])),
            "Nobody has voted for a film in Lounge yet."
        );
        assert_eq!(
            media(Screen::pipe(), "Lounge", &json!([])),
            "Nothing was shown in Lounge yet."
        );
    }

    #[test]
    fn everything_is_in_the_order_of_the_python_command_line() {
        let data = json!({
            "domain": "cytu.be",
            "system": {"health": {"service": "userstats", "status": "healthy", "uptime_seconds": 5400},
                "stats": {"events_processed": 1234, "commands_processed": 7}},
            "leaderboards": {"kudos": [{"username": "ann", "count": 1234}], "emotes": [{"emote": "hi", "count": 5}]},
            "channel": {"top_users": [{"username": "ann", "count": 99}],
                "media_history": [{"timestamp": "2026-11-22T16:13:22Z", "media_title": "Some title", "media_type": "yt", "media_id": "x"}],
                "population": {"current": counted("2026-11-22T16:13:23+00:00", 2, 2), "history_24h": []},
                "watermarks": {"high": null, "low": null}, "movie_votes": []},
        });
        insta::assert_snapshot!(everything(Screen::pipe(), "Lounge", &data, now()), @r#"
        System
        Service:   userstats
        Status:    healthy
        Uptime:    1 h 30 min
        Events:    1,234
        Commands:  7

        Kudos Leaderboard
           user  kudos
        1  ann   1,234

        Emote Leaderboard
           emote  uses
        1  hi        5

        Top Active Users
           user  lines
        1  ann      99

        Recent Media
        when (UTC)           title       source
        2026-11-22 16:13:22  Some title  yt:x

        Population
        connected    2  60 s ago
        in the chat  2

        Most and Fewest Users
        No count of the users of Lounge yet.

        Votes
        Nobody has voted for a film in Lounge yet.
        "#);
    }
}
