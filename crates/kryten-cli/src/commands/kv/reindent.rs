//! Spreads JSON over lines for an editor and brings it onto one line again, without touching a number or a text. Pure.

/// Valid JSON over several lines, two blanks for each level.
pub(super) fn spread(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let mut depth: usize = 0;
    let squeezed = squeeze(json);
    let mut tokens = Tokens::new(&squeezed).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "{" | "[" => {
                out.push_str(token);
                let closes = if token == "{" { "}" } else { "]" };
                if tokens.peek() == Some(&closes) {
                    out.push_str(closes);
                    tokens.next();
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            "}" | "]" => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push_str(token);
            }
            "," => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ":" => out.push_str(": "),
            other => out.push_str(other),
        }
    }
    out
}

/// Valid JSON on one line, without blanks outside of texts.
pub(super) fn squeeze(json: &str) -> String {
    Tokens::new(json).collect()
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Punctuation, and what stands between it.
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn new(json: &'a str) -> Self {
        Self { rest: json }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let first = *rest.as_bytes().first()?;
        let length = match first {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => {
                let mut is_escaped = false;
                let end = rest.bytes().skip(1).position(|byte| {
                    let ends = byte == b'"' && !is_escaped;
                    is_escaped = byte == b'\\' && !is_escaped;
                    ends
                });
                end.map_or(rest.len(), |end| end + 2)
            }
            _ => rest
                .find([' ', '\t', '\n', '\r', '{', '}', '[', ']', ',', ':', '"'])
                .unwrap_or(rest.len()),
        };
        let (token, rest) = rest.split_at(length);
        self.rest = rest;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_spread_and_squeezed_without_a_change() {
        let json = r#"{"a":[1,-2.50e+10,123456789012345678901234567890],"b":{},"c":[],"d\"}":"x , : {\\","e":null}"#;
        let lines = r#"{
  "a": [
    1,
    -2.50e+10,
    123456789012345678901234567890
  ],
  "b": {},
  "c": [],
  "d\"}": "x , : {\\",
  "e": null
}"#;
        assert_eq!(spread(json), lines);
        assert_eq!(squeeze(lines), json);
        for plain in ["1", "\"\"", "true", "[]"] {
            assert_eq!(spread(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_spread_is_squeezed_back(text in r#"[\[\]{},:"\\a-z0-9 .é]{0,40}"#, key in ".{0,10}") {
            let json = serde_json::json!({key: [text, 1.5, null, {"a": []}]}).to_string();
            prop_assert_eq!(squeeze(&spread(&json)), json);
        }

        #[test]
        fn nonsense_does_not_panic(text in r#"[\[\]{},:"\\a ]{0,40}"#) {
            squeeze(&text);
        }
    }
}
