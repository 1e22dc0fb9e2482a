//! Throws damaged files at every reader of this crate: `cargo xtask fuzz`. The files are those of `tests/data`.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a tool for developers: without its files it can't go on"
)]

use std::{fs, path::Path, process::ExitCode};

use profile::fuzzing;
use test_support::fuzz::{self, Target};

/// Larger files are cut: what matters is at their begin, and time is short.
const MOST_BYTES: usize = 1 << 20;

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "perf", seeds: perf_seeds, read: fuzzing::perf },
    Target {
        name: "jitdump",
        seeds: || files(&["python/jit-13661.dump.zst"]),
        read: fuzzing::jitdump,
    },
    Target {
        name: "perf-map",
        seeds: || files(&["client/0__client.symbols.map.zst"]),
        read: fuzzing::perf_map,
    },
    Target {
        name: "elf",
        seeds: || {
            files(&[
                "client/client.zst",
                "client/ld-linux-x86-64.so.2.zst",
                "python/python3.13.zst",
            ])
        },
        read: fuzzing::elf,
    },
    Target {
        name: "dwarf",
        seeds: || files(&["client/client.zst", "client/ld-linux-x86-64.so.2.debug.zst"]),
        read: fuzzing::dwarf,
    },
    Target {
        name: "unwind-data",
        seeds: || {
            files(&["client/0__client.unwind_data.zst", "client/2__libc.so.6.unwind_data.zst"])
        },
        read: fuzzing::unwind,
    },
    Target { name: "metadata", seeds: || vec![METADATA.to_vec()], read: fuzzing::metadata },
    Target { name: "maps", seeds: || vec![MAPS.to_vec()], read: fuzzing::maps },
];

const MAPS: &[u8] = b"7f0000000000-7f0000001000 r-xp 00001000 08:01 1234 /lib/x y.so (deleted)\nffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

const METADATA: &[u8] = br#"{"version":1,"integration":["x","1"],"uri_by_ts":[[5,"a::b"]],"ignored_modules_by_pid":{"7":[["x",1,2]]},"mapped_process_module_symbols":{"7":[{"perf_map_key":"0__x","load_bias":4096}]},"path_key_to_path":{"0__x":"/x"}}"#;

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

fn read(file: &str) -> Vec<u8> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let bytes = fs::read(place).expect("a file of the repository");
    if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        zstd::decode_all(&bytes[..]).expect("a whole file")
    } else {
        bytes
    }
}

fn files(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| read(name)).collect()
}

fn perf_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for mut bytes in files(&["client/perf.pipedata", "python/perf.pipedata.zst"]) {
        seeds.extend(as_file(&bytes));
        bytes.truncate(MOST_BYTES);
        seeds.push(bytes);
    }
    seeds
}

/// The same recording as a file with a table of attributes, as `perf record -o file` writes it.
fn as_file(pipe: &[u8]) -> Option<Vec<u8>> {
    // The first record holds the attribute, of 136 bytes in this version.
    let attr = pipe.get(24..160)?;
    let records = pipe.get(16..pipe.len().min(MOST_BYTES))?;
    let mut file = b"PERFILE2".to_vec();
    let (at, length) = (104_u64, 152_u64);
    let fields = [104, length, at, length, at + length, u64::try_from(records.len()).ok()?];
    file.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    file.resize(104, 0);
    file.extend(attr);
    file.resize(usize::try_from(at + length).ok()?, 0);
    file.extend(records);
    Some(file)
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
