//! The readers of foreign bytes one by one, for the example that throws damaged ones at them.

use std::io::Cursor;

use crate::{
    process::fuzz_records,
    simulation::{elf::linkage, parts},
};

/// Reads the counts in a file of callgrind, and labels them.
pub fn counts(bytes: &[u8]) {
    drop(parts::Parts::read(bytes, "exec_harness::ls"));
    drop(parts::relabel(bytes, std::io::sink(), "exec_harness::ls"));
}

/// Reads what the kernel says of switches and ends of processes.
pub fn kernel_records(bytes: &[u8]) {
    fuzz_records(bytes);
}

/// Looks at the head of a program.
pub fn program_head(bytes: &[u8]) {
    drop(linkage(&mut Cursor::new(bytes)));
}
