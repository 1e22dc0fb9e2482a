//! The gate: limits and waivers of a project, what they say of a run, and how that is told. No I/O, no clock.
//!
//! [`Rules`] are what `codspeed.yml` says, [`judge`] compares a run with them, and what comes out is a [`GateReport`].
//! Names and texts in it may come from strangers: each format escapes them in its own way.
//!
//! | to add | edit |
//! |---|---|
//! | a value that can have a budget | a row of [`BUDGETS`] |
//! | a format | a file in `export/`, and a row of [`FORMATS`] |

mod budgets;
mod confirm;
mod day;
mod export;
mod inputs;
mod judge;
mod paired;
mod report;
mod rules;

pub use day::{Day, DayError};
pub use export::{Annotation, FORMATS, Format, annotations, badge, format, markdown, table};
pub use inputs::{Expectation, Inputs};
pub use judge::judge;
pub use paired::comparison_of;
pub use report::{Check, CheckKind, GateReport, Status, WaiverNote};
pub use rules::{BUDGETS, Budget, Limit, Pattern, QuantityError, Rule, Rules, Waiver, budget};

#[cfg(test)]
mod tests;
