//! A recording of CPython 3.13 with the functions that it generated, `tests/programs/work.py`.
//!
//! Its modules are kept without code and data: zeros, but for what symbols and unwinding need.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    time::SystemTime,
};

use crate::decode::{data, unwind};
use profile::{
    JitUnwindForm, PinnedFile, Recording, RunStacks, Snapshot, Sources, Written, read_stacks_from,
    write_artifacts_from,
};
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    fifo::MarkerType,
    profile_dir::ProfileDir,
};
use serde_json::Value;
use tempfile::TempDir;

const PID: i32 = 13661;

/// Modules by the inodes that the recording has for them.
const MODULES: &[(u64, &str, &str)] = &[
    (82_469, "/opt/python3.13/bin/", "python3.13"),
    (82_744, "/opt/python3.13/lib/", "libpython3.13.so.1.0"),
    (325_843, "/usr/lib/x86_64-linux-gnu/", "ld-linux-x86-64.so.2"),
    (326_279, "/usr/lib/x86_64-linux-gnu/", "libc.so.6"),
    (326_603, "/usr/lib/x86_64-linux-gnu/", "libm.so.6"),
];

/// Writes the artifacts, and reads stacks from them.
fn run(form: JitUnwindForm) -> (TempDir, Written, RunStacks) {
    let (folder, dir) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let put = |dir: &Path, name: &str, from: &str| {
        fs::write(dir.join(name), data(&format!("python/{from}.zst"))).unwrap();
    };
    put(folder.path(), "perf.pipedata", "perf.pipedata");
    let timestamps = ExecutionTimestamps {
        uri_by_ts: vec![(u64::MAX - 1, "work.py".to_owned())],
        markers: vec![MarkerType::SampleStart(1), MarkerType::SampleEnd(u64::MAX - 2)],
    };
    let path = folder.path().join(ExecutionTimestamps::FILE.path);
    fs::write(path, timestamps.encode()).unwrap();
    let dump = format!("jit-{PID}.dump");
    put(dir.path(), &dump, &dump);
    let open = |(inode, parent, name): &(u64, &str, &str)| {
        put(dir.path(), name, name);
        let file = File::open(dir.path().join(name)).unwrap();
        PinnedFile { device: (0xfe, 0), inode: *inode, path: format!("{parent}{name}"), file }
    };
    let files = MODULES.iter().map(open).collect();
    let snapshot = Snapshot { pid: PID, time: u64::MAX, mappings: Vec::new(), files };
    let recording = Recording {
        folder: &ProfileDir::new(folder.path()),
        integration: Some(("pytest-codspeed", "4.0.0")),
        pids: &BTreeSet::from([PID]),
        timestamps: &timestamps,
        snapshots: &[snapshot],
        started: SystemTime::UNIX_EPOCH,
        jit_unwind: form,
    };
    let sources = Sources { jit: dir.path().to_owned(), debug_roots: Vec::new() };
    let written = write_artifacts_from(&recording, &sources).unwrap();
    assert!(!dir.path().join(dump).exists(), "nobody else removes it");
    let stacks = read_stacks_from(&ProfileDir::new(folder.path()), &sources).unwrap();
    (folder, written, stacks)
}

fn metadata(folder: &TempDir) -> Value {
    serde_json::from_slice(&fs::read(folder.path().join("walltime.metadata")).unwrap()).unwrap()
}

/// The entries of generated functions.
fn jit_entries(metadata: &Value) -> Vec<Value> {
    let lists = &metadata["mapped_process_unwind_data_by_pid"][PID.to_string()];
    let entries = lists.as_array().unwrap().iter();
    entries.filter(|entry| !entry["timestamp"].is_null()).cloned().collect()
}

fn assert_stacks(stacks: &RunStacks) {
    let benchmark = &stacks.benchmarks[0];
    assert!(benchmark.samples > 150, "{}", benchmark.samples);
    let share = benchmark.whole as f64 / benchmark.samples as f64;
    assert!(share > 0.85, "{share} of {} reach the root", benchmark.samples);
    let is_deep = |frame: u32| stacks.frames[frame as usize].name.starts_with("py::deep:");
    let deepest = (0..benchmark.nodes.len()).map(|at| {
        let mut node = Some(at);
        std::iter::from_fn(|| {
            let found = benchmark.nodes[node?];
            node = found.parent.map(|parent| parent as usize);
            Some(found.frame)
        })
        .filter(|frame| is_deep(*frame))
        .count()
    });
    assert_eq!(deepest.max(), Some(41), "the recursion of the program");
}

#[test]
fn stacks_reach_the_root_through_generated_code() {
    let (folder, written, stacks) = run(JitUnwindForm::Correct);
    assert_stacks(&stacks);
    // All functions have the same unwind data: one file for hundreds of them.
    let metadata = metadata(&folder);
    let entries = jit_entries(&metadata);
    let keys: BTreeSet<&str> =
        entries.iter().map(|entry| entry["unwind_data_key"].as_str().unwrap()).collect();
    assert!(entries.len() > 200 && keys.len() == 1, "{} in {keys:?}", entries.len());
    assert!(entries.iter().all(|entry| entry["base_avma"] == entry["avma_range"]["start"]));
    assert_eq!(written.perf_maps, 1);
    let path = metadata["path_key_to_path"][keys.first().unwrap()].as_str().unwrap();
    assert!(path.starts_with("jit_py::"), "{path}");
}

#[test]
fn the_interpreter_can_be_left_out() {
    let (folder, ..) = run(JitUnwindForm::Correct);
    let metadata = metadata(&folder);
    let ignored = metadata["ignored_modules_by_pid"][PID.to_string()].as_array().unwrap();
    let paths: Vec<&str> = ignored.iter().map(|entry| entry[0].as_str().unwrap()).collect();
    assert_eq!(
        paths,
        ["/opt/python3.13/bin/python3.13", "/opt/python3.13/lib/libpython3.13.so.1.0"]
    );
    for entry in ignored {
        let symbols = metadata["mapped_process_module_symbols"][PID.to_string()].as_array();
        let mut biases = symbols.unwrap().iter().map(|symbols| &symbols["load_bias"]);
        // From the module's address 0 on.
        assert!(biases.any(|bias| *bias == entry[1]));
        assert!(entry[2].as_u64() > entry[1].as_u64());
    }
}

#[test]
fn the_legacy_form_is_what_other_tools_write() {
    let (folder, _, stacks) = run(JitUnwindForm::Legacy);
    // We know how to put it together again.
    assert_stacks(&stacks);
    let entries = jit_entries(&metadata(&folder));
    assert!(entries.iter().all(|entry| entry["base_avma"] == 0));
    let key = entries[0]["unwind_data_key"].as_str().unwrap();
    let file = fs::read(folder.path().join(format!("{key}.unwind_data"))).unwrap();
    let data = unwind(&file, 4);
    assert_eq!((data.base_svma, data.hdr_svma, data.eh_frame_svma), (0, (0, 0), (0, 0)));
    // The header of 20 bytes was cut off the wrong end.
    assert_eq!(data.hdr.len(), 20);
    let tail = &data.eh_frame[data.eh_frame.len() - 20..];
    assert_eq!(tail[..4], [1, 0x1b, 3, 0x3b]);
}
