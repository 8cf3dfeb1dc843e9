//! The same as JSON, under `/api/v1`. A route and its description are made by one call, so that none is without.

mod document;
mod events;

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;

use crate::error::PageError;
use crate::sources::App;
use crate::views::{
    Which, channel, compare, find, history, kv, leaderboards, live, person, service,
};
use document::{Document, Parameter};

const CHANNEL: Parameter = Parameter::path("channel", "The channel, in any case");
const DOMAIN: Parameter = Parameter::text(
    "domain",
    "The CyTube host, where channels of several have the name",
);
const NAME: Parameter = Parameter::needed("name", "The person, in any case, or an alias");
const LIMIT: Parameter = Parameter::number("limit", "How many places, at most 500");
const DAYS: Parameter = Parameter::number("days", "How far back: 1, 7, 30 or 90");
const BUCKET: Parameter = Parameter::path("bucket", "The bucket");
const PREFIX: Parameter = Parameter::text("prefix", "How the keys begin");
const AFTER: Parameter = Parameter::text("after", "The last key of the page before");
const KEY: Parameter = Parameter::needed("key", "The key, any text");

/// All routes, and the document that describes them.
pub(crate) fn routes(shows_kv: bool) -> Router<App> {
    let document = Document::new()
        .route::<compare::Comparison>(
            "/api/v1/channels",
            "All channels side by side",
            &[],
            get(channels),
        )
        .route::<channel::ChannelView>(
            "/api/v1/channels/{channel}",
            "A channel at a moment, all in one",
            &[CHANNEL, DOMAIN],
            get(one_channel),
        )
        .route::<live::Live>(
            "/api/v1/channels/{channel}/live",
            "Who is here, what plays and what comes next, how fast people chat",
            &[CHANNEL, DOMAIN],
            get(live_now),
        )
        .stream::<live::Live>(
            "/api/v1/channels/{channel}/events",
            "The same whenever it changes, as server-sent events named `live`",
            &[CHANNEL, DOMAIN],
            get(events::stream),
        )
        .route::<leaderboards::Leaderboards>(
            "/api/v1/channels/{channel}/leaderboards",
            "Who leads, of all time",
            &[CHANNEL, DOMAIN, LIMIT],
            get(leaders),
        )
        .route::<history::History>(
            "/api/v1/channels/{channel}/history",
            "Population, chat, films and votes over days and weeks",
            &[CHANNEL, DOMAIN, DAYS],
            get(past),
        )
        .route::<person::Person>(
            "/api/v1/person",
            "What is known of a person in a domain",
            &[NAME, DOMAIN],
            get(one_person),
        )
        .route::<service::ServiceView>(
            "/api/v1/service",
            "Health, lag, drift and gaps",
            &[],
            get(services),
        );
    if !shows_kv {
        return document.finish();
    }
    document
        .route::<kv::Buckets>("/api/v1/kv", "All buckets", &[], get(buckets))
        .route::<kv::Keys>(
            "/api/v1/kv/{bucket}",
            "The keys of a bucket, 200 at a time",
            &[BUCKET, PREFIX, AFTER],
            get(keys),
        )
        .route::<kv::KeyValue>(
            "/api/v1/kv/{bucket}/value",
            "A value and its last revisions",
            &[BUCKET, KEY],
            get(value),
        )
        .finish()
}

/// An error as JSON.
pub(crate) struct ApiError(PageError);

impl<E: Into<PageError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.0.as_json()
    }
}

/// The query of an address, refused in our own words.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(refused) => Err(ApiError(PageError::Request(refused.body_text()))),
        }
    }
}

type Answer<T> = Result<Json<T>, ApiError>;

async fn channels(State(app): State<App>) -> Answer<compare::Comparison> {
    Ok(Json(compare::read(&app).await?))
}

async fn one_channel(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
) -> Answer<channel::ChannelView> {
    let at = find(&app, &name, &which)?;
    Ok(Json(channel::read(&app, at).await?))
}

async fn live_now(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
) -> Answer<live::Live> {
    let at = find(&app, &name, &which)?;
    Ok(Json(live::read(&app, at).await?))
}

async fn leaders(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
    Asked(how_many): Asked<leaderboards::HowMany>,
) -> Answer<leaderboards::Leaderboards> {
    let at = find(&app, &name, &which)?;
    Ok(Json(leaderboards::read(&app, at, &how_many).await?))
}

async fn past(
    State(app): State<App>,
    Path(name): Path<String>,
    Asked(which): Asked<Which>,
    Asked(how_far): Asked<history::HowFar>,
) -> Answer<history::History> {
    let at = find(&app, &name, &which)?;
    Ok(Json(history::read(&app, at, &how_far).await?))
}

async fn one_person(
    State(app): State<App>,
    Asked(whom): Asked<person::Whom>,
) -> Answer<person::Person> {
    Ok(Json(person::read(&app, &whom).await?))
}

async fn services(State(app): State<App>) -> Answer<service::ServiceView> {
    Ok(Json(service::read(&app).await?))
}

async fn buckets(State(app): State<App>) -> Answer<kv::Buckets> {
    Ok(Json(kv::buckets(&app).await?))
}

async fn keys(
    State(app): State<App>,
    Path(bucket): Path<String>,
    Asked(which): Asked<kv::WhichKeys>,
) -> Answer<kv::Keys> {
    Ok(Json(kv::keys(&app, &bucket, &which).await?))
}

async fn value(
    State(app): State<App>,
    Path(bucket): Path<String>,
    Asked(which): Asked<kv::WhichKey>,
) -> Answer<kv::KeyValue> {
    Ok(Json(kv::value(&app, &bucket, &which).await?))
}
