//! The robot's seal on what it publishes, which nobody can make who lacks the key.
//!
//! NATS asks no permission for the subject to which a server sends what it was asked to read, so whoever may read
//! anything can have it put where only the robot may write. With a key that the robot and the statistics share, what
//! the robot did not say, or said once already, is told from what it says.
//!
//! The seal of an event is `{stream created}:{run}:{number}:{code}`, that of a value in KV is the code alone. The code
//! is the first half of an HMAC-SHA-256 (RFC 2104) in hexadecimal digits, over everything by which a reader goes.
//!
//! ```
//! use kryten_protocol::seal::{EventParts, SealKey, SealPlace};
//!
//! let key = SealKey::parse(&"2a".repeat(32))?;
//! let event = EventParts { subject: "kryten.events.cytube.lounge.chatmsg", message_id: "a", epoch: 3, body: b"{}" };
//! let place = SealPlace { stream_created: 1_796_035_000_000_000_000, run: 5, number: 17 };
//! let seal = key.seal_event(place, &event);
//! assert_eq!(key.open_event(&seal, &event), Some(place));
//! assert_eq!(key.open_event(&seal, &EventParts { body: b"[]", ..event }), None);
//! # Ok::<(), kryten_protocol::seal::SealKeyError>(())
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries a seal.
pub const SEAL_HEADER: &str = "Kryten-Seal";

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a code.
const CODE: usize = 16;

/// The key that robot and statistics share; it shows nothing of itself.
#[derive(Clone)]
pub struct SealKey {
    keyed: Hmac<Sha256>,
    id: String,
}

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a seal key is {} hexadecimal digits, such as `openssl rand -hex {KEY}` gives", KEY * 2
)]
pub struct SealKeyError;

/// Which of the robot's events it is: by their stream, the robot's term and this number they have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealPlace {
    /// When the stream was created for which it was sealed, in nanoseconds since the Unix epoch.
    pub stream_created: i128,
    /// Chosen at random for each term of a robot in the channel, since two may have the same epoch where the first ended
    /// before it had written any state.
    pub run: u32,
    /// Its number within the robot's term in the channel; an event that is sent again keeps it.
    pub number: u64,
}

/// What an event's seal covers besides its [`SealPlace`].
#[derive(Debug, Clone, Copy)]
pub struct EventParts<'a> {
    /// Where it is published.
    pub subject: &'a str,
    /// Its `Nats-Msg-Id`.
    pub message_id: &'a str,
    /// The robot's term, the header `Kryten-Epoch`.
    pub epoch: u64,
    /// The body.
    pub body: &'a [u8],
}

/// What the seal of a value in KV covers.
#[derive(Debug, Clone, Copy)]
pub struct ValueParts<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// The key.
    pub key: &'a str,
    /// The header `Kryten-State`.
    pub mark: &'a str,
    /// The value.
    pub value: &'a [u8],
}

