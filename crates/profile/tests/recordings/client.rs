//! A recording of a real client, next to what another tool made from it: ours is the same, but
//! for differences that are named here and have a reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::decode::{data, functions, symbols, unwind};
use profile::{
    JitUnwindForm, PinnedFile, Recording, RunStacks, Snapshot, Sources, Written, read_stacks,
    write_artifacts_from,
};
use runner_shared::artifact::{Artifact, ExecutionTimestamps};
use runner_shared::fifo::MarkerType;
use runner_shared::profile_dir::ProfileDir;
use serde_json::Value;
use tempfile::TempDir;

const PID: i32 = 1008;
const LD: &str = "ld-linux-x86-64.so.2";
const LD_BUILD_ID: &str = "7ebc65e52f2bbea498b4040fa92f7238377aaba9";
const LIBC: &str = "/usr/lib/x86_64-linux-gnu/libc.so.6";
const LIBC_BUILD_ID: &str = "93ac61ec5a8eb1396f9fbd350e3169a558528a40";
/// The machine's `/usr/lib/debug`.
const DEBUG: &str = "/usr/lib/debug";

struct Fixture {
    folder: TempDir,
    modules: TempDir,
    /// The machine has the very C library that the client ran with, and its debug file.
    has_libc: bool,
}

impl Fixture {
    fn new() -> Self {
        let (folder, modules) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        fs::write(folder.path().join("perf.pipedata"), data("client/perf.pipedata")).unwrap();
        for name in ["client", LD] {
            fs::write(modules.path().join(name), data(&format!("client/{name}.zst"))).unwrap();
        }
        let (first, rest) = LD_BUILD_ID.split_at(2);
        let dir = modules.path().join("debug/.build-id").join(first);
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(format!("{rest}.debug")), data(&format!("client/{LD}.debug.zst")))
            .unwrap();
        Self { folder, modules, has_libc: has_libc() }
    }

    fn roots(&self) -> Vec<PathBuf> {
        vec![self.modules.path().join("debug"), PathBuf::from(DEBUG)]
    }

    fn run(&self) -> Written {
        let timestamps =
            ExecutionTimestamps::decode(&data("client/ExecutionTimestamps.msgpack")).unwrap();
        let dir = self.modules.path();
        let mut files = vec![
            pinned(13_975_602, "/bench/client", &dir.join("client")),
            pinned(325_843, &format!("/usr/lib/x86_64-linux-gnu/{LD}"), &dir.join(LD)),
        ];
        if self.has_libc {
            files.push(pinned(326_279, LIBC, Path::new(LIBC)));
        }
        // After all that was measured: its files count, its mappings don't.
        let snapshot = Snapshot { pid: PID, time: u64::MAX, mappings: Vec::new(), files };
        let recording = Recording {
            folder: &ProfileDir::new(self.folder.path()),
            integration: Some(("codspeed-cpp", "2.3.0")),
            pids: &[PID].into(),
            timestamps: &timestamps,
            snapshots: &[snapshot],
            // Whatever else has these names here was changed since.
            started: SystemTime::UNIX_EPOCH,
            jit_unwind: JitUnwindForm::Correct,
        };
        let sources = Sources { jit: dir.to_owned(), debug_roots: self.roots() };
        write_artifacts_from(&recording, &sources).unwrap()
    }

    fn metadata(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.path().join("walltime.metadata")).unwrap())
            .unwrap()
    }

    /// An artifact by the last part of the module's path, whatever its number.
    fn artifact(&self, module: &str, ending: &str) -> Vec<u8> {
        let ending = format!("__{module}.{ending}");
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.find(|name| name.ends_with(&ending)).unwrap();
        fs::read(self.folder.path().join(name)).unwrap()
    }

    /// The modules to compare, with their number in the other tool's names and their files.
    fn compared(&self) -> Vec<(u32, &'static str, Vec<Vec<u8>>)> {
        let mut modules = vec![
            (0, "client", vec![data("client/client.zst")]),
            (
                1,
                LD,
                vec![data(&format!("client/{LD}.zst")), data(&format!("client/{LD}.debug.zst"))],
            ),
        ];
        if self.has_libc {
            let debug = fs::read(libc_debug_file()).unwrap();
            modules.push((2, "libc.so.6", vec![fs::read(LIBC).unwrap(), debug]));
        }
        modules
    }
}

