//! The identity of a chat line or private message, by which nothing is published or counted twice.

use sha2::{Digest, Sha256};

/// What identifies a chat line or private message within CyTube.
///
/// CyTube gives lines no number. Its replay of the last 15 lines repeats `time`, `username` and `msg` unchanged, so
/// these identify a line, together with how many equal ones came before it (`nth`, from 1): two equal lines in one
/// millisecond are two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineKey<'a> {
    /// The CyTube host as configured.
    pub domain: &'a str,
    /// The channel as configured; compared in lower case.
    pub channel: &'a str,
    /// `chatMsg` or `pm`; compared in lower case.
    pub event: &'a str,
    /// CyTube's `time`, in milliseconds since the Unix epoch.
    pub time: i64,
    /// The sender.
    pub username: &'a str,
    /// The text as CyTube sent it.
    pub message: &'a str,
    /// Which of the equal lines this is, from 1.
    pub nth: u32,
}

/// The prefix that tells a line's id from any other message id.
pub const LINE_ID_PREFIX: &str = "line-";

impl LineKey<'_> {
    /// The identifier of this line: its `Nats-Msg-Id`, and what consumers remember of it.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [
            self.domain,
            &self.channel.to_lowercase(),
            &self.event.to_lowercase(),
            self.username,
            self.message,
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(self.time.to_le_bytes());
        hash.update(self.nth.to_le_bytes());
        let digest = hash.finalize();
        format!("{LINE_ID_PREFIX}{}", hex::encode(&digest[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: LineKey<'_> = LineKey {
        domain: "cytu.be",
        channel: "Lounge",
        event: "chatMsg",
        time: 1_795_364_451_109,
        username: "alice",
        message: "hi",
        nth: 1,
    };

    #[test]
    fn an_id_depends_on_every_part() {
        let id = LINE.id();
        assert!(id.starts_with("line-") && id.len() == 37, "{id}");
        assert_eq!(
            id,
            LineKey {
                channel: "lounge",
                event: "chatmsg",
                ..LINE
            }
            .id()
        );
        for other in [
            LineKey {
                domain: "other.tv",
                ..LINE
            },
            LineKey {
                channel: "Lounge2",
                ..LINE
            },
            LineKey {
                event: "pm",
                ..LINE
            },
            LineKey { time: 1, ..LINE },
            LineKey {
                username: "alic",
                message: "ehi",
                ..LINE
            },
            LineKey { nth: 2, ..LINE },
        ] {
            assert_ne!(id, other.id(), "{other:?}");
        }
    }
}
