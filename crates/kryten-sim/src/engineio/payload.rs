//! What a polling request or its answer carries: several packets in one text, framed by the version.

use super::Version;

/// Between two packets of Engine.IO 4.
const SEPARATOR: char = '\u{1e}';

/// Joins packets.
pub(crate) fn encode<'a>(version: Version, packets: impl IntoIterator<Item = &'a str>) -> String {
    let mut body = String::new();
    for (index, packet) in packets.into_iter().enumerate() {
        match version {
            // JavaScript counts UTF-16 units.
            Version::Three => {
                body.push_str(&packet.encode_utf16().count().to_string());
                body.push(':');
            }
            Version::Four if index > 0 => body.push(SEPARATOR),
            Version::Four => {}
        }
        body.push_str(packet);
    }
    body
}

/// Splits packets; `None` for what is no payload.
pub(crate) fn decode(version: Version, body: &[u8]) -> Option<Vec<String>> {
    match version {
        Version::Four => {
            let packets = std::str::from_utf8(body).ok()?.split(SEPARATOR);
            Some(packets.map(str::to_owned).collect())
        }
        Version::Three if matches!(body.first(), Some(0 | 1)) => decode_binary(body),
        Version::Three => {
            let mut packets = Vec::new();
            let mut rest = std::str::from_utf8(body).ok()?;
            while !rest.is_empty() {
                let (length, tail) = rest.split_once(':')?;
                let (packet, tail) = split_at_units(tail, length.parse().ok()?)?;
                packets.push(packet.to_owned());
                rest = tail;
            }
            Some(packets)
        }
    }
}

/// The binary framing of version 3: a kind, the length's decimal digits as bytes, 255, and so many bytes.
fn decode_binary(body: &[u8]) -> Option<Vec<String>> {
    let mut packets = Vec::new();
    let mut rest = body;
    while let Some((kind, tail)) = rest.split_first() {
        let digits = tail.iter().position(|byte| *byte == 255)?;
        let mut length = 0_usize;
        for digit in &tail[..digits] {
            let digit = Some(usize::from(*digit)).filter(|digit| *digit < 10)?;
            length = length.checked_mul(10)?.checked_add(digit)?;
        }
        let (packet, tail) = tail.get(digits + 1..)?.split_at_checked(length)?;
        // Nothing that CyTube understands comes as bytes.
        if *kind == 0 {
            packets.push(std::str::from_utf8(packet).ok()?.to_owned());
        }
        rest = tail;
    }
    Some(packets)
}

/// Splits after so many UTF-16 units.
fn split_at_units(text: &str, units: usize) -> Option<(&str, &str)> {
    let mut seen = 0;
    for (index, c) in text.char_indices() {
        if seen == units {
            return Some(text.split_at(index));
        }
        seen += c.len_utf16();
    }
    (seen == units).then_some((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_survive_both_framings() {
        let packets = [
            "2probe",
            "42[\"chatMsg\",{\"msg\":\"a:\u{1f3ac}\u{e9}\"}]",
            "40",
        ];
        for version in [Version::Three, Version::Four] {
            let body = encode(version, packets);
            assert_eq!(decode(version, body.as_bytes()).unwrap(), packets, "{body}");
        }
        assert_eq!(encode(Version::Three, ["40", "2"]), "2:401:2");
        assert_eq!(encode(Version::Four, ["40", "2"]), "40\u{1e}2");
        assert_eq!(encode(Version::Three, ["\u{1f3ac}"]), "2:\u{1f3ac}");
    }

    #[test]
    fn half_a_payload_is_none() {
        for bad in ["2", "x:40", "3:40", "1:\u{1f3ac}", ":", "2:40junk"] {
            assert_eq!(decode(Version::Three, bad.as_bytes()), None, "{bad}");
        }
        for bad in [&b"\0\x02"[..], b"\0\x02\xff4", b"\0a\xff4", b"\xff"] {
            assert_eq!(decode(Version::Three, bad), None, "{bad:?}");
        }
        let none: Vec<String> = Vec::new();
        assert_eq!(decode(Version::Three, b"").unwrap(), none);
    }

    #[test]
    fn the_binary_framing_of_version_3_is_read() {
        let body = b"\0\x02\xff40\0\x01\x02\xff42[\"a\",null]";
        assert_eq!(
            decode(Version::Three, body).unwrap(),
            ["40", "42[\"a\",null]"]
        );
    }
}
