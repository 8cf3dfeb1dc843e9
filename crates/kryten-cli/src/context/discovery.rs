//! Asks all robots which channels they serve.

use std::time::Duration;

use anyhow::Context;
use async_nats::StatusCode;
use futures_util::StreamExt;
use kryten_client::Client;
use kryten_protocol::command::{Reply, Request};
use kryten_protocol::robot::{SERVICE, reply};
use kryten_protocol::subject;
use tokio::time::{Instant, timeout_at};

use crate::connection_file::ChannelName;

/// How long to wait for the first robot.
const FIRST: Duration = Duration::from_secs(2);
/// How long to wait for another one after each answer. They answer within milliseconds.
const FURTHER: Duration = Duration::from_millis(150);

/// The channels of all robots that answer; none where none does.
pub(super) async fn served_channels(client: &Client) -> anyhow::Result<Vec<ChannelName>> {
    let asking = async {
        let nats = client.nats();
        let inbox = nats.new_inbox();
        let mut answers = nats.subscribe(inbox.clone()).await?;
        let request = serde_json::to_vec(&Request::new(SERVICE, "system.channels"))?;
        nats.publish_with_reply(subject::command(SERVICE)?, inbox, request.into())
            .await?;
        let mut channels: Vec<ChannelName> = Vec::new();
        let mut deadline = Instant::now() + FIRST;
        while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                break;
            }
            let reply = serde_json::from_slice::<Reply>(&answer.payload).ok();
            let served = reply
                .and_then(|reply| reply::channels(&reply.data?))
                .unwrap_or_default();
            for served in served {
                let channel = ChannelName {
                    domain: served.domain,
                    channel: served.channel,
                };
                // A robot that stands by says it too.
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
            deadline = Instant::now() + FURTHER;
        }
        Ok::<_, anyhow::Error>(channels)
    };
    asking.await.context("cannot ask which channels there are")
}
