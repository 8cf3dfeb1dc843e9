//! Every panic of the process. A runtime keeps those of tasks to itself, so that nobody else would hear of them.

use std::panic;
use std::sync::{Mutex, PoisonError};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on panics are kept.
pub(super) fn count() {
    panic::set_hook(Box::new(|info| {
        SEEN.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(info.to_string());
    }));
}

/// Those since the last call.
pub(super) fn take() -> Vec<String> {
    std::mem::take(&mut SEEN.lock().unwrap_or_else(PoisonError::into_inner))
}
