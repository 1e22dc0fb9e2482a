//! A series as one word: a bar for each value.

use runner_shared::walltime::quantile;

use crate::shown::float;

/// Bars from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// All bars together stand for at least this share of the middle between the lowest and the highest value: noise is no
/// mountain.
const FLAT: f64 = 0.05;

/// Draws the values with at most `width` bars. Several values share a bar, which is their median, if there are more.
pub(super) fn sparkline(values: &[f64], width: usize) -> String {
    let bars = condensed(values, width);
    let low = bars.iter().copied().fold(f64::INFINITY, f64::min);
    let high = bars.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = f64::midpoint(low, high);
    let span = (high - low).max(FLAT * middle.abs());
    let bottom = middle - span / 2.0;
    let last = BARS.len() - 1;
    let bar = |value: &f64| {
        let share = if span > 0.0 { (value - bottom) / span } else { 0.5 };
        // Whole numbers from 0 to 7 are found by counting.
        let height = (1..=last).filter(|step| share * float(BARS.len()) >= float(*step)).count();
        BARS.get(height).copied().unwrap_or('▄')
    };
    bars.iter().map(bar).collect()
}

/// Returns at most `width` medians of neighbours, all of about the same number.
fn condensed(values: &[f64], width: usize) -> Vec<f64> {
    if values.len() <= width || width == 0 {
        return values.to_vec();
    }
    let group = |nth: usize| {
        let (start, end) = (nth * values.len() / width, (nth + 1) * values.len() / width);
        let mut group = values.get(start..end).unwrap_or_default().to_vec();
        group.sort_by(f64::total_cmp);
        quantile(&group, 0.5)
    };
    (0..width).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_follow_the_values() {
        let rising: Vec<f64> = (0..8).map(|nth| 100.0 + 10.0 * f64::from(nth)).collect();
        assert_eq!(sparkline(&rising, 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0; 4], 8), "▅▅▅▅");
        assert_eq!(sparkline(&[100.0, 100.5, 100.2], 8), "▄▅▄");
        assert_eq!(sparkline(&[0.0, 0.0], 8), "▅▅");
        assert_eq!(sparkline(&[], 8), "");
    }

    #[test]
    fn many_values_share_bars() {
        let step = [vec![1.0; 500], vec![2.0; 500]].concat();
        assert_eq!(sparkline(&step, 10), "▁▁▁▁▁█████");
    }
}
