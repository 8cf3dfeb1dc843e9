//! Feeds mangled input to everything that reads from a wire, and checks more than that nothing panics.
//!
//! [`corpus`] holds recorded messages; [`mutate`] mangles them and [`generate`] makes others; each of [`targets`] reads
//! one input and says what must hold; [`finding`] catches what does not, makes it small and writes it to a file.
//! [`hostile`] sends the same to running services, over NATS.
#![allow(
    clippy::print_stdout,
    reason = "a program of its own, which reports on stdout"
)]

mod corpus;
mod finding;
mod generate;
mod hostile;
mod mutate;
mod targets;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use finding::Finding;
use targets::Target;

/// Feeds mangled input to everything that reads from a wire; exit code 1 when something does not hold.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    /// How long all targets together take
    #[arg(long, value_name = "MINUTES", default_value_t = 5.0)]
    minutes: f64,
    /// How many inputs each target reads, instead of a time
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    cases: Option<u64>,
    /// Only this target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// What is made is decided by this number; without it by the clock
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Read this file, which an earlier run has written, instead of making anything
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
    /// Where to write what was found
    #[arg(long, value_name = "DIR", default_value = ".")]
    findings: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends mangled requests to a running robot and running statistics, and counts on while it does
    Hostile(hostile::Options),
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if let Some(Command::Hostile(options)) = options.command {
        return hostile::run(&options);
    }
    let targets = chosen(options.target.as_deref())?;
    finding::silence_panics();
    if let Some(file) = &options.replay {
        let input = std::fs::read(file)?;
        return Ok(match finding::problem(&targets[0], &input) {
            None => {
                println!("{}: holds", targets[0].name);
                ExitCode::SUCCESS
            }
            Some(problem) => {
                println!("{}: {problem}", targets[0].name);
                ExitCode::FAILURE
            }
        });
    }
    anyhow::ensure!(
        options.minutes.is_finite() && options.minutes > 0.0,
        "--minutes takes a number above 0"
    );
    let seed = options.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let share = match options.cases {
        Some(cases) => Share::Cases(cases),
        None => Share::Time(Duration::from_secs_f64(
            options.minutes * 60.0 / targets.len() as f64,
        )),
    };
    let mut found = Vec::new();
    for target in &targets {
        let began = Instant::now();
        let (cases, finding) = run(target, seed, share);
        let per_second = cases as f64 / began.elapsed().as_secs_f64();
        println!("{:>10}: {cases} cases, {per_second:.0}/s", target.name);
        found.extend(finding);
    }
    for finding in &found {
        println!("{}", finding.write(&options.findings)?);
    }
    Ok(match found.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn chosen(name: Option<&str>) -> anyhow::Result<Vec<Target>> {
    let mut all = targets::all();
    let Some(name) = name else {
        return Ok(all);
    };
    let names: Vec<&str> = all.iter().map(|target| target.name).collect();
    let names = names.join(", ");
    all.retain(|target| target.name == name);
    anyhow::ensure!(
        !all.is_empty(),
        "there is no target {name}; there are {names}"
    );
    Ok(all)
}

/// How much each target is fed.
#[derive(Debug, Clone, Copy)]
enum Share {
    Time(Duration),
    Cases(u64),
}

impl Share {
    fn is_over(self, began: Instant, cases: u64) -> bool {
        match self {
            Self::Time(time) => began.elapsed() >= time,
            Self::Cases(most) => cases >= most,
        }
    }
}

/// Every case has a seed of its own, so that a finding can be made again alone.
fn run(target: &Target, seed: u64, share: Share) -> (u64, Option<Finding>) {
    let started = Instant::now();
    let mut seeds = StdRng::seed_from_u64(seed);
    let mut cases = 0;
    while !share.is_over(started, cases) {
        let case: u64 = seeds.random();
        let input = (target.make)(&mut StdRng::seed_from_u64(case));
        cases += 1;
        if let Some(problem) = finding::problem(target, &input) {
            return (cases, Some(Finding::new(target, seed, input, problem)));
        }
    }
    (cases, None)
}
