//! Counts over time as bars.

use plotters::prelude::{Color, Rectangle};

use super::axis::framed;
use super::{Chart, ChartError, SERIES, Tick, ceiling, draw};

/// What the bars are.
pub(crate) struct Bars<'a> {
    pub(crate) title: &'a str,
    /// What they show, in a sentence.
    pub(crate) text: &'a str,
    /// How wide it is on a wide page.
    pub(crate) wide: u32,
    pub(crate) height: u32,
}

/// One bar for each value.
pub(crate) fn bars(what: &Bars<'_>, values: &[f64], ticks: &[Tick]) -> Result<Chart, ChartError> {
    let top = ceiling(values.iter().copied().fold(0.0, f64::max));
    let gap = if values.len() > 100 { 0.05 } else { 0.12 };
    draw(
        what.title,
        what.text,
        (what.wide, what.height),
        |area, width| {
            let mut chart = framed(area, width, values.len(), top, ticks)?;
            let shown = values.iter().enumerate();
            let shown = shown.filter(|(_, value)| **value > 0.0);
            chart.draw_series(shown.map(|(at, value)| {
                let (left, right) = (at as f64 + gap, at as f64 + 1.0 - gap);
                Rectangle::new([(left, 0.0), (right, *value)], SERIES.filled())
            }))?;
            Ok(())
        },
    )
}
