//! Growth as a picture, drawn from the numbers of a row that are kept.

use std::collections::BTreeMap;

use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, IntoLogRange, LineSeries, PathElement, RGBColor,
    SVGBackend, WHITE,
};
use serde_json::Value;

const SIZE: (u32, u32) = (900, 760);
const OURS: RGBColor = RGBColor(0x1f, 0x5f, 0xbf);
const ORIGINAL: RGBColor = RGBColor(0xc0, 0x5a, 0x1a);
const FONT: (&str, u32) = ("sans-serif", 13);
const TITLE: (&str, u32) = ("sans-serif", 15);

/// What grows, what is told of it, and how its panel is called.
const PANELS: [(&str, &str, &str); 6] = [
    (
        "channels",
        "microseconds",
        "µs for an event, by channels of one process",
    ),
    (
        "channels",
        "megabytes_a_channel",
        "MB of a channel, by channels of one process",
    ),
    (
        "items",
        "milliseconds",
        "ms until a change is in KV, by items of the playlist",
    ),
    (
        "users",
        "milliseconds",
        "ms until a change is in KV, by users of the channel",
    ),
    (
        "events",
        "microseconds",
        "µs for a counted event, by events",
    ),
    (
        "people",
        "microseconds",
        "µs for a counted event, by people",
    ),
];

/// The picture as SVG; both axes are logarithmic.
pub(crate) fn growth(samples: &[Value]) -> anyhow::Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(failed)?;
        for (panel, (unit, of, title)) in area.split_evenly((3, 2)).iter().zip(PANELS) {
            let mut lines: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
            for sample in samples {
                let point = sample[unit].as_f64().zip(sample[of].as_f64());
                let robot = sample["robot"].as_str();
                if let (Some(robot), Some(point)) = (robot, point) {
                    lines.entry(robot).or_default().push(point);
                }
            }
            let points = || lines.values().flatten();
            let ends = |pick: fn(&(f64, f64)) -> f64| {
                let values = points().map(pick);
                let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                    (low.min(value), high.max(value))
                });
                (low / 2.0, high * 2.0)
            };
            if points().next().is_none() {
                continue;
            }
            let (x, y) = (ends(|point| point.0), ends(|point| point.1));
            let mut chart = ChartBuilder::on(panel)
                .caption(title, TITLE)
                .margin(12)
                .x_label_area_size(28)
                .y_label_area_size(56)
                .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())
                .map_err(failed)?;
            chart
                .configure_mesh()
                .light_line_style(WHITE)
                .label_style(FONT)
                .x_label_formatter(&|value| format!("{value}"))
                .draw()
                .map_err(failed)?;
            for (robot, points) in &lines {
                let color = match *robot {
                    "ours" => OURS,
                    _ => ORIGINAL,
                };
                let line = LineSeries::new(points.iter().copied(), color.stroke_width(2));
                chart
                    .draw_series(line)
                    .map_err(failed)?
                    .label(*robot)
                    .legend(move |(x, y)| {
                        PathElement::new([(x, y), (x + 14, y)], color.stroke_width(2))
                    });
                let dots = points
                    .iter()
                    .map(|point| Circle::new(*point, 3, color.filled()));
                chart.draw_series(dots).map_err(failed)?;
            }
            chart
                .configure_series_labels()
                .label_font(FONT)
                .background_style(WHITE)
                .draw()
                .map_err(failed)?;
        }
        area.present().map_err(failed)?;
    }
    Ok(text + "\n")
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("the picture of growth cannot be drawn: {error}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_has_a_line_for_each_program() {
        let samples = [
            json!({"robot": "ours", "items": 10, "milliseconds": 1.5}),
            json!({"robot": "ours", "items": 100, "milliseconds": 1.75}),
            json!({"robot": "kryten-robot", "items": 10, "milliseconds": 20.0}),
        ];
        let picture = growth(&samples).unwrap();
        assert!(picture.starts_with("<svg"));
        assert!(picture.contains("kryten-robot") && picture.contains("ours"));
    }
}
