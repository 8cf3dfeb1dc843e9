//! How much one address may ask for.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::access::Visitor;
use crate::config::{ProxyConfig, WebConfig};
use crate::error::{Refused, refuse};

/// Addresses share this many budgets, so that memory has a bound however many there are. Who shares with whom nobody
/// outside can know.
const BUDGETS: usize = 4096;
/// Guesses of a token in a minute.
const LOGINS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("it is not 0");
/// Live pages open at a time, of all and of those that share a budget.
const MOST_STREAMS: u32 = 512;
const MOST_STREAMS_OF_ONE: u32 = 32;

/// Counts requests and open live pages.
pub(crate) struct Limits {
    budgets: Vec<Budget>,
    proxy: Option<ProxyConfig>,
    secret: RandomState,
    streams: AtomicU32,
}

struct Budget {
    requests: DefaultDirectRateLimiter,
    logins: DefaultDirectRateLimiter,
    streams: AtomicU32,
}

/// An open live page.
pub(crate) struct StreamPermit {
    limits: Arc<Limits>,
    at: usize,
}

impl Limits {
    pub(crate) fn new(config: &WebConfig) -> Self {
        let budget = || Budget {
            requests: RateLimiter::direct(Quota::per_minute(config.requests_per_minute)),
            logins: RateLimiter::direct(Quota::per_minute(LOGINS_PER_MINUTE)),
            streams: AtomicU32::new(0),
        };
        Self {
            budgets: std::iter::repeat_with(budget).take(BUDGETS).collect(),
            proxy: config.proxy.clone(),
            secret: RandomState::new(),
            streams: AtomicU32::new(0),
        }
    }

    fn place(&self, visitor: Visitor) -> usize {
        // The remainder fits.
        (self.secret.hash_one(visitor) % BUDGETS as u64) as usize
    }

    /// Room for one more live page; `None` where too many are open.
    pub(crate) fn stream(self: &Arc<Self>, visitor: Visitor) -> Option<StreamPermit> {
        let at = self.place(visitor);
        let one_more = |count: &AtomicU32, most| {
            let raised = |open| (open < most).then_some(open + 1);
            count
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, raised)
                .is_ok()
        };
        if !one_more(&self.streams, MOST_STREAMS) {
            return None;
        }
        if !one_more(&self.budgets[at].streams, MOST_STREAMS_OF_ONE) {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(StreamPermit {
            limits: Arc::clone(self),
            at,
        })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.limits.streams.fetch_sub(1, Ordering::Relaxed);
        self.limits.budgets[self.at]
            .streams
            .fetch_sub(1, Ordering::Relaxed);
    }
}

/// Refuses what is too much, and tells the handlers who asks.
pub(crate) async fn gate(
    State(limits): State<Arc<Limits>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    let visitor = Visitor::of(peer, request.headers(), limits.proxy.as_ref());
    let budget = &limits.budgets[limits.place(visitor)];
    let is_guess = request.method() == Method::POST;
    if budget.requests.check().is_err() || (is_guess && budget.logins.check().is_err()) {
        return refuse(Refused::TooMany, request.uri(), request.headers());
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_live_pages_are_counted_and_given_back() {
        let limits = Arc::new(Limits::new(&WebConfig::default()));
        let visitor = Visitor("192.0.2.7".parse().unwrap());
        let open: Vec<_> = std::iter::from_fn(|| limits.stream(visitor)).collect();
        assert_eq!(open.len(), MOST_STREAMS_OF_ONE as usize);
        drop(open);
        assert!(limits.stream(visitor).is_some());
        assert_eq!(limits.streams.load(Ordering::Relaxed), 0);
    }
}
