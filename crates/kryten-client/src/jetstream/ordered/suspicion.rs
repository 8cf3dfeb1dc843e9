//! Goes on behind a message over which the connection breaks.

use super::super::alone;
use super::super::api::ApiError;
use super::super::pull::Received;
use super::OrderedReader;

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

    /// After a second loss at the same place: fetches the next message by itself.
    pub(super) async fn fetch_suspicious(&self) -> Result<Option<Received>, ApiError> {
        if !self.is_suspicious {
            return Ok(None);
        }
        let from = match self.received {
            0 => self.begins_behind + 1,
            received => received,
        };
        let next = match alone::first_from(&self.client, &self.wanted, from).await {
            Err(ApiError::NoPermission { .. }) => None,
            next => next?,
        };
        Ok(next.map(|stored| {
            let seen = self.seen.as_ref().map_or(0, |seen| seen.last_sequence);
            let pending = seen.saturating_sub(stored.sequence);
            Received { stored, pending }
        }))
    }
}
