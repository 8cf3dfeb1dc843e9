//! Bars and lines out of block characters.

/// A bar: as long as a value is of the largest one, in eighths of a column.
pub(crate) fn bar(value: f64, largest: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if !(value > 0.0 && largest > 0.0) {
        return String::new();
    }
    let share = (value / largest).min(1.0);
    // At least something is to be seen of what is there.
    let eighths = ((share * width as f64 * 8.0).round() as usize).max(1);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// A line of values in time, the lowest at the bottom and the highest at the top; of more values than columns the
/// highest of each column.
pub(crate) fn sparkline(values: &[f64], width: usize) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = width.min(values.len());
    let of_column = |column: usize| {
        let (from, to) = (
            column * values.len() / columns,
            (column + 1) * values.len() / columns,
        );
        values[from..to].iter().copied().fold(f64::MIN, f64::max)
    };
    let shown: Vec<f64> = (0..columns).map(of_column).collect();
    let low = shown.iter().copied().fold(f64::MAX, f64::min);
    let high = shown.iter().copied().fold(f64::MIN, f64::max);
    let level = |value: &f64| {
        let share = match high > low {
            true => (value - low) / (high - low),
            false => 0.5,
        };
        LEVELS[(share * 7.0).round() as usize]
    };
    shown.iter().map(level).collect()
}

/// A field of a heat map: darker for more.
pub(crate) fn shade(value: f64, largest: f64) -> char {
    const SHADES: [char; 4] = ['░', '▒', '▓', '█'];
    if !(value > 0.0 && largest > 0.0) {
        return '·';
    }
    SHADES[((value / largest * 4.0).ceil() as usize).clamp(1, 4) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(bar(10.0, 10.0, 4), "████");
        assert_eq!(bar(5.0, 10.0, 4), "██");
        assert_eq!(bar(3.0, 16.0, 2), "▍");
        assert_eq!(bar(1.0, 1_000_000.0, 10), "▏", "something is to be seen");
        assert_eq!(bar(0.0, 10.0, 4), "");
        assert_eq!(bar(5.0, 0.0, 4), "");
        assert_eq!(bar(f64::NAN, 1.0, 4), "");
    }

    #[test]
    fn a_line_goes_from_the_lowest_to_the_highest() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 7.0], 10), "▁▂▃█");
        assert_eq!(sparkline(&[5.0, 5.0], 10), "▅▅");
        assert_eq!(sparkline(&[0.0, 9.0, 1.0, 0.0], 2), "█▁");
        assert_eq!(sparkline(&[], 10), "");
    }

    #[test]
    fn more_is_darker() {
        let shades: String = [0.0, 1.0, 5.0, 7.0, 8.0]
            .map(|n| shade(n, 8.0))
            .iter()
            .collect();
        assert_eq!(shades, "·░▓██");
    }
}
