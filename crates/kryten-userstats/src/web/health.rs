//! `/health` and `/metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use kryten_protocol::token::normalize;
use serde_json::{Value, json};

use super::WebState;
use crate::metrics;
use crate::status::Source;

/// The original's fields in their order, then ours. 503 where the service cannot do its work: a missing event stream
/// is no such case, but `status` says `degraded`.
pub(super) async fn health(State(state): State<WebState>) -> (StatusCode, Json<Value>) {
    let view = state.status.view();
    let users = state.store.user_count().await.ok();
    let database = view.database_ok && users.is_some();
    let works =
        view.nats_connected && database && view.ready && view.lost_channels == 0 && !view.has_ended;
    let mut body = json!({
        "service": "userstats",
        "status": if works && view.is_healthy() { "healthy" } else { "degraded" },
        "uptime_seconds": (view.uptime_seconds * 100.0).round() / 100.0,
        "nats_connected": view.nats_connected,
        "database": if database { "connected" } else { "disconnected" },
    });
    match users {
        Some(users) => body["total_users_tracked"] = users.into(),
        None => body["database_query_error"] = true.into(),
    }
    body["active_sessions"] = view.open_visits.into();
    body["channels_configured"] = state.channels.len().into();
    body["counting_from_stream"] = (view.source == Source::Stream).into();
    body["lag_events"] = view.lag.into();
    body["position"] = view.sequence.into();
    let names = |counted: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let ours = state
            .channels
            .iter()
            .map(|channel| channel.channel.as_str());
        ours.filter(|channel| counted(&normalize(channel)))
            .collect()
    };
    let sharing = &view.sharing;
    body["instance"] = sharing.instance.as_str().into();
    body["instances"] = sharing.instances.into();
    body["channels_here"] = names(&|token| sharing.here.contains(token)).into();
    body["channels_elsewhere"] =
        names(&|token| sharing.elsewhere.contains_key(token) && !sharing.here.contains(token))
            .into();
    body["problem"] = json!(view.problem());
    let status = match works {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(body))
}

pub(super) async fn metrics(State(state): State<WebState>) -> impl IntoResponse {
    let store = state.store.clone();
    let read = async move { store.all_totals().await.ok() };
    let totals = state.totals.get(read).await;
    let of_channels = totals.as_deref().map(|totals| {
        let channels = state.channels.iter();
        channels
            .map(|channel| totals.of(&channel.domain, &channel.channel))
            .collect::<Vec<_>>()
    });
    let drift = state.status.drift_log().totals();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        metrics::render(
            &state.status.view(),
            totals.as_deref().map(|totals| &totals.all),
        ) + &metrics::channels::render(&of_channels.unwrap_or_default(), &drift),
    )
}
