//! Throws damaged bytes at the readers of this crate: `cargo xtask fuzz`. What is read is exported as well, and has to
//! keep what it promises.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "whoever can't go on has found something"
)]

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};

use results::{
    EXPORTERS, Listing, PROFILE_EXPORTERS, Reading, Report, SimulationReport, TableStyle,
    call_tree, details, environment_details, read_environments, read_memory, read_simulation,
    read_walltime, table,
};
use runner_shared::{
    memory::{Event, EventKind, StackFrame, encode_event_stack, encode_frame, encode_stack},
    profile_dir::ProfileDir,
};
use test_support::fuzz::{self, Target};

/// To add a reader, add a row here and its name to the table in `xtask/src/fuzz.rs`.
const TARGETS: &[Target] = &[
    Target { name: "callgrind", seeds: callgrind_seeds, read: callgrind },
    Target { name: "tracegrind", seeds: tracegrind_seeds, read: tracegrind },
    Target { name: "symbol-map", seeds: map_seeds, read: map },
    Target { name: "walltime-folder", seeds: walltime_seeds, read: walltime },
    Target { name: "memory-folder", seeds: memory_seeds, read: memory },
    Target { name: "environment", seeds: environment_seeds, read: environment },
];

const STYLE: TableStyle = TableStyle { colour: false, width: Some(80) };

fn main() -> ExitCode {
    fuzz::main(TARGETS)
}

/// A folder with one file of these bytes, and perhaps another one.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("results")).expect("a folder");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    folder
}

fn callgrind_seeds() -> Vec<Vec<u8>> {
    let place = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/simulation"));
    let (mut folders, mut seeds) = (vec![place.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(folder).expect("fixtures").flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "out") {
                let mut bytes = fs::read(path).expect("a fixture");
                bytes.truncate(64 << 10);
                seeds.push(bytes);
            }
        }
    }
    seeds
}

fn callgrind(bytes: &[u8]) {
    let folder = folder(&[("7.out", bytes)]);
    simulated(folder.path());
}

fn simulated(folder: &Path) {
    let Reading { report, broken: _ } = read_simulation(&ProfileDir::new(folder), &BTreeSet::new())
        .expect("a folder that can be listed");
    check(&report);
    export(&report.into());
}

/// Writes all that can be written of a report.
fn export(report: &Report) {
    for exporter in EXPORTERS {
        exporter.write(report, &mut std::io::sink()).expect("a sink takes all");
    }
    let stacks = report.stacks().unwrap_or_default();
    for exporter in PROFILE_EXPORTERS {
        exporter.write(&stacks, &mut std::io::sink()).expect("a sink takes all");
    }
    let listing = Listing { most: 5, width: STYLE.width, ..Listing::default() };
    let trees: Vec<String> = stacks.iter().map(|stacks| call_tree(stacks, listing)).collect();
    drop((table(report, &STYLE), details(report, listing), trees));
}

/// Checks that hold for every report: numbers that are shown are numbers, and no stack makes up cost.
fn check(report: &SimulationReport) {
    for one in &report.benchmarks {
        let estimate = one.estimate(&report.view);
        let is_odd = estimate.is_some_and(|of| !of.nanos.is_finite() || of.nanos < 0.0);
        assert!(!is_odd, "`{}`: the estimate is {estimate:?}", one.name);
        let share = one.allocations_share();
        assert!(share.is_none_or(|share| (0.0..=1.0).contains(&share)), "{share:?}");
        for (at, node) in one.stacks.nodes.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let known = usize::try_from(node.frame).is_ok_and(|it| it < one.stacks.frames.len());
            let hangs = !known || node.parent.is_some_and(|parent| parent >= at);
            assert!(!hangs, "`{}`: the stack {at} hangs in the air", one.name);
        }
    }
}

/// A trace whose chunks of LZ4 hold nothing but literals, so that a change is one of what is in it.
fn tracegrind_seeds() -> Vec<Vec<u8>> {
    vec![include_bytes!("../fixtures/small.tgtrace").to_vec()]
}

fn tracegrind(bytes: &[u8]) {
    let folder = folder(&[("7.tgtrace", bytes)]);
    simulated(folder.path());
}

fn map_seeds() -> Vec<Vec<u8>> {
    vec![b"4a1b2c0 10 JS:*sort a.js:3\n4000 8 py::fib:/x.py\nffffffffffffffff ffffffffffffffff wide\n".to_vec()]
}

fn map(bytes: &[u8]) {
    let out = b"version: 1\ncreator: callgrind-3.19.0\npid: 7\ncmd: x\npart: 1\ndesc: Trigger: Client Request: a::b\nevents: Ir\nfn=0x0000000004a1b2c0\n1 5\ntotals: 5\n";
    let folder = folder(&[("7.out", out), ("perf-7.map", bytes)]);
    simulated(folder.path());
}

fn walltime_seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 4] = [
        include_bytes!("../fixtures/pytest.json"),
        include_bytes!("../fixtures/cpp.json"),
        include_bytes!("../fixtures/go.json"),
        include_bytes!("../fixtures/node.json"),
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}

fn walltime(bytes: &[u8]) {
    let timestamps = include_bytes!("../fixtures/client/ExecutionTimestamps.msgpack");
    let folder = folder(&[("results/7.json", bytes), ("ExecutionTimestamps.msgpack", timestamps)]);
    let Reading { report, broken: _ } =
        read_walltime(&ProfileDir::new(folder.path()), &BTreeSet::new())
            .expect("a folder that can be listed");
    export(&report.into());
}

fn memory_seeds() -> Vec<Vec<u8>> {
    let (mut events, mut stacks) = (Vec::new(), Vec::new());
    encode_frame(&mut stacks, &StackFrame::new("main", "/bin/x"));
    encode_stack(&mut stacks, &[1]);
    for at in 1..20 {
        let kind = if at % 3 == 0 { EventKind::Free } else { EventKind::Malloc { size: at } };
        Event { pid: 7, tid: 7, timestamp: at, addr: 16 * (at % 7), kind }.encode(&mut events);
        encode_event_stack(&mut stacks, 1);
    }
    let length = u32::try_from(events.len()).expect("few events");
    vec![[&length.to_le_bytes()[..], &events, &stacks].concat()]
}

/// The bytes are a length, so many bytes of events, and stacks.
fn memory(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk() else { return };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(0);
    let (events, stacks) = rest.split_at(length.min(rest.len()));
    let packed = |bytes| zstd::encode_all(bytes, 1).expect("bytes can be packed");
    let (events, stacks) = (packed(events), packed(stacks));
    let folder = folder(&[
        ("results/7.MemtrackArtifact.msgpack", &events),
        ("results/7.MemtrackStacks.msgpack", &stacks),
    ]);
    let Reading { report, broken: _ } =
        read_memory(&ProfileDir::new(folder.path()), &BTreeSet::new())
            .expect("a folder that can be listed");
    export(&report.into());
}

fn environment_seeds() -> Vec<Vec<u8>> {
    vec![br#"{"integration_environment":{"python":{"version":"3.13.0","flags":["a","b"]}},"linked_libraries":{"libc.so.6":{"path":"/lib/libc.so.6","build_id":"93ac"}}}"#.to_vec()]
}

fn environment(bytes: &[u8]) {
    let folder = folder(&[("environment-7.json", bytes), ("environment-8.json", bytes)]);
    let (environments, _) = read_environments(&ProfileDir::new(folder.path()));
    drop(environment_details(&environments));
}

#[test]
fn every_target_reads_its_seeds() {
    fuzz::read_seeds(TARGETS);
}
