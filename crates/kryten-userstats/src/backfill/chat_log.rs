//! The robot's audit log of chat: `HH:MM:SS <user>: text`, local time, without a date. Pure.
//!
//! The dates are counted back from that of the last line: where the clock goes back, a day has begun. A day without a
//! line cannot be told, nor one whose first line comes hardly earlier by the clock than the last one of the day before. The
//! Python robot writes CyTube's replay of the last lines again
//! at each start; such a repetition is recognised by standing right behind what it repeats.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use kryten_protocol::time::WireTime;
use serde_json::json;

use super::PastEvent;
use super::recording::Channel;

/// CyTube replays so many lines.
const REPLAYED: usize = 15;
/// A replay comes at once.
const REPLAY_SECONDS: i64 = 3;
/// A clock that goes back by less was set, and no day has begun: no zone sets its clocks back by more than two hours, and
/// the robot writes its lines in the order in which it received them.
const MIDNIGHT_SECONDS: i64 = 2 * 3600 + 60;
const SECOND_MICROS: i64 = 1_000_000;

/// What the log does not say.
#[derive(Debug, Clone)]
pub struct ChatLogDates {
    /// The day of the last line.
    pub last_day: Date,
    /// The zone of its clock.
    pub zone: TimeZone,
}

struct Entry<'a> {
    time: Time,
    user: &'a str,
    text: &'a str,
}

/// Reads the whole log; what is no line of chat is passed over.
pub fn read(log: &str, of: &Channel, dates: &ChatLogDates) -> Vec<PastEvent> {
    let entries: Vec<Entry<'_>> = log.lines().filter_map(entry).collect();
    let mut moments = moments(&entries, dates);
    let keep = without_replays(&entries, &moments);
    // Equal lines within a second are two lines.
    let mut events: Vec<PastEvent> = Vec::new();
    for (at, entry) in entries.iter().enumerate().filter(|(at, _)| keep[*at]) {
        let same = (0..at).rev().take_while(|before| {
            moments[*before].div_euclid(SECOND_MICROS) == moments[at].div_euclid(SECOND_MICROS)
        });
        let same = same.filter(|before| {
            keep[*before]
                && entries[*before].user == entry.user
                && entries[*before].text == entry.text
        });
        let nth = i64::try_from(same.count()).unwrap_or(0).min(999);
        moments[at] += nth * 1000;
        let time = WireTime::from_micros(moments[at]);
        let payload = json!({"username": entry.user, "msg": entry.text, "time": time.millis()});
        events.push(PastEvent {
            domain: of.domain.clone(),
            channel: of.channel.clone(),
            name: "chatMsg".to_owned(),
            payload: payload.to_string(),
            time,
            line_id: None,
            precision_micros: SECOND_MICROS - 1 - nth * 1000,
        });
    }
    events
}

fn entry(line: &str) -> Option<Entry<'_>> {
    let (time, rest) = line.split_at_checked(8)?;
    let time = time.parse::<Time>().ok().filter(|_| time.contains(':'))?;
    let (user, text) = rest.strip_prefix(" <")?.split_once(">: ")?;
    Some(Entry { time, user, text })
}

/// When each line was said, in microseconds.
fn moments(entries: &[Entry<'_>], dates: &ChatLogDates) -> Vec<i64> {
    let seconds = |time: Time| {
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
    };
    let mut day = dates.last_day;
    let mut moments = Vec::new();
    let mut after: Option<Time> = None;
    for entry in entries.iter().rev() {
        if let Some(after) = after
            && seconds(entry.time) - seconds(after) >= MIDNIGHT_SECONDS
        {
            day = day.yesterday().unwrap_or(day);
        }
        after = Some(entry.time);
        let zoned = day.to_datetime(entry.time).to_zoned(dates.zone.clone());
        let micros = zoned.map_or(0, |zoned| zoned.timestamp().as_microsecond());
        moments.push(micros);
    }
    moments.reverse();
    moments
}

/// Which lines are no repetition of those right before them.
fn without_replays(entries: &[Entry<'_>], moments: &[i64]) -> Vec<bool> {
    let mut keep = vec![true; entries.len()];
    // CyTube's own notices are not replayed.
    let people: Vec<usize> = (0..entries.len())
        .filter(|at| !entries[*at].user.starts_with('['))
        .collect();
    let mut at = 1;
    while at < people.len() {
        let longest = (2..=REPLAYED.min(at)).rev().find(|length| {
            let end = at + length;
            end <= people.len()
                && moments[people[end - 1]] - moments[people[at]] <= REPLAY_SECONDS * SECOND_MICROS
                && moments[people[at]] - moments[people[at - length]]
                    > REPLAY_SECONDS * SECOND_MICROS
                && (0..*length).all(|step| {
                    let before = &entries[people[at - length + step]];
                    let now = &entries[people[at + step]];
                    before.user == now.user && before.text == now.text
                })
        });
        match longest {
            Some(length) => {
                for replayed in &people[at..at + length] {
                    keep[*replayed] = false;
                }
                at += length;
            }
            None => at += 1,
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(log: &str) -> Vec<(String, String)> {
        let of = Channel {
            domain: "d".into(),
            channel: "c".into(),
        };
        let dates = ChatLogDates {
            last_day: jiff::civil::date(2026, 11, 22),
            zone: TimeZone::get("Europe/Berlin").unwrap(),
        };
        read(log, &of, &dates)
            .into_iter()
            .map(|event| {
                let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
                (
                    event.time.to_string(),
                    payload["msg"].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn days_are_counted_back_from_the_last_line() {
        let said = said(
            "23:59:59 <a>: one\nnonsense\n00:00:01 <b>: two >: <c>\n00:00:01 <b>: two >: <c>\n",
        );
        let times: Vec<&str> = said.iter().map(|(time, _)| time.as_str()).collect();
        assert_eq!(
            times,
            [
                "2026-11-21T22:59:59+00:00",
                "2026-11-21T23:00:01+00:00",
                "2026-11-21T23:00:01.001000+00:00"
            ]
        );
        assert_eq!(said[1].1, "two >: <c>");
    }

    #[test]
    fn each_evening_of_a_channel_that_is_quiet_by_day_is_a_day() {
        let evening = "19:00:00 <a>: first\n23:30:00 <b>: last\n";
        let said = said(&evening.repeat(3));
        let times: Vec<&str> = said.iter().map(|(time, _)| &time[..16]).collect();
        assert_eq!(
            times,
            [
                "2026-11-20T18:00",
                "2026-11-20T22:30",
                "2026-11-21T18:00",
                "2026-11-21T22:30",
                "2026-11-22T18:00",
                "2026-11-22T22:30"
            ]
        );
    }

    #[test]
    fn a_clock_that_is_set_back_begins_no_day() {
        let said = said("02:59:59 <a>: one\n01:00:00 <b>: two\n00:59:58 <b>: three\n");
        assert!(
            said.iter()
                .all(|(time, _)| time >= &"2026-11-21T23".to_owned()),
            "{said:?}"
        );
    }

    #[test]
    fn the_replay_at_a_start_of_the_python_robot_is_recognised() {
        let log = "10:00:00 <a>: x\n10:01:00 <b>: y\n10:02:00 <a>: z\n\
            11:00:00 <a>: x\n11:00:00 <b>: y\n11:00:01 <a>: z\n11:05:00 <a>: new\n11:06:00 <a>: new\n";
        let texts: Vec<String> = said(log).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["x", "y", "z", "new", "new"]);
    }
}
