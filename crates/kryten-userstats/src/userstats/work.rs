//! Everything that needs NATS: the parts of the service, begun and ended together.

use std::sync::Arc;
use std::time::Duration;

use kryten_client::respond::{Refusal, RespondError, Responder};
use kryten_client::round_trip::round_trip;
use kryten_client::{Client, ConnectError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::UserstatsError;
use crate::answers::{Answers, Questions};
use crate::backfill::Channel;
use crate::config::Config;
use crate::counting::{Counting, CountingError, Inputs, Shared, now};
use crate::instances::{Duty, Instances};
use crate::lifecycle::Lifecycle;
use crate::queries::{Queries, past_source};
use crate::status::Status;
use crate::store::Store;

/// The pause between attempts to reach NATS.
const RETRY: Duration = Duration::from_secs(1);
/// Requests are answered from now on, even where a long backlog is still being counted.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// Everything that needs NATS.
pub(super) async fn work(
    config: Config,
    store: Store,
    shared: Shared,
) -> Result<(), UserstatsError> {
    let Some(client) = connect(&config, &shared).await? else {
        return Ok(());
    };
    shared.status.connected(client.clone());
    info!("connected to NATS");
    let (inputs, asked) = Inputs::new();
    let (questions, to_answer) = Questions::new();
    let queries = Queries::new(
        store.clone(),
        Arc::clone(&shared.status),
        &config,
        Arc::clone(&shared.names_changed),
    )
    .with_inputs(inputs.clone())
    .with_log_levels(Arc::clone(&shared.log_levels));
    let duty = Arc::new(Duty::new());
    let lifecycle = Lifecycle::new(&client, &config, &duty.instance).map_err(RespondError::from)?;
    let announcing = tokio::spawn(
        lifecycle
            .clone()
            .run(Arc::clone(&shared.robot_started), shared.stop.clone()),
    );
    let (counted_tx, counted) = watch::channel(false);
    let counting_shared = Shared {
        ready: Arc::new(counted_tx),
        ..shared.clone()
    };
    let mut instances = Instances::new(
        store.clone(),
        Arc::clone(&shared.status),
        Arc::clone(&duty),
        &config,
    );
    // It goes on until what is counted is committed.
    let (stop_sharing, stop_all) = (CancellationToken::new(), shared.stop.clone());
    let sharing = {
        let stop = stop_sharing.clone();
        tokio::spawn(async move {
            let ended = instances.run(stop.clone()).await;
            if ended.is_err() {
                stop_all.cancel();
            }
            stop.cancelled().await;
            instances.leave().await;
            ended
        })
    };
    let _sharing_ends = stop_sharing.clone().drop_guard();
    let counting = Counting::new(
        client.clone(),
        store,
        config.clone(),
        counting_shared,
        (asked, questions),
        duty,
    );
    let guard = shared.stop.clone().drop_guard();
    let counting = tokio::spawn(async move {
        // Whatever ends counting ends the service.
        let _guard = guard;
        counting.run().await
    });
    let answers = Answers::new(client.clone(), queries.clone(), config.answers.clone());
    let answering = tokio::spawn(answers.run(to_answer, shared.stop.clone()));
    let backfilling = tokio::spawn(backfill_at_start(
        inputs.clone(),
        config,
        Arc::clone(&shared.status),
        counted.clone(),
    ));
    let responder = answer(&client, queries, &shared, counted).await;
    if responder.is_err() {
        shared.stop.cancel();
    }
    // What had been folded is not committed then, and is read again at the next start.
    let counted = counting.await.unwrap_or(Err(CountingError::Broke));
    shared.stop.cancel();
    stop_sharing.cancel();
    let shared_well = sharing.await;
    if let Some(responder) = responder?.and_then(Arc::into_inner) {
        responder.stop().await;
    }
    let _ = announcing.await;
    let _ = answering.await;
    backfilling.abort();
    lifecycle.shutdown("Normal shutdown").await;
    let _ = tokio::time::timeout(RETRY, round_trip(&client.nats())).await;
    if let Ok(Err(error)) = shared_well {
        return Err(error.into());
    }
    Ok(counted?)
}

/// Counts what the configuration names of the past, once the present is counted.
async fn backfill_at_start(
    inputs: Inputs,
    config: Config,
    status: Arc<Status>,
    mut counted: watch::Receiver<bool>,
) {
    if counted.wait_for(|counted| *counted).await.is_err() {
        return;
    }
    let Some(first) = config.channels.first() else {
        return;
    };
    if status.view().sharing.here.is_empty() {
        info!("the past is left to the instance that counts the channels");
        return;
    }
    for name in &config.backfill_at_start {
        let of = Channel {
            domain: first.domain.clone(),
            channel: first.channel.clone(),
        };
        let folder = config.backfill_folder.as_deref();
        let source = past_source(name, folder, of, jiff::tz::TimeZone::system(), None);
        let done = match source {
            Ok(source) => match inputs.backfill(source).await {
                Ok(done) => done.map_err(|error| error.to_string()),
                Err(_) => return,
            },
            Err(problem) => Err(problem),
        };
        if let Err(problem) = done {
            warn!(source = name, %problem, "{name} of backfill.at_start is not counted: {problem}");
        }
    }
}

/// Answers requests once the backlog is counted, and says so.
async fn answer(
    client: &Client,
    queries: Queries,
    shared: &Shared,
    mut counted: watch::Receiver<bool>,
) -> Result<Option<Arc<Responder>>, RespondError> {
    tokio::select! {
        // Where counting has ended there is still something to read.
        _ = counted.wait_for(|counted| *counted) => {}
        () = tokio::time::sleep(LONGEST_SILENCE) => {}
        () = shared.stop.cancelled() => return Ok(None),
    }
    let queries = Arc::new(queries);
    let responder = Responder::start(client, "userstats", move |request| {
        let queries = Arc::clone(&queries);
        async move {
            let answer = queries.answer(&request, now()).await;
            answer.map_err(|error| {
                if let crate::queries::QueryError::Store(error) = &error {
                    warn!(
                        command = request.command,
                        error = error as &dyn std::error::Error,
                        "a request failed"
                    );
                }
                Refusal(error.to_string())
            })
        }
    })
    .await?;
    let responder = Arc::new(responder);
    shared.status.answers_with(&responder);
    info!("answering requests on kryten.userstats.command");
    tokio::select! {
        counted = counted.wait_for(|counted| *counted) => {
            if counted.is_ok() {
                shared.ready.send_replace(true);
            }
        }
        () = shared.stop.cancelled() => {}
    }
    Ok(Some(responder))
}

/// Tries until a server answers; `None` when told to stop meanwhile.
async fn connect(config: &Config, shared: &Shared) -> Result<Option<Client>, UserstatsError> {
    let mut told = false;
    loop {
        shared.status.pulse.beat();
        let attempt = tokio::select! {
            attempt = Client::connect(&config.nats) => attempt,
            () = shared.stop.cancelled() => return Ok(None),
        };
        match attempt {
            Ok(client) => return Ok(Some(client)),
            Err(error @ ConnectError::Setting(_)) => return Err(error.into()),
            Err(error) if !told => {
                told = true;
                warn!("{error}; trying again until it answers");
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = shared.stop.cancelled() => return Ok(None),
        }
    }
}
