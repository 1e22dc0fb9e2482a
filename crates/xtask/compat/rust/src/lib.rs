//! Work for the benchmarks beside it.

/// Costs as much as `n` says.
pub fn work(n: u64) -> u64 {
    (0..n).fold(1, |sum: u64, i| sum.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(i))
}
