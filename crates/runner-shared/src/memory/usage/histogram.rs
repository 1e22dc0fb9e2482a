//! The number of calls by the requested size, in powers of two.

use serde::{Deserialize, Serialize};

/// Counts by size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct SizeHistogram {
    /// By the number of bits of the size.
    counts: [u64; 65],
}

/// Sizes of the same number of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SizeClass {
    /// The smallest size, in bytes.
    pub low: u64,
    /// The largest size, in bytes.
    pub high: u64,
    /// The number of calls that requested such a size.
    pub count: u64,
}

impl Default for SizeHistogram {
    fn default() -> Self {
        Self { counts: [0; 65] }
    }
}

impl From<Vec<u64>> for SizeHistogram {
    fn from(counts: Vec<u64>) -> Self {
        let mut histogram = Self::default();
        for (place, count) in histogram.counts.iter_mut().zip(counts) {
            *place = count;
        }
        histogram
    }
}

impl From<SizeHistogram> for Vec<u64> {
    fn from(histogram: SizeHistogram) -> Self {
        histogram.counts.to_vec()
    }
}

impl SizeHistogram {
    /// Counts a size.
    pub fn add(&mut self, size: u64) {
        let bits = u64::BITS - size.leading_zeros();
        let place = usize::try_from(bits).ok().and_then(|bits| self.counts.get_mut(bits));
        if let Some(count) = place {
            *count += 1;
        }
    }

    /// The sizes that there are, ascending.
    pub fn classes(&self) -> impl Iterator<Item = SizeClass> {
        let class = |(bits, count): (u32, &u64)| {
            let high = 1_u64.checked_shl(bits).map_or(u64::MAX, |next| next - 1);
            let low = bits.checked_sub(1).map_or(0, |bits| 1 << bits);
            SizeClass { low, high, count: *count }
        };
        (0..).zip(&self.counts).map(class).filter(|class| class.count > 0)
    }
}
