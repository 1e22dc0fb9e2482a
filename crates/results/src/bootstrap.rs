//! Confidence intervals for the mean and the median of rounds, without assuming a distribution.
//!
//! The bias-corrected and accelerated bootstrap (`BCa`) of Efron, "Better bootstrap confidence
//! intervals", JASA 82 (1987), with a fixed seed: the same rounds always give the same interval.

use runner_shared::{
    statistics::{Interval, Xoshiro256, normal},
    walltime::{as_float, quantile},
};

/// Resamples as long as the data are small.
const RESAMPLES: u64 = 10_000;
/// Below this many the ends of the interval jump.
const FEWEST_RESAMPLES: u64 = 2_000;
/// Draws in total for larger data; below a tenth of a second.
const MOST_DRAWS: u64 = 20_000_000;
/// Values that an interval is made of at least. Even the interval from the least to the greatest of 5 values holds the
/// median in 94 % of all cases only: 1 - 2 / 2^n.
pub(crate) const FEWEST_VALUES: usize = 6;
/// Probability that the truth lies below the interval, and above it.
const OUTSIDE: f64 = 0.025;
/// Any number; it is part of every figure ever shown.
const SEED: u64 = 0x0c0d_e59e_ed00_0001;

/// The intervals of one set of values, 95 % each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Intervals {
    /// Of the mean.
    pub mean: Interval,
    /// Of the median.
    pub median: Interval,
}

/// Intervals for values in any order and unit. Fewer than six, or one that is not finite, give none; equal
/// values give an interval without width.
pub fn intervals(values: &[f64]) -> Option<Intervals> {
    intervals_by(values, RESAMPLES)
}

fn intervals_by(values: &[f64], most_resamples: u64) -> Option<Intervals> {
    let n = u32::try_from(values.len()).ok()?;
    if values.len() < FEWEST_VALUES || !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    let mean = ascending.iter().sum::<f64>() / f64::from(n);
    let median = quantile(&ascending, 0.5);
    let (low, high) = (*ascending.first()?, *ascending.last()?);
    if low >= high {
        let point = Interval { low, high };
        return Some(Intervals { mean: point, median: point });
    }
    let acceleration = acceleration_of_mean(&ascending, mean);
    let mut resampled = Resampler::new(ascending, n).run(most_resamples);
    Some(Intervals {
        mean: bca(mean, &mut resampled.means, acceleration),
        // The jackknife knows no more than three different medians of all but one value and says
        // nothing about the skew of the estimate (Efron and Tibshirani 1993, 10.6): not
        // accelerated, only corrected for bias.
        median: bca(median, &mut resampled.medians, 0.0),
    })
}

/// Intervals for whole nanoseconds.
pub(crate) fn intervals_of(times_ns: &[u64]) -> Option<Intervals> {
    intervals(&times_ns.iter().map(|time| as_float(*time)).collect::<Vec<_>>())
}

struct Resampled {
    means: Vec<f64>,
    medians: Vec<f64>,
}

/// Draws samples with replacement. A sample is a count for each of the ordered values, which gives
/// its mean and its median in one walk, without sorting.
struct Resampler {
    ascending: Vec<f64>,
    counts: Vec<u32>,
    n: u32,
    random: Xoshiro256,
}

impl Resampler {
    fn new(ascending: Vec<f64>, n: u32) -> Self {
        let counts = vec![0; ascending.len()];
        Self { ascending, counts, n, random: Xoshiro256::seeded(SEED) }
    }

    fn run(mut self, most: u64) -> Resampled {
        let times = (MOST_DRAWS / u64::from(self.n)).clamp(FEWEST_RESAMPLES, most);
        let mut resampled = Resampled { means: Vec::new(), medians: Vec::new() };
        for _ in 0..times {
            self.draw();
            resampled.means.push(self.mean());
            resampled.medians.push(self.median());
        }
        resampled
    }

    fn draw(&mut self) {
        self.counts.fill(0);
        for _ in 0..self.n / 2 {
            for index in self.random.two_below(self.n) {
                self.count(index);
            }
        }
        if self.n % 2 == 1 {
            let [index, _] = self.random.two_below(self.n);
            self.count(index);
        }
    }

    fn count(&mut self, index: u32) {
        let count = usize::try_from(index).ok().and_then(|index| self.counts.get_mut(index));
        if let Some(count) = count {
            *count += 1;
        }
    }

    fn mean(&self) -> f64 {
        let products = self.ascending.iter().zip(&self.counts);
        products.map(|(value, count)| value * f64::from(*count)).sum::<f64>() / f64::from(self.n)
    }

    /// The middle value, or the mean of the two around the middle.
    fn median(&self) -> f64 {
        let (low_rank, high_rank) = (self.n.div_ceil(2), self.n / 2 + 1);
        let (mut seen, mut low) = (0, None);
        for (value, count) in self.ascending.iter().zip(&self.counts) {
            seen += count;
            if low.is_none() && seen >= low_rank {
                low = Some(*value);
            }
            if let Some(low) = low
                && seen >= high_rank
            {
                // Half the way up: two huge values don't overflow.
                return low + (value - low) / 2.0;
            }
        }
        low.unwrap_or(0.0)
    }
}

