//! Splits a long message, so that no part of it is a command by chance.

use std::borrow::Cow;

/// The longest line that CyTube takes, unless its operator has set another limit.
pub const CYTUBE_LIMIT: usize = 320;

/// Splits a message into parts of at most `limit` characters, at white space where there is some; none for a message
/// of nothing but white space, which CyTube drops.
///
/// The parts are as long as they can be. A word that is longer than a part is cut between two code points, and not
/// before an accent, a skin tone or another mark that belongs to what comes before it.
///
/// A character counts as CyTube counts it: one beyond U+FFFF, such as an emoji, is two. A limit below 2 is taken for
/// 2.
pub fn split(message: &str, limit: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        parts.push(next_part(&mut rest, limit.max(2)));
    }
    parts
}

/// The lines of a message: the parts that [`split`] makes, of which none is a command to CyTube unless the message
/// itself begins with `/`, and then the first alone.
///
/// CyTube takes for a command what begins with `/`, and nothing that has a blank before it. Whoever says what somebody
/// else has typed puts one there; it stays, and a later line that would begin with `/` gets one.
///
/// ```
/// use kryten_client::chat::lines;
///
/// assert_eq!(lines(" /clear", 320), [" /clear"]);
/// assert_eq!(lines("/me likes and /or", 14), ["/me likes and", " /or"]);
/// ```
pub fn lines(message: &str, limit: usize) -> Vec<Cow<'_, str>> {
    let limit = limit.max(2);
    let mut lines = Vec::new();
    let mut rest = message.trim();
    while !rest.is_empty() {
        let is_command = lines.is_empty() && message.starts_with('/');
        lines.push(match rest.starts_with('/') && !is_command {
            true => Cow::Owned(format!(" {}", next_part(&mut rest, limit - 1))),
            false => Cow::Borrowed(next_part(&mut rest, limit)),
        });
    }
    lines
}

/// Takes as much as fits off the front of what is left.
fn next_part<'a>(rest: &mut &'a str, limit: usize) -> &'a str {
    let end = fitting(rest, limit);
    let (part, after) = rest.split_at(place_to_cut(rest, end));
    *rest = after.trim_start();
    part.trim_end()
}

/// How many bytes of the text fit.
fn fitting(text: &str, limit: usize) -> usize {
    let mut length = 0;
    for (at, c) in text.char_indices() {
        length += c.len_utf16();
        if length > limit {
            return at;
        }
    }
    text.len()
}

