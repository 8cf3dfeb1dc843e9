//! Which channels are counted here: taken over and left while the service runs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kryten_client::EventStream;
use kryten_protocol::token::normalize;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::subjects::filters_of;
use super::{Book, Counting, Ended, RETRY, past};
use crate::config::ChannelConfig;
use crate::status::Source;
use crate::store::{Claim, StoreError};
use crate::tally::Listening;

/// When channels that were refused are asked for again: by then it is known who holds them.
const ASK_AGAIN: Duration = Duration::from_secs(3);
/// How often one who stands by gives a sign.
const SIGN: Duration = Duration::from_secs(1);

impl Counting {
    /// Sees to it that the wanted channels are ours and no others; `false` when told to stop meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] at the start, where waiting does not mend it.
    pub(super) async fn settle(&mut self) -> Result<bool, StoreError> {
        let mut was_told = false;
        loop {
            self.shared.status.pulse.beat();
            let wanted = self.wanted.borrow_and_update().clone();
            let Some(wanted) = wanted else {
                tokio::select! {
                    changed = self.wanted.changed() => if changed.is_err() { return Ok(false) },
                    () = tokio::time::sleep(SIGN) => {}
                    () = self.shared.stop.cancelled() => return Ok(false),
                }
                continue;
            };
            let ours: BTreeSet<String> = self.book.tokens().map(str::to_owned).collect();
            let is_time = self.ask_again.is_some_and(|at| Instant::now() >= at);
            let has_all =
                ours == wanted || (self.ask_again.is_some() && !is_time && ours.is_subset(&wanted));
            if has_all && self.book.lost() == 0 {
                return Ok(true);
            }
            if !self.commit().await {
                return Ok(false);
            }
            // What is not to be ours any more is committed, so whoever waits for it may have it.
            let stay = self.book.tokens().filter(|token| wanted.contains(*token));
            self.counts(stay.map(str::to_owned).collect());
            match self.take_over(&wanted).await {
                Ok(book) => {
                    self.has_taken_over(book, &wanted);
                    return Ok(true);
                }
                Err(failure) if !self.has_settled && !failure.is_transient() => {
                    return Err(failure);
                }
                Err(failure) => {
                    self.shared.status.database_is_away();
                    if !was_told {
                        was_told = true;
                        error!(
                            error = &failure as &dyn std::error::Error,
                            "the database does not give what was counted; trying again until it does"
                        );
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.shared.stop.cancelled() => return Ok(false),
            }
        }
    }

    /// Takes channels over and loads the tally.
    async fn take_over(&mut self, wanted: &BTreeSet<String>) -> Result<Book, StoreError> {
        let (store, config) = (&self.store, &self.config);
        let phrases = store.phrases_or(&config.default_phrases).await?;
        let claimed = store.claim_as(wanted, &self.duty.instance).await?;
        let claimed: BTreeMap<String, Claim> = claimed
            .into_iter()
            .map(|claim| (claim.token.clone(), claim))
            .collect();
        let claims: Vec<(Claim, ChannelConfig)> = config
            .channels
            .iter()
            .filter_map(|channel| {
                let claim = claimed.get(&normalize(&channel.channel))?;
                Some((claim.clone(), channel.clone()))
            })
            .collect();
        self.last_user = store.newest_user().await?;
        // First, so that what is loaded was stored after these wishes; those that come meanwhile are noticed later.
        let privacy = store.privacy().await?;
        let mut tally = store.load(&phrases).await?;
        tally.set_rules(config.rules);
        let out = tally.begin_with(privacy);
        if !out.is_empty() {
            store.sweep(&out, tally.privacy()).await?;
        }
        tally.listen(Listening {
            chat: config.answers.in_chat,
            private: config.answers.in_chat || config.answers.privacy_by_pm,
        });
        let book = Book::new(tally, claims).with_seal_key(self.client.seal_key());
        past::cover(store, &book).await?;
        info!("{} trigger phrases", phrases.len());
        Ok(book)
    }

    fn has_taken_over(&mut self, book: Book, wanted: &BTreeSet<String>) {
        self.has_settled = true;
        self.book = book;
        self.filters = filters_of(self.book.tokens());
        self.target = 0;
        // Another number than any, so that wishes since are read.
        self.wish_count = -1;
        let tokens: BTreeSet<String> = self.book.tokens().map(str::to_owned).collect();
        self.ask_again = (tokens != *wanted).then(|| Instant::now() + ASK_AGAIN);
        let status = &self.shared.status;
        status.set_lost_channels(wanted.len() - tokens.len());
        status.database_is_there();
        self.counts(tokens);
        self.tell_position();
    }

    fn counts(&self, tokens: BTreeSet<String>) {
        self.shared.status.counts_here(tokens.clone());
        self.duty.counted.send_replace(tokens);
    }

    /// Waits for channels to count, and does meanwhile what needs none.
    pub(super) async fn stand_by(&mut self) -> Ended {
        info!("another instance counts the channels; this one stands by");
        // Whether there is a stream is worth to be known before it is needed.
        if EventStream::open_or_create(&self.client).await.is_ok() {
            self.shared.status.set_source(Source::Stream);
        }
        self.shared.status.set_lag(0);
        self.shared.status.set_ready();
        self.shared.ready.send_replace(true);
        let stop = self.shared.stop.clone();
        loop {
            self.shared.status.pulse.beat();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                () = turn(&mut self.wanted, self.ask_again) => return Ended::Again,
                Some(input) = self.asked.recv() => {
                    if let Err(error) = self.take(input, None).await {
                        warn!(%error, "the channels' state cannot be loaded");
                    }
                }
                () = tokio::time::sleep(SIGN) => {}
            }
        }
    }
}

/// Waits until other channels are wanted, or what was refused is worth another try.
pub(super) async fn turn(
    wanted: &mut watch::Receiver<Option<BTreeSet<String>>>,
    ask_again: Option<Instant>,
) {
    let changed = async {
        if wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    match ask_again {
        None => changed.await,
        Some(deadline) => tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(deadline) => {}
        },
    }
}
