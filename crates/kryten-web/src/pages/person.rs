//! A person's page.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use kryten_protocol::time::WireTime;

use super::frame::{Frame, Section};
use super::{Asked, html};
use crate::error::PageError;
use crate::sources::App;
use crate::views::person::{self, Person, Whom};
use crate::words;

const EMOTES_SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "person.html")]
struct PersonPage {
    frame: Frame,
    person: Person,
}

#[derive(Template)]
#[template(path = "nobody.html")]
struct NobodyPage<'a> {
    frame: Frame,
    name: &'a str,
}

/// `GET /person?name=…`
pub(super) async fn page(
    State(app): State<App>,
    Asked(whom): Asked<Whom>,
) -> Result<Response, PageError> {
    if whom.name.trim().is_empty() {
        let frame = Frame::new(&app, "People", Section::Person);
        return Ok(html(NobodyPage { frame, name: "" })?.into_response());
    }
    match person::read(&app, &whom).await {
        Ok(person) => {
            let frame = Frame::new(&app, &person.username, Section::Person);
            Ok(html(PersonPage { frame, person })?.into_response())
        }
        Err(PageError::NoPerson) => {
            let frame = Frame::new(&app, "Nobody", Section::Person);
            let page = NobodyPage {
                frame,
                name: whom.name.trim(),
            };
            Ok((StatusCode::NOT_FOUND, html(page)?).into_response())
        }
        Err(error) => Err(error),
    }
}

/// The day of a moment as the database has it.
fn day(text: &str) -> String {
    match WireTime::parse(text) {
        Some(time) => words::formatted(time.micros(), &TimeZone::UTC, "%Y-%m-%d"),
        None => text.to_owned(),
    }
}