/// Where to cut a text of which `end` bytes fit; not 0.
fn place_to_cut(text: &str, end: usize) -> usize {
    if end == text.len() || text[end..].starts_with(char::is_whitespace) {
        return end;
    }
    let (fits, beyond) = text.split_at(end);
    if let Some(space) = fits.rfind(char::is_whitespace) {
        return space;
    }
    let mut next = beyond.chars().next();
    for (at, c) in fits.char_indices().rev() {
        if !belongs_together(c, next) {
            return at + c.len_utf8();
        }
        next = Some(c);
    }
    // One single character with more marks than fit.
    end
}

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Whether a reader sees the two as one; the common cases of Unicode's grapheme clusters.
fn belongs_together(c: char, next: Option<char>) -> bool {
    let is_mark = |c: char| {
        matches!(c,
            '\u{300}'..='\u{36f}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{1f3fb}'..='\u{1f3ff}'
            | ZERO_WIDTH_JOINER)
    };
    c == ZERO_WIDTH_JOINER || next.is_some_and(is_mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_end_at_words() {
        for (message, limit, expected) in [
            ("", 10, &[][..]),
            (" \t\n", 10, &[]),
            ("short", 10, &["short"]),
            ("exactly te", 10, &["exactly te"]),
            ("exactly ten", 10, &["exactly", "ten"]),
            ("exactly te n", 10, &["exactly te", "n"]),
            ("a  \n b", 3, &["a", "b"]),
            ("abcdefghij", 4, &["abcd", "efgh", "ij"]),
            ("ab abcdefghij", 4, &["ab", "abcd", "efgh", "ij"]),
            ("/me waves", 6, &["/me", "waves"]),
            ("x", 0, &["x"]),
        ] {
            assert_eq!(split(message, limit), expected, "{message:?}");
        }
    }

    #[test]
    fn only_a_message_that_begins_with_a_slash_has_a_line_that_does() {
        for (message, limit, expected) in [
            ("/kick bob", 320, &["/kick bob"][..]),
            (" /kick bob", 320, &[" /kick bob"]),
            ("\n/ban bob", 320, &[" /ban bob"]),
            ("\u{a0}\u{3000}/mute bob", 320, &[" /mute bob"]),
            ("\u{1}/clear", 320, &["\u{1}/clear"]),
            ("  hello  ", 320, &["hello"]),
            (" / ", 320, &[" /"]),
            ("aaaa /bbb", 4, &["aaaa", " /bb", "b"]),
            ("/aa /bb", 4, &["/aa", " /bb"]),
            ("aaaa////", 4, &["aaaa", " ///", " /"]),
            ("//", 2, &["//"]),
            (" //", 0, &[" /", " /"]),
            ("  ", 4, &[]),
        ] {
            assert_eq!(lines(message, limit), expected, "{message:?}");
        }
    }

    #[test]
    fn what_a_reader_sees_as_one_stays_together() {
        assert_eq!(split("abce\u{301}d", 4), ["abc", "e\u{301}d"]);
        assert_eq!(split("ab👍🏽", 4), ["ab", "👍🏽"]);
        // Two persons and a heart are eight units.
        assert_eq!(split("ab👩‍❤️‍👨", 9), ["ab", "👩‍❤️‍👨"]);
        // It does not fit: better cut than nothing.
        assert_eq!(
            split("e\u{301}\u{301}\u{301}", 2).concat(),
            "e\u{301}\u{301}\u{301}"
        );
    }

    #[test]
    fn a_long_message_is_cut_as_cytube_counts() {
        let emoji = "😀".repeat(320);
        assert!(
            split(&emoji, CYTUBE_LIMIT)
                .iter()
                .all(|part| part.chars().count() == 160)
        );
        let words = "word ".repeat(1000);
        let parts = split(&words, CYTUBE_LIMIT);
        assert_eq!(parts.len(), 16);
        assert!(parts[0].len() == 319);
    }

    fn without_space(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace()).collect()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_part_is_too_long(
            message in "[a-c 😀e\u{301}\u{200d}\u{1f3fd}\n]{0,200}|.{0,300}",
            limit in 0_usize..50,
        ) {
            let parts = split(&message, limit);
            prop_assert_eq!(without_space(&parts.concat()), without_space(&message));
            for part in &parts {
                prop_assert!(!part.is_empty() && part.trim() == *part);
                prop_assert!(part.encode_utf16().count() <= limit.max(2));
            }
        }

        #[test]
        fn no_line_is_a_command_by_chance(message in "[a/ \n\u{a0}😀]{0,60}", limit in 0_usize..12) {
            let lines = lines(&message, limit);
            prop_assert_eq!(without_space(&lines.concat()), without_space(&message));
            for (at, line) in lines.iter().enumerate() {
                prop_assert!(!line.starts_with('/') || (at == 0 && message.starts_with('/')));
                prop_assert!(line.encode_utf16().count() <= limit.max(2));
            }
        }

        #[test]
        fn words_that_fit_are_whole(words in prop::collection::vec("[a-z]{1,10}", 0..60), limit in 10_usize..40) {
            let parts = split(&words.join(" "), limit).join(" ");
            prop_assert_eq!(parts, words.join(" "));
        }

        #[test]
        fn two_neighbours_would_not_fit_in_one_part(words in prop::collection::vec("[a-z]{1,10}", 0..60), limit in 10_usize..40) {
            let message = words.join(" ");
            for pair in split(&message, limit).windows(2) {
                let next_word = pair[1].split(' ').next().unwrap();
                prop_assert!(pair[0].len() + 1 + next_word.len() > limit);
            }
        }
    }
}
