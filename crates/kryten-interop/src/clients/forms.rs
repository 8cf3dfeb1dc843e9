//! Every verb of the real kryten-cli, with each of its options and arguments, is one of ours.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use kryten_python::CLI;
use serde_json::Value;
use tokio::process::Command;

use crate::checks::Report;

/// Walks through the parsers of the real one. It makes them inside of its main function, so that function is run up to
/// the moment at which it would parse.
const WALK: &str = r#"
import argparse, asyncio, inspect, json, sys
import kryten_cli
found = {}
def walk(parser, verb):
    options, arguments, verbs = [], 0, {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            verbs = action.choices
        elif action.option_strings:
            options += [option for option in action.option_strings if option.startswith('--')]
        else:
            arguments += 1
    found[' '.join(verb)] = {'options': options, 'arguments': arguments}
    for name, inner in verbs.items():
        walk(inner, verb + [name])
def stop(self, *args, **kwargs):
    walk(self, [])
    print(json.dumps(found))
    raise SystemExit(0)
argparse.ArgumentParser.parse_args = stop
sys.argv = ['kryten']
kryten_cli.run()
"#;

pub(super) async fn run(report: &mut Report) {
    report.add(
        "kryten-cli: each verb and option is ours too",
        compare().await,
    );
}

async fn compare() -> anyhow::Result<()> {
    let python = CLI.python().await?;
    let walked = Command::new(python)
        .args(["-I", "-c", WALK])
        .output()
        .await?;
    let theirs: BTreeMap<String, Value> =
        serde_json::from_slice(&walked.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&walked.stderr).into_owned();
            format!("its parsers cannot be read: {said}")
        })?;
    ensure!(theirs.len() > 30, "only {} verbs were found", theirs.len());
    let kryten = kryten().await?;
    let mut missing = Vec::new();
    for (verb, form) in &theirs {
        let words: Vec<&str> = verb.split(' ').filter(|word| !word.is_empty()).collect();
        let help = Command::new(&kryten)
            .args(&words)
            .arg("--help")
            .output()
            .await?;
        if !help.status.success() {
            missing.push(verb.clone());
            continue;
        }
        let help = String::from_utf8(help.stdout)?;
        let is_option = |word: &str| {
            let mut words = help.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            words.any(|other| other == word)
        };
        let options = form["options"].as_array().into_iter().flatten();
        for option in options.filter_map(Value::as_str) {
            if !is_option(option) {
                missing.push(format!("{verb} {option}"));
            }
        }
        let arguments = help
            .split_once("Arguments:\n")
            .map(|(_, rest)| rest.split("\n\nOptions:").next().unwrap_or(rest))
            .unwrap_or_default();
        let ours = arguments
            .lines()
            .filter(|line| line.starts_with("  <") || line.starts_with("  ["))
            .count();
        if form["arguments"] != ours {
            let theirs = &form["arguments"];
            missing.push(format!("{verb}: {theirs} arguments, ours {ours}"));
        }
    }
    ensure!(missing.is_empty(), "not ours: {}", missing.join("; "));
    Ok(())
}

/// Our program, built as this one was and found beside it.
async fn kryten() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().context("this program is in no folder")?;
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "-p", "kryten-cli", "--bin", "kryten"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        ensure!(build.status().await?.success(), "kryten cannot be built");
    }
    Ok(folder.join("kryten"))
}
