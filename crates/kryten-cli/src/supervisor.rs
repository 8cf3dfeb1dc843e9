//! What systemd is told of a service: that it is ready, that it lives, what it does, that it stops.
//!
//! Nothing is told where nobody listens, that is without `NOTIFY_SOCKET`. The watchdog is answered from the services'
//! own tasks: while one of them has not come around, it is not answered, and systemd starts the service anew.

use std::time::Duration;

use kryten_robot::{ChannelReport, StopAsked};
use kryten_userstats::status::StatusView;
use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::output::printable;

/// A service counts as ready after this time in any case: what it still waits for, a new start does not bring.
const READY_PATIENCE: Duration = Duration::from_secs(20);
/// How often `systemctl status` has something new to show.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// Tells systemd of a service until it is dropped.
#[derive(Debug)]
pub(crate) struct Supervisor {
    task: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts to tell: ready as soon as `ready` ends, then alive while `silence` is short, with what `status` says.
    pub(crate) fn start(
        ready: impl Future<Output = ()> + Send + 'static,
        silence: impl Fn() -> Option<Duration> + Send + Sync + 'static,
        status: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Self { task: None };
        }
        let telling = tell(ready, silence, status);
        Self {
            task: Some(tokio::spawn(telling)),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
            notify(&[
                NotifyState::Stopping,
                NotifyState::Status("stopping; storing what is received"),
            ]);
        }
    }
}

/// Whether a stop that somebody asked for is one for good.
///
/// # Errors
/// A restart is a failure to the process, since supervisors start again what has failed, and leave what has ended well.
pub(crate) fn asked_to_stop(asked: &StopAsked) -> anyhow::Result<()> {
    tracing::info!(reason = asked.reason, "asked to stop");
    anyhow::ensure!(
        !asked.is_restart,
        "{}; this ends as a failure, so that its supervisor starts it again",
        printable(&asked.reason)
    );
    Ok(())
}

async fn tell(
    ready: impl Future<Output = ()> + Send,
    silence: impl Fn() -> Option<Duration> + Send + Sync,
    status: impl Fn() -> String + Send + Sync,
) {
    let told_status = || printable(&status());
    notify(&[NotifyState::Status(&told_status())]);
    if tokio::time::timeout(READY_PATIENCE, ready).await.is_err() {
        tracing::warn!(
            status = told_status(),
            "telling systemd that the service is up, although it still waits"
        );
    }
    notify(&[NotifyState::Ready, NotifyState::Status(&told_status())]);
    let watchdog = sd_notify::watchdog_enabled();
    // Systemd asks for twice in its time; a third may be late.
    let every = watchdog.map_or(STATUS_EVERY, |limit| (limit / 3).min(STATUS_EVERY));
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watchdog = watchdog.map(Watchdog::new);
    loop {
        ticks.tick().await;
        let text = told_status();
        let mut message = vec![NotifyState::Status(&text)];
        match watchdog.as_mut().map(|watchdog| watchdog.look(silence())) {
            Some(Sign::Alive) => message.push(NotifyState::Watchdog),
            Some(Sign::FellSilent(silent_for)) => tracing::error!(
                silent_for_s = silent_for.as_secs(),
                "a task of the service stands still; the watchdog is not answered until it goes on"
            ),
            Some(Sign::Silent) | None => {}
        }
        notify(&message);
    }
}

/// What the watchdog of systemd is to be told.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    Alive,
    FellSilent(Duration),
    Silent,
}

/// Half of the watchdog's time is the longest silence that it does not hear of.
struct Watchdog {
    longest: Duration,
    is_silent: bool,
}

impl Watchdog {
    fn new(limit: Duration) -> Self {
        Self {
            longest: limit / 2,
            is_silent: false,
        }
    }

    fn look(&mut self, silence: Option<Duration>) -> Sign {
        let silent_for = silence.filter(|silence| *silence > self.longest);
        let was_silent = std::mem::replace(&mut self.is_silent, silent_for.is_some());
        match silent_for {
            None => Sign::Alive,
            Some(silent_for) if !was_silent => Sign::FellSilent(silent_for),
            Some(_) => Sign::Silent,
        }
    }
}

fn notify(message: &[NotifyState]) {
    if let Err(error) = sd_notify::notify(message) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}

/// The longest of two silences.
pub(crate) fn longest(
    one: impl Fn() -> Option<Duration> + Send + Sync + 'static,
    other: impl Fn() -> Option<Duration> + Send + Sync + 'static,
) -> impl Fn() -> Option<Duration> + Send + Sync + 'static {
    move || one().max(other())
}

/// What the robot does, in a line.
pub(crate) fn robot_line(reports: &[ChannelReport]) -> String {
    let served = reports.iter().filter(|report| report.in_channel).count();
    let waiting = reports.iter().filter(|report| report.standing_by).count();
    let events: u64 = reports.iter().map(|report| report.events_received).sum();
    let mut line = format!("in {served} of {} channels, {events} events", reports.len());
    if waiting > 0 {
        line += &format!(", standing by for {waiting}");
    }
    for report in reports {
        if let Some(why) = report.stopped.as_ref().or(report.trouble.as_ref()) {
            line += &format!("; {}: {why}", report.channel);
        } else if report.in_channel && !report.stream_up {
            line += &format!("; {}: events do not reach the stream", report.channel);
        }
    }
    line
}

/// What the statistics do, in a line.
pub(crate) fn userstats_line(view: &StatusView) -> String {
    match view.problem() {
        Some(problem) => format!("{problem}; counted up to event {}", view.sequence),
        None => format!(
            "counted up to event {}, {} behind, {} people here",
            view.sequence, view.lag, view.open_visits
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_stands_still_is_told_once_and_the_watchdog_not_answered() {
        let mut watchdog = Watchdog::new(Duration::from_secs(120));
        let second = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(watchdog.look(None), Sign::Alive);
        assert_eq!(watchdog.look(second(60)), Sign::Alive);
        let told = Sign::FellSilent(Duration::from_secs(61));
        assert_eq!(watchdog.look(second(61)), told);
        assert_eq!(watchdog.look(second(66)), Sign::Silent);
        assert_eq!(watchdog.look(second(0)), Sign::Alive);
        assert_eq!(watchdog.look(second(61)), told);
    }

    #[test]
    fn the_longest_silence_counts_and_rest_is_none_of_it() {
        let second = |seconds| move || Some(Duration::from_secs(seconds));
        assert_eq!(longest(|| None, || None)(), None);
        assert_eq!(longest(|| None, second(2))(), Some(Duration::from_secs(2)));
        assert_eq!(
            longest(second(3), second(2))(),
            Some(Duration::from_secs(3))
        );
    }
}
