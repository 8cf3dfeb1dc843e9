//! `kryten privacy`: a person's wishes.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use kryten_client::command::{self, CommandError};
use kryten_protocol::command::Request;
use serde_json::Value;

use crate::cli::ClientArgs;
use crate::context::Context;
use crate::output;
use crate::screen::{Grid, Screen, column, day_and_time, text};

const SERVICE: &str = "userstats";
const PATIENCE: Duration = Duration::from_secs(15);

/// Options of `kryten privacy`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kryten privacy opt-out alice   neither counted nor shown
  kryten privacy export alice    everything that is stored of her, as JSON
  kryten privacy forget alice    it is gone for good")]
pub(crate) struct PrivacyArgs {
    /// Print the reply's data as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Count and show somebody no more; what was counted is set aside
    OptOut(Who),
    /// Count and show somebody again, with what was set aside
    OptIn(Who),
    /// Remove everything that was counted of somebody, for good
    Forget {
        #[command(flatten)]
        who: Who,
        /// Do not ask
        #[arg(long, short = 'y')]
        yes: bool,
    },
    /// Print everything that is stored of somebody, as JSON
    Export(Who),
    /// Who opted out, and how many were forgotten
    List,
}

#[derive(Debug, Args)]
struct Who {
    /// The name, in any case of its letters
    name: String,
    /// The accounts that are this person's aliases, too
    #[arg(long)]
    aliases: bool,
}

/// Asks the statistics service and prints what it says.
pub(crate) async fn run(args: &ClientArgs, privacy: PrivacyArgs) -> anyhow::Result<ExitCode> {
    if let What::Forget { who, yes: false } = &privacy.what {
        if !std::io::stdin().is_terminal() {
            return Ok(output::usage(
                "forgetting cannot be undone: give --yes where nobody can be asked",
            ));
        }
        if !is_sure(&who.name)? {
            anyhow::bail!("nothing was removed");
        }
    }
    let client = Context::find(args)?.connect().await?;
    let (command, who) = match &privacy.what {
        What::OptOut(who) => ("privacy.opt_out", Some(who)),
        What::OptIn(who) => ("privacy.opt_in", Some(who)),
        What::Forget { who, .. } => ("privacy.forget", Some(who)),
        What::Export(who) => ("privacy.export", Some(who)),
        What::List => ("privacy.list", None),
    };
    let mut request = Request::new(SERVICE, command);
    if let Some(who) = who {
        request = request
            .with("username", who.name.as_str())
            .with("aliases", who.aliases);
    }
    let data = match command::request(&client, SERVICE, request, PATIENCE).await {
        Ok(reply) => reply.data.unwrap_or_default(),
        Err(CommandError::Refused { error, .. }) => {
            anyhow::bail!("the {SERVICE} service refuses: {error}")
        }
        Err(error) => return Err(error.into()),
    };
    if privacy.json || matches!(privacy.what, What::Export(_)) {
        output::json(&data)?;
    } else {
        show(&privacy.what, &data)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Whoever types the name means it.
fn is_sure(name: &str) -> anyhow::Result<bool> {
    let mut err = std::io::stderr();
    write!(
        err,
        "Everything that was counted of {} will be gone for good. Type the name to go on: ",
        output::printable(name)
    )?;
    err.flush()?;
    let mut typed = String::new();
    std::io::stdin().read_line(&mut typed)?;
    Ok(typed.trim() == name)
}

fn show(what: &What, data: &Value) -> Result<(), output::Unprinted> {
    let names: Vec<&str> = data["names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let names = output::printable(&names.join(", "));
    let rows = &data["rows"];
    match what {
        What::OptOut(_) => output::line(&format!(
            "{names}: not counted nor shown any more; {rows} rows are set aside"
        )),
        What::OptIn(_) => output::line(&format!(
            "{names}: counted and shown again; {rows} rows are back"
        )),
        What::Forget { .. } => output::line(&format!("{names}: forgotten; {rows} rows are gone")),
        What::Export(_) => output::json(data),
        What::List => output::text(&listed(Screen::of_stdout(), data)),
    }
}

/// Who opted out, and how many are forgotten.
fn listed(screen: Screen, data: &Value) -> String {
    let mut grid = Grid::new([column("opted out"), column("since (UTC)")]);
    for out in data["opted_out"].as_array().into_iter().flatten() {
        grid.row([text(&out["username"]), day_and_time(&out["since"])]);
    }
    let out = match grid.is_empty() {
        true => "Nobody has opted out.".to_owned(),
        false => grid.draw(screen),
    };
    format!("{out}\n\nforgotten: {}", text(&data["forgotten"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_opted_out_is_a_table() {
        let data = json!({"opted_out": [{"username": "bob", "since": "2026-11-29T15:36:04.613701+00:00"}], "forgotten": 2});
        insta::assert_snapshot!(listed(Screen::terminal(80), &data), @r"
        opted out  since (UTC)
        bob        2026-11-29 15:36:04

        forgotten: 2
        ");
        let nobody = json!({"opted_out": [], "forgotten": 0});
        assert_eq!(
            listed(Screen::pipe(), &nobody),
            "Nobody has opted out.\n\nforgotten: 0"
        );
    }
}
