//! The service itself.

use serde_json::Value;

use crate::screen::{Grid, Screen, column, duration, number, text};

/// `system.ping`.
pub(crate) fn ping(screen: Screen, data: &Value) -> String {
    let mut grid = Grid::new([column(""), column("")]);
    grid.row(["service".to_owned(), text(&data["service"])]);
    grid.row(["version".to_owned(), text(&data["version"])]);
    grid.row([
        "up for".to_owned(),
        duration(number(&data["uptime_seconds"])),
    ]);
    grid.row(["metrics".to_owned(), text(&data["metrics_endpoint"])]);
    grid.draw(screen)
}

/// `system.health`; the first line says it all.
pub(crate) fn health(screen: Screen, data: &Value) -> String {
    let status = text(&data["status"]);
    let head = match data["status"] == "healthy" {
        true => screen.good(&format!("✓ {status}")),
        false => screen.bad(&format!("✗ {status}")),
    };
    let mut grid = Grid::new([column(""), column("")]);
    grid.row(["service".to_owned(), text(&data["service"])]);
    grid.row([
        "up for".to_owned(),
        duration(number(&data["uptime_seconds"])),
    ]);
    grid.row([
        "database".to_owned(),
        connected(&data["database_connected"]),
    ]);
    grid.row(["NATS".to_owned(), connected(&data["nats_connected"])]);
    if let Some(source) = data.get("counting") {
        grid.row(["counts from".to_owned(), text(source)]);
    }
    if let Some(problem) = data.get("problem").filter(|problem| !problem.is_null()) {
        grid.row(["problem".to_owned(), text(problem)]);
    }
    format!("{head}\n{}", grid.draw(screen))
}

fn connected(value: &Value) -> String {
    match value.as_bool() {
        Some(true) => "connected".to_owned(),
        Some(false) => "away".to_owned(),
        None => text(value),
    }
}

/// `system.stats`: an object, one line for each field.
pub(crate) fn stats(screen: Screen, data: &Value) -> String {
    let mut grid = Grid::new([column(""), column("").right()]);
    for (name, value) in data.as_object().into_iter().flatten() {
        grid.row([named(name), text(value)]);
    }
    grid.draw(screen)
}

fn named(field: &str) -> String {
    let words = match field {
        "total_kudos" => "kudos by ++",
        "total_kudos_phrases" => "kudos by phrase",
        "total_pms" => "private messages",
        "total_media_changes" => "films shown",
        "active_sessions" => "users present",
        "lag_events" => "events not counted yet",
        "position" => "counted up to",
        other => {
            return crate::output::printable(other.strip_prefix("total_").unwrap_or(other))
                .replace('_', " ");
        }
    };
    words.to_owned()
}

/// What the Python command line shows of `channel.all_stats`.
pub(crate) fn brief(screen: Screen, data: &Value) -> String {
    let (health, stats) = (&data["health"], &data["stats"]);
    let mut grid = Grid::new([column(""), column("")]);
    grid.row(["Service:".to_owned(), text(&health["service"])]);
    grid.row(["Status:".to_owned(), text(&health["status"])]);
    grid.row([
        "Uptime:".to_owned(),
        duration(number(&health["uptime_seconds"])),
    ]);
    grid.row(["Events:".to_owned(), text(&stats["events_processed"])]);
    grid.row(["Commands:".to_owned(), text(&stats["commands_processed"])]);
    grid.draw(screen)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn health_says_first_whether_all_is_well() {
        let well = json!({"service": "userstats", "status": "healthy", "uptime_seconds": 9.5,
            "database_connected": true, "nats_connected": true, "counting": "stream", "problem": null});
        insta::assert_snapshot!(health(Screen::pipe(), &well), @r#"
        ✓ healthy
        service      userstats
        up for       9 s
        database     connected
        NATS         connected
        counts from  stream
        "#);
        let ill = json!({"service": "userstats", "status": "unhealthy", "uptime_seconds": 9.5,
            "database_connected": false, "nats_connected": true, "problem": "the database is away"});
        insta::assert_snapshot!(health(Screen::pipe(), &ill), @r#"
        ✗ unhealthy
        service   userstats
        up for    9 s
        database  away
        NATS      connected
        problem   the database is away
        "#);
    }

    #[test]
    fn what_is_counted_has_a_line_each() {
        let data = json!({"total_users": 22, "total_messages": 38000, "total_kudos": 9, "lag_events": 0, "new\u{7}": 1});
        insta::assert_snapshot!(stats(Screen::pipe(), &data), @r#"
        users                       22
        messages                38,000
        kudos by ++                  9
        events not counted yet       0
        new\x07                      1
        "#);
        let data = json!({"pong": true, "service": "userstats", "version": "0.1.0", "uptime_seconds": 75.0, "metrics_endpoint": null});
        insta::assert_snapshot!(ping(Screen::pipe(), &data), @r#"
        service  userstats
        version  0.1.0
        up for   1 min 15 s
        metrics  -
        "#);
    }
}
