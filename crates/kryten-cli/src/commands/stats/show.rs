//! Replies of the statistics service as texts for people.

pub(crate) mod boards;
pub(crate) mod channel;
pub(crate) mod drift;
pub(crate) mod hours;
pub(crate) mod names;
pub(crate) mod system;
pub(crate) mod user;

use serde_json::Value;

use crate::screen::{Grid, Screen, column, text};

/// An array of a reply; empty where it is something else.
fn rows(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A list without places: a name and a count on each line.
fn counted(screen: Screen, list: &[Value], name: &str) -> String {
    let mut grid = Grid::new([column(""), column("").right()]);
    for row in list {
        let value = crate::screen::number(&row["count"]);
        grid.bar_row([text(&row[name]), text(&row["count"])], value);
    }
    grid.draw(screen)
}

/// A title and what is below it.
fn section(screen: Screen, title: &str, body: &str) -> String {
    format!("{}\n{body}", screen.title(title))
}

/// Sections with an empty line between them.
fn joined(sections: Vec<String>) -> String {
    sections.join("\n\n")
}
