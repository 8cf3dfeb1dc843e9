//! Which medium an address names, since CyTube takes a type and an id and no address. Pure.

use percent_encoding::percent_decode_str;
use url::Url;

use super::command::MediaId;

/// The medium that an address names: that of a site that CyTube knows, a file, a stream, or `type:id` as CyTube itself
/// writes it. `None` if it is nothing that CyTube could show.
pub fn media_of(address: &str) -> Option<MediaId> {
    let address = address.trim();
    if let Some((kind, id)) = address.split_once(':')
        && KINDS.contains(&kind)
        && !id.is_empty()
        && !id.starts_with("//")
    {
        return Some(MediaId::new(kind, id));
    }
    if address.starts_with("rtmp://") || address.starts_with("rtmps://") {
        return Some(MediaId::new("rt", address));
    }
    let url = Url::parse(address).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    of_site(&url).or_else(|| of_file(&url, address))
}

/// CyTube's types that a text `type:id` may name.
const KINDS: [&str; 24] = [
    "yt", "yp", "yc", "vi", "vm", "dm", "sc", "gd", "li", "tw", "tv", "tc", "rt", "hl", "hb", "us",
    "cu", "fi", "cm", "sb", "pt", "bc", "nv", "od",
];

fn of_site(url: &Url) -> Option<MediaId> {
    let host = url.host_str()?.to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let parts: Vec<&str> = url
        .path_segments()?
        .filter(|part| !part.is_empty())
        .collect();
    let first = parts.first().copied();
    let after = |word: &str| match parts.as_slice() {
        [found, id, ..] if *found == word => Some(*id),
        _ => None,
    };
    let query = |name: &str| {
        let found = url.query_pairs().find(|(key, _)| key == name)?;
        Some(found.1.into_owned()).filter(|value| !value.is_empty())
    };
    let media = |kind: &str, id: &str| Some(MediaId::new(kind, id));
    match host {
        "youtube.com" | "m.youtube.com" | "music.youtube.com" => {
            if let Some(id) = query("v") {
                return media("yt", &id);
            }
            if let Some(list) = query("list") {
                return media("yp", &list);
            }
            let id = after("shorts").or(after("embed")).or(after("live"))?;
            media("yt", id)
        }
        "youtu.be" => media("yt", first?),
        "vimeo.com" => media("vi", parts.iter().find(is_number)?),
        "dailymotion.com" => media("dm", after("video")?.split('_').next()?),
        "dai.ly" => media("dm", first?),
        "soundcloud.com" if parts.len() >= 2 => media("sc", url.as_str()),
        "clips.twitch.tv" => media("tc", first?),
        "twitch.tv" => match parts.as_slice() {
            ["videos", id, ..] => media("tv", &format!("v{id}")),
            [_, "clip", id, ..] => media("tc", id),
            [channel] => media("tw", channel),
            _ => None,
        },
        "drive.google.com" | "docs.google.com" => match query("id") {
            Some(id) => media("gd", &id),
            None => media(
                "gd",
                parts.get(parts.iter().position(|part| *part == "d")? + 1)?,
            ),
        },
        "streamable.com" => media("sb", first?),
        "livestream.com" => media("li", after("accounts").or(first)?),
        "ustream.tv" => media("us", after("channel").or(first)?),
        "420grindhouse.com" if first == Some("view") => {
            let code = query("m")?;
            let is_code = code
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
            is_code.then(|| {
                let id = format!(
                    "https://www.420grindhouse.com/api/v1/media/cytube/{code}.json?format=json"
                );
                MediaId::new("cm", id)
            })
        }
        _ => None,
    }
}

fn of_file(url: &Url, address: &str) -> Option<MediaId> {
    const RAW: [&str; 10] = [
        "mp4", "flv", "webm", "ogg", "ogv", "mp3", "mov", "m4a", "flac", "wav",
    ];
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    let ending = path.rsplit('/').next()?.rsplit_once('.')?.1.to_lowercase();
    let kind = match ending.as_str() {
        "m3u8" => "hl",
        "json" => "cm",
        ending if RAW.contains(&ending) => "fi",
        _ => return None,
    };
    Some(MediaId::new(kind, address))
}

fn is_number(text: &&&str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_known_sites_name_a_type_and_an_id() {
        for (address, kind, id) in [
            (
                "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3",
                "yt",
                "dQw4w9WgXcQ",
            ),
            ("https://youtu.be/dQw4w9WgXcQ?si=x", "yt", "dQw4w9WgXcQ"),
            ("https://youtube.com/shorts/abc", "yt", "abc"),
            ("https://www.youtube.com/playlist?list=PL12", "yp", "PL12"),
            (
                "https://vimeo.com/channels/staff/76979871",
                "vi",
                "76979871",
            ),
            (
                "https://www.dailymotion.com/video/x2jvvep_title",
                "dm",
                "x2jvvep",
            ),
            ("https://dai.ly/x2jvvep", "dm", "x2jvvep"),
            (
                "https://soundcloud.com/a/b",
                "sc",
                "https://soundcloud.com/a/b",
            ),
            ("https://www.twitch.tv/someone", "tw", "someone"),
            ("https://www.twitch.tv/videos/123", "tv", "v123"),
            ("https://clips.twitch.tv/Funny", "tc", "Funny"),
            ("https://drive.google.com/file/d/0B1/view", "gd", "0B1"),
            ("https://drive.google.com/open?id=0B1", "gd", "0B1"),
            ("https://streamable.com/abc", "sb", "abc"),
            (
                "https://a.example/film.MP4?x=1",
                "fi",
                "https://a.example/film.MP4?x=1",
            ),
            (
                "https://a.example/live.m3u8",
                "hl",
                "https://a.example/live.m3u8",
            ),
            (
                "https://a.example/m.json?d=1",
                "cm",
                "https://a.example/m.json?d=1",
            ),
            ("rtmp://a.example/live", "rt", "rtmp://a.example/live"),
            ("yt:d91_legacy", "yt", "d91_legacy"),
            (
                "https://www.420grindhouse.com/view?m=AbC123",
                "cm",
                "https://www.420grindhouse.com/api/v1/media/cytube/AbC123.json?format=json",
            ),
        ] {
            assert_eq!(media_of(address), Some(MediaId::new(kind, id)), "{address}");
        }
    }

    #[test]
    fn what_names_no_medium_is_none() {
        for address in [
            "",
            "hello",
            "ftp://a/b.mp4",
            "https://a.example/",
            "https://youtube.com/",
            "xx:1",
            "yt:",
            "https://www.420grindhouse.com/view?m=a%20b",
            "javascript:alert(1)",
        ] {
            assert_eq!(media_of(address), None, "{address}");
        }
    }
}
