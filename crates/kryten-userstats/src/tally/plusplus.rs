//! `++name` and `name++`.

use super::chars::next_run;

/// The names that a line thanks with `++`: first all that directly follow a `++`, then all that it directly follows.
///
/// A name between two `++` is there twice, and `c++` names `c`: existing counts were made so.
pub fn plusplus(text: &str) -> Vec<&str> {
    if !text.contains("++") {
        return Vec::new();
    }
    let bytes = text.as_bytes();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut from = 0;
    while let Some((start, end)) = next_run(text, from) {
        if bytes[..start].ends_with(b"++") {
            before.push(&text[start..end]);
        }
        if bytes[end..].starts_with(b"++") {
            after.push(&text[start..end]);
        }
        from = end;
    }
    before.append(&mut after);
    before
}
