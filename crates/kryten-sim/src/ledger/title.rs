//! Titles as statistics store them.

/// A title without a file ending, dots, underscores or doubled blanks.
pub(crate) fn clean_title(title: &str) -> String {
    let lower = title.to_ascii_lowercase();
    let endings = [
        "mp4", "mkv", "avi", "webm", "flv", "mov", "wmv", "m4v", "mpg", "mpeg",
    ];
    let stem = lower
        .rsplit_once('.')
        .filter(|(_, ending)| endings.contains(ending))
        .map_or(title, |(stem, _)| &title[..stem.len()]);
    let words: Vec<&str> = stem
        .split(|c: char| c == '.' || c == '_' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() {
        "Unknown".to_owned()
    } else {
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cleaned() {
        for (title, clean) in [
            ("Maniac.Cop_(1988).MKV", "Maniac Cop (1988)"),
            ("Mr. Robot", "Mr Robot"),
            ("  a \t b ", "a b"),
            ("x.mp4.mp4", "x mp4"),
            (".mp4", "Unknown"),
            ("", "Unknown"),
        ] {
            assert_eq!(clean_title(title), clean, "{title:?}");
        }
    }
}
