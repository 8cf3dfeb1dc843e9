//! How far each channel is counted, and which positions are to be written.
//!
//! The reader gives the messages of all channels in one order, so all are as far as the last batch. A row for each of a
//! thousand channels in every commit would cost more than what is counted in it. A channel without events is therefore
//! written only now and then: after a kill it is read again from a little earlier, where nothing of it is.

use std::time::Duration;

use kryten_client::StoredMessage;
use tokio::time::Instant;

use super::Book;
use crate::store::Position;

/// So far a stored position may lie behind at most, as long as anything is counted.
const SPREAD: Duration = Duration::from_secs(5);

/// How far the last batch went.
#[derive(Debug)]
pub(super) struct Front {
    position: Option<Position>,
    /// When the positions of all channels were written, or going to be.
    spread_at: Instant,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            position: None,
            spread_at: Instant::now(),
        }
    }
}

impl Book {
    /// Up to here every channel is counted.
    pub(crate) fn counted_to(&self) -> u64 {
        let front = sequence_of(self.front.position.as_ref());
        let channels = self
            .ours()
            .map(|held| sequence_of(held.position.as_ref()).max(front));
        channels.min().unwrap_or(0)
    }

    /// A batch up to this position is folded.
    pub(super) fn advance(&mut self, position: Position) {
        let is_time = self.front.spread_at.elapsed() >= SPREAD;
        for held in self.ours_mut().filter(|held| is_time || held.is_touched) {
            if sequence_of(held.position.as_ref()) < position.sequence {
                held.position = Some(position.clone());
                held.is_touched = true;
            }
        }
        if is_time {
            self.front.spread_at = Instant::now();
        }
        self.front.position = Some(position);
    }

    /// Lets the next commit write how far all channels are.
    pub(crate) fn spread(&mut self) {
        let Some(front) = self.front.position.clone() else {
            return;
        };
        let mut changed = false;
        for held in self.ours_mut() {
            if sequence_of(held.position.as_ref()) < front.sequence {
                held.position = Some(front.clone());
                held.is_touched = true;
                changed = true;
            }
        }
        self.changed |= changed;
    }

    /// Puts every channel at a place of its own, in the order of [`Book::ours`].
    pub(crate) fn place(&mut self, places: Vec<Position>) {
        let ours = self.held.values_mut().filter(|held| !held.lost);
        for (held, place) in ours.zip(places) {
            let before = held.position.as_ref();
            if before.is_some_and(|before| before.stream_created != place.stream_created) {
                for channel in &held.channels {
                    self.tally.forget_robot(&channel.domain, &channel.channel);
                }
            }
            held.position = Some(place);
            held.is_touched = true;
        }
        self.front.position = None;
    }
}

fn sequence_of(position: Option<&Position>) -> u64 {
    position.map_or(0, |position| position.sequence)
}

