//! An event on one readable line. Pure.

use kryten_protocol::event::Event;
use kryten_protocol::gap::Gap;
use kryten_protocol::time::WireTime;

use super::plain::plain;
use crate::output::printable;
use crate::paint::Paint;

/// The longest payload that is shown of an event without a form of its own, in characters.
const LONGEST: usize = 160;

pub(super) fn event(event: &Event, paint: Paint, with_channel: bool) -> String {
    let channel = with_channel.then(|| event.channel());
    head(event.time(), channel, paint) + &text(event, paint)
}

pub(super) fn gap(gap: &Gap, paint: Paint, with_channel: bool) -> String {
    let channel = with_channel.then_some(gap.channel.as_str());
    let chat = if gap.chat_complete {
        "all chat lines are there"
    } else {
        "chat lines may be missing"
    };
    let text = format!(
        "gap from {} to {} ({}): {chat}",
        time(gap.from),
        time(gap.to),
        gap.reason.as_str()
    );
    head(Some(gap.to), channel, paint) + &paint.warning(&text)
}

fn head(at: Option<WireTime>, channel: Option<&str>, paint: Paint) -> String {
    let at = at.map_or_else(|| "--:--:--".to_owned(), time);
    let channel = channel
        .map(|channel| format!("[{}] ", printable(channel)))
        .unwrap_or_default();
    paint.faint(&format!("{at} {channel}"))
}

fn time(at: WireTime) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    at.strftime("%H:%M:%S").to_string()
}