/// The skew of the estimate, from the jackknife; for a mean it comes down to the third moment.
fn acceleration_of_mean(values: &[f64], mean: f64) -> f64 {
    let moment = |power| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>();
    let spread = moment(2);
    if spread > 0.0 { moment(3) / (6.0 * spread.powf(1.5)) } else { 0.0 }
}

/// The interval from the distribution of the resampled estimates.
fn bca(estimate: f64, resampled: &mut [f64], acceleration: f64) -> Interval {
    resampled.sort_by(f64::total_cmp);
    let times = length(resampled);
    let below = length_until(resampled, |value| value < estimate);
    let not_above = length_until(resampled, |value| value <= estimate);
    // Medians repeat: those that equal the estimate count half.
    let share = f64::midpoint(below, not_above) / times;
    let bias = normal::quantile(share.clamp(0.5 / times, 1.0 - 0.5 / times));
    let end = |probability: f64| {
        let shifted = bias + normal::quantile(probability);
        let stretch = 1.0 - acceleration * shifted;
        // So skew that the correction turns round: the outermost resample is as far as we know.
        let corrected =
            if stretch > 0.0 { bias + shifted / stretch } else { shifted.signum() * 9.0 };
        quantile(resampled, normal::cdf(corrected))
    };
    let (low, high) = (end(OUTSIDE), end(1.0 - OUTSIDE));
    Interval { low: low.min(estimate), high: high.max(estimate) }
}

fn length(values: &[f64]) -> f64 {
    as_float(u64::try_from(values.len()).unwrap_or(u64::MAX))
}

fn length_until(ascending: &[f64], below: impl Fn(f64) -> bool) -> f64 {
    let until = ascending.partition_point(|value| below(*value));
    as_float(u64::try_from(until).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn degenerate_data_have_no_interval_or_one_without_width() {
        assert_eq!(intervals(&[]), None);
        assert_eq!(intervals(&[1.0, 2.0, 3.0, 4.0, 5.0]), None, "too few");
        for odd in [f64::NAN, f64::INFINITY] {
            assert_eq!(intervals(&[1.0, 2.0, 3.0, 4.0, 5.0, odd]), None);
        }
        let point = Interval { low: 7.0, high: 7.0 };
        assert_eq!(intervals(&[7.0; 6]), Some(Intervals { mean: point, median: point }));
        assert_eq!(intervals_of(&[7; 6]), Some(Intervals { mean: point, median: point }));
    }

    /// The air conditioner data of Efron and Tibshirani, as in the examples of R's `boot`; `boot.ci`
    /// gives a `BCa` interval of the mean of about 57 to 225.
    #[test]
    fn a_textbook_example() {
        let hours = [3.0, 5.0, 7.0, 18.0, 43.0, 85.0, 91.0, 98.0, 100.0, 130.0, 230.0, 487.0];
        let Interval { low, high } = intervals(&hours).unwrap().mean;
        assert!((53.0..61.0).contains(&low) && (210.0..240.0).contains(&high), "{low} {high}");
    }

    #[test]
    fn the_truth_of_a_normal_population_is_covered_as_promised() {
        let mut random = Xoshiro256::seeded(42);
        let (mut means, mut medians) = (0, 0);
        for _ in 0..200 {
            let values: Vec<f64> = (0..25).map(|_| 100.0 + 5.0 * random.normal()).collect();
            let of = intervals_by(&values, FEWEST_RESAMPLES).unwrap();
            let covers = |interval: Interval| interval.low <= 100.0 && 100.0 <= interval.high;
            means += u32::from(covers(of.mean));
            medians += u32::from(covers(of.median));
        }
        assert!((180..=198).contains(&means), "{means} of 200");
        assert!((180..=199).contains(&medians), "{medians} of 200");
    }

    #[test]
    fn the_width_of_the_mean_follows_theory() {
        let mut random = Xoshiro256::seeded(7);
        let values: Vec<f64> = (0..1000).map(|_| 100.0 + 5.0 * random.normal()).collect();
        let Interval { low, high } = intervals_by(&values, FEWEST_RESAMPLES).unwrap().mean;
        let expected = 2.0 * 1.96 * 5.0 / 1000_f64.sqrt();
        assert!(((high - low) / expected - 1.0).abs() < 0.07, "{}", high - low);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn intervals_contain_the_estimate_and_are_reproducible(
            values in prop::collection::vec(0.0..1e12_f64, FEWEST_VALUES..40)
        ) {
            let of = intervals(&values).unwrap();
            let mut ascending = values.clone();
            ascending.sort_by(f64::total_cmp);
            let (low, high) = (ascending[0], *ascending.last().unwrap());
            let mean = values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap());
            let slack = 1e-9 * high;
            for (interval, estimate) in [(of.mean, mean), (of.median, quantile(&ascending, 0.5))] {
                prop_assert!(interval.low <= estimate + slack && estimate <= interval.high + slack);
                prop_assert!(low - slack <= interval.low && interval.high <= high + slack);
            }
            prop_assert_eq!(intervals(&ascending), Some(of), "the order doesn't matter");
        }
    }
}
