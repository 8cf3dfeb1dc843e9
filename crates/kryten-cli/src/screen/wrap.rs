//! Sentences on more than one line.

use unicode_width::UnicodeWidthStr;

/// Less than this holds no words.
const NARROWEST: usize = 20;

/// A sentence that is broken between words where the screen ends, each further line after so many blanks. What comes
/// before it on its first line is as wide as that. A word that is wider than the screen stays whole.
pub(crate) fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width.filter(|width| *width >= indent + NARROWEST) else {
        return text.to_owned();
    };
    let mut shown = String::new();
    let mut at = indent;
    for word in text.split(' ') {
        let wide = word.width();
        if shown.is_empty() {
            at += wide;
        } else if at + 1 + wide > width {
            shown.push('\n');
            shown.push_str(&" ".repeat(indent));
            at = indent + wide;
        } else {
            shown.push(' ');
            at += 1 + wide;
        }
        shown.push_str(word);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_broken_between_words() {
        let text = "the bucket kryten_lounge_userlist is missing on this server";
        insta::assert_snapshot!(wrapped(text, Some(30), 4), @r"
        the bucket
            kryten_lounge_userlist is
            missing on this server
        ");
        assert_eq!(wrapped(text, None, 4), text);
        assert_eq!(wrapped(text, Some(10), 4), text);
        assert_eq!(wrapped("", Some(80), 0), "");
        let long = "x".repeat(90);
        assert_eq!(
            wrapped(&format!("a {long} b"), Some(80), 2),
            format!("a\n  {long}\n  b")
        );
    }
}
