//! How far something is, on a terminal: a bar or a wheel on stderr, and nothing where nobody looks.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a wheel turns.
const TURN: Duration = Duration::from_millis(120);

/// A bar of so many steps; `None` where the number is told later. `what` is counted.
pub(crate) fn bar(steps: Option<u64>, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(steps, target());
    // What is read here is a text of this program.
    let template = format!("{{bar:30}} {{pos}} of {{len}} {what}, {{eta}} left  {{msg}}");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A wheel beside a text.
pub(crate) fn spinner(what: &'static str) -> ProgressBar {
    let wheel = ProgressBar::with_draw_target(None, target()).with_message(what);
    // Nobody sees it turn, so nothing has to wake up for it.
    if !wheel.is_hidden() {
        wheel.enable_steady_tick(TURN);
    }
    wheel
}

fn target() -> ProgressDrawTarget {
    match std::io::stderr().is_terminal() {
        true => ProgressDrawTarget::stderr(),
        false => ProgressDrawTarget::hidden(),
    }
}
