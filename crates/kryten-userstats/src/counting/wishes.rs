//! Wishes of people, carried out between two batches: what was folded before is committed, and nothing comes after.

#[cfg(test)]
mod tests;

use tracing::{info, warn};

use super::{Counting, now};
use crate::store::{StoreError, WishDone};
use crate::tally::{Privacy, Wish};

impl Counting {
    /// Carries a wish out. `None` when told to stop meanwhile.
    pub(super) async fn carry_out(
        &mut self,
        wish: Wish,
        names: &[String],
    ) -> Option<Result<WishDone, StoreError>> {
        let at = now();
        if wish == Wish::OptOut {
            self.book.leave(names);
        }
        if !self.commit().await {
            return None;
        }
        // One that has counted nothing yet knows neither the wishes nor the secret under which they are recorded.
        let done = match self.follow_wishes().await? {
            Ok(()) => {
                let privacy = self.book.tally().privacy().clone();
                self.store.carry_out(wish, names, &privacy, at).await
            }
            Err(error) => Err(error),
        };
        match &done {
            Ok(done) => info!(
                wish = wish.as_str(),
                rows = done.rows,
                "a wish is carried out"
            ),
            Err(error) => warn!(%error, wish = wish.as_str(), "a wish cannot be carried out"),
        }
        if done.is_ok() {
            self.renew_privacy().await;
            if wish == Wish::OptIn {
                self.know_again(names).await;
            }
        }
        // What is remembered of the channel is stored without them.
        self.commit().await.then_some(done)
    }

    /// Takes over wishes that another instance, or this one, has recorded.
    pub(super) async fn renew_privacy(&mut self) {
        if let Some(Err(error)) = self.follow_wishes().await {
            warn!(%error, "wishes cannot be read; the last ones hold");
        }
    }

    /// `None` when told to stop meanwhile; until it has succeeded the last wishes hold.
    async fn follow_wishes(&mut self) -> Option<Result<(), StoreError>> {
        let (count, privacy) = match self.newer_wishes().await {
            Ok(Some(newer)) => newer,
            Ok(None) => return Some(Ok(())),
            Err(error) => return Some(Err(error)),
        };
        let gone = self.book.tally().gone_by(&privacy);
        let out = gone.iter().filter(|name| privacy.is_out(name));
        let out: Vec<String> = out.cloned().collect();
        if !out.is_empty() {
            self.book.leave(&out);
        }
        // What is folded of them would come into the database after it was taken away.
        self.backlog = None;
        if !self.commit().await {
            return None;
        }
        if !gone.is_empty()
            && let Err(error) = self.store.sweep(&gone, &privacy).await
        {
            return Some(Err(error));
        }
        self.book.set_privacy(privacy);
        self.wish_count = count;
        Some(Ok(()))
    }

    /// The wishes and their number, where there are others than those that are followed.
    async fn newer_wishes(&self) -> Result<Option<(i64, Privacy)>, StoreError> {
        let count = self.store.wish_count().await?;
        if count == self.wish_count {
            return Ok(None);
        }
        Ok(Some((count, self.store.privacy().await?)))
    }

    async fn know_again(&mut self, names: &[String]) {
        match self.store.spellings(names).await {
            Ok(spellings) => {
                for name in spellings {
                    self.book.tally_mut().know(&name);
                }
            }
            Err(error) => warn!(%error, "names that are counted again cannot be read"),
        }
    }
}
