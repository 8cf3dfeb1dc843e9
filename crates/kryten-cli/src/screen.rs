//! How wide the terminal is and whether it shows colour; tables, charts and words for it.
//!
//! What is drawn is a text that depends on nothing but the data and the [`Screen`], so that tests see it too.

mod chart;
mod grid;
mod words;
mod wrap;

use std::io::IsTerminal;

use anstyle::{AnsiColor, Style};

pub(crate) use chart::{bar, shade, sparkline};
pub(crate) use grid::{Grid, column, cut};
pub(crate) use words::{ago, count, day_and_time, duration, number, text};
pub(crate) use wrap::wrapped;

/// Where a text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Screen {
    /// Columns of a terminal; `None` for a file or another program, which get no charts and nothing is cut.
    width: Option<usize>,
    has_colour: bool,
}

impl Screen {
    /// Standard output.
    pub(crate) fn of_stdout() -> Self {
        /// Where a terminal does not say how wide it is.
        const USUAL: usize = 80;
        let is_terminal = std::io::stdout().is_terminal();
        let is_wide = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let wants_no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            width: is_terminal.then(|| is_wide().unwrap_or(USUAL)),
            has_colour: is_terminal && !wants_no_colour && !is_dumb,
        }
    }

    /// The width of standard error; `None` where it is no terminal.
    pub(crate) fn width_of_stderr() -> Option<usize> {
        let stderr = std::io::stderr();
        let width = terminal_size::terminal_size_of(&stderr)?.0;
        stderr.is_terminal().then_some(usize::from(width.0))
    }

    /// A terminal without colour, for tests.
    #[cfg(test)]
    pub(crate) fn terminal(width: usize) -> Self {
        Self {
            width: Some(width),
            has_colour: false,
        }
    }

    /// A file or a pipe, for tests.
    #[cfg(test)]
    pub(crate) fn pipe() -> Self {
        Self {
            width: None,
            has_colour: false,
        }
    }

    /// Columns, where it is a terminal.
    pub(crate) fn width(self) -> Option<usize> {
        self.width
    }

    pub(crate) fn has_colour(self) -> bool {
        self.has_colour
    }

    /// A title.
    pub(crate) fn title(self, text: &str) -> String {
        self.painted(Style::new().bold(), text)
    }

    /// What is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.painted(AnsiColor::Green.on_default(), text)
    }

    /// What is not.
    pub(crate) fn bad(self, text: &str) -> String {
        self.painted(AnsiColor::Red.on_default(), text)
    }

    /// A chart.
    pub(crate) fn charted(self, text: &str) -> String {
        self.painted(AnsiColor::Cyan.on_default(), text)
    }

    fn painted(self, style: Style, text: &str) -> String {
        match self.has_colour && !text.is_empty() {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}
