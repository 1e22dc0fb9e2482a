//! Details of a simulation beside its metrics.

mod footer;
mod hottest;

pub(super) use footer::footer;
pub(super) use hottest::hottest_functions;

#[cfg(test)]
mod tests;
