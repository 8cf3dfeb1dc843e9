//! Kudos for what can be a user's name on CyTube, and nothing else.

/// The longest name that CyTube takes.
const LONGEST: usize = 20;

/// Whether CyTube takes this as a user's name.
pub fn is_user_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// The names next to a `++`, each once: whole names, with their `-`, outside of HTML tags.
pub fn thanked_names(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    if !text.contains("++") {
        return found;
    }
    for part in outside_of_tags(text) {
        let bytes = part.as_bytes();
        let mut from = 0;
        while let Some(start) = next(bytes, from, true) {
            let end = next(bytes, start, false).unwrap_or(bytes.len());
            from = end;
            let name = &part[start..end];
            let thanked = bytes[..start].ends_with(b"++") || bytes[end..].starts_with(b"++");
            let is_new = !found.iter().any(|known| known.eq_ignore_ascii_case(name));
            if thanked && is_new && is_user_name(name) {
                found.push(name);
            }
        }
    }
    found
}

fn next(bytes: &[u8], from: usize, is_name: bool) -> Option<usize> {
    let there = bytes[from..]
        .iter()
        .position(|byte| is_name_byte(*byte) == is_name)?;
    Some(from + there)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// CyTube escapes what users type, so a real `<` begins a tag.
fn outside_of_tags(text: &str) -> impl Iterator<Item = &str> {
    text.split('<').enumerate().map(|(at, part)| match at {
        0 => part,
        _ => part.split_once('>').map_or(part, |(_, after)| after),
    })
}
