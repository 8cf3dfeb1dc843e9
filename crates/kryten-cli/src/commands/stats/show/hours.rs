//! What happened in each hour: a bar for each, or weekdays by hours.

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::rows;
use crate::commands::stats::channel::{By, Measure};
use crate::screen::{Grid, Screen, column, count, number, shade, sparkline, text};

/// An hour of the channel's clock.
struct Hour<'a> {
    begins: Timestamp,
    clock: DateTime,
    /// `None` where nothing happened.
    row: Option<&'a Value>,
}

/// The hours of `timeseries.channel`, or of the original's `timeseries.messages`.
pub(crate) fn all(screen: Screen, place: &str, measure: Measure, by: By, data: &Value) -> String {
    let hours = complete(rows(&data["data"]));
    if hours.is_empty() {
        return format!("Nothing is counted in {place} in these hours.");
    }
    let zone = match data.get("timezone") {
        Some(zone) => text(zone),
        None => "UTC".to_owned(),
    };
    let (name, span) = (name(measure), by.words());
    let title = format!("{name} in {place} by {span} ({zone})");
    let drawn = match by {
        By::Hour => by_hour(screen, measure, &hours),
        By::Weekday => by_weekday(measure, &hours),
    };
    let mut whole = format!("{}\n{drawn}", screen.title(&title));
    // Lines with bars say it already.
    let has_line = by == By::Weekday && hours.len() > 1;
    if let Some(width) = screen.width().filter(|_| has_line) {
        let values: Vec<f64> = hours.iter().map(|hour| value(hour, measure)).collect();
        let line = sparkline(&values, width.saturating_sub(2).min(100));
        whole = format!("{whole}\n\n {}", screen.charted(&line));
    }
    whole
}

fn by_hour(screen: Screen, measure: Measure, hours: &[Hour]) -> String {
    let mut grid = Grid::new([
        column("hour"),
        column("lines").right(),
        column("kudos").right(),
        column("emotes").right(),
        column("votes").right(),
        column("films").right(),
        column("users").right(),
    ]);
    for hour in hours {
        let of = |name: &str| match hour.row.and_then(|row| row.get(name)) {
            Some(Value::Null) | None => String::new(),
            Some(value) => text(value),
        };
        let cells = [
            hour.clock.strftime("%a %m-%d %H:%M").to_string(),
            of("messages"),
            of("kudos"),
            of("emotes"),
            of("votes"),
            of("media"),
            users(hour),
        ];
        grid.bar_row(cells, value(hour, measure));
    }
    grid.draw(screen)
}

/// The fewest and the most users; of the original their mean.
fn users(hour: &Hour) -> String {
    let Some(row) = hour.row else {
        return String::new();
    };
    let whole = |name: &str| row.get(name).and_then(Value::as_i64);
    match (whole("population_low"), whole("population_high")) {
        (Some(low), Some(high)) if low == high => count(high),
        (Some(low), Some(high)) => format!("{}–{}", count(low), count(high)),
        _ => match &row["avg_active_users"] {
            Value::Null => String::new(),
            mean => text(mean),
        },
    }
}

/// Means of each hour of each weekday: darker for more.
fn by_weekday(measure: Measure, hours: &[Hour]) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut sums = [[(0.0, 0.0); 24]; 7];
    for hour in hours {
        let day = hour.clock.weekday().to_monday_zero_offset();
        let at = usize::try_from(day)
            .ok()
            .zip(usize::try_from(hour.clock.hour()).ok());
        let field = at.and_then(|(day, hour)| sums.get_mut(day)?.get_mut(hour));
        if let Some((sum, times)) = field {
            *sum += value(hour, measure);
            *times += 1.0;
        }
    }
    let mean = |(sum, times): (f64, f64)| if times > 0.0 { sum / times } else { 0.0 };
    let means = sums.map(|day| day.map(mean));
    let largest = means.iter().flatten().copied().fold(0.0, f64::max);
    let mut lines = vec![
        format!("      {:<12}{:<12}{:<12}{:<12}", "0", "6", "12", "18")
            .trim_end()
            .to_owned(),
    ];
    for (day, means) in DAYS.iter().zip(means) {
        let fields: String = means
            .iter()
            .map(|mean| format!("{0}{0}", shade(*mean, largest)))
            .collect();
        lines.push(format!(" {day}  {fields}"));
    }
    lines.push(format!(
        " · is nothing, █ is {largest:.1} in an hour, on average"
    ));
    lines.join("\n")
}

fn name(measure: Measure) -> &'static str {
    match measure {
        Measure::Messages => "Lines",
        Measure::Kudos => "Kudos",
        Measure::Emotes => "Emotes",
        Measure::Votes => "Votes",
        Measure::Media => "Films",
        Measure::Users => "Users",
    }
}

fn value(hour: &Hour, measure: Measure) -> f64 {
    let Some(row) = hour.row else {
        return 0.0;
    };
    match measure {
        Measure::Messages => number(&row["messages"]),
        Measure::Kudos => number(&row["kudos"]),
        Measure::Emotes => number(&row["emotes"]),
        Measure::Votes => number(&row["votes"]),
        Measure::Media => number(&row["media"]),
        Measure::Users => match row.get("population_high") {
            Some(high) if high.is_number() => number(high),
            _ => number(&row["avg_active_users"]),
        },
    }
}

