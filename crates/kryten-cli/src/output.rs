//! What the command line prints: data on stdout, one sentence on stderr when something failed.
#![allow(
    clippy::print_stdout,
    reason = "printing is what a command line is for"
)]

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
        // A reader that went away is no error.
        let _ = error.print();
        return code;
    }
    for line in text.lines() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let (sign, words) = match words.strip_prefix(SIGN) {
            Some(words) => (SIGN, words),
            None => ("", words),
        };
        let shown = screen::wrapped(words, width, indent + sign.len());
        eprintln!("{:indent$}{sign}{shown}", "");
    }
    code
}

/// Before what went wrong.
const SIGN: &str = "error: ";

/// A sentence for the person at the terminal, words kept whole.
pub(crate) fn remark(sentence: &str) {
    eprintln!(
        "{}",
        screen::wrapped(sentence, Screen::width_of_stderr(), 0)
    );
}

/// One line for another program, words kept whole for a person.
fn complain(sentence: &str) {
    let shown = screen::wrapped(sentence, Screen::width_of_stderr(), SIGN.len());
    eprintln!("{SIGN}{shown}");
}

/// Prints a line on stdout; a reader that went away (`| head`) is no error.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out
        .write_all(text.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
}

/// Prints a text that ends its lines itself.
pub(crate) fn text(text: &str) {
    line(text.strip_suffix('\n').unwrap_or(text));
}

/// Prints bytes and a newline on stdout.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out
        .write_all(bytes)
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
}

/// Prints JSON, indented, on stdout.
pub(crate) fn json(value: &Value) {
    line(&format!("{value:#}"));
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
