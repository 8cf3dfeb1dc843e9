//! Pictures, drawn by `plotters` as SVG. Their colours are those of the light theme; the style sheet knows them by
//! their values and gives others in the dark.

mod axis;
mod bars;
mod heat;
mod population;

use askama::filters::HtmlSafe;
use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, RGBColor, SVGBackend};

pub(crate) use bars::{Bars, bars};
pub(crate) use heat::heat;
pub(crate) use population::population;

/// What is counted, and its other side.
const SERIES: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);
const BAND: RGBColor = RGBColor(0xc9, 0xdc, 0xf5);
const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xee);
const AXIS: RGBColor = RGBColor(0x9a, 0xa4, 0xb5);
const TEXT: RGBColor = RGBColor(0x51, 0x5c, 0x6e);
/// As wide as the page, and as the larger of two columns.
pub(crate) const PAGE: u32 = 1080;
pub(crate) const COLUMN: u32 = 620;
const FONT: (&str, u32) = ("sans-serif", 12);

/// A picture that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ChartError(String);

/// How large a picture is: wide pages and phones have pictures of their own, so that their writing is as large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Wide,
    Narrow,
}

impl Width {
    const BOTH: [Self; 2] = [Self::Wide, Self::Narrow];

    fn pixels(self, wide: u32) -> u32 {
        match self {
            Self::Wide => wide,
            Self::Narrow => 340,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Wide => "chart wide",
            Self::Narrow => "chart narrow",
        }
    }
}

/// A moment on the axis of time: where it is among the points, and what is written there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) at: usize,
    pub(crate) label: String,
}

/// A picture, whole, for both widths.
#[derive(Debug, Clone)]
pub(crate) struct Chart(String);

// Made of numbers and of escaped texts.
impl HtmlSafe for Chart {}

impl std::fmt::Display for Chart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Draws a picture for both widths. `title` names it, `text` says in a sentence what it shows; on a wide page it is as
/// wide as told.
fn draw(
    title: &str,
    text: &str,
    (wide, height): (u32, u32),
    drawing: impl Fn(&DrawingArea<SVGBackend, Shift>, Width) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<Chart, ChartError> {
    let mut chart = String::new();
    for width in Width::BOTH {
        let mut svg = String::new();
        let area =
            SVGBackend::with_string(&mut svg, (width.pixels(wide), height)).into_drawing_area();
        drawing(&area, width)
            .and_then(|()| Ok(area.present()?))
            .map_err(|error| ChartError(error.to_string()))?;
        drop(area);
        // The root is ours, with a name for those who do not see it.
        let inner = svg.split_once('>').map_or("", |(_, inner)| inner);
        let (class, pixels) = (width.class(), width.pixels(wide));
        chart.push_str(&format!(
            "<svg class=\"{class}\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {pixels} {height}\" width=\"{pixels}\" height=\"{height}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>{inner}",
            escaped(title),
            escaped(text),
        ));
    }
    Ok(Chart(chart))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A round number at or above the largest value, so that the axis ends with a label.
fn ceiling(most: f64) -> f64 {
    if most <= 4.0 {
        return 4.0;
    }
    let scale = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    let step = steps.into_iter().find(|step| step * scale >= most);
    step.unwrap_or(10.0) * scale
}

/// A number on an axis.
fn label(number: f64) -> String {
    match number {
        n if n >= 10_000.0 => format!("{} k", (n / 100.0).round() / 10.0),
        n => format!("{}", (n * 10.0).round() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_with_a_round_number() {
        let ends: Vec<f64> = [0.0, 3.0, 9.0, 41.0, 101.0, 760.0].map(ceiling).to_vec();
        assert_eq!(ends, [4.0, 4.0, 10.0, 50.0, 200.0, 800.0]);
        assert_eq!(
            (label(12_340.0), label(2.5)),
            ("12.3 k".into(), "2.5".into())
        );
    }

    #[test]
    fn a_title_with_markup_is_text() {
        let points = [1.0, 2.0];
        let ticks = [Tick {
            at: 0,
            label: "<script>".to_owned(),
        }];
        let what = Bars {
            title: "</title><script>",
            text: "\"><img src=x>",
            wide: COLUMN,
            height: 100,
        };
        let svg = bars(&what, &points, &ticks).unwrap().to_string();
        assert!(
            !svg.contains("<script") && !svg.contains("<img") && !svg.contains("style="),
            "{svg}"
        );
        assert_eq!(svg.matches("<svg").count(), 2);
        assert_eq!(svg.matches("</svg>").count(), 2);
    }
}
