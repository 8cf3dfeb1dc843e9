//! The pages: each a view, dressed. They need no script; what a script adds is that they renew themselves.

mod channel;
mod compare;
mod frame;
mod history;
mod kv;
mod leaderboards;
mod person;
mod service;

use askama::Template;
use axum::Router;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::Html;
use axum::routing::get;
use serde::de::DeserializeOwned;

use crate::error::PageError;
use crate::sources::App;

/// All pages.
pub(crate) fn routes(shows_kv: bool) -> Router<App> {
    let pages = Router::new()
        .route("/", get(channel::first))
        .route("/channels", get(compare::page))
        .route("/channels/{channel}", get(channel::page))
        .route("/channels/{channel}/rate.svg", get(channel::rate))
        .route("/channels/{channel}/leaderboards", get(leaderboards::page))
        .route("/channels/{channel}/history", get(history::page))
        .route("/person", get(person::page))
        .route("/service", get(service::page));
    if !shows_kv {
        return pages;
    }
    pages
        .route("/kv", get(kv::buckets))
        .route("/kv/{bucket}", get(kv::keys))
        .route("/kv/{bucket}/value", get(kv::value))
}

type Page = Result<Html<String>, PageError>;

fn html(page: impl Template) -> Page {
    Ok(Html(page.render()?))
}

/// The query of an address, refused in our own words.
struct Asked<T>(T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(refused) => Err(PageError::Request(refused.body_text())),
        }
    }
}
