//! Do the rounds fall into two groups? The split with the least variance within (Otsu 1979), believed only if nothing much
//! lies between.

use serde::{Deserialize, Serialize};

use crate::{bounds::size, walltime::as_float};

/// Fewer rounds fall into groups by chance.
const LEAST_ROUNDS: usize = 20;
/// Each group has at least this share of the rounds.
const LEAST_SHARE: f64 = 0.15;
/// Their means are apart by at least this share of the lower one.
const LEAST_GAP: f64 = 0.05;
/// ... and by this many standard deviations of the two together (Ashman, Bird and Zepf 1994, whose `D` is 2 where two
/// peaks can just be told apart). Halves of normal data have 2.7, of uniform data 3.5, of exponential data 2.5.
const LEAST_DISTANCE: f64 = 6.0;

/// Two groups of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Groups {
    /// Mean of the faster ones, nanoseconds.
    pub low_ns: f64,
    /// Mean of the slower ones.
    pub high_ns: f64,
    /// Share of the slower ones.
    pub high_share: f64,
}

/// Number, sum and sum of squares.
#[derive(Clone, Copy, Default)]
struct Sums {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Sums {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn less(self, other: Self) -> Self {
        Self {
            count: self.count - other.count,
            sum: self.sum - other.sum,
            squares: self.squares - other.squares,
        }
    }

    fn mean(self) -> f64 {
        self.sum / self.count
    }

    fn variance(self) -> f64 {
        (self.squares / self.count - self.mean().powi(2)).max(0.0)
    }

    /// Sum of the squares of the distances from the mean.
    fn within(self) -> f64 {
        self.variance() * self.count
    }
}

/// The two groups of these times, if there are some. Distances of `least_ns` are those of the clock.
pub(super) fn find(ascending: &[f64], least_ns: f64) -> Option<Groups> {
    if ascending.len() < LEAST_ROUNDS {
        return None;
    }
    // A tail is no group, and would draw the split to itself.
    let twentieth = ascending.len() / 20;
    let times = ascending.get(twentieth..ascending.len() - twentieth)?;
    // Around the middle, so that squares of large times don't swallow what they differ by.
    let middle = *times.get(times.len() / 2)?;
    let mut all = Sums::default();
    for time in times {
        all.add(time - middle);
    }
    let least = LEAST_SHARE * as_float(size(ascending.len()));
    let mut low = Sums::default();
    let mut best: Option<(f64, Sums, Sums)> = None;
    for time in times {
        low.add(time - middle);
        let high = all.less(low);
        if low.count < least || high.count < least {
            continue;
        }
        let within = low.within() + high.within();
        if best.is_none_or(|(least_within, ..)| within < least_within) {
            best = Some((within, low, high));
        }
    }
    let (_, low, high) = best?;
    let (low_ns, high_ns) = (low.mean() + middle, high.mean() + middle);
    let gap = high_ns - low_ns;
    // The clock has a deviation as well.
    let deviation = f64::midpoint(low.variance(), high.variance()).sqrt().max(least_ns);
    let is_apart = gap > LEAST_GAP * low_ns && gap > LEAST_DISTANCE * deviation;
    is_apart.then(|| Groups { low_ns, high_ns, high_share: high.count / all.count })
}
