//! The page of how the services are.

use askama::Template;
use axum::extract::State;

use super::frame::{Frame, Section};
use super::{Page, html};
use crate::sources::App;
use crate::views::service::{self, ServiceView};
use crate::words;

#[derive(Template)]
#[template(path = "service.html")]
struct ServicePage {
    frame: Frame,
    service: ServiceView,
}

/// `GET /service`
pub(super) async fn page(State(app): State<App>) -> Page {
    html(ServicePage {
        frame: Frame::new(&app, "Service", Section::Service),
        service: service::read(&app).await?,
    })
}

fn up_for(seconds: &f64) -> String {
    words::span(&(*seconds as i64))
}
