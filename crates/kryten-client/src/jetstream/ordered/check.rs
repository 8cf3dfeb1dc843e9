//! Whether the stream is still the one that was read.

use tokio::time::Instant;

use super::super::api::{ApiError, is_clustered};
use super::super::stored::{From, Which};
use super::{Holes, OrderedItem, OrderedReader};
use crate::jetstream::api::code;
use crate::stream::{LEADER_BEHIND, StreamInfo};

/// Why nothing more is delivered until the caller says where to go on.
#[derive(Debug, Clone)]
pub(super) enum Halt {
    Replaced { old: StreamInfo, new: StreamInfo },
    Truncated { expected: u64, first_sequence: u64 },
}

impl Halt {
    pub(super) fn item(&self) -> OrderedItem {
        match self.clone() {
            Self::Replaced { old, new } => OrderedItem::Replaced { old, new },
            Self::Truncated {
                expected,
                first_sequence,
            } => OrderedItem::Truncated {
                expected,
                first_sequence,
            },
        }
    }
}

impl OrderedReader {
    /// Compares the stream with what was read of it; if it is another one, that becomes the halt.
    pub(super) async fn check_stream(&mut self) -> Result<bool, ApiError> {
        let info = self.client.stream_info(&self.wanted.stream).await?;
        let now = StreamInfo::from(&info);
        let expected_created = *self.expected_created.get_or_insert(now.created_nanos);
        let is_behind =
            now.created_nanos == expected_created && now.last_sequence + 1 < self.received;
        if !is_behind {
            self.behind_since = None;
        } else if is_clustered(&info)
            && self.behind_since.get_or_insert_with(Instant::now).elapsed() < LEADER_BEHIND
        {
            tracing::debug!(
                last_sequence = now.last_sequence,
                received = self.received,
                "the stream's leader does not have yet what was received"
            );
            return Err(ApiError::TimedOut);
        }
        let is_same =
            now.created_nanos == expected_created && !is_behind && self.last_is_there().await?;
        if !is_same {
            let old = self.seen.clone().unwrap_or(StreamInfo {
                created_nanos: expected_created,
                first_sequence: 0,
                last_sequence: 0,
                messages: 0,
            });
            let delivered = self.received.saturating_sub(1);
            self.halt = Some(Halt::Replaced {
                old: StreamInfo {
                    last_sequence: old.last_sequence.max(delivered),
                    ..old
                },
                new: now,
            });
            return Ok(false);
        }
        let first_sequence = now.first_sequence;
        self.seen = Some(now);
        let is_cut =
            self.holes == Holes::Told && self.received > 0 && first_sequence > self.received;
        if is_cut {
            self.halt = Some(Halt::Truncated {
                expected: self.received,
                first_sequence,
            });
        }
        Ok(!is_cut)
    }

    /// Whether the last message received is what the stream has at its sequence; one that was removed tells nothing.
    async fn last_is_there(&self) -> Result<bool, ApiError> {
        let (Holes::Told, Some((sequence, time_nanos))) = (self.holes, self.last) else {
            return Ok(true);
        };
        let stream = &self.wanted.stream;
        let stored = self
            .client
            .read_stored(stream, From::Leader, Which::Sequence(sequence))
            .await?;
        Ok(stored.is_none_or(|stored| stored.time_nanos == time_nanos))
    }

    /// After a silence: the stream may be another one, the consumer gone, or its messages lost.
    pub(super) async fn check_after_silence(&mut self) -> Result<(), ApiError> {
        if !self.check_stream().await? {
            self.puller = None;
            return Ok(());
        }
        let Some(puller) = &self.puller else {
            return Ok(());
        };
        match puller.consumer().info().await {
            Ok(info)
                if info.num_pending == 0 && info.delivered.consumer_seq == puller.delivered() =>
            {
                self.heard = Instant::now();
            }
            Ok(_) => self.puller = None,
            Err(error) if error.is(code::CONSUMER_NOT_FOUND) => self.puller = None,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// How many of the first `count` messages of the buffer come before a cut: messages that the stream has dropped
    /// at its front while we read.
    ///
    /// Numbers that are missing between two messages are common where subjects are filtered, so the stream is asked.
    pub(super) async fn count_before_truncation(
        &mut self,
        count: usize,
    ) -> Result<usize, ApiError> {
        let mut expected = self.returned;
        let hole = self.buffer.iter().take(count).position(|message| {
            let is_hole = expected > 0 && message.stored.sequence > expected;
            if !is_hole {
                expected = message.stored.sequence + 1;
            }
            is_hole
        });
        let (Holes::Told, Some(hole)) = (self.holes, hole) else {
            return Ok(count);
        };
        let info = StreamInfo::from(&self.client.stream_info(&self.wanted.stream).await?);
        if info.first_sequence <= expected || self.expected_created != Some(info.created_nanos) {
            return Ok(count);
        }
        self.puller = None;
        self.received = expected;
        self.last = None;
        self.halt = Some(Halt::Truncated {
            expected,
            first_sequence: info.first_sequence,
        });
        Ok(hole)
    }
}
