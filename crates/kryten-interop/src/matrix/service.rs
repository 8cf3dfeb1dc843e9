//! What a service tells of itself.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use kryten_client::service::{Identity, Lifecycle, Service, endpoints};
use serde_json::{Map, Value, json};

use super::{CHANNEL, DOMAIN, Matrix, SAME, with};

const NAME: &str = "greeter";
const VERSION: &str = "2.0";
const SERVED: [(&str, u16, &str); 2] = [("health", 8080, "/health"), ("metrics", 9090, "/m")];

pub(super) async fn run(matrix: &mut Matrix<'_>) {
    if let Err(error) = tried(matrix).await {
        matrix
            .report
            .add("a service starts on both sides", Err(error));
    }
}

async fn tried(matrix: &mut Matrix<'_>) -> anyhow::Result<()> {
    let client = matrix.sides.rust.clone();
    let service = json!({"name": NAME, "version": VERSION, "health_port": 8080, "metrics_port": 9090, "metrics_path": "/m"});
    let serve = json!({"do": "serve", "domain": DOMAIN, "channel": CHANNEL, "service": service});
    let builder = Service::builder(NAME, VERSION)
        .endpoints(SERVED)
        .heartbeat(None);
    let started = builder.start(&client);
    let returned = matrix
        .row("KrytenClient.connect", serve, SAME, started)
        .await;
    let (_, service) = returned.context("it did not start")?;

    let identity = Identity {
        fields: endpoints(SERVED),
        ..Identity::new(NAME, VERSION)
    };
    let lifecycle = Lifecycle::new(&client, identity)?;
    let (target, reason) = ("CyTube", "the connection was lost");
    let soon = Duration::from_secs(5);
    announced(
        matrix,
        "publish_startup",
        json!([]),
        lifecycle.startup(Map::new()),
    )
    .await;
    let fields = Map::from_iter([("channels".to_owned(), json!(2))]);
    announced(
        matrix,
        "publish_startup",
        json!({"channels": 2}),
        lifecycle.startup(fields),
    )
    .await;
    announced(
        matrix,
        "publish_heartbeat",
        json!([]),
        lifecycle.heartbeat(),
    )
    .await;
    announced(
        matrix,
        "publish_connected",
        json!([target]),
        lifecycle.connected(target),
    )
    .await;
    let lost = lifecycle.disconnected(target, reason);
    announced(
        matrix,
        "publish_disconnected",
        json!([target, reason]),
        lost,
    )
    .await;
    announced(
        matrix,
        "publish_shutdown",
        json!([reason]),
        lifecycle.shutdown(reason),
    )
    .await;
    let restart = lifecycle.ask_all_to_restart(reason, soon);
    announced(matrix, "publish_group_restart", json!([reason, 5]), restart).await;

    let disconnect =
        json!({"do": "call", "on": "service", "method": "disconnect", "args": [reason]});
    let stopped = done(service.stop(reason));
    matrix
        .row("KrytenClient.disconnect", disconnect, SAME, stopped)
        .await;
    Ok(())
}

async fn announced(
    matrix: &mut Matrix<'_>,
    method: &str,
    arguments: Value,
    ours: impl Future<Output = ()>,
) {
    let call = with(
        json!({"do": "call", "on": "lifecycle", "method": method}),
        arguments,
    );
    let ours = done(ours);
    let name = format!("LifecycleEventPublisher.{method}");
    matrix.row(&name, call, SAME, ours).await;
}

/// What cannot fail, as a row wants it.
async fn done(ours: impl Future<Output = ()>) -> Result<(), Infallible> {
    ours.await;
    Ok(())
}
