//! The live page: it renews itself without a script.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Html;
use kryten_protocol::time::WireTime;

use super::channel::{ChannelView, Which, find, view};
use super::{WebError, WebState};
use crate::config::ChannelConfig;

#[derive(Template)]
#[template(path = "channel.html")]
struct ChannelPage<'a> {
    view: &'a ChannelView,
    others: Vec<&'a ChannelConfig>,
}

/// The first configured channel.
pub(super) async fn first(State(state): State<WebState>) -> Result<Html<String>, WebError> {
    let channel = state.channels.first().ok_or(WebError::NoChannel)?;
    render(&state, channel).await
}

/// A channel by name.
pub(super) async fn channel(
    State(state): State<WebState>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
) -> Result<Html<String>, WebError> {
    let channel = find(&state, &name, &which)?;
    render(&state, channel).await
}

async fn render(state: &WebState, channel: &ChannelConfig) -> Result<Html<String>, WebError> {
    let view = view(state, channel).await?;
    let page = ChannelPage {
        view: &view,
        others: state.channels.iter().filter(|c| *c != channel).collect(),
    };
    Ok(Html(page.render()?))
}

/// A moment to the second, as people read it.
fn clock(time: &WireTime) -> String {
    let text = time.to_string();
    let date_and_time = text.get(..19).unwrap_or(&text);
    format!("{} UTC", date_and_time.replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{EmoteCount, MediaRow, UserCount, VoteSum};
    use crate::web::channel::{GapView, Playing, Present};

    /// What breaks out of a text, an attribute, a comment, a title or a style, in the usual disguises.
    const HOSTILE: [&str; 12] = [
        "<script>alert(1)</script>",
        "</title><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "<svg/onload=alert(1)>",
        "--><iframe src=javascript:alert(1)>",
        "<<script>script>alert(1)<</script>/script>",
        "</ol></main><form action=//evil.invalid><input name=q>",
        "<style>@import'//evil.invalid'</style>",
        "<meta http-equiv=refresh content=0;url=//evil.invalid>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\u{202e}<b>\u{0}</b>{{ 7*7 }}",
    ];

    fn page(hostile: &str) -> String {
        let text = || hostile.to_owned();
        let now = WireTime::from_micros(1_795_363_003_460_000);
        let view = ChannelView {
            domain: text(),
            channel: text(),
            at: now,
            as_of: Some(now),
            now_playing: Some(Playing {
                title: text(),
                kind: text(),
                id: text(),
            }),
            present: vec![Present {
                name: text(),
                since: now,
                afk: true,
            }],
            top_talkers: vec![UserCount {
                username: text(),
                count: 1,
            }],
            top_kudos: vec![UserCount {
                username: text(),
                count: 1,
            }],
            top_emotes: vec![EmoteCount {
                emote: text(),
                count: 1,
            }],
            votes: vec![VoteSum {
                media_title: text(),
                media_type: Some(text()),
                media_id: Some(text()),
                upvotes: 1,
                downvotes: 0,
                total_votes: 1,
                score: 1,
                last_vote: text(),
            }],
            media_history: vec![MediaRow {
                timestamp: text(),
                media_title: text(),
                media_type: Some(text()),
                media_id: Some(text()),
            }],
            population_24h: Vec::new(),
            messages_by_hour: Vec::new(),
            gaps: vec![GapView {
                from: now,
                to: now,
                reason: text(),
                chat_complete: false,
                lost: None,
            }],
            position: 1,
            lag_events: 0,
            problem: None,
        };
        let other = ChannelConfig {
            domain: text(),
            channel: text(),
        };
        let page = ChannelPage {
            view: &view,
            others: vec![&other],
        };
        page.render().unwrap()
    }

    /// The page's tags, each as it stands there; what is between them is text to a browser.
    fn tags(page: &str) -> Vec<&str> {
        let tags = page.split('<').skip(1);
        tags.map(|tag| tag.split_once('>').unwrap().0).collect()
    }

    #[test]
    fn nothing_that_others_wrote_becomes_a_tag_or_an_attribute() {
        let without_links = |page: &str| -> Vec<String> {
            let tags = tags(page).into_iter();
            let tag = |tag: &str| match tag.starts_with("a href=") {
                true => {
                    assert_eq!(tag.matches('"').count(), 2, "{tag}");
                    assert!(tag.starts_with("a href=\"/channels/"), "{tag}");
                    "a".to_owned()
                }
                false => tag.to_owned(),
            };
            tags.map(tag).collect()
        };
        let harmless = without_links(&page("harmless"));
        assert!(harmless.len() > 40);
        for hostile in HOSTILE {
            let page = page(hostile);
            assert_eq!(without_links(&page), harmless, "{hostile}");
            assert!(
                !page.contains(hostile),
                "{hostile} stands there as it was written"
            );
        }
    }
}
