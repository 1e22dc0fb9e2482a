//! Reports of simulation mode in the shapes that all reports have.

mod columns;
mod csv;
mod hottest;
mod json;

pub(super) use columns::grid;
pub(super) use csv::csv;
pub use hottest::hottest_functions;
pub(super) use json::json;

#[cfg(test)]
mod tests;
