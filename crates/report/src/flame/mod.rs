//! A flame graph as data: the stacks of a benchmark, of one run or of both sides of a comparison in one tree.

mod functions;
mod packed;
mod picture;
mod tree;

pub(crate) use functions::{Function, functions};
pub(crate) use packed::packed;
pub use picture::flame_picture;
pub(crate) use picture::value_text;
pub(crate) use tree::{Column, Flame};
