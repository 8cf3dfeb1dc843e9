//! Waits until the server has worked off what was sent to it.

use std::time::Duration;

use futures_util::StreamExt;

const PATIENCE: Duration = Duration::from_secs(5);

/// Sends a message to ourselves and waits for it: what was sent before, such as a subscription, is then in force.
/// Flushing alone only hands it to the system. `false` when nothing came back in time.
pub async fn round_trip(nats: &async_nats::Client) -> bool {
    let inbox = nats.new_inbox();
    let trip = async {
        let mut back = nats.subscribe(inbox.clone()).await.ok()?;
        nats.publish(inbox, Default::default()).await.ok()?;
        let came = back.next().await;
        let _ = back.unsubscribe().await;
        came
    };
    let came = tokio::time::timeout(PATIENCE, trip).await;
    came.is_ok_and(|message| message.is_some())
}
