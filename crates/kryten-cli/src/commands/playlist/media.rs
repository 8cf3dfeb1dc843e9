//! Which medium a text on the command line names. Pure.

use kryten_robot::commands::command::MediaId;
use kryten_robot::commands::media_url::media_of;

/// How long YouTube's ids are.
const YOUTUBE_ID: usize = 11;

/// The medium: an address of a site that CyTube knows, a file, a stream, `type:id`, or an id of YouTube. Anything else
/// goes to CyTube as custom media (`cu`, `cm` for a manifest), as the Python command line sends it; CyTube says what is
/// wrong with it.
pub(super) fn medium(text: &str) -> MediaId {
    let trimmed = text.trim();
    if trimmed.len() == YOUTUBE_ID && trimmed.bytes().all(is_of_id) {
        return MediaId::new("yt", trimmed);
    }
    let without_scheme = || {
        let host = trimmed.split(['/', '?', '#']).next()?;
        let is_host = host.contains('.') && !host.contains(':') && trimmed.contains('/');
        is_host.then(|| media_of(&format!("https://{trimmed}")))?
    };
    match media_of(trimmed).or_else(without_scheme) {
        Some(media) if media.kind == "yt" => MediaId::new("yt", youtube_id(&media.id)),
        Some(media) => media,
        None if is_manifest(trimmed) => MediaId::new("cm", trimmed),
        None => MediaId::new("cu", trimmed),
    }
}

/// What follows an id by mistake is cut off.
fn youtube_id(text: &str) -> &str {
    let length = text.bytes().take_while(|byte| is_of_id(*byte)).count();
    match length >= YOUTUBE_ID {
        true => &text[..YOUTUBE_ID],
        false => text,
    }
}

fn is_of_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

fn is_manifest(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.ends_with(".json") || lower.contains(".json?")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "dQw4w9WgXcQ";

    fn named(text: &str) -> (String, String) {
        let media = medium(text);
        (media.kind.to_string(), media.id.to_string())
    }

    fn check(cases: &[(&str, &str, &str)]) {
        for (text, kind, id) in cases {
            let expected = ((*kind).to_owned(), (*id).to_owned());
            assert_eq!(named(text), expected, "{text}");
        }
    }

    #[test]
    fn what_the_python_command_line_understands_is_understood() {
        check(&[
            ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "yt", ID),
            ("https://youtu.be/dQw4w9WgXcQ?t=42", "yt", ID),
            (
                "http://m.youtube.com/watch?v=dQw4w9WgXcQ&list=PL1",
                "yt",
                ID,
            ),
            ("youtube.com/watch?v=dQw4w9WgXcQ", "yt", ID),
            ("https://music.youtube.com/watch?v=dQw4w9WgXcQ", "yt", ID),
            ("https://www.youtube.com/watch?v=dQw4w9WgXcQEXTRA", "yt", ID),
            ("dQw4w9WgXcQ", "yt", ID),
            ("dQw4w9WgXcQ\n", "yt", ID),
            ("hello_world", "yt", "hello_world"),
            (
                "https://www.dailymotion.com/video/x7tgad0_some-title",
                "dm",
                "x7tgad0",
            ),
            (
                "https://ex.invalid/show.json",
                "cm",
                "https://ex.invalid/show.json",
            ),
            ("show.json", "cm", "show.json"),
            ("dQw4w9WgXc", "cu", "dQw4w9WgXc"),
            ("https://ex.invalid/page", "cu", "https://ex.invalid/page"),
            ("https://www.youtube.com", "cu", "https://www.youtube.com"),
        ]);
    }

    #[test]
    fn what_it_sends_as_custom_media_by_mistake_is_understood_too() {
        check(&[
            (
                "https://www.youtube.com/watch?list=PL1&v=dQw4w9WgXcQ",
                "yt",
                ID,
            ),
            ("https://www.youtube.com/shorts/dQw4w9WgXcQ", "yt", ID),
            ("https://YOUTU.BE/dQw4w9WgXcQ", "yt", ID),
            (" dQw4w9WgXcQ", "yt", ID),
            ("yt:dQw4w9WgXcQ", "yt", ID),
            ("https://www.youtube.com/playlist?list=PL01", "yp", "PL01"),
            // CyTube's own type; `vm`, which the Python command line sends, was another site's.
            ("https://vimeo.com/76979871/abcdef", "vi", "76979871"),
            ("https://dai.ly/x7tgad0", "dm", "x7tgad0"),
            (
                "cm:https://ex.invalid/a.json",
                "cm",
                "https://ex.invalid/a.json",
            ),
            ("https://ex.invalid/a.mp4", "fi", "https://ex.invalid/a.mp4"),
            (
                "https://ex.invalid/a.m3u8",
                "hl",
                "https://ex.invalid/a.m3u8",
            ),
            ("rtmp://ex.invalid/live", "rt", "rtmp://ex.invalid/live"),
            ("https://www.twitch.tv/somebody", "tw", "somebody"),
            ("https://streamable.com/abc12", "sb", "abc12"),
        ]);
    }
}
