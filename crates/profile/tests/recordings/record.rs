//! Records programs with perf as the runner does.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use profile::{JitUnwindForm, Recording, RunStacks, Snapshot, Sources, Written};
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    clock::now,
    fifo::MarkerType,
    profile_dir::ProfileDir,
};
use serde_json::Value;
use tempfile::TempDir;

/// Compiles a program of `tests/programs` with these arguments; returns where it is.
pub(crate) fn compile(dir: &Path, source: &str, name: &str, args: &[&str]) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(source);
    let output = dir.join(name);
    let status = Command::new("cc").arg("-o").arg(&output).arg(source).args(args).status();
    assert!(status.unwrap().success(), "cc can't compile {}", output.display());
    output
}

/// A profile folder with a recording.
pub(crate) struct Recorded {
    pub(crate) folder: TempDir,
    pub(crate) timestamps: ExecutionTimestamps,
    pub(crate) started: SystemTime,
    pub(crate) sources: Sources,
}

/// Among the arguments of perf: record to a file, not to a stream.
pub(crate) const AS_FILE: &str = "(file)";

/// The benchmark that everything counts for.
pub(crate) const URI: &str = "test::program";

impl Recorded {
    /// Runs a command below perf.
    pub(crate) fn new(call_graph: &str, more: &[&str], command: &mut Command) -> Self {
        let folder = TempDir::new().unwrap();
        let started = SystemTime::now();
        let path = folder.path().join("perf.pipedata");
        let data = File::create(&path).unwrap();
        // A stream, unless the test wants a file with tables.
        let output = if more.contains(&AS_FILE) { path.to_str().unwrap() } else { "-" };
        let more: Vec<&&str> = more.iter().filter(|word| **word != AS_FILE).collect();
        let mut perf = Command::new("perf");
        perf.args(["record", "--quiet", "--timestamp", "-k", "CLOCK_MONOTONIC", "-g"])
            .args(["--user-callchains", "--no-bpf-event", "-o", output])
            .arg(format!("--call-graph={call_graph}"))
            .args(more)
            .arg("--")
            .arg(command.get_program())
            .args(command.get_args())
            .stdout(data)
            .stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            perf.env(name, value.unwrap_or_default());
        }
        let start = now().0;
        let output = perf.stderr(Stdio::piped()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "perf: {text}");
        let end = now().0;
        let timestamps = ExecutionTimestamps {
            uri_by_ts: vec![(end + 1, URI.to_owned())],
            markers: vec![MarkerType::SampleStart(start), MarkerType::SampleEnd(end)],
        };
        let path = folder.path().join(ExecutionTimestamps::FILE.path);
        fs::write(path, timestamps.encode()).unwrap();
        Self { folder, timestamps, started, sources: Sources::default() }
    }

    /// Writes the artifacts, as for a harness that measures whatever runs.
    pub(crate) fn write(&self, snapshots: &[Snapshot], jit_unwind: JitUnwindForm) -> Written {
        let recording = Recording {
            folder: &ProfileDir::new(self.folder.path()),
            integration: Some(("exec-harness", "1.0.0")),
            pids: &BTreeSet::new(),
            timestamps: &self.timestamps,
            snapshots,
            started: self.started,
            jit_unwind,
        };
        profile::write_artifacts_from(&recording, &self.sources).unwrap()
    }

    pub(crate) fn stacks(&self) -> RunStacks {
        let dir = ProfileDir::new(self.folder.path());
        profile::read_stacks_from(&dir, &self.sources).unwrap()
    }

    pub(crate) fn metadata(&self) -> Value {
        let path = self.folder.path().join("walltime.metadata");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}
