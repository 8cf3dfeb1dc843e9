//! Events that the stream has lost before they were counted.

use kryten_protocol::gap::{Gap, GapReason};
use kryten_protocol::time::WireTime;

use super::Book;
use crate::tally::{LONGEST_ABSENCE_MICROS, Room};

impl Book {
    /// Notes that events of all our channels may be missing since the last one that was counted, at most so many.
    pub(crate) fn note_lost_events(&mut self, to: WireTime, lost: Option<u64>) {
        for held in self.held.values_mut().filter(|held| !held.lost) {
            for channel in &held.channels {
                let room = self.tally.room(&channel.domain, &channel.channel);
                let Some(from) = room.and_then(|room| room.last_event_at()) else {
                    continue;
                };
                let gap = Gap {
                    domain: channel.domain.clone(),
                    channel: channel.channel.clone(),
                    reason: GapReason::StreamTruncated,
                    from: from.min(to),
                    to,
                    chat_complete: false,
                    chat: None,
                    lost,
                };
                self.tally.apply_gap(gap, &mut held.sums);
            }
        }
        self.changed = true;
    }

    /// The events that come next are those after a hole that ends at this moment: where it was long, nobody who was there
    /// before it is taken to have stayed.
    pub(crate) fn go_on_behind_a_hole(&mut self, to: WireTime) {
        for held in self.held.values_mut().filter(|held| !held.lost) {
            for channel in &held.channels {
                let (domain, channel) = (&channel.domain, &channel.channel);
                let room = self.tally.room(domain, channel);
                let Some(from) = room.and_then(Room::last_event_at) else {
                    continue;
                };
                if to.micros() - from.micros() >= LONGEST_ABSENCE_MICROS {
                    self.tally.lose_sight(domain, channel, from, &mut held.sums);
                }
            }
        }
    }
}
