//! Mangled requests to each command and each HTTP route of running services, while honest people go on talking.
//!
//! [`stage`] is a simulated channel with robot, statistics and page on a real nats-server; [`command`] is one command and
//! what may be answered to what; [`route`] is the same of one HTTP route, over [`exchange`]; [`panics`] hears of every
//! panic in the process. Whatever is sent: no panic, one answer of
//! the right shape to each request, and every honest line counted once.

mod command;
mod exchange;
mod panics;
mod route;
mod stage;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use futures_util::{StreamExt, stream};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use command::Command;
use route::Route;
use stage::Stage;

/// So many requests are under way at a time.
const AT_ONCE: usize = 64;
/// An honest line for so many hostile messages.
const HONEST_EVERY: u64 = 50;
/// An answer that has not come after this time does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is sent, and how often.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many messages each command and each HTTP route is sent
    #[arg(long, value_name = "N", default_value_t = 1000)]
    messages: u64,
    /// Only the commands and routes whose name holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// What is made is decided by this number; without it by the clock
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    Refused,
    NoneDue,
}

/// What is sent to.
enum Target {
    Command(Command),
    Route(Route),
}

impl Target {
    fn all() -> anyhow::Result<Vec<Self>> {
        let commands = command::all()?.into_iter().map(Self::Command);
        Ok(commands
            .chain(route::all().into_iter().map(Self::Route))
            .collect())
    }

    fn name(&self) -> &str {
        match self {
            Self::Command(command) => &command.name,
            Self::Route(route) => &route.name,
        }
    }

    fn message(&self, random: &mut StdRng) -> Vec<u8> {
        match self {
            Self::Command(command) => command.body(random),
            Self::Route(route) => route.request(random),
        }
    }

    async fn send(&self, stage: &Stage, message: &[u8]) -> Result<Answer, String> {
        match self {
            Self::Command(command) => command.send(stage.nats(), message, PATIENCE).await,
            Self::Route(route) => route.send(stage.ports(), message, PATIENCE).await,
        }
    }
}

/// Sends everything; what does not hold is told, and the exit code is 1.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(options.messages > 0, "--messages takes a number above 0");
    panics::count();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let findings = runtime.block_on(all(options))?;
    for finding in &findings {
        println!("FOUND {finding}");
    }
    Ok(match findings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

async fn all(options: &Options) -> anyhow::Result<Vec<String>> {
    let stage = Stage::start().await?;
    let mut targets = Target::all()?;
    if let Some(text) = &options.only {
        targets.retain(|target| target.name().contains(text.as_str()));
    }
    anyhow::ensure!(
        !targets.is_empty(),
        "no command and no route has such a name"
    );
    let seed = options.seed.unwrap_or_else(rand::random);
    println!(
        "seed {seed}, {} commands and routes, {} messages each",
        targets.len(),
        options.messages
    );
    let mut findings = Vec::new();
    let mut sent = 0;
    for target in &targets {
        let began = Instant::now();
        let tally = against(&stage, target, seed, options.messages).await?;
        sent += options.messages;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{:>36}: {} done, {} refused, {} without an answer due, {:.0}/s",
            target.name(),
            tally.done,
            tally.refused,
            tally.silent,
            options.messages as f64 / seconds,
        );
        let again = format!(
            "again: cargo run -p kryten-fuzz -- hostile --only {} --seed {seed}",
            target.name()
        );
        findings.extend(
            tally
                .findings
                .into_iter()
                .map(|finding| format!("{finding}; {again}")),
        );
        findings.extend(
            panics::take()
                .into_iter()
                .map(|panic| format!("after {}: {panic}; {again}", target.name())),
        );
    }
    findings.extend(stage.what_is_lost().await?);
    println!(
        "{sent} hostile messages, {} honest lines, {} findings",
        stage.honest_lines(),
        findings.len()
    );
    stage.stop().await?;
    findings.extend(panics::take());
    Ok(findings)
}

#[derive(Debug, Default)]
struct Tally {
    done: u64,
    refused: u64,
    silent: u64,
    findings: Vec<String>,
}

/// Sends one command its messages.
async fn against(
    stage: &Stage,
    target: &Target,
    seed: u64,
    messages: u64,
) -> anyhow::Result<Tally> {
    /// More of the same command tell nothing new.
    const ENOUGH: usize = 5;
    let mut tally = Tally::default();
    let mut seeds = StdRng::seed_from_u64(seed);
    let cases = (0..messages).map(|number| (number, seeds.random::<u64>()));
    let mut outcomes = stream::iter(cases)
        .map(|(number, case)| async move {
            if number % HONEST_EVERY == 0 {
                stage
                    .say_an_honest_line()
                    .await
                    .context("the simulated user cannot speak")?;
            }
            let body = target.message(&mut StdRng::seed_from_u64(case));
            let answer = target.send(stage, &body).await;
            anyhow::Ok((body, answer))
        })
        .buffer_unordered(AT_ONCE);
    while let Some(outcome) = outcomes.next().await {
        match outcome? {
            (_, Ok(Answer::Done)) => tally.done += 1,
            (_, Ok(Answer::Refused)) => tally.refused += 1,
            (_, Ok(Answer::NoneDue)) => tally.silent += 1,
            (body, Err(problem)) if tally.findings.len() < ENOUGH => {
                let body = String::from_utf8_lossy(&body);
                let shown: String = body.chars().take(1000).collect();
                tally.findings.push(format!(
                    "{}: {problem}; sent: {}",
                    target.name(),
                    shown.escape_debug()
                ));
            }
            (_, Err(_)) => {}
        }
    }
    Ok(tally)
}