/// The hours with those between them in which nothing happened, which the service leaves out.
fn complete(rows: &[Value]) -> Vec<Hour<'_>> {
    /// A hole larger than this is left a hole: a wrong clock somewhere must not make millions of lines.
    const LARGEST_HOLE: i64 = 24 * 366;
    let hour = SignedDuration::from_hours(1);
    let mut hours: Vec<Hour> = Vec::new();
    for row in rows {
        let Some((begins, clock)) = moment(row) else {
            continue;
        };
        let hole = hours
            .last()
            .map_or(0, |last| begins.duration_since(last.begins).as_hours() - 1);
        if (1..=LARGEST_HOLE).contains(&hole) {
            for back in (1..=hole).rev() {
                // By the clock of the hour after the hole.
                let before = SignedDuration::from_hours(back);
                if let (Ok(begins), Ok(clock)) =
                    (begins.checked_sub(before), clock.checked_sub(before))
                {
                    hours.push(Hour {
                        begins,
                        clock,
                        row: None,
                    });
                }
            }
        }
        if hours.last().is_some_and(|last| begins < last.begins + hour) {
            continue;
        }
        hours.push(Hour {
            begins,
            clock,
            row: Some(row),
        });
    }
    hours
}

/// When an hour begins, and what the channel's clock shows then. The original tells the hour alone, in UTC.
fn moment(row: &Value) -> Option<(Timestamp, DateTime)> {
    if let Some(begins) = row["begins_at"].as_str() {
        let pieces = Pieces::parse(begins).ok()?;
        let clock = pieces.date().to_datetime(pieces.time()?);
        return Some((begins.parse().ok()?, clock));
    }
    let clock: DateTime = row["hour"].as_str()?.parse().ok()?;
    let begins = clock.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some((begins.timestamp(), clock))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Value {
        let hour = |begins: &str, messages: u64, low: u64, high: u64| {
            json!({
                "hour": "-", "begins_at": begins, "messages": messages, "kudos": 1, "emotes": 0, "votes": 0, "media": 2,
                "population_low": low, "population_high": high,
            })
        };
        json!({"channel": "Lounge", "timezone": "Europe/Berlin", "data": [
            hour("2026-11-22T17:00:00+01:00", 40, 3, 9),
            hour("2026-11-22T20:00:00+01:00", 20, 5, 5),
        ]})
    }

    #[test]
    fn hours_in_which_nothing_happened_are_there_too() {
        let drawn = all(
            Screen::terminal(80),
            "Lounge",
            Measure::Messages,
            By::Hour,
            &data(),
        );
        insta::assert_snapshot!(drawn, @r#"
        Lines in Lounge by hour (Europe/Berlin)
        hour             lines  kudos  emotes  votes  films  users
        Sun 11-22 17:00     40      1       0      0      2    3–9  ██████████████████
        Sun 11-22 18:00
        Sun 11-22 19:00
        Sun 11-22 20:00     20      1       0      0      2      5  █████████
        "#);
        let drawn = all(Screen::pipe(), "Lounge", Measure::Users, By::Hour, &data());
        insta::assert_snapshot!(drawn, @r#"
        Users in Lounge by hour (Europe/Berlin)
        hour             lines  kudos  emotes  votes  films  users
        Sun 11-22 17:00     40      1       0      0      2    3–9
        Sun 11-22 18:00
        Sun 11-22 19:00
        Sun 11-22 20:00     20      1       0      0      2      5
        "#);
    }

    #[test]
    fn weekdays_are_a_map() {
        let drawn = all(
            Screen::pipe(),
            "Lounge",
            Measure::Messages,
            By::Weekday,
            &data(),
        );
        insta::assert_snapshot!(drawn, @r#"
        Lines in Lounge by weekday and hour (Europe/Berlin)
              0           6           12          18
         Mon  ················································
         Tue  ················································
         Wed  ················································
         Thu  ················································
         Fri  ················································
         Sat  ················································
         Sun  ··································██····▒▒······
         · is nothing, █ is 40.0 in an hour, on average
        "#);
    }

    #[test]
    fn the_originals_hours_are_shown_too() {
        let data = json!({"channel": "x", "data": [{"hour": "2026-11-22 16:00:00", "avg_active_users": 14.0}]});
        let drawn = all(Screen::pipe(), "Lounge", Measure::Users, By::Hour, &data);
        insta::assert_snapshot!(drawn, @r#"
        Users in Lounge by hour (UTC)
        hour             lines  kudos  emotes  votes  films  users
        Sun 11-22 16:00                                       14.0
        "#);
        let strange = json!({"data": [{"hour": 5}, {"begins_at": "x"}, null]});
        assert_eq!(
            all(Screen::pipe(), "Lounge", Measure::Users, By::Hour, &strange),
            "Nothing is counted in Lounge in these hours."
        );
    }

    #[test]
    fn a_wrong_clock_makes_no_millions_of_lines() {
        let data =
            json!({"data": [{"hour": "0001-01-01 00:00:00"}, {"hour": "9998-01-01 00:00:00"}]});
        assert_eq!(complete(rows(&data["data"])).len(), 2);
    }
}