/// A file, open, under the names that the recording has for it.
fn pinned(inode: u64, path: &str, file: &Path) -> PinnedFile {
    let file = File::open(file).unwrap();
    PinnedFile { device: (0xfe, 0), inode, path: path.to_owned(), file }
}

fn libc_debug_file() -> PathBuf {
    let (first, rest) = LIBC_BUILD_ID.split_at(2);
    Path::new(DEBUG).join(format!(".build-id/{first}/{rest}.debug"))
}

fn has_libc() -> bool {
    let id: Vec<u8> = (0..20)
        .map(|at| u8::from_str_radix(&LIBC_BUILD_ID[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    let same =
        fs::read(LIBC).is_ok_and(|bytes| bytes.windows(20).take(4096).any(|part| part == id));
    same && libc_debug_file().exists()
}

#[test]
fn symbols_are_the_same_but_for_what_is_no_function_here() {
    let fixture = Fixture::new();
    fixture.run();
    for (number, module, files) in fixture.compared() {
        let theirs = symbols(&data(&format!("client/{number}__{module}.symbols.map.zst")));
        let ours = symbols(&fixture.artifact(module, "symbols.map"));
        assert!(ours.is_sorted_by_key(|(address, ..)| *address));
        let functions: BTreeSet<_> = files.iter().flat_map(|file| functions(file)).collect();
        // 9.1 #15: undefined, TLS, data, section, file and absolute symbols are left out, and
        // nothing is there twice.
        let expected: BTreeSet<_> = theirs
            .into_iter()
            .filter(|(address, _, name)| functions.contains(&(*address, name.clone())))
            .collect();
        assert_eq!(ours.len(), expected.len(), "{module}: nothing twice");
        assert_eq!(ours.into_iter().collect::<BTreeSet<_>>(), expected, "{module}");
    }
}

#[test]
fn unwind_data_is_the_same_but_for_its_version() {
    let fixture = Fixture::new();
    fixture.run();
    for (number, module, _) in fixture.compared() {
        let theirs = data(&format!("client/{number}__{module}.unwind_data.zst"));
        let ours = fixture.artifact(module, "unwind_data");
        assert_eq!(unwind(&ours, 4), unwind(&theirs, 3), "{module}");
        assert_eq!(ours.len(), theirs.len() + 2, "{module}");
    }
}

/// Keys without their numbers, which follow no order in the other tool.
fn name_of(key: &str) -> String {
    key.split_once("__").unwrap().1.to_owned()
}

/// The list of a process with keys as above, without the modules that are left out.
fn entries(metadata: &Value, list: &str, left_out: &[&str]) -> BTreeMap<String, Value> {
    let mut entries = BTreeMap::new();
    for entry in metadata[list][PID.to_string()].as_array().unwrap() {
        let mut entry = entry.as_object().unwrap().clone();
        let key = entry.keys().find(|key| key.ends_with("_key")).unwrap().clone();
        let name = name_of(entry.remove(&key).unwrap().as_str().unwrap());
        if !left_out.contains(&&*name) {
            assert!(entries.insert(name, Value::from(entry)).is_none());
        }
    }
    entries
}

#[test]
fn the_metadata_is_the_same_but_for_what_is_named_here() {
    let fixture = Fixture::new();
    let written = fixture.run();
    let theirs: Value = serde_json::from_slice(&data("client/perf.metadata.zst")).unwrap();
    let ours = fixture.metadata();
    for equal in ["version", "integration", "uri_by_ts", "ignored_modules"] {
        assert_eq!(ours[equal], theirs[equal], "{equal}");
    }
    // From runner 4.16 on rounds have other names.
    let markers = |metadata: &Value| -> Vec<MarkerType> {
        serde_json::from_value(metadata["markers"].clone()).unwrap()
    };
    assert_eq!(markers(&ours), markers(&theirs));
    assert!(theirs["markers"].to_string().contains("BenchmarkStart"));
    assert!(!ours["markers"].to_string().contains("Benchmark"));
    assert!(ours.get("ignored_modules_by_pid").is_none());
    // 9.1 #16: the vdso is a module as well; theirs has none. The C library can only be compared
    // where it is installed.
    let mut left_out = vec!["[vdso]"];
    if !fixture.has_libc {
        left_out.push("libc.so.6");
        assert!(written.warnings.iter().any(|warning| warning.contains("libc.so.6")));
    }
    for list in [
        "mapped_process_debug_info_by_pid",
        "mapped_process_unwind_data_by_pid",
        "mapped_process_module_symbols",
    ] {
        assert_eq!(entries(&ours, list, &left_out), entries(&theirs, list, &left_out), "{list}");
    }
    assert!(entries(&ours, "mapped_process_unwind_data_by_pid", &[]).contains_key("[vdso]"));

    let by_name = |metadata: &Value, list: &str| -> BTreeMap<String, Value> {
        let map = metadata[list].as_object().unwrap();
        let named = map.iter().map(|(key, value)| (name_of(key), value.clone()));
        named.filter(|(name, _)| !left_out.contains(&&**name)).collect()
    };
    let paths = "path_key_to_path";
    assert_eq!(by_name(&ours, paths), by_name(&theirs, paths));
    let (ours, theirs) = (by_name(&ours, "debug_info"), by_name(&theirs, "debug_info"));
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (name, theirs) in theirs {
        let ours = &ours[&name];
        // 9.1 #15: nothing is there twice.
        let mut seen = BTreeSet::new();
        let lines = theirs["debug_infos"].as_array().unwrap().iter();
        let expected: Vec<&Value> = lines.filter(|line| seen.insert(line.to_string())).collect();
        let lines: Vec<&Value> = ours["debug_infos"].as_array().unwrap().iter().collect();
        assert!(lines == expected, "{name}: {} and {} lines", lines.len(), expected.len());
        for equal in ["object_path", "addr_bounds", "load_bias"] {
            assert_eq!(ours[equal], theirs[equal], "{name}: {equal}");
        }
    }
}

#[test]
fn a_folder_of_an_older_runner_is_read() {
    let fixture = Fixture::new();
    fixture.run();
    let folder = fixture.folder.path();
    let timestamps = "ExecutionTimestamps.msgpack";
    fs::write(folder.join(timestamps), data(&format!("client/{timestamps}"))).unwrap();
    let stacks = || read_stacks(&ProfileDir::new(folder)).unwrap();
    let newer = stacks();
    assert!(newer.warnings.is_empty() && !newer.frames.is_empty(), "{newer:?}");
    let older = folder.join("perf.metadata");
    fs::rename(folder.join("walltime.metadata"), &older).unwrap();
    assert_eq!(stacks(), newer);
    // All that the other tool has left: its names, its markers, its version of unwind data.
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "map" || end == "unwind_data") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(older, data("client/perf.metadata.zst")).unwrap();
    for (number, module) in [(0, "client"), (1, LD), (2, "libc.so.6")] {
        for end in ["symbols.map", "unwind_data"] {
            let name = format!("{number}__{module}.{end}");
            fs::write(folder.join(&name), data(&format!("client/{name}.zst"))).unwrap();
        }
    }
    let names = |stacks: &RunStacks| -> BTreeSet<String> {
        stacks.frames.iter().map(|frame| frame.name.to_string()).collect()
    };
    let older = stacks();
    assert_eq!(older.benchmarks[0].samples, newer.benchmarks[0].samples);
    assert!(names(&older).contains("main") && names(&newer).contains("main"), "{older:?}");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (first, second) = (Fixture::new(), Fixture::new());
    // What an earlier run has left is not taken for a part of this one.
    fs::write(second.folder.path().join("9__old.symbols.map"), "0 1 old\n").unwrap();
    assert_eq!(first.run(), second.run());
    let read = |fixture: &Fixture| -> BTreeMap<_, _> {
        let entries = fs::read_dir(fixture.folder.path()).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect()
    };
    assert!(read(&first) == read(&second));
    let mode = first.folder.path().join("walltime.metadata").metadata().unwrap().mode();
    assert_eq!(mode & 0o600, 0o600);
}

#[test]
fn a_recording_cut_at_any_byte_gives_what_is_there() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join("perf.pipedata");
    let whole = fs::read(&path).unwrap();
    let all = fixture.run().modules;
    let mut most = 0;
    for length in (16..whole.len()).step_by(997) {
        fs::write(&path, &whole[..length]).unwrap();
        let written = fixture.run();
        assert!(written.modules <= all);
        most = most.max(written.modules);
    }
    assert_eq!(most, all, "all mappings come before the last samples");
}
