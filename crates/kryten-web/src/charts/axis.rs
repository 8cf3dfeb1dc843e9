//! Axes: points of time along the bottom, numbers up the side.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    Cartesian2d, ChartBuilder, ChartContext, DrawingArea, IntoFont, IntoTextStyle, SVGBackend,
    TextStyle,
};
use plotters::style::TRANSPARENT;

use super::{AXIS, FONT, GRID, TEXT, Tick, Width, label};

/// Points of time, of which some have a label.
pub(super) struct TimeAxis {
    end: f64,
    labels: Vec<f64>,
}

pub(super) type Framed<'a, 'b> =
    ChartContext<'a, SVGBackend<'b>, Cartesian2d<TimeAxis, RangedCoordf64>>;

impl Ranged for TimeAxis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let length = f64::from(limit.1 - limit.0);
        limit.0 + (value / self.end * length).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.labels.clone()
    }

    fn range(&self) -> Range<f64> {
        0.0..self.end
    }
}

/// Draws the axes for so many points and numbers up to `top`.
pub(super) fn framed<'a, 'b: 'a>(
    area: &'a DrawingArea<SVGBackend<'b>, Shift>,
    width: Width,
    points: usize,
    top: f64,
    ticks: &[Tick],
) -> Result<Framed<'a, 'b>, Box<dyn std::error::Error>> {
    let shown = room_for(ticks, width);
    let axis = TimeAxis {
        end: points.max(1) as f64,
        labels: shown.iter().map(|tick| tick.at as f64).collect(),
    };
    let writing: TextStyle = FONT.into_font().color(&TEXT).into_text_style(area);
    let (_, height) = area.dim_in_pixel();
    let mut chart = ChartBuilder::on(area)
        .margin_top(8)
        .margin_right(8)
        .x_label_area_size(if ticks.is_empty() { 4 } else { 24 })
        .y_label_area_size(44)
        .build_cartesian_2d(axis, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(AXIS)
        .set_all_tick_mark_size(3)
        .x_labels(shown.len())
        .x_label_formatter(&|x| {
            let tick = shown.iter().find(|tick| (tick.at as f64 - x).abs() < 0.5);
            tick.map(|tick| tick.label.clone()).unwrap_or_default()
        })
        .y_labels(if height < 150 { 3 } else { 5 })
        .y_label_formatter(&|y| label(*y))
        .label_style(writing)
        .draw()?;
    Ok(chart)
}

/// Not more labels than there is room for, the first one among them.
fn room_for(ticks: &[Tick], width: Width) -> Vec<&Tick> {
    let most = match width {
        Width::Wide => 10,
        Width::Narrow => 4,
    };
    let every = ticks.len().div_ceil(most).max(1);
    ticks.iter().step_by(every).collect()
}
