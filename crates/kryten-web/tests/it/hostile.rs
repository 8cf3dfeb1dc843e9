//! What hostile people and robots write stays text.

use serde_json::json;

use crate::bench::{Bench, get};

/// What breaks out of a text, an attribute, a comment, a title, a style or a script, in the usual disguises.
///
/// A JSON list.
const HOSTILE: &str = include_str!("../../../../fixtures/hostile_texts.json");
const PATHS: [&str; 9] = [
    "/",
    "/channels/Lounge/leaderboards",
    "/channels/Lounge/history",
    "/channels",
    "/service",
    "/kv",
    "/kv/hostile",
    "/person?name=NAME",
    "/kv/hostile/value?key=NAME",
];

#[tokio::test]
async fn names_titles_and_values_with_markup_are_text_on_every_page() {
    let hostile: Vec<String> = serde_json::from_str(HOSTILE).unwrap();
    let bench = Bench::new().await;
    for (number, evil) in hostile.iter().enumerate() {
        bench
            .event("addUser", &json!({"name": evil, "rank": 1, "meta": {}}))
            .await;
        let film = json!({"title": evil, "type": evil, "id": evil, "seconds": 1, "duration": evil, "currentTime": 0, "paused": false});
        bench.event("changeMedia", &film).await;
        bench.say(evil, &format!("{number} nobody++")).await;
        bench.put("hostile", evil, evil.clone()).await;
    }
    let item = |(uid, evil): (usize, &String)| json!({"uid": uid, "temp": true, "queueby": evil, "media": {"title": evil, "type": "yt", "id": evil, "seconds": 1, "duration": evil, "meta": {}}});
    let items: Vec<_> = hostile.iter().enumerate().map(item).collect();
    bench
        .put("kryten_Lounge_playlist", "items", json!(items).to_string())
        .await;
    bench.counted().await;
    let page = bench.page().await;
    for evil in hostile {
        let name: String = evil.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in PATHS {
            let path = path.replace("NAME", &name);
            let body = get(&page, &path).await.body;
            only_our_tags(&body, &path);
        }
    }
    let live = get(&page, "/").await.body;
    assert!(live.contains("&#60;svg/onload=alert(1)&#62;"), "{live}");
}

/// Every tag of a page is one of ours, with attributes of ours; what is between them is text to a browser.
fn only_our_tags(page: &str, path: &str) {
    const TAGS: [&str; 51] = [
        "a",
        "body",
        "br",
        "button",
        "caption",
        "code",
        "dd",
        "desc",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "head",
        "header",
        "html",
        "input",
        "label",
        "li",
        "link",
        "main",
        "meta",
        "nav",
        "noscript",
        "ol",
        "p",
        "path",
        "polygon",
        "polyline",
        "line",
        "pre",
        "rect",
        "script",
        "section",
        "span",
        "strong",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "template",
        "text",
        "th",
        "thead",
    ];
    for tag in page.split('<').skip(1) {
        let (tag, _) = tag
            .split_once('>')
            .unwrap_or_else(|| panic!("{path}: a tag without an end: {tag}"));
        let name = tag
            .trim_start_matches('/')
            .split([' ', '\n', '/'])
            .next()
            .unwrap_or_default();
        let known =
            TAGS.contains(&name) || ["title", "ul", "tr", "!doctype", "small"].contains(&name);
        assert!(known, "{path}: <{tag}>");
        if name == "script" {
            assert!(
                tag == "/script" || tag == "script src=\"/assets/kryten.js\" defer",
                "{path}: <{tag}>"
            );
        }
        if name == "meta" && tag.contains("refresh") {
            assert_eq!(tag, "meta http-equiv=\"refresh\" content=\"5\"", "{path}");
        }
        for attribute in attributes(tag) {
            assert!(
                !attribute.starts_with("on") && attribute != "style",
                "{path}: <{tag}>"
            );
            assert!(
                attribute
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_:!".contains(&byte)),
                "{path}: <{tag}>"
            );
        }
        for place in tag.split(['"']).collect::<Vec<_>>().windows(2) {
            let is_link = ["href=", "src=", "action=", "data-events=", "data-picture="]
                .iter()
                .any(|name| place[0].ends_with(name));
            assert!(
                !is_link || place[1].starts_with('/') || place[1] == "#main",
                "{path}: <{tag}>"
            );
        }
    }
}

/// The names of a tag's attributes.
fn attributes(tag: &str) -> Vec<String> {
    let (mut names, mut in_value) = (Vec::new(), false);
    for part in tag.split('"') {
        if !in_value {
            let words = part.split_ascii_whitespace().skip(usize::from(
                names.is_empty() && part.as_ptr() == tag.as_ptr(),
            ));
            names.extend(words.map(|word| word.trim_end_matches('=').trim_matches('/').to_owned()));
        }
        in_value = !in_value;
    }
    names.retain(|name| !name.is_empty());
    names
}
