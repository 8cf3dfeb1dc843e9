//! A check of the service's own.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;

/// How long a check may take: whoever probes health does not wait much longer.
pub const CHECK_LIMIT: Duration = Duration::from_secs(2);

/// How much depends on something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The service does not work without it: `/health` is 503.
    Essential,
    /// The service works, but not all of it: `/health` is 200 and `degraded`.
    Helpful,
}

type Looking = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

pub(super) struct Check {
    name: String,
    need: Need,
    look: Box<dyn Fn() -> Looking + Send + Sync>,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) need: Need,
    pub(super) found: Result<(), String>,
}

impl Check {
    pub(super) fn new<H, F>(name: String, need: Need, look: H) -> Self
    where
        H: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let look = Box::new(move || -> Looking { look().boxed() });
        Self { name, need, look }
    }

    pub(super) async fn look(&self) -> Checked {
        let looking = AssertUnwindSafe(async { (self.look)().await }).catch_unwind();
        let found = match tokio::time::timeout(CHECK_LIMIT, looking).await {
            Ok(Ok(found)) => found,
            Ok(Err(_)) => Err(format!("the check of {} has panicked", self.name)),
            Err(_) => Err(format!(
                "{} did not answer within {} s",
                self.name,
                CHECK_LIMIT.as_secs()
            )),
        };
        Checked {
            name: self.name.clone(),
            need: self.need,
            found,
        }
    }
}
