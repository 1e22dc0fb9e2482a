//! Reports of memory mode in the shapes that all reports have.

mod columns;
mod csv;
mod details;
mod json;

pub(super) use columns::grid;
pub(super) use csv::csv;
pub use details::memory_details;
pub(super) use json::json;

#[cfg(test)]
mod tests;
