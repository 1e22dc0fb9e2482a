//! Differences between runs of the same programs, from which the noise between runs is known.

use std::collections::BTreeMap;

use crate::Mode;

/// Fewer differences say nothing about the largest one.
const FEWEST_DIFFERENCES: usize = 8;

/// Differences between runs of the same programs, by benchmark and quantity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Floors {
    /// Number of differences and the largest one, in logarithms.
    by_quantity: BTreeMap<Key, (usize, f64)>,
}

/// Mode, identity and the key of a quantity.
pub(super) type Key = (Mode, String, String);

impl Floors {
    /// Adds the size of a difference, in logarithms.
    pub(super) fn add(&mut self, key: Key, difference: f64) {
        let (count, most) = self.by_quantity.entry(key).or_default();
        *count += 1;
        *most = most.max(difference);
    }

    /// Returns the largest difference of a quantity between runs of the same programs, as a share; `None` if too few
    /// are known.
    pub(super) fn of(&self, mode: Mode, uri: &str, key: &str) -> Option<f64> {
        let (count, most) = self.by_quantity.get(&(mode, uri.to_owned(), key.to_owned()))?;
        (*count >= FEWEST_DIFFERENCES).then(|| most.exp_m1())
    }
}