fn text(event: &Event, paint: Paint) -> String {
    let name = |name: &str| paint.strong(&printable(name));
    let said = |html: &str| printable(&plain(html));
    match event {
        Event::ChatMsg(line) => {
            let shadow = if line.is_shadow() {
                paint.warning("(shadow-muted) ")
            } else {
                String::new()
            };
            format!("{shadow}{}: {}", name(&line.username), said(&line.msg))
        }
        Event::Pm(pm) => {
            let line = &pm.line;
            format!(
                "{} to {} in private: {}",
                name(&line.username),
                name(&pm.to),
                said(&line.msg)
            )
        }
        Event::ClearChat(clear) => format!("{} cleared the chat", name(&clear.cleared_by)),
        Event::AddUser(user) => paint.good(&format!(
            "{} came (rank {})",
            printable(&user.name),
            user.rank
        )),
        Event::UserLeave(user) => paint.bad(&format!("{} left", printable(&user.name))),
        Event::Userlist(users) => {
            let names: Vec<String> = users.iter().map(|user| printable(&user.name)).collect();
            format!(
                "{} users are here: {}",
                names.len(),
                shortened(&names.join(", "))
            )
        }
        Event::Usercount(count) => format!("{} connections", **count),
        Event::SetUserRank(user) => format!("{} has rank {}", name(&user.name), user.rank),
        Event::SetAfk(user) if user.afk => {
            format!("{} is away from the keyboard", name(&user.name))
        }
        Event::SetAfk(user) => format!("{} is back at the keyboard", name(&user.name)),
        Event::SetLeader(leader) if leader.is_empty() => "nobody leads".to_owned(),
        Event::SetLeader(leader) => format!("{} leads", name(leader)),
        Event::ChangeMedia(film) => paint.name(&format!(
            "now: {} ({})",
            printable(&film.media.title),
            printable(&film.media.duration)
        )),
        Event::MediaUpdate(at) => {
            let paused = if at.paused { ", paused" } else { "" };
            format!("at {:.0} s{paused}", at.current_time)
        }
        Event::Playlist(items) => format!("the playlist has {} items", items.len()),
        Event::Queue(queue) => {
            let item = &queue.item;
            format!(
                "{} added {}",
                name(&item.queueby),
                printable(&item.media.title)
            )
        }
        Event::QueueFail(fail) => format!("an item was refused: {}", said(&fail.msg)),
        Event::Delete(item) => format!("item {} was removed", item.uid),
        Event::SetCurrent(uid) => format!("item {} is the current one", **uid),
        Event::SetPlaylistMeta(meta) => format!(
            "the playlist has {} items, {}",
            meta.count,
            printable(&meta.time)
        ),
        Event::EmoteList(emotes) => format!("{} emotes", emotes.len()),
        Event::UpdateEmote(emote) => format!("emote {}", name(&emote.name)),
        Event::RenameEmote(emote) => format!(
            "emote {} is now {}",
            name(&emote.old),
            name(&emote.emote.name)
        ),
        Event::RemoveEmote(emote) => format!("emote {} was removed", name(&emote.name)),
        Event::NewPoll(poll) => {
            let options: Vec<String> = poll.options.iter().map(|option| said(option)).collect();
            format!(
                "{} asks: {} [{}]",
                name(&poll.initiator),
                said(&poll.title),
                options.join(" | ")
            )
        }
        Event::ClosePoll(_) => "the poll is closed".to_owned(),
        Event::Voteskip(votes) => format!("{} of {} want to skip", votes.count, votes.need),
        Event::Kick(kick) => {
            paint.bad(&format!("the robot was thrown out: {}", said(&kick.reason)))
        }
        Event::ErrorMsg(error) => paint.bad(&format!("CyTube says no: {}", said(&error.msg))),
        other => {
            let payload = match other.envelope().payload.get() {
                "null" => String::new(),
                payload => format!(" {}", shortened(&printable(payload))),
            };
            format!("{}{payload}", paint.faint(&printable(other.name())))
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shown(name: &str, payload: Value) -> String {
        let body = json!({
            "event_name": name, "payload": payload, "channel": "lounge", "domain": "cytu.be",
            "timestamp": "2026-11-22T15:56:43.465284+00:00", "correlation_id": "c",
        });
        let event = Event::parse(body.to_string().as_bytes()).unwrap();
        super::event(&event, Paint::plain(), true)
    }

    #[test]
    fn each_kind_of_event_has_a_line_that_cannot_hurt_a_terminal() {
        let lines = [
            shown(
                "chatMsg",
                json!({"username": "bob", "msg": "1 &lt; 2 \u{1b}[31m", "time": 1_795_363_000_000_i64, "meta": {}}),
            ),
            shown(
                "chatMsg",
                json!({"username": "eve", "msg": "x", "time": 1_795_363_000_000_i64, "meta": {"shadow": true}}),
            ),
            shown(
                "pm",
                json!({"username": "bob", "msg": "psst", "to": "bot", "meta": {}}),
            ),
            shown(
                "addUser",
                json!({"name": "ann", "rank": 2, "profile": {}, "meta": {}}),
            ),
            shown("userLeave", json!({"name": "ann"})),
            shown(
                "changeMedia",
                json!({"id": "x", "type": "yt", "title": "A film", "seconds": 65, "duration": "01:05", "currentTime": 0, "paused": false}),
            ),
            shown("setAFK", json!({"name": "ann", "afk": true})),
            shown("voteskip", json!({"count": 1, "need": 3})),
            shown("closePoll", json!(null)),
            shown("somethingNew", json!({"long": "x".repeat(300)})),
        ];
        insta::assert_snapshot!(lines.join("\n").replace(&"x".repeat(151), "…"), @r#"
        15:56:40 [lounge] bob: 1 < 2 \x1B[31m
        15:56:40 [lounge] (shadow-muted) eve: x
        15:56:43 [lounge] bob to bot in private: psst
        15:56:43 [lounge] ann came (rank 2)
        15:56:43 [lounge] ann left
        15:56:43 [lounge] now: A film (01:05)
        15:56:43 [lounge] ann is away from the keyboard
        15:56:43 [lounge] 1 of 3 want to skip
        15:56:43 [lounge] the poll is closed
        15:56:43 [lounge] somethingNew {"long":"… …
        "#);
    }

    #[test]
    fn a_gap_says_what_is_missing() {
        let gap = json!({
            "domain": "d", "channel": "lounge", "reason": "absent", "chat_complete": true,
            "from": "2026-11-22T15:56:43+00:00", "to": "2026-11-22T15:57:00+00:00",
        });
        let gap: Gap = serde_json::from_value(gap).unwrap();
        assert_eq!(
            super::gap(&gap, Paint::plain(), false),
            "15:57:00 gap from 15:56:43 to 15:57:00 (absent): all chat lines are there"
        );
    }
}
