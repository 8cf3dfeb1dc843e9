//! What did not hold: caught, made small, written to a file.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use crate::targets::Target;

thread_local! {
    static CHECKING: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics of what is checked are findings and are told as such; our own are told as ever.
pub(crate) fn silence_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        LAST_PANIC.with(|last| *last.borrow_mut() = info.to_string());
        if !CHECKING.get() {
            usual(info);
        }
    }));
}

/// What does not hold for this input.
pub(crate) fn problem(target: &Target, input: &[u8]) -> Option<String> {
    CHECKING.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    CHECKING.set(false);
    match outcome {
        Ok(Ok(())) => None,
        Ok(Err(problem)) => Some(problem),
        Err(_) => Some(LAST_PANIC.with(|last| last.borrow().clone())),
    }
}

/// An input for which something does not hold.
pub(crate) struct Finding {
    target: &'static str,
    seed: u64,
    input: Vec<u8>,
    problem: String,
}

impl Finding {
    pub(crate) fn new(target: &Target, seed: u64, input: Vec<u8>, problem: String) -> Self {
        let input = smaller(target, input);
        let problem = self::problem(target, &input).unwrap_or(problem);
        Self {
            target: target.name,
            seed,
            input,
            problem,
        }
    }

    /// Writes the input; what to tell.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<String> {
        let path = folder.join(format!("finding-{}-{}", self.target, self.seed));
        std::fs::write(&path, &self.input)?;
        Ok(format!(
            "FOUND in {}, seed {}: {}\n  input: {}\n  again: cargo run -p kryten-fuzz -- --target {} --replay {}",
            self.target,
            self.seed,
            self.problem,
            String::from_utf8_lossy(&self.input).escape_debug(),
            self.target,
            path.display(),
        ))
    }
}

/// Takes pieces out as long as something still does not hold.
fn smaller(target: &Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut size = input.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at + size <= input.len() {
            let mut without = input.clone();
            without.drain(at..at + size);
            match problem(target, &without) {
                Some(_) => input = without,
                None => at += size,
            }
        }
        size /= 2;
    }
    input
}
