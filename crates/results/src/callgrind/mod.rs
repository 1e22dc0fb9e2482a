//! Reads what callgrind writes, of any version: one file per process, several parts per file.
//!
//! [`read_parts`] streams a file and hands over part by part: totals, what each function cost
//! itself, and what the calls between functions cost. Memory is needed for the names and for the
//! tables of one part, whatever the size of the file. The bytes may be anything: what can't be
//! understood is counted, never trusted and never a panic.
//!
//! [`split`] gives inlined functions what they cost. [`call_tree`] makes stacks out of the calls;
//! callgrind keeps none. Opens no file and knows nothing about benchmarks.

mod file;
mod graph;
mod hash;
mod inlining;
mod line;
mod names;
mod part;
mod tree;
mod trigger;

pub(crate) use file::{Header, Parts, read_parts};
pub(crate) use graph::{Function, Weighed};
pub(crate) use hash::FastBuild;
pub(crate) use inlining::{InlinedPart, Piece, split};
pub(crate) use names::Names;
pub(crate) use part::{INSTRUCTIONS, Part};
pub(crate) use tree::{Node, call_tree};
pub(crate) use trigger::Trigger;

#[cfg(test)]
mod tests;
