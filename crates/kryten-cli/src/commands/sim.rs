//! `kryten sim`: a simulated CyTube server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use kryten_sim::{ChannelConfig, Mode, ScriptConfig, Sim, SimConfig, Speed, TlsConfig};

use crate::logging::{self, LogLevel, Logging};
use crate::output;
use crate::stop_signal::StopSignal;

/// Options of `kryten sim`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten sim --listen 127.0.0.1:8090 --channel lounge --users 50 --rate 10
  kryten sim --channel Grindhouse420 --recording cytube_frames.jsonl --speed 20
  kryten sim --channel lounge --tls-listen 127.0.0.1:8443 --ca-file ca.pem

Tests steer it over HTTP under /control/: POST /control/say {\"user\":\"bob\",\"msg\":\"hi\"}, GET \
/control/state, GET /control/ledger, and seen, window, hold, drop, kick, ban, ban_ip, unban, password, \
rank, limits, lookups, refuse, down, up, restart, freeze, slow, garbage, oversize, pm, join, leave, act, \
emit, raw. With ?channel=NAME it concerns that channel alone.")]
pub(crate) struct SimArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// A port for https and wss besides; its certificate is made anew at each start
    #[arg(long, value_name = "ADDR")]
    tls_listen: Option<SocketAddr>,
    /// Where to write the certificate that clients are to trust (kryten-robot: SSL_CERT_FILE)
    #[arg(long, value_name = "FILE", requires = "tls_listen")]
    ca_file: Option<PathBuf>,
    /// A name that the certificate is for, besides localhost and the loopback addresses; may be repeated
    #[arg(long, value_name = "NAME", requires = "tls_listen")]
    tls_name: Vec<String>,
    /// The channel; may be repeated for more, each with users and chance of its own
    #[arg(
        long = "channel",
        value_name = "CHANNEL",
        default_value = "demo",
        id = "sim_channel"
    )]
    channels: Vec<String>,
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
    /// Where to write the ledger, each second and at the end; further channels' with their name appended
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
    /// Limit connections as CyTube does: 5 at once and 1 in 10 s from an address, 10 at a time
    #[arg(long)]
    connection_limits: bool,
    /// Talk before any bot has logged in, too
    #[arg(long)]
    no_wait: bool,
    /// What is logged to stderr
    #[arg(long, value_enum, ignore_case = true, default_value = "warn")]
    log_level: LogLevel,
}

/// Runs until Ctrl-C or SIGTERM.
pub(crate) async fn run(args: SimArgs) -> anyhow::Result<ExitCode> {
    let mut stop = StopSignal::listen()?;
    logging::start(Logging::stderr(args.log_level))?;
    let sim = Sim::start(config(&args)?)
        .await
        .context("the simulated CyTube cannot start")?;
    // Nobody has to read it.
    let _ = output::line(&format!("listening on {}", sim.url()));
    if let Some(url) = sim.secure_url() {
        let _ = output::line(&format!("listening on {url}"));
    }
    output::aside(&format!(
        "a robot for {} on {} joins with cytube.url {}; any name and password will do",
        args.channels.join(", "),
        args.domain,
        sim.url()
    ));
    stop.received().await;
    sim.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

fn config(args: &SimArgs) -> anyhow::Result<SimConfig> {
    let script = ScriptConfig {
        users: usize::try_from(args.users).unwrap_or(usize::MAX),
        seed: args.seed,
        rate: args.rate,
        speed: args.speed,
        lines: args.lines,
        waits_for_bot: !args.no_wait,
        ..ScriptConfig::default()
    };
    let (first, further) = args
        .channels
        .split_first()
        .context("a channel is needed: --channel NAME")?;
    let mut config = match &args.recording {
        Some(path) => {
            anyhow::ensure!(
                further.is_empty(),
                "a recording has one channel; give --channel once"
            );
            SimConfig {
                mode: Mode::Recording {
                    path: path.clone(),
                    speed: args.speed,
                },
                ..SimConfig::quiet(first.clone())
            }
        }
        None => SimConfig::lively(first.clone(), script.clone()),
    };
    for (name, seed) in further.iter().zip(args.seed.wrapping_add(1)..) {
        config.channels.push(ChannelConfig {
            password: args.channel_password.clone(),
            ledger: args.ledger.as_deref().map(|first| ledger_of(first, name)),
            window: args.window,
            ..ChannelConfig::lively(
                name.clone(),
                ScriptConfig {
                    seed,
                    ..script.clone()
                },
            )
        });
    }
    config.listen = args.listen;
    config.tls = args.tls_listen.map(|listen| TlsConfig {
        listen,
        ca_file: args.ca_file.clone(),
        names: args.tls_name.clone(),
    });
    config.channel_password.clone_from(&args.channel_password);
    config.connection_limits = args.connection_limits;
    config.ledger.clone_from(&args.ledger);
    config.window = args.window;
    Ok(config)
}

/// Where a further channel's ledger goes.
fn ledger_of(first: &Path, channel: &str) -> PathBuf {
    let mut name = first.as_os_str().to_owned();
    name.push(".");
    name.push(channel);
    name.into()
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
