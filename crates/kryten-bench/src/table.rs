//! The table, as text and in `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;

use anyhow::Context;

use crate::figure::{Figure, Of, Target};
use crate::plot;
use crate::results::{RowResult, docs, kept};
use crate::sides::Side;
use crate::spread::Spread;

const BEGIN: &str = "<!-- the table begins: written by kryten-bench -->\n";
const END: &str = "<!-- the table ends -->\n";

/// The row of which there is a picture, and its file.
const PICTURED: &str = "p9";
const PICTURE: &str = "p9.svg";

/// A row's table for the terminal.
pub(crate) fn text(result: &RowResult) -> String {
    let mut text = String::new();
    if let Some(grid) = &result.grid {
        let _ = write!(text, "{}\n{}", result.row.to_uppercase(), grid.markdown());
    }
    for figure in &result.figures {
        let cells = cells(figure).join(" | ");
        let _ = writeln!(text, "{} | {cells}", result.row.to_uppercase());
        for note in &figure.notes {
            let _ = writeln!(text, "    {note}");
        }
    }
    text
}

/// Writes the table anew from the results that are kept; what stands outside its marks stays.
pub(crate) fn renew() -> anyhow::Result<()> {
    let file = docs().join("performance.md");
    let page =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let marks = page.find(BEGIN).zip(page.find(END));
    let (begin, end) = marks.with_context(|| format!("{} has no marks", file.display()))?;
    let mut table = String::new();
    for result in kept()? {
        write_row(&mut table, &result);
        if let (PICTURED, Some(grid)) = (result.row.as_str(), &result.grid) {
            let picture = plot::growth(&grid.samples)?;
            fs::write(docs().join("results").join(PICTURE), picture)?;
            let _ = writeln!(
                table,
                "![Time and memory by size, both axes logarithmic](results/{PICTURE})\n"
            );
        }
    }
    let page = format!("{}{BEGIN}\n{table}{}", &page[..begin], &page[end..]);
    Ok(fs::write(&file, page)?)
}

fn write_row(table: &mut String, result: &RowResult) {
    let _ = write!(
        table,
        "### {}\n\nMeasured {} on {} processors{}.\n\n",
        result.row.to_uppercase(),
        result.measured,
        result.processors,
        result
            .load
            .map_or_else(String::new, |load| format!(", load {load:.1}")),
    );
    if let Some(grid) = &result.grid {
        table.push_str(&grid.markdown());
        return;
    }
    let _ = writeln!(
        table,
        "| work | flush | unit | ours | raw async-nats | kryten-py | ours ÷ raw | ours ÷ kryten-py | target |\n\
         |---|---|---|---|---|---|---|---|---|"
    );
    for figure in &result.figures {
        let _ = writeln!(table, "| {} |", cells(figure).join(" | "));
    }
    table.push('\n');
    let mut notes: Vec<&String> = result
        .figures
        .iter()
        .flat_map(|figure| &figure.notes)
        .collect();
    notes.dedup();
    for note in &notes {
        let _ = writeln!(table, "- {note}");
    }
    if !notes.is_empty() {
        table.push('\n');
    }
}

fn cells(figure: &Figure) -> Vec<String> {
    let rate = |side| figure.rates.get(&side).map_or("-".to_owned(), rate);
    let ratio = |side| figure.ratios.get(&side).map_or("-".to_owned(), ratio);
    let targets: Vec<String> = figure.targets.iter().map(target).collect();
    vec![
        figure.work.clone(),
        figure.sync.name().to_owned(),
        format!("{}/s", figure.unit),
        rate(Side::Ours),
        rate(Side::Raw),
        rate(Side::Python),
        ratio(Side::Raw),
        ratio(Side::Python),
        if targets.is_empty() {
            "-".to_owned()
        } else {
            targets.join("; ")
        },
    ]
}

fn rate(rate: &Spread) -> String {
    format!(
        "{} ({}–{})",
        short(rate.median),
        short(rate.low),
        short(rate.high)
    )
}

fn ratio(ratio: &Spread) -> String {
    let digits = if ratio.median < 10.0 { 2 } else { 0 };
    format!(
        "{:.digits$} ({:.digits$}–{:.digits$})",
        ratio.median, ratio.low, ratio.high
    )
}

fn target(target: &Target) -> String {
    let verdict = if target.holds() {
        "holds"
    } else {
        "**missed**"
    };
    match target.of {
        Of::Raw => format!("≥ {:.2} of raw: {verdict}", target.at_least),
        Of::Python => format!("≥ {} × kryten-py: {verdict}", target.at_least),
        Of::Rate => format!("≥ {}/s: {verdict}", short(target.at_least)),
    }
}

/// With a comma between thousands.
fn short(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_commas() {
        for (number, text) in [
            (0.5, "0.5"),
            (99.94, "99.9"),
            (100.0, "100"),
            (1234.0, "1,234"),
            (1_234_567.8, "1,234,568"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
