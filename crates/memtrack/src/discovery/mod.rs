//! Which functions of a file are to be watched, and where.

mod elf;
mod entry;

pub use elf::{Examined, NotExamined, Probe, examine};
