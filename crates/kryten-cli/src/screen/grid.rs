//! Aligned tables.

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Table,
    presets,
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Screen, bar};

/// Blanks between columns.
const GAP: u16 = 2;
/// The longest bar.
const BAR: usize = 30;
/// The least that is shown of a text.
const SHORTEST_TEXT: usize = 8;
/// What an empty column takes.
const NARROWEST: usize = 1;
/// The shortest bar that says anything.
const SHORTEST_BAR: usize = 6;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    is_right: bool,
    is_cut: bool,
}

/// A column of texts.
pub(crate) fn column(title: &'static str) -> Column {
    Column {
        title,
        is_right: false,
        is_cut: false,
    }
}

impl Column {
    /// Numbers, which stand below each other.
    pub(crate) fn right(self) -> Self {
        Self {
            is_right: true,
            ..self
        }
    }

    /// Long texts, which are cut where the terminal is too narrow.
    pub(crate) fn cut(self) -> Self {
        Self {
            is_cut: true,
            ..self
        }
    }
}

/// A table that is being filled.
#[derive(Debug)]
pub(crate) struct Grid {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    values: Vec<f64>,
}

impl Grid {
    pub(crate) fn new<const N: usize>(columns: [Column; N]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }

    /// A row with a value, which a terminal shows as a bar at the end.
    pub(crate) fn bar_row<const N: usize>(&mut self, cells: [String; N], value: f64) {
        self.rows.push(cells.to_vec());
        self.values.push(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table, without a line end after the last row.
    pub(crate) fn draw(&self, screen: Screen) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match screen.has_colour() {
            true => table.enforce_styling(),
            false => table.force_no_tty(),
        };
        if self.columns.iter().any(|column| !column.title.is_empty()) {
            let head = self.columns.iter().map(|column| {
                Cell::new(column.title)
                    .add_attribute(Attribute::Dim)
                    .set_alignment(alignment(*column))
            });
            table.set_header(head);
        }
        let (bar_width, text_width) = (self.bar_width(screen), self.text_width(screen));
        let largest = self.values.iter().copied().fold(0.0, f64::max);
        for (at, cells) in self.rows.iter().enumerate() {
            let cells = cells.iter().zip(&self.columns);
            let shown = |(cell, column): (&String, &Column)| {
                let cell = match text_width.filter(|_| column.is_cut) {
                    Some(width) => Cell::new(cut(cell, width)),
                    None => Cell::new(cell),
                };
                cell.set_alignment(alignment(*column))
            };
            let mut cells: Vec<Cell> = cells.map(shown).collect();
            if let (Some(width), Some(value)) = (bar_width, self.values.get(at)) {
                cells.push(Cell::new(bar(*value, largest, width)).fg(Color::Cyan));
            }
            let mut row = Row::from(cells);
            row.max_height(1);
            table.add_row(row);
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        if let Some(width) = screen.width().and_then(|width| u16::try_from(width).ok()) {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_truncation_indicator("…")
                .set_width(width);
            let is_cut = |at: usize| self.columns.get(at).is_some_and(|column| column.is_cut);
            for (at, column) in table.column_iter_mut().enumerate() {
                if !is_cut(at) {
                    column.set_constraint(ColumnConstraint::ContentWidth);
                }
            }
        }
        table.trim_fmt()
    }

    /// How long the longest bar is; `None` where there is no place, or nothing to show.
    fn bar_width(&self, screen: Screen) -> Option<usize> {
        let width = screen.width().filter(|_| !self.values.is_empty())?;
        let left = width.saturating_sub(self.taken(|_| true) + usize::from(GAP));
        (left >= SHORTEST_BAR).then_some(left.min(BAR))
    }

    /// How much of the texts that may be cut has a place.
    fn text_width(&self, screen: Screen) -> Option<usize> {
        let left = screen
            .width()?
            .saturating_sub(self.taken(|column| !column.is_cut));
        Some(left.saturating_sub(usize::from(GAP)).max(SHORTEST_TEXT))
    }

    /// The place that these columns take, with the blanks between them.
    fn taken(&self, is_meant: impl Fn(&Column) -> bool) -> usize {
        let of_column = |(at, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|cell| cell.width()).max().unwrap_or(0);
            widest.max(column.title.width()).max(NARROWEST) + usize::from(GAP)
        };
        let columns = self.columns.iter().enumerate();
        columns
            .filter(|(_, column)| is_meant(column))
            .map(of_column)
            .sum()
    }
}

/// The beginning of a text that is too long.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            let wide = c.width().unwrap_or(0);
            let has_place = wide <= left;
            left = left.saturating_sub(wide);
            has_place
        })
        .collect();
    kept.push('…');
    kept
}

fn alignment(column: Column) -> CellAlignment {
    match column.is_right {
        true => CellAlignment::Right,
        false => CellAlignment::Left,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn films() -> Grid {
        let mut grid = Grid::new([
            column("").right(),
            column("title").cut(),
            column("votes").right(),
        ]);
        grid.bar_row(
            [
                "1".into(),
                "A film with a rather long title".into(),
                "10".into(),
            ],
            10.0,
        );
        grid.bar_row(["10".into(), "映画".into(), "5".into()], 5.0);
        grid
    }

    #[test]
    fn a_pipe_gets_whole_texts_and_no_bars() {
        insta::assert_snapshot!(films().draw(Screen::pipe()), @r#"
            title                            votes
         1  A film with a rather long title     10
        10  映画                                 5
        "#);
    }

    #[test]
    fn a_terminal_gets_bars_in_the_place_that_is_left() {
        insta::assert_snapshot!(films().draw(Screen::terminal(60)), @r#"
            title                            votes
         1  A film with a rather long title     10  ██████████████
        10  映画                                 5  ███████
        "#);
    }

    #[test]
    fn a_text_is_cut_by_characters_also_beside_an_empty_column() {
        let mut grid = Grid::new([column("title").cut(), column(""), column("n").right()]);
        grid.row(["A film (1981).mp4".into(), String::new(), "1".into()]);
        let shown = |width| {
            let drawn = grid.draw(Screen::terminal(width));
            drawn.lines().last().unwrap_or_default().to_owned()
        };
        assert_eq!(shown(25), "A film (1981).mp4     1");
        assert_eq!(shown(24), "A film (1981).m…     1");
    }

    #[test]
    fn a_narrow_terminal_cuts_titles_and_shows_no_bars() {
        insta::assert_snapshot!(films().draw(Screen::terminal(30)), @r#"
            title              votes
         1  A film with a ra…     10
        10  映画                   5
        "#);
    }
}
