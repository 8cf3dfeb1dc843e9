//! A recording of a real CyTube 3.86 played through the pure parts: state and history.

use std::path::Path;

use kryten_protocol::cytube::ChatMsg;
use kryten_robot::channel::{ChannelState, DriftKind, StateKey};
use kryten_robot::history::{History, Sighting};
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) struct Frame {
    line: usize,
    pub(crate) event: String,
    pub(crate) payload: Box<RawValue>,
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/recordings")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn expected() -> Value {
    serde_json::from_str(&fixture("expected.json")).unwrap()
}

/// Events to the robot, by session.
pub(crate) fn sessions() -> Vec<Vec<Frame>> {
    let recording = fixture("cytube_frames.jsonl");
    let rows: Vec<Value> = recording
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = expected();
    let frames_of = |session: &Value| {
        let number = |field: &str| session[field].as_u64().unwrap() as usize;
        (number("first_line")..=number("last_line"))
            .filter_map(|line| {
                let row = &rows[line - 1];
                let raw = row["raw"]
                    .as_str()
                    .filter(|raw| raw.starts_with("42") && row["dir"] == "s2c")?;
                let mut parts: Vec<Box<RawValue>> = serde_json::from_str(&raw[2..]).unwrap();
                let event = serde_json::from_str(parts.remove(0).get()).unwrap();
                let null = || RawValue::from_string("null".to_owned()).unwrap();
                Some(Frame {
                    line,
                    event,
                    payload: parts.into_iter().next().unwrap_or_else(null),
                })
            })
            .collect()
    };
    expected["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(frames_of)
        .collect()
}

#[test]
fn before_each_full_frame_the_state_equals_the_frame() {
    let mut state = ChannelState::default();
    let mut drifts = Vec::new();
    let mut full_frames = 0;
    for frames in sessions() {
        state.begin_session();
        for frame in frames {
            full_frames += usize::from(matches!(
                frame.event.as_str(),
                "userlist" | "playlist" | "emoteList"
            ));
            let changes = state.apply(&frame.event, &frame.payload);
            drifts.extend(changes.drift.into_iter().map(|drift| (frame.line, drift)));
        }
    }
    assert_eq!(full_frames, 14 + 17 + 9);
    // Listed in the recording's README: CyTube removed one item without an event.
    let [(447, drift)] = drifts.as_slice() else {
        panic!("unexplained: {drifts:?}")
    };
    assert_eq!(
        (drift.kind, drift.missing, drift.extra, drift.changed),
        (DriftKind::Playlist, 0, 1, 0)
    );
}

#[test]
fn at_the_end_of_each_session_the_state_is_the_expected_one() {
    let expected = expected();
    let mut state = ChannelState::default();
    let mut session = 0;
    for frames in sessions() {
        session += 1;
        state.begin_session();
        let mut emote_lists = std::collections::HashMap::new();
        for frame in frames {
            state.apply(&frame.event, &frame.payload);
            if frame.event == "emoteList" {
                emote_lists.insert(frame.line, frame.payload.clone());
            }
        }
        let right = |field: &str| {
            let value = &expected["final_state"][session.to_string()][field];
            match value["same_as_session"].as_u64() {
                Some(other) => expected["final_state"][other.to_string()][field].clone(),
                None => value.clone(),
            }
        };
        let ours = |key: StateKey| serde_json::from_str::<Value>(&state.value(key)).unwrap();
        let mut users = ours(StateKey::Users);
        let mut right_users = right("users");
        for list in [&mut users, &mut right_users] {
            list.as_array_mut()
                .unwrap()
                .sort_by_key(|user| user["name"].as_str().unwrap().to_owned());
        }
        assert_eq!(users, right_users, "users after session {session}");
        assert_eq!(
            ours(StateKey::Items),
            right("playlist"),
            "playlist after session {session}"
        );
        assert_eq!(
            ours(StateKey::Current),
            right("current"),
            "current after session {session}"
        );
        assert_eq!(
            ours(StateKey::Options),
            right("options"),
            "options after session {session}"
        );
        assert_eq!(
            ours(StateKey::Permissions),
            right("permissions"),
            "permissions after session {session}"
        );
        assert_eq!(state.value(StateKey::Motd), right("motd").as_str().unwrap());
        assert_eq!(state.value(StateKey::Css), right("css").as_str().unwrap());
        assert_eq!(state.value(StateKey::Js), right("js").as_str().unwrap());
        let emotes = ours(StateKey::Emotes);
        assert_eq!(
            emotes.as_array().unwrap().len() as u64,
            right("emotes")["count"].as_u64().unwrap()
        );
        let equal_to = right("emotes")["equal_to_frame_line"].as_u64().unwrap() as usize;
        if let Some(list) = emote_lists.get(&equal_to) {
            assert_eq!(
                emotes,
                serde_json::from_str::<Value>(list.get()).unwrap(),
                "emotes after session {session}"
            );
        }
        let room = ours(StateKey::Room);
        assert_eq!(room["leader"], right("leader"));
        assert_eq!(room["poll"], right("poll"));
        assert_eq!(room["playlist_locked"], right("locked"));
        assert_eq!(room["playlist_meta"], right("playlist_meta"));
        assert_eq!(room["drinks"], right("drinks"));
    }
    assert_eq!(session, 7);
}

#[test]
fn each_of_the_451_lines_is_new_once() {
    let expected = expected();
    let excluded: Vec<usize> = expected["expected_events_once"]["excluded_frame_lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_u64().unwrap() as usize)
        .collect();
    let mut history = History::default();
    let mut new_lines = 0;
    let mut gaps = Vec::new();
    for (index, frames) in sessions().into_iter().enumerate() {
        history.begin_replay();
        for frame in frames {
            if frame.event == "userlist"
                && let Some(summary) = history.end_replay()
                && !summary.complete
            {
                gaps.push((index + 1, summary.last_known, summary.first_offered));
            }
            if frame.event != "chatMsg" {
                continue;
            }
            let line = ChatMsg::read(&serde_json::from_str(frame.payload.get()).unwrap()).unwrap();
            let is_new = history.see(&line) != Sighting::Known;
            assert_eq!(
                is_new,
                !excluded.contains(&frame.line),
                "line {}",
                frame.line
            );
            new_lines += usize::from(is_new);
        }
    }
    assert_eq!(new_lines, 451);
    assert_eq!(
        gaps,
        [(5, Some(1_795_364_731_747), Some(1_795_364_750_090))],
        "the only possible loss"
    );
}
