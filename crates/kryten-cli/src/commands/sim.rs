//! `kryten sim`: a simulated CyTube server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use kryten_sim::{Mode, ScriptConfig, Sim, SimConfig, Speed};

use crate::logging::{self, LogLevel};
use crate::output;
use crate::stop_signal::StopSignal;

/// Options of `kryten sim`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten sim --listen 127.0.0.1:8090 --channel lounge --users 50 --rate 10
  kryten sim --channel Grindhouse420 --recording cytube_frames.jsonl --speed 20

Tests steer it over HTTP under /control/: POST /control/say {\"user\":\"bob\",\"msg\":\"hi\"}, GET /control/state,
GET /control/ledger, and seen, window, hold, drop, kick, ban, refuse, freeze, restart, pm, join, leave, act, emit, raw.")]
pub(crate) struct SimArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The channel
    #[arg(
        long = "channel",
        value_name = "CHANNEL",
        default_value = "demo",
        id = "sim_channel"
    )]
    channel: String,
    /// The host that a robot has in its configuration; only shown
    #[arg(
        long = "domain",
        value_name = "DOMAIN",
        default_value = "demo.invalid",
        id = "sim_domain"
    )]
    domain: String,
    /// How many users there are
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    users: u64,
    /// What happens is decided by this number
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many chat lines there are in a second; 0 for none
    #[arg(long, value_name = "LINES_PER_S", default_value_t = 4.0, value_parser = not_negative)]
    rate: f64,
    /// How many times faster than life; 0 or `max` for as fast as the clients read
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    speed: Speed,
    /// Where to write the ledger, each second and at the end
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Replay this recording (cytube_frames.jsonl) instead of playing a script
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ledger", "lines", "window", "users", "seed", "rate"])]
    recording: Option<PathBuf>,
    /// Stop talking after so many chat lines
    #[arg(long, value_name = "N")]
    lines: Option<u64>,
    /// Say at most so many lines more than a test has reported to /control/seen
    #[arg(long, value_name = "N")]
    window: Option<u64>,
    /// The channel's password
    #[arg(long, value_name = "PASSWORD")]
    channel_password: Option<String>,
    /// Talk before any bot has logged in, too
    #[arg(long)]
    no_wait: bool,
    /// What is logged to stderr
    #[arg(long, value_enum, default_value = "warn")]
    log_level: LogLevel,
}

/// Runs until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: SimArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    logging::start(args.log_level, None)?;
    let sim = Sim::start(config(&args))
        .await
        .context("the simulated CyTube cannot start")?;
    output::line(&format!("listening on {}", sim.url()));
    eprintln!(
        "a robot for {} on {} joins with cytube.url {}; any name and password will do",
        args.channel,
        args.domain,
        sim.url()
    );
    stop.received().await;
    sim.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn config(args: &SimArgs) -> SimConfig {
    let script = ScriptConfig {
        users: usize::try_from(args.users).unwrap_or(usize::MAX),
        seed: args.seed,
        rate: args.rate,
        speed: args.speed,
        lines: args.lines,
        waits_for_bot: !args.no_wait,
        ..ScriptConfig::default()
    };
    let mut config = match &args.recording {
        Some(path) => SimConfig {
            mode: Mode::Recording {
                path: path.clone(),
                speed: args.speed,
            },
            ..SimConfig::quiet(args.channel.clone())
        },
        None => SimConfig::lively(args.channel.clone(), script),
    };
    config.listen = args.listen;
    config.channel_password.clone_from(&args.channel_password);
    config.ledger.clone_from(&args.ledger);
    config.window = args.window;
    config
}

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    Ok(match not_negative(text)? {
        0.0 => Speed::Max,
        times => Speed::Times(times),
    })
}

fn not_negative(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "a number from 0 on is needed".to_owned())
}
