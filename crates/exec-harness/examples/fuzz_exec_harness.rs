//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`.

use std::process::ExitCode;

use exec_harness::fuzzing;
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "counts", seeds: count_seeds, read: fuzzing::counts },
    Target { name: "kernel-records", seeds: record_seeds, read: fuzzing::kernel_records },
    Target { name: "program-head", seeds: head_seeds, read: fuzzing::program_head },
];

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn count_seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../results/fixtures/simulation/short/2358.out").to_vec()]
}

/// Records of the kinds that matter: a head of 8 bytes, and a trailer with process, thread and time.
fn record_seeds() -> Vec<Vec<u8>> {
    let mut bytes = Vec::new();
    for (kind, misc) in
        [(3_u32, 1_u16 << 13), (14, 0), (14, 1 << 13), (14, 3 << 13), (4, 0), (2, 0)]
    {
        bytes.extend(kind.to_le_bytes());
        bytes.extend(misc.to_le_bytes());
        bytes.extend(40_u16.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend(7_u32.to_le_bytes());
        bytes.extend(7_u32.to_le_bytes());
        bytes.extend(1000_u64.to_le_bytes());
    }
    vec![bytes]
}

/// The head of a program for this kind of machine, with one entry that names a loader.
fn head_seeds() -> Vec<Vec<u8>> {
    let mut head = vec![0; 120];
    for (at, bytes) in [
        (0, &b"\x7fELF\x02\x01\x01"[..]),
        (18, &[62, 0]),
        (32, &[64]),
        (54, &[56, 0, 1, 0]),
        (64, &[3]),
    ] {
        head.splice(at..at + bytes.len(), bytes.iter().copied());
    }
    vec![head]
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
