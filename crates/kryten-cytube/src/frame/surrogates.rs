//! Half characters in JSON. Pure.
//!
//! CyTube cuts texts by UTF-16 unit (profiles after 255, titles after 97), which may halve an emoji. JavaScript writes
//! the half as an escape, `\ud83d`, and reads it again; as text it does not exist, so Rust refuses the whole document.

use std::borrow::Cow;

/// What stands for a character that cannot be shown.
const REPLACEMENT: &str = r"\ufffd";
/// Bytes of `\u0000`.
const ESCAPE: usize = 6;

/// The JSON with `\ufffd` in place of each half character.
pub(super) fn repaired(json: &str) -> Cow<'_, str> {
    // Nearly all frames have none, and looking for two letters is quick.
    if !json.contains(r"\ud") && !json.contains(r"\uD") {
        return Cow::Borrowed(json);
    }
    let mut repaired = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        match escape_at(json, at) {
            Escape::Half => {
                repaired.push_str(&json[copied..at]);
                repaired.push_str(REPLACEMENT);
                at += ESCAPE;
                copied = at;
            }
            Escape::Whole(length) => at += length,
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    repaired.push_str(&json[copied..]);
    Cow::Owned(repaired)
}

/// What begins with a backslash.
enum Escape {
    /// One half of a character without the other.
    Half,
    /// Anything else, with its length.
    Whole(usize),
}

fn escape_at(json: &str, at: usize) -> Escape {
    match unit_at(json, at) {
        Some(0xd800..=0xdbff) => match unit_at(json, at + ESCAPE) {
            Some(0xdc00..=0xdfff) => Escape::Whole(2 * ESCAPE),
            _ => Escape::Half,
        },
        Some(0xdc00..=0xdfff) => Escape::Half,
        Some(_) => Escape::Whole(ESCAPE),
        // The backslash and what it escapes, which may be a backslash; broken JSON is told by who reads it.
        None => {
            let escaped = json[at + 1..].chars().next();
            Escape::Whole(1 + escaped.map_or(0, char::len_utf8))
        }
    }
}

/// The UTF-16 unit that is escaped here as `\u0000`.
fn unit_at(json: &str, at: usize) -> Option<u16> {
    let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    // Reading a number alone would take a sign, too.
    is_hexadecimal.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_are_replaced_and_all_else_stays() {
        for (json, expected) in [
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (
                r#""\uD83D\uDE00 \uD83d\udE00""#,
                r#""\uD83D\uDE00 \uD83d\udE00""#,
            ),
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""cut \uD83D...""#, r#""cut \ufffd...""#),
            (r#""\ude00 rest""#, r#""\ufffd rest""#),
            (r#""\uDE00\uD83D""#, r#""\ufffd\ufffd""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\ude00\ude00""#, r#""\ud83d\ude00\ufffd""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#""\ud83d\u0041""#, r#""\ufffd\u0041""#),
            // A backslash and letters, not an escape.
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\ud83d\\ude00""#, r#""\ufffd\\ude00""#),
            (r#""\ud7ff\ue000 \u00e9""#, r#""\ud7ff\ue000 \u00e9""#),
            (r#"{"é😀\ud83d":"ü\udc00é"}"#, r#"{"é😀\ufffd":"ü\ufffdé"}"#),
        ] {
            assert_eq!(repaired(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_json_is_left_as_it_is() {
        for text in [
            r"\ud", r"\ud83", r"\ud83é", r"\ud+3d", r"\", r"\ud8\", r"\é\ud",
        ] {
            assert_eq!(repaired(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_text_of_javascript_can_be_read(units in proptest::collection::vec(
            prop_oneof![any::<u16>(), 0xd7f0u16..0xe010, Just(0x5c), Just(0x75)], 0..12,
        )) {
            let escaped = |unit: &u16| match unit {
                0x5c => r"\\".to_owned(),
                0x75 => "u".to_owned(),
                unit => format!("\\u{unit:04x}"),
            };
            let json = format!("\"{}\"", units.iter().map(escaped).collect::<String>());
            let read: String = serde_json::from_str(&repaired(&json)).unwrap();
            prop_assert_eq!(read, String::from_utf16_lossy(&units));
        }
    }
}
