//! Questions to the person at the terminal.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::Context as _;

/// Whether somebody can be asked: stdin and stderr are a terminal.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks before something that cannot be taken back; where nobody can be asked it needs `option`.
pub(crate) fn confirm(what: &str, option: &str) -> anyhow::Result<()> {
    if !can_ask() {
        anyhow::bail!("{what}; give {option} to do it");
    }
    let answer = line(&format!("{what}. Go on? [y/N] "))?;
    match answer.to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was changed"),
    }
}

/// One line of an answer, without blanks around it.
pub(crate) fn line(question: &str) -> anyhow::Result<String> {
    let mut stderr = std::io::stderr().lock();
    // Who cannot see the question answers it all the same.
    let _ = stderr
        .write_all(question.as_bytes())
        .and_then(|()| stderr.flush());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    let bytes = read.context("cannot read the answer")?;
    anyhow::ensure!(bytes > 0, "there was no answer");
    Ok(answer.trim().to_owned())
}
