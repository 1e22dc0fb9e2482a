//! Details of a report of memory mode beside its metrics.

mod details;
mod footer;

pub(super) use details::memory_details;
pub(super) use footer::footer;

#[cfg(test)]
mod tests;
