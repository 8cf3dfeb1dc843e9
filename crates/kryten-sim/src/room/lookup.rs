//! Made-up look-ups of media: the same id always gives the same film, and ids that start with `err` do not
//! exist, `age` is not for everybody, and `restricted` is blocked in some countries.

use serde_json::{Value, json};

use super::Media;

/// Kinds that CyTube streams live.
const LIVE: [&str; 8] = ["li", "tw", "rt", "us", "hb", "hl", "cu", "tc"];
/// Kinds that a look-up finds.
const FOUND: [&str; 9] = ["yt", "vi", "dm", "sc", "gd", "vm", "sb", "pt", "bc"];

/// What a look-up came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// HTML-escaped, as CyTube sends it.
    pub(crate) msg: String,
}

fn failure(msg: &str) -> Failure {
    Failure {
        msg: msg.to_owned(),
    }
}

pub(crate) fn is_live(kind: &str) -> bool {
    LIVE.contains(&kind)
}

/// Looks up the medium that a `queue` request names.
pub(crate) fn look_up(kind: &str, id: &str, title: Option<&str>) -> Result<Media, Failure> {
    let media = |title: String, seconds: u64, meta: Value| Media {
        id: id.to_owned(),
        title: title.chars().take(100).collect(),
        seconds,
        kind: kind.to_owned(),
        meta,
    };
    match kind {
        _ if id.is_empty() => Err(failure("Invalid media ID")),
        _ if id.starts_with("err") => Err(failure("Video not found")),
        _ if id.starts_with("age") => Err(failure("Cannot add age restricted videos")),
        "cm" if !id.starts_with("http") => Err(failure("Invalid URL")),
        "cm" if id.contains("/err") => Err(failure("Expected HTTP 200 OK, not 404 Not Found")),
        "cm" => {
            let direct = json!({"720": [{"link": "https://media.example.com/a.mp4",
                "contentType": "video/mp4", "quality": 720}]});
            Ok(media(
                file_title(id),
                seconds_of(id),
                json!({"direct": direct}),
            ))
        }
        "fi" if !id.starts_with("https://") => Err(failure("Raw files must use HTTPS")),
        "fi" => {
            let meta = json!({"codec": "mov/h264", "bitrate": 2500});
            let title = title.map_or_else(|| file_title(id), str::to_owned);
            Ok(media(title, seconds_of(id), meta))
        }
        "cu" if !id.contains("<iframe") && !id.starts_with("cu:") => Err(failure(
            "Invalid embed.  Input must be an &lt;iframe&gt; tag",
        )),
        "cu" => {
            let embed = json!({"tag": "iframe", "src": "https://player.example.com/embed/1"});
            let title = title.unwrap_or("Custom Media").to_owned();
            Ok(media(title, 0, json!({"embed": embed})))
        }
        kind if is_live(kind) => Ok(media(format!("Live {kind} {id}"), 0, json!({}))),
        kind if FOUND.contains(&kind) => {
            let meta = match id.starts_with("restricted") {
                true => json!({"restricted": "US, GB"}),
                false => json!({}),
            };
            Ok(media(title_of(id), seconds_of(id), meta))
        }
        other => {
            let kind = super::chat::escape(other).replace('\'', "&#39;");
            Err(failure(&format!("Unknown media type &#39;{kind}&#39;")))
        }
    }
}

/// The address that CyTube shows for a medium.
pub(crate) fn link(kind: &str, id: &str) -> String {
    match kind {
        "yt" => format!("https://youtu.be/{id}"),
        "vi" => format!("https://vimeo.com/{id}"),
        "dm" => format!("https://dailymotion.com/video/{id}"),
        _ => id.to_owned(),
    }
}

/// `d90_anything` is 90 seconds long; other ids get a length of their own.
fn seconds_of(id: &str) -> u64 {
    let name = id.rsplit('/').next().unwrap_or(id);
    let stated = name
        .strip_prefix('d')
        .map(|rest| rest.split_once('_').map_or(rest, |split| split.0))
        .and_then(|digits| digits.parse().ok());
    stated.unwrap_or_else(|| 60 + hash(id) % 5340)
}

fn title_of(id: &str) -> String {
    const FIRST: [&str; 8] = [
        "Return", "Night", "Curse", "Revenge", "Island", "Secret", "Son", "Attack",
    ];
    const SECOND: [&str; 8] = [
        "Lobster", "Vampire", "Toaster", "Mummy", "Robot", "Swamp", "Janitor", "Comet",
    ];
    let hash = hash(id) as usize;
    let (first, second) = (FIRST[hash % 8], SECOND[hash / 8 % 8]);
    format!("{first} of the {second} ({id})")
}

fn file_title(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ups_succeed_and_fail_as_cytubes_do() {
        assert_eq!(look_up("yt", "d90_x", None).unwrap().seconds, 90);
        assert_eq!(
            look_up("fi", "https://a.example/d95_Trailer.mp4", None)
                .unwrap()
                .title,
            "d95_Trailer.mp4"
        );
        assert_eq!(look_up("tw", "someone", None).unwrap().seconds, 0);
        for (kind, id, msg) in [
            ("yt", "err_x", "Video not found"),
            ("xx", "a", "Unknown media type &#39;xx&#39;"),
            (
                "cu",
                "nothing",
                "Invalid embed.  Input must be an &lt;iframe&gt; tag",
            ),
        ] {
            assert_eq!(look_up(kind, id, None).unwrap_err().msg, msg);
        }
    }
}