pub(crate) fn position_of(message: &StoredMessage, stream_created: i128) -> Position {
    Position {
        stream_created,
        sequence: message.sequence,
        message_id: message.message_id.clone(),
        message_time: message.time_nanos,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ChannelConfig;
    use crate::store::Claim;
    use crate::tally::Tally;

    fn book(channels: &[&str]) -> Book {
        let claims = channels.iter().map(|channel| {
            let claim = Claim {
                token: (*channel).to_owned(),
                epoch: 1,
                position: None,
                has_counts: false,
                seals: Default::default(),
            };
            let channel = ChannelConfig {
                domain: "cytu.be".into(),
                channel: (*channel).to_owned(),
            };
            (claim, channel)
        });
        Book::new(Tally::default(), claims.collect())
    }

    fn line(channel: &str, sequence: u64) -> StoredMessage {
        let subject = format!("kryten.events.cytube.{channel}.chatmsg");
        let body = serde_json::json!({
            "event_name": "chatMsg", "domain": "cytu.be", "channel": channel, "correlation_id": "c",
            "timestamp": "2026-11-29T12:00:00+00:00",
            "payload": {"username": "alice", "msg": format!("line {sequence}"), "time": 1_795_953_600_000_u64 + sequence, "meta": {}},
        });
        StoredMessage {
            sequence,
            subject,
            message_id: Some(format!("id-{sequence}")),
            epoch: None,
            time_nanos: 1_795_953_600_000_000_000,
            headers: Default::default(),
            body: body.to_string().into(),
        }
    }

    /// What the next commit writes, and what it would add of messages.
    fn commit(book: &mut Book) -> Vec<(String, u64, i64)> {
        let written = book.batches().into_iter().map(|batch| {
            let rooms = batch.sums.rooms.values();
            let messages = rooms.flat_map(|room| room.messages.values()).sum();
            (
                batch.token.to_owned(),
                sequence_of(batch.position),
                messages,
            )
        });
        let written = written.collect();
        book.committed(&[]);
        written
    }

    #[test]
    fn a_commit_writes_the_channels_that_have_events_and_now_and_then_all() {
        let mut book = book(&["a", "b", "c"]);
        book.fold(&[line("a", 1), line("a", 2)], 7);
        assert_eq!(book.counted_to(), 2, "the others are as far");
        assert_eq!(commit(&mut book), [("a".to_owned(), 2, 2)]);
        book.fold(&[line("b", 3)], 7);
        assert_eq!(book.counted_to(), 3);
        assert_eq!(commit(&mut book), [("b".to_owned(), 3, 1)]);
        assert!(
            commit(&mut book).is_empty(),
            "nothing is left to be written"
        );
        book.front.spread_at = Instant::now() - SPREAD;
        book.fold(&[line("a", 4)], 7);
        let all = [("a", 4, 1), ("b", 4, 0), ("c", 4, 0)];
        let all = all.map(|(token, sequence, messages)| (token.to_owned(), sequence, messages));
        assert_eq!(commit(&mut book), all);
    }

    #[test]
    fn the_last_commit_and_a_new_place_write_all() {
        let mut book = book(&["a", "b"]);
        book.fold(&[line("a", 1)], 7);
        commit(&mut book);
        book.spread();
        assert!(book.has_changed());
        assert_eq!(commit(&mut book), [("b".to_owned(), 1, 0)]);
        book.spread();
        assert!(!book.has_changed(), "all is written");
        let place = position_of(&line("a", 9), 8);
        book.place(vec![place.clone(), place]);
        assert_eq!(book.counted_to(), 9);
        assert_eq!(commit(&mut book).len(), 2);
    }

    #[test]
    fn terms_of_a_robot_count_within_a_stream() {
        let mut book = book(&["a"]);
        let of_term = |sequence, name: &str, epoch| {
            let mut event = line("a", sequence);
            let body = String::from_utf8_lossy(&event.body).into_owned();
            let mut body: serde_json::Value = serde_json::from_str(&body).unwrap();
            body["event_name"] = name.into();
            body["payload"] = serde_json::json!({"name": "alice"});
            event.body = body.to_string().into();
            event.epoch = Some(epoch);
            event
        };
        let visits = |book: &Book| book.tally.open_visits();
        book.fold(&[of_term(1, "addUser", 9)], 7);
        book.fold(&[of_term(2, "userLeave", 1)], 7);
        assert_eq!(
            visits(&book),
            1,
            "a robot that was replaced is not believed"
        );
        // NATS has lost everything.
        book.place(vec![position_of(&line("a", 0), 8)]);
        book.fold(&[of_term(1, "userLeave", 1)], 8);
        assert_eq!(visits(&book), 0);
    }

    #[test]
    fn what_is_read_again_after_a_kill_is_counted_once() {
        let mut book = book(&["a", "b"]);
        for (held, sequence) in book.ours_mut().zip([5, 2]) {
            held.position = Some(position_of(&line("x", sequence), 7));
        }
        assert_eq!(book.counted_to(), 2, "it is read from there");
        book.fold(&[line("a", 3), line("a", 5), line("b", 6)], 7);
        assert_eq!(commit(&mut book), [("b".to_owned(), 6, 1)]);
        book.fold(&[line("a", 7)], 7);
        assert_eq!(commit(&mut book), [("a".to_owned(), 7, 1)]);
    }
}
