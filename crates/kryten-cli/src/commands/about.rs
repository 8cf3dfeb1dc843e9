//! `kryten about`: what this is.

use std::process::ExitCode;

use crate::output;

/// Prints it; connects to nothing.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    output::line("kryten, the command line of Kryten in Rust")?;
    output::line(concat!("Version: ", env!("CARGO_PKG_VERSION")))?;
    output::line("Credits: after kryten-py, kryten-robot, kryten-userstats and kryten-cli")?;
    output::line(concat!("Licence: ", env!("CARGO_PKG_LICENSE")))?;
    output::line("Thank you for using it.")?;
    Ok(ExitCode::SUCCESS)
}
