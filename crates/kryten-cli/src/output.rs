//! What the command line prints: data on stdout, one sentence on stderr when something failed.

use std::io::Write;
use std::process::ExitCode;

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::chapters::chapter_of;
use crate::screen::{self, Screen};

/// The exit code of a command that could not be done.
pub(crate) const FAILED: u8 = 1;
/// The exit code of a command that was called wrongly.
pub(crate) const USAGE: u8 = 2;

/// What async-nats says where the credentials are refused, which our own sentence has said.
const REFUSED: [&str; 2] = [
    "authorization violation: nats: authorization violation",
    "nats: authorization violation",
];

/// Prints a failure as one line on stderr, causes joined by colons, where the book helps with its chapter, and gives the
/// exit code.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    let unprinted = error.downcast_ref::<Unprinted>();
    if unprinted.is_some_and(Unprinted::is_reader_gone) {
        return ExitCode::SUCCESS;
    }
    let mut sentence = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // What says no more than the sentence so far.
        if sentence.contains(&text) || REFUSED.contains(&text.as_str()) {
            continue;
        }
        if !sentence.is_empty() {
            sentence.push_str(": ");
        }
        sentence.push_str(&text);
    }
    if let Some(chapter) = chapter_of(error) {
        sentence.push_str(&format!(" (see the chapter \"{chapter}\" of the book)"));
    }
    complain(&printable(&sentence));
    ExitCode::from(FAILED)
}

/// A usage error: one line on stderr and exit code 2.
pub(crate) fn usage(sentence: &str) -> ExitCode {
    complain(sentence);
    ExitCode::from(USAGE)
}

/// What clap found wrong, or the help that was asked for; words kept whole where a line is longer than the terminal.
pub(crate) fn misused(error: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
    let width = Screen::width_of_stderr();
    let text = error.to_string();
    let is_too_wide = |line: &str| width.is_some_and(|width| line.width() > width);
    if !error.use_stderr() || !text.lines().any(is_too_wide) {
        return match error.print() {
            Err(source) if !error.use_stderr() => failed(&Unprinted(source).into()),
            // Whoever does not see it sees the exit code.
            _ => code,
        };
    }
    for line in text.lines() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let (sign, words) = match words.strip_prefix(SIGN) {
            Some(words) => (SIGN, words),
            None => ("", words),
        };
        let shown = screen::wrapped(words, width, indent + sign.len());
        aside(&format!("{:indent$}{sign}{shown}", ""));
    }
    code
}

/// Before what went wrong.
const SIGN: &str = "error: ";

/// A sentence for the person at the terminal, words kept whole.
pub(crate) fn remark(sentence: &str) {
    aside(&screen::wrapped(sentence, Screen::width_of_stderr(), 0));
}

/// A line on stderr, as it is; where nobody reads it (a terminal that was closed), what is done goes on all the same.
pub(crate) fn aside(text: &str) {
    let _ = std::io::stderr()
        .lock()
        .write_all(format!("{text}\n").as_bytes());
}

/// One line for another program, words kept whole for a person.
fn complain(sentence: &str) {
    let shown = screen::wrapped(sentence, Screen::width_of_stderr(), SIGN.len());
    aside(&format!("{SIGN}{shown}"));
}

/// What was to be printed could not be written; [`failed`] is silent about a reader that went away.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub(crate) struct Unprinted(#[from] std::io::Error);

impl Unprinted {
    /// As `head` goes when it has what it wants.
    fn is_reader_gone(&self) -> bool {
        self.0.kind() == std::io::ErrorKind::BrokenPipe
    }
}

/// Prints a line on stdout.
pub(crate) fn line(text: &str) -> Result<(), Unprinted> {
    bytes(text.as_bytes())
}

/// Prints a text that ends its lines itself.
pub(crate) fn text(text: &str) -> Result<(), Unprinted> {
    line(text.strip_suffix('\n').unwrap_or(text))
}

/// Prints bytes and a newline on stdout.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Unprinted> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Prints JSON, indented, on stdout.
pub(crate) fn json(value: &Value) -> Result<(), Unprinted> {
    line(&format!("{value:#}"))
}

/// The exit code of a command that judges something: its verdict holds also where nobody reads to the end.
pub(crate) fn verdict(is_good: bool, printed: Result<(), Unprinted>) -> anyhow::Result<ExitCode> {
    match printed {
        Err(unprinted) if !unprinted.is_reader_gone() => Err(unprinted.into()),
        _ if is_good => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(FAILED)),
    }
}

/// Text from the network as one printable line: control characters become `\xNN`.
pub(crate) fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                clean.push_str(&format!("\\x{byte:02X}"));
            }
        } else {
            clean.push(c);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        assert_eq!(
            printable("a\tb\u{1b}[31m\u{85}é"),
            "a\\x09b\\x1B[31m\\xC2\\x85é"
        );
    }
}
