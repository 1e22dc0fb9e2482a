//! Which functions of a file are to be watched, and where.

mod cookie;
mod elf;
mod entry;

pub(crate) use elf::{NotExamined, Probe, examine};
