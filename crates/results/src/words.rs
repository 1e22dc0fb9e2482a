//! Numbers and names as all comparisons show them.

pub use crate::{
    comparison::{change, ends, factor, shortest},
    text::{grouped, numbered, percent, quoted},
};
