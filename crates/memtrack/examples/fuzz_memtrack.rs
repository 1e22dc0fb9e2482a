//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`.

#![expect(
    clippy::disallowed_methods,
    reason = "a tool for developers: it reads a program of the system"
)]

use std::process::ExitCode;

use memtrack::{backend::preload::fuzz_records, fuzz_unwind_data};
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "preload-records", seeds: record_seeds, read: fuzz_records },
    Target { name: "unwind-data", seeds: program_seeds, read: fuzz_unwind_data },
];

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

/// A record of each kind, with the words that its reader looks for.
fn record_seeds() -> Vec<Vec<u8>> {
    let words = |kind: u64| [kind, 0x1000, 64, 0x2000, 12, 0x2f62_696e_2f78, 0];
    (1..16).map(|kind| words(kind).iter().flat_map(|word| word.to_le_bytes()).collect()).collect()
}

/// A small program of the system.
fn program_seeds() -> Vec<Vec<u8>> {
    ["/bin/true", "/usr/bin/true"].iter().filter_map(|path| std::fs::read(path).ok()).collect()
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
