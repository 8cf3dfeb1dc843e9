//! The hours of the week, the busier the darker.

use plotters::prelude::{Color, IntoFont, IntoTextStyle, RGBColor, Rectangle, Text, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Chart, ChartError, FONT, PAGE, TEXT, Width, draw};
use crate::views::history::Heat;

/// From nothing to the most; the first is for hours that are not in the span.
pub(crate) const STEPS: [RGBColor; 6] = [
    RGBColor(0xf1, 0xf3, 0xf7),
    RGBColor(0xd6, 0xe4, 0xf7),
    RGBColor(0xa9, 0xc8, 0xee),
    RGBColor(0x6f, 0xa3, 0xe0),
    RGBColor(0x35, 0x7a, 0xca),
    RGBColor(0x14, 0x4b, 0x94),
];
pub(crate) const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// 7 × 24 cells.
pub(crate) fn heat(title: &str, text: &str, heat: &Heat) -> Result<Chart, ChartError> {
    let most = heat.most();
    draw(title, text, (PAGE, 196), |area, width| {
        let writing: TextStyle = FONT.into_font().color(&TEXT).into_text_style(area);
        let beside = writing.pos(Pos::new(HPos::Right, VPos::Center));
        let below = writing.pos(Pos::new(HPos::Center, VPos::Top));
        let (left, top, row) = (36, 4, 24);
        let column = (width.pixels(PAGE) as i32 - left - 4) / 24;
        let hours_between_labels = match width {
            Width::Wide => 3,
            Width::Narrow => 6,
        };
        for (day, hours) in heat.days.iter().enumerate() {
            let y = top + day as i32 * row;
            let name = DAYS.get(day).copied().unwrap_or_default();
            area.draw(&Text::new(name, (left - 6, y + row / 2), beside.clone()))?;
            for (hour, mean) in hours.iter().enumerate() {
                let x = left + hour as i32 * column;
                let corners = [(x, y), (x + column - 2, y + row - 2)];
                area.draw(&Rectangle::new(corners, step(*mean, most).filled()))?;
            }
        }
        for hour in (0..24).step_by(hours_between_labels) {
            let x = left + hour * column + column / 2;
            area.draw(&Text::new(
                hour.to_string(),
                (x, top + 7 * row + 4),
                below.clone(),
            ))?;
        }
        Ok(())
    })
}

/// The colour of a mean.
fn step(mean: Option<f64>, most: f64) -> RGBColor {
    match mean {
        Some(mean) if mean > 0.0 && most > 0.0 => {
            let part = (mean / most * 5.0).ceil().clamp(1.0, 5.0);
            STEPS[part as usize]
        }
        _ => STEPS[0],
    }
}
