//! `kryten config nats`: the configuration of a nats-server with a user for each service.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use rand::RngExt as _;
use serde_json::{Value, json};

use crate::nats_users::{Bot, ServerSettings, User, Wanted, server_config, users};
use crate::output;

const SERVER_FILE: &str = "nats-server.conf";

/// Options of `kryten config nats`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten config nats --channel lounge --out nats
  kryten config nats --channel lounge --bot greeter --bot mod=warnings,notes
  kryten config nats --channel lounge --out -   look at it

Run it again with other channels or bots: passwords that are in the folder stay. `nats-server --signal \
reload` takes the new file without a break.")]
pub(crate) struct NatsArgs {
    /// A channel, written as in the robot's configuration; may be given several times
    #[arg(
        long = "channel",
        value_name = "CHANNEL",
        required = true,
        id = "served"
    )]
    channels: Vec<String>,
    /// The channels' CyTube host
    #[arg(
        long = "domain",
        value_name = "DOMAIN",
        default_value = "cytu.be",
        id = "served_domain"
    )]
    domain: String,
    /// A user for a bot, and the buckets that it keeps; without them one of its name. May be given several times
    #[arg(long = "bot", value_name = "NAME[=BUCKET,…]", default_value = "bot")]
    bots: Vec<Bot>,
    /// Who may send the robot commands; without it every bot. May be given several times
    #[arg(long, value_name = "USER")]
    commands_by: Vec<String>,
    /// Where to write: a folder, or - for the terminal
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Passwords made at random, or taken from the environment; without it at random into a folder, and from the
    /// environment to the terminal
    #[arg(long, value_enum, value_name = "KIND")]
    passwords: Option<Passwords>,
    /// Where the server listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:4222")]
    listen: String,
    /// The folder of the server's store; without it `store` in the folder that is written
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The server's certificate, as a PEM file; with --tls-key
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The key of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// One inbox for all, for programs that cannot be told another: each user can then read the answers to all others
    #[arg(long)]
    shared_inboxes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Passwords {
    /// New ones, that nobody can guess
    Random,
    /// KRYTEN_NATS_ROBOT_PASSWORD and so on
    Env,
}

/// Runs the command.
pub(crate) fn run(args: NatsArgs) -> anyhow::Result<ExitCode> {
    let wanted = Wanted {
        channels: args.channels.clone(),
        domain: args.domain.clone(),
        bots: args.bots.clone(),
        commanders: (!args.commands_by.is_empty()).then(|| args.commands_by.clone()),
        shared_inboxes: args.shared_inboxes,
    };
    let users = users(&wanted)?;
    if args.out == Path::new("-") {
        let store = args.store.clone().unwrap_or_else(|| "/var/lib/nats".into());
        let kind = args.passwords.unwrap_or(Passwords::Env);
        let text = server_config(&args.settings(&store), &users, |user| match kind {
            Passwords::Env => format!("${}", variable(user)),
            Passwords::Random => quoted_password(&random_password()),
        });
        output::text(&text)?;
        return Ok(ExitCode::SUCCESS);
    }
    write_folder(&args, &users)?;
    Ok(ExitCode::SUCCESS)
}

fn write_folder(args: &NatsArgs, users: &[User]) -> anyhow::Result<()> {
    let folder = &args.out;
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder);
    made.with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let folder = std::path::absolute(folder)?;
    let random = args.passwords.unwrap_or(Passwords::Random) == Passwords::Random;
    let mut passwords = Vec::new();
    let mut seal_key = None;
    for user in users {
        let file = folder.join(format!("{}.json", user.name));
        let kept = kept(&file)?;
        let is_of_kind = |kept: &String| random != kept.starts_with("${");
        passwords.push(match kept.password.filter(is_of_kind) {
            Some(kept) => kept,
            None if random => random_password(),
            None => format!("${{{}}}", variable(user)),
        });
        seal_key = seal_key.or(kept.seal_key.filter(is_of_kind).filter(|_| user.seals));
    }
    let seal_key = seal_key.unwrap_or_else(|| match random {
        true => hex::encode(rand::rng().random::<[u8; 32]>()),
        false => "${KRYTEN_NATS_SEAL_KEY}".to_owned(),
    });
    let password_of = |user: &User| {
        let place = users.iter().position(|other| other.name == user.name);
        place
            .map(|place| passwords[place].as_str())
            .unwrap_or_default()
    };
    let store = args.store.clone().unwrap_or_else(|| folder.join("store"));
    let text = server_config(
        &args.settings(&std::path::absolute(store)?),
        users,
        |user| match random {
            true => quoted_password(password_of(user)),
            false => format!("${}", variable(user)),
        },
    );
    let mut files = vec![(folder.join(SERVER_FILE), text)];
    for user in users {
        let section = json!({"nats": args.section(user, password_of(user), &seal_key)});
        let text = format!("{section:#}\n");
        files.push((folder.join(format!("{}.json", user.name)), text));
    }
    // All are written, also where nobody reads which.
    for (path, text) in &files {
        write_private(path, text)?;
    }
    for (path, _) in &files {
        output::line(&path.display().to_string())?;
    }
    Ok(())
}

impl NatsArgs {
    fn settings(&self, store: &Path) -> ServerSettings {
        let text = |path: &PathBuf| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            path.to_string_lossy().into_owned()
        };
        ServerSettings {
            listen: self.listen.clone(),
            store_dir: store.to_string_lossy().into_owned(),
            tls: self
                .tls_cert
                .as_ref()
                .zip(self.tls_key.as_ref())
                .map(|(c, k)| (text(c), text(k))),
        }
    }

    /// The section `nats` of the service's configuration.
    fn section(&self, user: &User, password: &str, seal_key: &str) -> Value {
        let scheme = if self.tls_cert.is_some() {
            "tls"
        } else {
            "nats"
        };
        let address = match self.listen.rsplit_once(':') {
            Some(("0.0.0.0" | "[::]" | "", port)) => format!("localhost:{port}"),
            _ => self.listen.clone(),
        };
        let mut section = json!({
            "servers": [format!("{scheme}://{address}")], "user": user.name, "password": password,
        });
        if let Some(prefix) = &user.inbox_prefix {
            section["inbox_prefix"] = prefix.as_str().into();
        }
        if user.seals {
            section["seal_key"] = seal_key.into();
        }
        section
    }
}

/// What an earlier run has written: a password that is replaced would lock the running service out, and what is sealed
/// with another key would not be counted.
#[derive(Default)]
struct Kept {
    password: Option<String>,
    seal_key: Option<String>,
}

fn kept(file: &Path) -> anyhow::Result<Kept> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let text = |key: &str| value["nats"][key].as_str().map(str::to_owned);
    match text("password") {
        Some(password) => Ok(Kept {
            password: Some(password),
            seal_key: text("seal_key"),
        }),
        None => anyhow::bail!(
            "{} is there and was not written by this command; name another folder with --out",
            file.display()
        ),
    }
}

/// In one step, readable by us alone.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let write = || -> std::io::Result<()> {
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&new, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn variable(user: &User) -> String {
    let name = user.name.to_uppercase().replace('-', "_");
    format!("KRYTEN_NATS_{name}_PASSWORD")
}

fn random_password() -> String {
    hex::encode(rand::rng().random::<[u8; 24]>())
}

/// In quotes, since the server takes a word of digits for a number.
fn quoted_password(password: &str) -> String {
    format!("\"{password}\"")
}
