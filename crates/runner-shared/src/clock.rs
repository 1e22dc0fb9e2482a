//! The one clock of the product: `CLOCK_MONOTONIC` in nanoseconds, the clock of every integration and of perf.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds on `CLOCK_MONOTONIC` since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Monotonic(pub u64);

impl Monotonic {
    /// Nanoseconds from `earlier` to `self`; 0 when `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This instant moved `nanos` nanoseconds into the future, at most to the end of time.
    #[must_use]
    pub const fn plus(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// Reads the clock.
///
/// `CLOCK_MONOTONIC` exists on every kernel that can run us, so a failing read has no meaning
/// other than "the beginning of time".
pub fn now() -> Monotonic {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Monotonic(0), |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec()).unwrap_or(0);
        Monotonic(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_forward_and_differences_saturate() {
        let first = now();
        let second = now();
        assert!(first.0 > 0 && second >= first);
        assert_eq!(first.since(first.plus(5)), 0);
        assert_eq!(first.plus(5).since(first), 5);
        assert_eq!(Monotonic(u64::MAX).plus(1), Monotonic(u64::MAX));
    }
}
