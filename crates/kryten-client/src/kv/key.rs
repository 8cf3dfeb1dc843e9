//! Any text as a key: how it is written in a NATS subject, and read back.
//!
//! What a subject can carry is written as it is, so that other programs find it. Escaped, as `=` and two upper-case
//! hex digits for each byte, is only what it cannot carry: white space, control characters of ASCII, a dot that would
//! make an empty token, a whole token `*` or `>`, and an `=` that would read as an escape.

/// The server drops a connection whose control line is longer than 4096 bytes; the rest is for the reply subject and
/// the sizes in that line.
const LONGEST_SUBJECT: usize = 4000;

/// Why a text cannot be a key.
pub(super) type Refused = &'static str;

/// The name under which our helpers store a key, after `$KV.<bucket>.`; `None` where it is empty or too long.
pub fn stored_name(key: &str) -> Option<String> {
    encode("", key).ok()
}

/// The key that is stored under a name, for those who read a bucket's stream themselves.
pub fn key_of(stored_name: &str) -> String {
    decode(stored_name)
}

/// The name under which a key is stored, after `prefix` in its subject.
pub(super) fn encode(prefix: &str, key: &str) -> Result<String, Refused> {
    if key.is_empty() {
        return Err("it is empty");
    }
    let mut name = String::with_capacity(key.len());
    let mut token_start = 0;
    for (index, character) in key.char_indices() {
        let after = &key[index + character.len_utf8()..];
        let token_is_empty = name.len() == token_start;
        let is_escaped = match character {
            '.' => token_is_empty || after.is_empty(),
            // A whole token: the dot after it would be kept, or nothing follows.
            '*' | '>' => {
                token_is_empty && (after.is_empty() || after.starts_with('.') && after != ".")
            }
            '=' => is_escape(&key.as_bytes()[index..]),
            _ => !is_carried(character),
        };
        if is_escaped {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                name.push_str(&format!("={byte:02X}"));
            }
        } else {
            name.push(character);
            if character == '.' {
                token_start = name.len();
            }
        }
    }
    if prefix.len() + name.len() > LONGEST_SUBJECT {
        return Err("it is too long; at most some 4000 bytes fit");
    }
    Ok(name)
}

/// The key that is stored under a name. A name that we would not have written is taken as it is.
pub(super) fn decode(name: &str) -> String {
    match unescape(name) {
        Some(key) if key != name && encode("", &key).as_deref() == Ok(name) => key,
        _ => name.to_owned(),
    }
}

/// The name under which somebody else may have stored a key that we write differently.
pub(super) fn literal<'a>(prefix: &str, key: &'a str, encoded: &str) -> Option<&'a str> {
    let is_plain = |token: &str| !matches!(token, "" | "*" | ">") && token.chars().all(is_carried);
    let can_be_stored = prefix.len() + key.len() <= LONGEST_SUBJECT && key.split('.').all(is_plain);
    (key != encoded && can_be_stored).then_some(key)
}

/// Whether a character may stand in a subject. White space beyond ASCII passes the server, but the Rust client takes it
/// for the end of a subject in the lines that it receives.
fn is_carried(character: char) -> bool {
    !character.is_whitespace() && !character.is_ascii_control()
}

fn is_escape(bytes: &[u8]) -> bool {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    matches!(bytes, [b'=', high, low, ..] if is_digit(high) && is_digit(low))
}

fn unescape(name: &str) -> Option<String> {
    let mut rest = name.as_bytes();
    let mut key = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        if is_escape(rest) {
            let digits = std::str::from_utf8(&rest[1..3]).ok()?;
            key.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[3..];
        } else {
            key.push(*first);
            rest = after;
        }
    }
    String::from_utf8(key).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(key: &str) -> String {
        encode("", key).unwrap()
    }

    #[test]
    fn what_a_subject_can_carry_is_written_as_it_is() {
        for key in [
            "user:bob", "a", "a.b.c", "a*b", "a>b", "**", ">>", "a.*b", "$KV", "ünï", "a=b", "a=2",
            "a=2g", "a=2e", "=", "==", "%20", "\"", "\\", "a@b", "東京", "\u{200b}",
        ] {
            assert_eq!(encoded(key), key);
            assert_eq!(decode(key), key);
        }
    }

    #[test]
    fn what_a_subject_cannot_carry_is_escaped() {
        for (key, name) in [
            ("two words", "two=20words"),
            ("\t\r\n\0\u{7f}", "=09=0D=0A=00=7F"),
            ("a\u{a0}b\u{2003}", "a=C2=A0b=E2=80=83"),
            ("a..b", "a.=2Eb"),
            ("a...b", "a.=2E.b"),
            (".a", "=2Ea"),
            ("a.", "a=2E"),
            (".", "=2E"),
            ("..", "=2E=2E"),
            ("*", "=2A"),
            (">", "=3E"),
            ("a.*.b", "a.=2A.b"),
            ("a.>", "a.=3E"),
            ("*.", "*=2E"),
            ("*..", "=2A.=2E"),
            ("a=20b", "a=3D20b"),
            ("==20", "==3D20"),
        ] {
            assert_eq!(encoded(key), name, "{key:?}");
            assert_eq!(decode(name), key);
        }
    }

    #[test]
    fn names_that_we_would_not_have_written_are_taken_as_they_are() {
        for name in ["a=3Ab", "a=41", "a=FF", "=2e", "a=2Eb.c"] {
            assert_eq!(decode(name), name);
        }
        assert_eq!(literal("", "a=20b", "a=3D20b"), Some("a=20b"));
        assert_eq!(literal("", "a b", "a=20b"), None);
        assert_eq!(literal("", "a..b", "a.=2Eb"), None);
        assert_eq!(literal("", "*", "=2A"), None);
        assert_eq!(literal("", "same", "same"), None);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert!(encode("$KV.b.", "").is_err());
        let longest = "x".repeat(LONGEST_SUBJECT - 6);
        assert!(encode("$KV.b.", &longest).is_ok());
        assert!(encode("$KV.b.", &format!("{longest}x")).is_err());
    }

    fn is_valid_subject(name: &str) -> bool {
        name.split('.')
            .all(|token| !matches!(token, "" | "*" | ">"))
            && name.chars().all(is_carried)
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_a_valid_subject(key in r"([.*>=A-F0-9a-c \t\n:é\u{2003}]|\PC|.){1,24}") {
            let name = encoded(&key);
            prop_assert!(is_valid_subject(&name), "{name:?}");
            prop_assert_eq!(decode(&name), key);
        }

        #[test]
        fn two_keys_never_share_a_name(one in r"[.*>=2AE0 ]{1,8}", other in r"[.*>=2AE0 ]{1,8}") {
            prop_assert_eq!(one == other, encoded(&one) == encoded(&other));
        }

        #[test]
        fn a_valid_name_that_decodes_to_something_else_was_written_by_us(name in r"[.*>=2AED0a]{1,10}") {
            prop_assume!(is_valid_subject(&name));
            let key = decode(&name);
            prop_assert!(key == name || encoded(&key) == name);
        }
    }
}
