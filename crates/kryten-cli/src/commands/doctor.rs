//! `kryten doctor`: looks at everything that a Kryten set-up stands on, and says what to do about what is wrong.
//!
//! [`probe`] looks, [`judge`] decides what that means, [`facts`] is between them.

mod facts;
mod judge;
mod probe;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::cli::ClientArgs;
use crate::output;
use crate::paint::Paint;
use crate::screen::{Screen, wrapped};
use judge::{Finding, Verdict};

/// Options of `kryten doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten doctor                             a running `kryten up`, or localhost
  kryten doctor robot.json userstats.json   what these files name, too
  kryten --nats nats://host:4222 --channel lounge doctor --json

It writes nothing. Exit code 1 if anything is wrong.")]
pub(crate) struct DoctorArgs {
    /// Configuration files of services: they are checked, and tell where NATS is unless --nats, --config or --data-dir does
    files: Vec<PathBuf>,
    /// How many megabytes a disk should have free
    #[arg(long, value_name = "MB", default_value_t = 500)]
    min_free: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Looks, and tells.
pub(crate) async fn run(client: &ClientArgs, args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let facts = probe::look(client, &args.files, args.min_free * 1_000_000).await;
    let findings = judge::judge(&facts);
    let wrong = findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Wrong)
        .count();
    let printed = match args.json {
        true => {
            let checks: Vec<_> = findings.iter().map(as_json).collect();
            output::json(&json!({"healthy": wrong == 0, "checks": checks}))
        }
        false => tell(&findings, wrong),
    };
    output::verdict(wrong == 0, printed)
}

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({
        "check": finding.check, "verdict": finding.verdict.word(), "what": finding.what, "remedy": finding.remedy,
    })
}

fn tell(findings: &[Finding], wrong: usize) -> Result<(), output::Unprinted> {
    const INDENT: usize = 14;
    let (paint, width) = (Paint::stdout(), Screen::of_stdout().width());
    for finding in findings {
        let sign = match finding.verdict {
            Verdict::Good => paint.good("✓"),
            Verdict::Note => paint.warning("•"),
            Verdict::Wrong => paint.bad("✗"),
        };
        let check = paint.strong(&format!("{:11}", finding.check));
        let what = wrapped(&output::printable(&finding.what), width, INDENT);
        output::line(&format!("{sign} {check} {what}"))?;
        if let Some(remedy) = &finding.remedy {
            let remedy = wrapped(&output::printable(remedy), width, INDENT + 2);
            output::line(&format!("{:INDENT$}→ {remedy}", ""))?;
        }
    }
    output::line("")?;
    output::line(&match wrong {
        0 => paint.good("nothing is wrong"),
        1 => paint.bad("1 thing is wrong"),
        _ => paint.bad(&format!("{wrong} things are wrong")),
    })
}
