//! Wishes of people, carried out between two batches: what was folded before is committed, and nothing comes after.

use tracing::{info, warn};

use super::{Counting, now};
use crate::store::{StoreError, WishDone};
use crate::tally::Wish;

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
        let privacy = self.book.tally().privacy().clone();
        let done = self.store.carry_out(wish, names, &privacy, at).await;
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
        let renewed = async {
            let count = self.store.wish_count().await?;
            if count == self.wish_count {
                return Ok::<_, StoreError>(());
            }
            let privacy = self.store.privacy().await?;
            let gone = self.book.set_privacy(privacy);
            if !gone.is_empty() {
                let privacy = self.book.tally().privacy().clone();
                self.store.sweep(&gone, &privacy).await?;
            }
            self.wish_count = count;
            Ok(())
        };
        if let Err(error) = renewed.await {
            warn!(%error, "wishes cannot be read; the last ones hold");
        }
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
