//! `kryten config init`: a commented configuration file, from options or from answers.

mod answers;
mod text;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use super::Service;
use crate::ask;
use crate::cli::ClientArgs;
use crate::output;
use text::{Wanted, client, robot, userstats};

/// Options of `kryten config init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten config init   asks on a terminal
  kryten config init robot --channel lounge --user MyBot
  kryten config init userstats --channel den --timezone Europe/Berlin
  kryten config init client --nats nats://host:4222 --out bot.toml

The file is TOML, since JSON has no comments; services read either. No password is asked for or written: \
the bot's comes from KRYTEN_CYTUBE_PASSWORD. A file that is there stays, unless --force is given.")]
pub(super) struct InitArgs {
    /// Whose configuration
    #[arg(value_enum, default_value = "robot")]
    of: Kind,
    /// Where to write, a name that ends in .toml; without it robot.toml, userstats.toml or client.toml
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The channel, written as in its address; may be given several times
    #[arg(long = "channel", value_name = "CHANNEL", id = "init_channel")]
    channels: Vec<String>,
    /// The channels' CyTube host
    #[arg(long = "domain", value_name = "DOMAIN", id = "init_domain")]
    domain: Option<String>,
    /// The bot's account on CyTube; without it the bot is a guest
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// In which time zone the statistics tell hours, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
    /// Ask nothing, also on a terminal
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// The bridge; `kryten up --config` reads the same file
    Robot,
    /// The statistics
    Userstats,
    /// The command line, a bot or another service
    Client,
}

const USUAL_DOMAIN: &str = "cytu.be";
const USUAL_NATS: &str = "nats://localhost:4222";

/// Writes the file.
pub(super) fn run(client_args: &ClientArgs, args: InitArgs) -> anyhow::Result<ExitCode> {
    let (file, service) = match args.of {
        Kind::Robot => ("robot.toml", Service::Robot),
        Kind::Userstats => ("userstats.toml", Service::Userstats),
        Kind::Client => ("client.toml", Service::Client),
    };
    let out = args.out.clone().unwrap_or_else(|| file.into());
    let has_its_name = out
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    if !has_its_name {
        return Ok(output::usage(&format!(
            "{} is to be TOML, and services tell that by its name; let --out end in .toml",
            out.display()
        )));
    }
    if out.exists() && !args.force {
        anyhow::bail!(
            "{} is there already; give --force to replace it, or another name with --out",
            out.display()
        );
    }
    let may_ask = !args.yes && ask::can_ask();
    if args.channels.is_empty() && args.of != Kind::Client && !may_ask {
        return Ok(output::usage(
            "which channel? Give --channel, or run this on a terminal, where it asks",
        ));
    }
    let wanted = wanted(client_args, &args, may_ask)?;
    if let Some(problem) = answers::problem(&wanted) {
        anyhow::bail!("nothing was written: {problem}");
    }
    let text = match args.of {
        Kind::Robot => robot(&wanted),
        Kind::Userstats => userstats(&wanted),
        Kind::Client => client(&wanted),
    };
    write(&out, &text, service, args.force)?;
    output::line(&format!("{} is written", out.display()))?;
    let next = match args.of {
        Kind::Robot => format!(
            "next: kryten robot --config {0}\n  or, all in one: kryten up --config {0}",
            out.display()
        ),
        Kind::Userstats => format!("next: kryten userstats --config {}", out.display()),
        Kind::Client => format!("next: kryten --config {} doctor", out.display()),
    };
    output::line(&next)?;
    Ok(ExitCode::SUCCESS)
}

fn wanted(client: &ClientArgs, args: &InitArgs, may_ask: bool) -> anyhow::Result<Wanted> {
    let is_bare = args.channels.is_empty() && may_ask;
    let servers = client.servers();
    let mut wanted = Wanted {
        domain: args
            .domain
            .clone()
            .unwrap_or_else(|| USUAL_DOMAIN.to_owned()),
        channels: args.channels.clone(),
        user: args.user.clone(),
        nats: servers
            .first()
            .cloned()
            .unwrap_or_else(|| USUAL_NATS.to_owned()),
        timezone: args.timezone.clone(),
    };
    // Who has given the channel has said what he wants to say.
    if !is_bare {
        return Ok(wanted);
    }
    if args.of != Kind::Client {
        if args.domain.is_none() {
            wanted.domain = answer("The CyTube host", Some(USUAL_DOMAIN), answers::host)?;
        }
        let question = "The channel, as in its address (several with blanks between)";
        let each = |names: &str| names.split_whitespace().try_for_each(answers::channel);
        let names = answer(question, None, each)?;
        wanted.channels = names.split_whitespace().map(str::to_owned).collect();
    }
    if args.of == Kind::Robot && args.user.is_none() {
        let or_none = |name: &str| match name.is_empty() {
            true => Ok(()),
            false => answers::user(name),
        };
        let user = answer("The bot's account (nothing for a guest)", Some(""), or_none)?;
        wanted.user = Some(user).filter(|user| !user.is_empty());
    }
    if args.of == Kind::Userstats && args.timezone.is_none() {
        let question = "The time zone in which hours are told";
        wanted.timezone = Some(answer(question, Some("UTC"), answers::zone)?);
    }
    if servers.is_empty() {
        wanted.nats = answer("The NATS server", Some(USUAL_NATS), answers::nats)?;
    }
    Ok(wanted)
}

/// Asks until the answer can be used; nothing means what is usual, where something is.
fn answer(
    question: &str,
    usual: Option<&str>,
    check: impl Fn(&str) -> Result<(), String>,
) -> anyhow::Result<String> {
    let shown = match usual {
        Some(usual) if !usual.is_empty() => format!("{question} [{usual}]: "),
        _ => format!("{question}: "),
    };
    loop {
        let given = ask::line(&shown)?;
        let meant = match (given.is_empty(), usual) {
            (true, Some(usual)) => usual.to_owned(),
            (true, None) => continue,
            (false, _) => given,
        };
        match check(&meant) {
            Ok(()) => return Ok(meant),
            Err(problem) => output::remark(&problem),
        }
    }
}

/// A file that its own service would refuse is not left behind.
fn write(out: &Path, text: &str, service: Service, is_forced: bool) -> anyhow::Result<()> {
    let mut name = out.as_os_str().to_owned();
    name.push(".new.toml");
    let new = PathBuf::from(name);
    let named = || format!("cannot write {}", out.display());
    let written = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    written().with_context(named)?;
    let looked = super::look(&new, Some(service));
    let problem = looked.problems.into_iter().next();
    if let Some(problem) = problem {
        let _ = std::fs::remove_file(&new);
        anyhow::bail!("nothing was written: {problem}");
    }
    // Without --force a file that has come meanwhile is not replaced either.
    let put = match is_forced {
        true => std::fs::rename(&new, out),
        false => match std::fs::hard_link(&new, out) {
            Ok(()) => std::fs::remove_file(&new),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(error),
            // A file system without hard links.
            Err(_) => std::fs::rename(&new, out),
        },
    };
    put.with_context(named)
}
