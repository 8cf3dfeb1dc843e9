//! Goes on after a message over which the connection breaks.

use super::super::alone;
use super::super::api::ApiError;
use super::super::pull::Received;
use super::OrderedReader;

/// Losses of the connection in a row at one place of the stream.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    at: u64,
    count: u32,
}

impl Breaks {
    /// Notes that the connection was lost while this was the next message; whether it was so the last time, too.
    ///
    /// Where the connection was lost for another reason the message is fetched by itself for nothing, and is the same.
    fn happened_again(&mut self, at: u64) -> bool {
        if self.at != at {
            *self = Self { at, count: 0 };
        }
        self.count += 1;
        self.count > 1
    }
}

impl OrderedReader {
    /// What was on its way when the connection broke may be lost; what had come before is there.
    pub(super) fn notice_reconnect(&mut self) {
        let now = (self.client.is_connected(), self.client.connections());
        if now == (true, self.connection) {
            return;
        }
        let Some(mut puller) = self.puller.take() else {
            return;
        };
        while let Some(message) = puller.take_rest() {
            self.accept_message(message);
        }
        self.is_suspicious = self.breaks.happened_again(self.received);
    }

    /// After a second loss at the same place: takes the next message by itself.
    pub(super) async fn pass_suspicious(&mut self) -> Result<(), ApiError> {
        if !self.is_suspicious {
            return Ok(());
        }
        let from = match self.received {
            0 => self.begins_behind + 1,
            received => received,
        };
        let next = alone::first_from(&self.client, &self.wanted, from).await?;
        self.is_suspicious = false;
        if let Some(stored) = next {
            let seen = self.seen.as_ref().map_or(0, |seen| seen.last_sequence);
            let pending = seen.saturating_sub(stored.sequence);
            self.accept_message(Received { stored, pending });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_where_it_broke_twice_in_a_row_is_suspicious() {
        let mut breaks = Breaks::default();
        assert!(!breaks.happened_again(7));
        assert!(breaks.happened_again(7));
        assert!(breaks.happened_again(7));
        assert!(!breaks.happened_again(8));
        assert!(!breaks.happened_again(7));
        assert!(!Breaks::default().happened_again(0));
    }
}