impl SealKey {
    /// Reads a key.
    ///
    /// # Errors
    /// [`SealKeyError`] where the text is not 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, SealKeyError> {
        let mut key = [0; KEY];
        hex::decode_to_slice(text.trim(), &mut key).map_err(|_| SealKeyError)?;
        let keyed = Hmac::new_from_slice(&key).map_err(|_| SealKeyError)?;
        let code = keyed.clone().chain_update("id").finalize().into_bytes();
        Ok(Self {
            keyed,
            id: hex::encode(&code[..4]),
        })
    }

    /// Tells one key from another without giving it away.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The seal of an event.
    pub fn seal_event(&self, place: SealPlace, event: &EventParts<'_>) -> String {
        let code = self.of_event(place, event).finalize().into_bytes();
        let SealPlace {
            stream_created,
            run,
            number,
        } = place;
        format!(
            "{stream_created}:{run}:{number}:{}",
            hex::encode(&code[..CODE])
        )
    }

    /// Which event it is; `None` where this seal was not made for it with this key.
    pub fn open_event(&self, seal: &str, event: &EventParts<'_>) -> Option<SealPlace> {
        let parts: Vec<&str> = seal.split(':').collect();
        let [stream_created, run, number, code] = parts[..] else {
            return None;
        };
        let place = SealPlace {
            stream_created: stream_created.parse().ok()?,
            run: run.parse().ok()?,
            number: number.parse().ok()?,
        };
        is_code(self.of_event(place, event), code).then_some(place)
    }

    /// The seal of a value in KV.
    pub fn seal_value(&self, value: &ValueParts<'_>) -> String {
        hex::encode(&self.of_value(value).finalize().into_bytes()[..CODE])
    }

    /// Whether this seal was made for this value with this key.
    pub fn is_value_sealed(&self, seal: &str, value: &ValueParts<'_>) -> bool {
        is_code(self.of_value(value), seal)
    }

    fn of_event(&self, place: SealPlace, event: &EventParts<'_>) -> Hmac<Sha256> {
        self.over(&[
            b"event",
            event.subject.as_bytes(),
            event.message_id.as_bytes(),
            &event.epoch.to_be_bytes(),
            &place.stream_created.to_be_bytes(),
            &place.run.to_be_bytes(),
            &place.number.to_be_bytes(),
            event.body,
        ])
    }

    fn of_value(&self, value: &ValueParts<'_>) -> Hmac<Sha256> {
        self.over(&[
            b"value",
            value.bucket.as_bytes(),
            value.key.as_bytes(),
            value.mark.as_bytes(),
            value.value,
        ])
    }

    /// Each part with its length before it, so that no two lists of parts look the same.
    fn over(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The comparison takes the same time wherever they differ.
fn is_code(mac: Hmac<Sha256>, code: &str) -> bool {
    let mut given = [0; CODE];
    hex::decode_to_slice(code, &mut given).is_ok() && mac.verify_truncated_left(&given).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: EventParts<'_> = EventParts {
        subject: "kryten.events.cytube.lounge.chatmsg",
        message_id: "line-1",
        epoch: 7,
        body: br#"{"event_name":"chatMsg"}"#,
    };
    const PLACE: SealPlace = SealPlace {
        stream_created: 1_796_035_000_000_000_000,
        run: 5,
        number: 17,
    };
    const VALUE: ValueParts<'_> = ValueParts {
        bucket: "kryten_Lounge_userlist",
        key: "users",
        mark: "1:2:3",
        value: b"[]",
    };

    fn key(digits: &str) -> SealKey {
        SealKey::parse(&digits.repeat(32)).unwrap()
    }

    #[test]
    fn an_events_seal_is_good_for_that_event_alone() {
        let key = key("2a");
        let seal = key.seal_event(PLACE, &EVENT);
        assert_eq!(key.open_event(&seal, &EVENT), Some(PLACE));
        let others = [
            EventParts {
                subject: "kryten.events.cytube.lounge.pm",
                ..EVENT
            },
            EventParts {
                message_id: "line-2",
                ..EVENT
            },
            EventParts { epoch: 8, ..EVENT },
            EventParts {
                body: b"{}",
                ..EVENT
            },
        ];
        for other in others {
            assert_eq!(key.open_event(&seal, &other), None, "{other:?}");
        }
        assert_eq!(self::key("2b").open_event(&seal, &EVENT), None);
        let (_, code) = seal.rsplit_once(':').unwrap();
        for made_up in [
            format!("1796035000000000000:5:18:{code}"),
            format!("1796035000000000000:6:17:{code}"),
            format!("1796035000000000001:5:17:{code}"),
            format!("1796035000000000000:5:17:{}", &code[..30]),
            format!("1796035000000000000:5:17:{}é", &code[..30]),
            format!("1796035000000000000:17:{code}"),
            String::new(),
        ] {
            assert_eq!(key.open_event(&made_up, &EVENT), None, "{made_up}");
        }
    }

    #[test]
    fn a_values_seal_is_good_for_that_value_alone() {
        let key = key("2a");
        let seal = key.seal_value(&VALUE);
        assert!(key.is_value_sealed(&seal, &VALUE));
        let others = [
            ValueParts {
                bucket: "kryten_Lounge_emotes",
                ..VALUE
            },
            ValueParts {
                key: "current",
                ..VALUE
            },
            ValueParts {
                mark: "1:2:4",
                ..VALUE
            },
            ValueParts {
                value: b"[{}]",
                ..VALUE
            },
            // The same bytes, cut elsewhere.
            ValueParts {
                key: "users1",
                mark: ":2:3",
                ..VALUE
            },
        ];
        for other in others {
            assert!(!key.is_value_sealed(&seal, &other), "{other:?}");
        }
        assert!(!self::key("2b").is_value_sealed(&seal, &VALUE));
    }

    /// Made by Python's `hmac`, so that another program can make them, too.
    #[test]
    fn the_code_is_an_hmac_of_the_parts_with_their_lengths() {
        let value = ValueParts {
            bucket: "b",
            key: "k",
            mark: "",
            value: b"v",
        };
        assert_eq!(
            key("2a").seal_value(&value),
            "1f145ceb8342d9241054563391f8b6df"
        );
    }

    #[test]
    fn what_is_no_key_is_told_and_a_key_shows_nothing_of_itself() {
        for wrong in ["", "2a", &"2g".repeat(32), &"é".repeat(32)] {
            assert_eq!(SealKey::parse(wrong).unwrap_err(), SealKeyError);
        }
        assert_eq!(
            SealKeyError.to_string(),
            "a seal key is 64 hexadecimal digits, such as `openssl rand -hex 32` gives"
        );
        let key = key("2a");
        assert!(!format!("{key:?}").contains("2a2a"));
        assert_ne!(key.id(), self::key("2b").id());
        assert_eq!(key.id().len(), 8);
    }
}
