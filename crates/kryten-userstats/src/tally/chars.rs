//! The character classes of the detectors.

use std::sync::LazyLock;

/// Letters and numbers outside ASCII, as sorted ranges.
static LETTERS_AND_NUMBERS: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let class = regex_syntax::parse(r"[\p{L}\p{N}]").expect("the class is well formed");
    let regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Unicode(class)) =
        class.into_kind()
    else {
        return Vec::new();
    };
    class
        .ranges()
        .iter()
        .map(|range| (range.start(), range.end()))
        .collect()
});

/// Whether the character can be part of a name or emote: `_`, or of general category L or N.
///
/// Neither `\w` of the regex crate (it takes marks and joiners and leaves out `²`) nor `char::is_alphanumeric` is the
/// same, and existing counts follow this one.
pub(crate) fn is_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || c == '_';
    }
    let ranges = &*LETTERS_AND_NUMBERS;
    let at = ranges.partition_point(|&(_, end)| end < c);
    ranges.get(at).is_some_and(|&(start, _)| start <= c)
}

/// White space: Unicode's, and the four separators U+001C to U+001F that Python adds.
pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The next maximal run of word characters at or after `from`, as byte positions.
pub(crate) fn next_run(text: &str, from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let start = from + rest.find(is_word)?;
    let run = &text[start..];
    let length = run.find(|c| !is_word(c)).unwrap_or(run.len());
    Some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_numbers_are_word_characters_and_marks_are_not() {
        for c in ['a', 'Z', '0', '_', 'é', '日', '²', '½', 'ß', 'ı', 'Ⅷ'] {
            assert!(is_word(c), "{c:?}");
        }
        for c in ['-', ' ', '\u{301}', '‿', '\u{200d}', 'ⓐ', '＋', '😂'] {
            assert!(!is_word(c), "{c:?}");
        }
    }

    #[test]
    fn runs_are_maximal() {
        let text = "--añb-- c";
        let (start, end) = next_run(text, 0).unwrap();
        assert_eq!(&text[start..end], "añb");
        let (start, end) = next_run(text, end).unwrap();
        assert_eq!(&text[start..end], "c");
        assert_eq!(next_run(text, end), None);
    }
}
