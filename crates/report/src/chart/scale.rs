//! From values to places on a chart, and the round numbers at its side.

use maud::{Markup, html};
use store::{MetricUnit, shown};

/// Width of all charts, in units of the picture.
pub(super) const WIDTH: f64 = 640.0;
/// Room for the numbers at the left side.
pub(super) const LEFT: f64 = 78.0;
/// Room at the right side.
pub(super) const RIGHT: f64 = 10.0;

/// A span of values and the span of places that it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    pub values: [f64; 2],
    pub places: [f64; 2],
}

impl Scale {
    /// Returns the scale of these values with some room around them; `None` if none is a number.
    pub(super) fn around(all: impl Iterator<Item = f64>, places: [f64; 2]) -> Option<Self> {
        let start = [f64::INFINITY, f64::NEG_INFINITY];
        let [low, high] = all
            .filter(|value| value.is_finite() && value.abs() < 1e30)
            .fold(start, |[low, high], value| [low.min(value), high.max(value)]);
        if low > high {
            return None;
        }
        let room = ((high - low) * 0.05).max(high.abs() * 1e-3).max(1e-9);
        let bottom = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Some(Self { values: [bottom, high + room], places })
    }

    /// Returns the place of a value, within the chart.
    pub(super) fn place(&self, value: f64) -> f64 {
        let ([low, high], [first, last]) = (self.values, self.places);
        let part = ((value - low) / (high - low)).clamp(0.0, 1.0);
        rounded(first + part * (last - first))
    }

    /// Returns a few round values within the scale.
    pub(super) fn ticks(&self, most: f64) -> Vec<f64> {
        let [low, high] = self.values;
        let rough = (high - low) / most;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough).unwrap_or(rough);
        let first = (low / step).ceil();
        let all = (0..20_u32).map(|number| (first + f64::from(number)) * step);
        all.take_while(|value| *value <= high).collect()
    }
}

/// Returns a place with as many digits as can be seen.
pub(super) fn rounded(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}

/// Returns the lines and numbers of a vertical scale.
pub(super) fn side(scale: &Scale, unit: MetricUnit) -> Markup {
    html! {
        @for value in scale.ticks(5.0) {
            @let y = scale.place(value);
            line class="grid" x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
            text class="tick" x=(LEFT - 6.0) y=(rounded(y + 4.0)) text-anchor="end" {
                (shown::value(value, unit))
            }
        }
    }
}

/// Returns the numbers of a horizontal scale, at this height.
pub(super) fn bottom(scale: &Scale, unit: MetricUnit, height: f64) -> Markup {
    html! {
        @for value in scale.ticks(6.0) {
            text class="tick" x=(scale.place(value)) y=(height) text-anchor="middle" {
                (shown::value(value, unit))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_within_their_scale() {
        let scale = Scale::around([1.0, 3.0, f64::NAN].into_iter(), [100.0, 0.0]).unwrap();
        assert_eq!(format!("{:?}", scale.values), "[0.9, 3.1]");
        let places = [scale.place(0.9), scale.place(3.1), scale.place(99.0)];
        assert_eq!(format!("{places:?}"), "[100.0, 0.0, 0.0]");
        assert_eq!(Scale::around([f64::NAN].into_iter(), [0.0, 1.0]), None);
        let flat = Scale::around([0.0, 0.0].into_iter(), [0.0, 1.0]).unwrap();
        assert!(flat.values[1] > flat.values[0], "{flat:?}");
    }

    #[test]
    fn ticks_are_round_numbers() {
        let scale = Scale { values: [0.9, 3.1], places: [0.0, 1.0] };
        assert_eq!(scale.ticks(5.0), [1.0, 1.5, 2.0, 2.5, 3.0]);
        let scale = Scale { values: [0.0, 12_345.0], places: [0.0, 1.0] };
        assert_eq!(scale.ticks(5.0), [0.0, 5_000.0, 10_000.0]);
    }
}
