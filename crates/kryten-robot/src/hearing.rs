//! What the robot hears besides requests: other services' announcements, and the call to restart together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use kryten_client::Client;
use kryten_client::round_trip::round_trip;
use kryten_protocol::subject;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::office::Office;
use crate::services::Services;
use crate::stop_asked::StopAsked;

/// The delay of a group restart that names none, in seconds.
const USUAL_DELAY: f64 = 5.0;
/// A longer delay is none that somebody waits for.
const LONGEST_DELAY: f64 = 3600.0;

/// Notes announcements until the robot stops, and asks all services to announce themselves.
pub(crate) async fn follow_services(
    client: &Client,
    services: Arc<Mutex<Services>>,
    stop: CancellationToken,
) {
    let mut inbox = match client.listen("kryten.lifecycle.*.*", None).await {
        Ok(inbox) => inbox,
        Err(error) => {
            warn!(%error, "announcements of services cannot be heard");
            return;
        }
    };
    // Our own announcement comes next and is to be among them.
    round_trip(&client.nats()).await;
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                message = inbox.next() => message,
                () = stop.cancelled() => None,
            };
            let Some(message) = message else { break };
            let what = message
                .subject
                .as_str()
                .rsplit('.')
                .next()
                .unwrap_or_default();
            if let Ok(payload) = serde_json::from_slice::<Value>(&message.payload) {
                let mut services = services.lock().unwrap_or_else(PoisonError::into_inner);
                services.apply(what, &payload, crate::now());
            }
        }
    });
    let nats = client.nats();
    let poll = nats.publish(subject::DISCOVERY_POLL, "{}".into()).await;
    if let Err(error) = poll {
        warn!(%error, "services could not be asked to announce themselves");
    }
}

/// Stops the robot when a group restart is called, if the configuration lets it.
pub(crate) async fn follow_group_restart(office: Arc<Office>, stop: CancellationToken) {
    let subscribed = office.client.listen(subject::GROUP_RESTART, None).await;
    let mut inbox = match subscribed {
        Ok(inbox) => inbox,
        Err(error) => {
            warn!(%error, "calls for a group restart cannot be heard");
            return;
        }
    };
    round_trip(&office.client.nats()).await;
    tokio::spawn(async move {
        loop {
            let message = tokio::select! {
                message = inbox.next() => message,
                () = stop.cancelled() => None,
            };
            let Some(message) = message else { break };
            match restart_call(&message.payload) {
                Ok(_) if !office.live().remote_shutdown => {
                    info!(
                        "a group restart was called; commands.remote_shutdown is off, so the robot stays"
                    );
                }
                Ok((delay, reason)) => office.stop_after(delay, StopAsked::restart(reason)),
                Err(error) => warn!(error, "a call for a group restart makes no sense"),
            }
        }
    });
}

fn restart_call(body: &[u8]) -> Result<(Duration, String), &'static str> {
    let call: Value = serde_json::from_slice(body).map_err(|_| "it is no JSON")?;
    let delay = match call.get("delay_seconds") {
        None => USUAL_DELAY,
        Some(delay) => delay.as_f64().ok_or("delay_seconds is no number")?,
    };
    if !(0.0..=LONGEST_DELAY).contains(&delay) {
        return Err("delay_seconds is not between 0 and 3600");
    }
    let text = |field: &str, usual: &str| call[field].as_str().unwrap_or(usual).to_owned();
    let (who, why) = (
        text("initiator", "somebody"),
        text("reason", "no reason given"),
    );
    Ok((
        Duration::from_secs_f64(delay),
        format!("group restart by {who}: {why}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_for_a_restart_has_a_delay_that_somebody_waits_for() {
        let five = restart_call(br#"{"initiator":"ops","reason":"update"}"#).unwrap();
        assert_eq!(
            five,
            (
                Duration::from_secs(5),
                "group restart by ops: update".to_owned()
            )
        );
        assert_eq!(
            restart_call(br#"{"delay_seconds":0.5}"#).unwrap().0,
            Duration::from_millis(500)
        );
        for body in [
            &b"x"[..],
            br#"{"delay_seconds":"soon"}"#,
            br#"{"delay_seconds":-1}"#,
            br#"{"delay_seconds":1e9}"#,
        ] {
            assert!(restart_call(body).is_err());
        }
    }
}
