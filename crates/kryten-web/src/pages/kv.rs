//! The pages of the buckets.

use askama::Template;
use axum::extract::{Path, State};

use super::frame::{Frame, Section};
use super::{Asked, Page, html};
use crate::links;
use crate::sources::App;
use crate::views::kv::{self, Buckets, KeyValue, Keys, WhichKey, WhichKeys};
use crate::words;

#[derive(Template)]
#[template(path = "buckets.html")]
struct BucketsPage {
    frame: Frame,
    buckets: Buckets,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    frame: Frame,
    keys: Keys,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "value.html")]
struct ValuePage {
    frame: Frame,
    found: KeyValue,
}

/// `GET /kv`
pub(super) async fn buckets(State(app): State<App>) -> Page {
    html(BucketsPage {
        buckets: kv::buckets(&app).await?,
        frame: Frame::new(&app, "Buckets", Section::Kv),
    })
}

/// `GET /kv/{bucket}`
pub(super) async fn keys(
    State(app): State<App>,
    Path(bucket): Path<String>,
    Asked(which): Asked<WhichKeys>,
) -> Page {
    let keys = kv::keys(&app, &bucket, &which).await?;
    let last = keys.keys.last().filter(|_| keys.more);
    html(KeysPage {
        frame: Frame::new(&app, &keys.bucket.name, Section::Kv),
        next: last.map(|last| links::keys(&keys.bucket.name, &keys.prefix, last)),
        keys,
    })
}

/// `GET /kv/{bucket}/value`
pub(super) async fn value(
    State(app): State<App>,
    Path(bucket): Path<String>,
    Asked(which): Asked<WhichKey>,
) -> Page {
    let found = kv::value(&app, &bucket, &which).await?;
    html(ValuePage {
        frame: Frame::new(&app, &found.key, Section::Kv),
        found,
    })
}

/// A key as it can be read: control characters are told, not done.
fn shown(key: &str) -> String {
    key.chars()
        .map(|letter| match letter.is_control() {
            true => letter.escape_unicode().to_string(),
            false => letter.to_string(),
        })
        .collect()
}
