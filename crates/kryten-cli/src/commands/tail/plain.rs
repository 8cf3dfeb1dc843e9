//! A chat line as people read it: CyTube sends HTML. Pure.

/// Without tags, and with `&lt;` and the like as the characters that they mean. A picture is its title.
pub(super) fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken = if rest.starts_with('<') {
            tag(rest)
        } else {
            entity(rest)
        };
        match taken {
            Some((meant, length)) => {
                text.push_str(&meant);
                rest = &rest[length..];
            }
            None => {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

fn tag(rest: &str) -> Option<(String, usize)> {
    let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let end = rest.find('>').filter(|_| is_tag)?;
    let inner = &rest[..end];
    let title = inner.starts_with("<img").then(|| {
        let from = inner.find("title=\"")? + "title=\"".len();
        let title = &inner[from..];
        Some(plain(&title[..title.find('"')?]))
    });
    Some((title.flatten().unwrap_or_default(), end + 1))
}

fn entity(rest: &str) -> Option<(String, usize)> {
    const LONGEST: usize = 10;
    let end = rest.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = &rest[1..end];
    let meant = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((meant.to_string(), end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn html_becomes_text() {
        for (html, text) in [
            ("plain", "plain"),
            ("a &lt;b&gt; &amp; &quot;c&#39; &#x2603;", "a <b> & \"c' ☃"),
            ("<strong>bold</strong> <em>x</em>", "bold x"),
            (
                r#"<img class="channel-emote" src="x" title="Kappa"> hi"#,
                "Kappa hi",
            ),
            (
                "1 < 2 & 3 &bogus; &#1114112; <",
                "1 < 2 & 3 &bogus; &#1114112; <",
            ),
            ("&amp;lt;", "&lt;"),
        ] {
            assert_eq!(plain(html), text, "{html}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(html in r#"([<>&;#"/a-z=☃]|&#x?[0-9]{0,7};|<img title=")*"#) {
            plain(&html);
        }
    }
}
