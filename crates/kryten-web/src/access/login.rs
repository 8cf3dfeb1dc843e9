//! The page on which a visitor gives the token, and gets a cookie for it.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::Access;
use super::token::COOKIE;
use crate::error::PageError;

/// Where it is.
pub(super) const PATH: &str = "/login";
const MONTH_SECONDS: u32 = 30 * 24 * 3600;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    next: &'a str,
    is_wrong: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    next: String,
}

#[derive(Deserialize)]
struct Given {
    token: String,
    #[serde(default)]
    next: String,
}

/// To log in and out; nothing where there is no token.
pub(crate) fn routes(access: &Arc<Access>) -> Router {
    if !access.has_login() {
        return Router::new();
    }
    Router::new()
        .route(PATH, get(ask).post(take))
        .route("/logout", post(leave))
        .with_state(Arc::clone(access))
}

async fn ask(Query(asked): Query<Asked>) -> Result<Response, PageError> {
    page(StatusCode::OK, &asked.next, false)
}

async fn take(
    State(access): State<Arc<Access>>,
    headers: HeaderMap,
    Form(given): Form<Given>,
) -> Result<Response, PageError> {
    let token = access.token.as_ref();
    let Some(token) = token.filter(|token| token.is(given.token.trim())) else {
        return page(StatusCode::FORBIDDEN, &given.next, true);
    };
    let is_secure = headers
        .get("x-forwarded-proto")
        .is_some_and(|scheme| scheme == "https");
    let secure = if is_secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={}; Path=/; Max-Age={MONTH_SECONDS}; HttpOnly; SameSite=Strict{secure}",
        token.cookie()
    );
    let there = Redirect::to(own_path(&given.next));
    Ok(([(header::SET_COOKIE, cookie)], there).into_response())
}

async fn leave() -> Response {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    ([(header::SET_COOKIE, cookie)], Redirect::to(PATH)).into_response()
}

fn page(status: StatusCode, next: &str, is_wrong: bool) -> Result<Response, PageError> {
    let next = own_path(next);
    let page = LoginPage { next, is_wrong }.render()?;
    Ok((status, Html(page)).into_response())
}

/// A path of ours; whatever leads elsewhere leads to the first page.
fn own_path(next: &str) -> &str {
    let leads_here = next.starts_with('/')
        && !next.starts_with("//")
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if leads_here { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::own_path;

    #[test]
    fn logging_in_leads_nowhere_else() {
        assert_eq!(
            own_path("/channels/demo?domain=x"),
            "/channels/demo?domain=x"
        );
        for foreign in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "javascript:alert(1)",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }
}
