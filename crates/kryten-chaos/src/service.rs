//! What this program is when it starts itself as a robot or as statistics: `kryten robot` and `kryten userstats` with
//! the intervals that no configuration file may make so short.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kryten_robot::Robot;
use kryten_userstats::{Config, Userstats};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A sixtieth of the usual 30 s.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// A sixtieth of the usual five minutes.
const SNAPSHOTS: Duration = Duration::from_secs(5);
/// How often a process tells what it has allocated.
const TELL_HEAP: Duration = Duration::from_secs(1);

pub(crate) async fn robot(file: &Path) -> anyhow::Result<ExitCode> {
    let mut stop = start()?;
    follow_clock(file)?;
    tell_heap(file);
    let mut config = kryten_robot::config::load(file)?;
    config.audit = None;
    let mut robot = tokio::select! {
        robot = Robot::bind(config) => robot?,
        _ = stop.recv() => return Ok(ExitCode::SUCCESS),
    };
    let gave_up = tokio::select! {
        () = robot.join() => true,
        _ = stop.recv() => false,
    };
    robot.shutdown().await;
    Ok(ExitCode::from(u8::from(gave_up)))
}

pub(crate) async fn userstats(file: &Path) -> anyhow::Result<ExitCode> {
    let mut stop = start()?;
    follow_clock(file)?;
    tell_heap(file);
    let mut config = Config::load(file)?;
    config.http = None;
    config.heartbeat_interval = Some(HEARTBEAT);
    config.snapshot_interval = SNAPSHOTS;
    let service = Userstats::bind(config).await?;
    let ended = tokio::select! {
        ended = service.join() => Some(ended),
        _ = stop.recv() => None,
    };
    service.shutdown().await?;
    match ended {
        None => Ok(ExitCode::SUCCESS),
        Some(ended) => ended.map(|()| ExitCode::FAILURE).map_err(Into::into),
    }
}

/// Sets this process's clock at each SIGUSR1, to what the file beside the configuration says.
fn follow_clock(file: &Path) -> anyhow::Result<()> {
    let mut set = signal(SignalKind::user_defined1())?;
    let file = clock_file(file);
    tokio::spawn(async move {
        while set.recv().await.is_some() {
            let ahead = std::fs::read_to_string(&file).unwrap_or_default();
            if let Ok(micros) = ahead.parse() {
                // Beside the log, for who reads it later.
                eprintln!("the clock is {micros} µs ahead now");
                kryten_protocol::clock::set_ahead(micros);
            }
        }
    });
    Ok(())
}

/// Writes how many bytes this process has allocated into the file beside the configuration, again and again.
fn tell_heap(config: &Path) {
    let file = heap_file(config);
    tokio::spawn(async move {
        loop {
            // Where the disk is full, the last figure stays.
            let _ = std::fs::write(&file, crate::ALLOCATOR.allocated().to_string());
            tokio::time::sleep(TELL_HEAP).await;
        }
    });
}

/// Where the bytes stand that a process has allocated.
pub(crate) fn heap_file(config: &Path) -> PathBuf {
    config.with_extension("heap")
}

/// Where the microseconds stand by which a process's clock is ahead.
pub(crate) fn clock_file(config: &Path) -> PathBuf {
    config.with_extension("clock")
}

fn start() -> anyhow::Result<Signal> {
    let stop = signal(SignalKind::terminate())?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("info,async_nats=off,sqlx=warn"))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    Ok(stop)
}
