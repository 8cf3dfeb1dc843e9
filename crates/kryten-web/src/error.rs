//! Why something is not shown: one sentence for the visitor, the cause for the log.

use askama::Template;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use kryten_client::KvError;
use kryten_userstats::queries::QueryError;
use kryten_userstats::store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;
use std::net::SocketAddr;

use crate::config::ConfigProblem;
use crate::links;

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The settings are wrong.
    #[error(transparent)]
    Config(#[from] ConfigProblem),
    /// The address cannot be used.
    #[error("cannot listen on {address} for the web page")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Who is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("log in first: send the token as `Authorization: Bearer …`")]
    NotLoggedIn,
    #[error("this page is open through its proxy only")]
    NotThroughTheProxy,
    #[error(
        "this page is not known under that name; ask for it by its address, or add the name with --web-name"
    )]
    UnknownHost,
    #[error("too many requests; wait a moment")]
    TooMany,
}

/// Why a page or an answer cannot be given.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error("no such channel is counted here")]
    NoChannel,
    #[error("nobody of this name is known here")]
    NoPerson,
    #[error("there is no such bucket or key")]
    NoKey,
    #[error("there is no such page")]
    NoPage,
    #[error("only reading is possible here")]
    OnlyReading,
    #[error("too many live pages are open; close one, or wait")]
    TooManyStreams,
    #[error("the NATS server is away; this page needs it")]
    NatsAway,
    #[error("the request cannot be read: {0}")]
    Request(String),
    #[error("the bucket cannot be read")]
    Kv(#[source] KvError),
    #[error("the database does not answer; try again later")]
    Store(#[from] StoreError),
    #[error("the question cannot be answered")]
    Query(#[source] QueryError),
    #[error("the page cannot be written")]
    Template(#[from] askama::Error),
    #[error("the picture cannot be drawn")]
    Chart(#[from] crate::charts::ChartError),
}

/// What an error is as JSON.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ErrorBody {
    /// One sentence.
    pub(crate) error: String,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    sentence: &'a str,
}

impl From<KvError> for PageError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::BucketMissing { .. }
            | KvError::BadBucketName { .. }
            | KvError::NotABucket { .. }
            | KvError::BadKey { .. } => Self::NoKey,
            KvError::ServerAway | KvError::TimedOut | KvError::JetStreamOff => Self::NatsAway,
            other => Self::Kv(other),
        }
    }
}

impl From<QueryError> for PageError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Store(error) => Self::Store(error),
            other => Self::Query(other),
        }
    }
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoChannel | Self::NoPerson | Self::NoKey | Self::NoPage => StatusCode::NOT_FOUND,
            Self::OnlyReading => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::Request(_) => StatusCode::BAD_REQUEST,
            Self::NatsAway | Self::Kv(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Query(_) | Self::Template(_) | Self::Chart(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// The status and the sentence; what a person should look at goes to the log here.
    fn told(&self) -> (StatusCode, String) {
        let status = self.status();
        if status.is_server_error() && !matches!(self, Self::NatsAway) {
            tracing::warn!(
                error = self as &dyn std::error::Error,
                "a page could not be shown"
            );
        }
        (status, self.to_string())
    }

    /// The answer of the API.
    pub(crate) fn as_json(&self) -> Response {
        let (status, error) = self.told();
        (status, Json(ErrorBody { error })).into_response()
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, sentence) = self.told();
        error_page(status, &sentence)
    }
}

fn error_page(status: StatusCode, sentence: &str) -> Response {
    let page = ErrorPage {
        title: status.canonical_reason().unwrap_or("Error"),
        sentence,
    };
    match page.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(_) => (status, sentence.to_owned()).into_response(),
    }
}

/// Sends somebody away: browsers to where they can log in, programs with a status.
pub(crate) fn refuse(refused: Refused, uri: &Uri, headers: &HeaderMap) -> Response {
    let wants_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if refused == Refused::NotLoggedIn && wants_html && !uri.path().starts_with("/api/") {
        let here = uri.path_and_query().map_or("/", |path| path.as_str());
        return Redirect::to(&format!("/login?next={}", links::encoded(here))).into_response();
    }
    let (status, name, value) = match refused {
        Refused::NotLoggedIn => (
            StatusCode::UNAUTHORIZED,
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer"),
        ),
        Refused::NotThroughTheProxy => (StatusCode::FORBIDDEN, header::VARY, header::ACCEPT.into()),
        Refused::UnknownHost => (
            StatusCode::MISDIRECTED_REQUEST,
            header::VARY,
            header::HOST.into(),
        ),
        Refused::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            header::RETRY_AFTER,
            HeaderValue::from_static("10"),
        ),
    };
    let sentence = refused.to_string();
    let mut response = match wants_html {
        true => error_page(status, &sentence),
        false => (status, Json(ErrorBody { error: sentence })).into_response(),
    };
    response.headers_mut().insert(name, value);
    response
}
