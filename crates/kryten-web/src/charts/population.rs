//! Users over time: a band from the fewest to the most, and the mean as a line.

use plotters::prelude::{Color, LineSeries, Rectangle};

use super::axis::framed;
use super::{BAND, Chart, ChartError, PAGE, SERIES, Tick, ceiling, draw};
use crate::views::history::Point;

/// Where nothing is known there is a hole.
pub(crate) fn population(
    title: &str,
    text: &str,
    points: &[Point],
    ticks: &[Tick],
) -> Result<Chart, ChartError> {
    let most = points
        .iter()
        .filter_map(|point| point.population_high)
        .max();
    let mean = points.iter().filter_map(|point| point.population_mean);
    let top = ceiling(mean.fold(most.unwrap_or(0) as f64, f64::max));
    draw(title, text, (PAGE, 220), |area, width| {
        let mut chart = framed(area, width, points.len(), top, ticks)?;
        let band = |(at, point): (usize, &Point)| {
            let (low, high) = (point.population_low? as f64, point.population_high? as f64);
            // A band of no height would not be seen.
            let high = high.max(low + top / 150.0);
            Some(Rectangle::new(
                [(at as f64, low), (at as f64 + 1.0, high)],
                BAND.filled(),
            ))
        };
        chart.draw_series(points.iter().enumerate().filter_map(band))?;
        for run in runs(points) {
            chart.draw_series(LineSeries::new(run, SERIES.stroke_width(2)))?;
        }
        Ok(())
    })
}

/// The means without the holes between them; one alone is a short line.
fn runs(points: &[Point]) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (at, point) in points.iter().enumerate() {
        match (point.population_mean, runs.last_mut()) {
            (Some(mean), Some(run)) => run.push((at as f64 + 0.5, mean)),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    for run in &mut runs {
        if let [(at, mean)] = run[..] {
            *run = vec![(at - 0.5, mean), (at + 0.5, mean)];
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}
