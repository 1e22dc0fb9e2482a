//! Finds the functions of a file that are to be watched, and the places for their probes.

mod cookie;
mod elf;
mod entry;

pub(crate) use elf::{NotExamined, Probe, examine};
