//! The number of truncated stacks of a command, for us and for `perf script` on the same recording:
//! `cargo run --release -p profile --example compare_stacks -- dwarf,16384 git log -S word`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for the terminal starts what it records, and prints its figures"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::SystemTime,
};

use profile::{JitUnwindForm, Recording, read_stacks, write_artifacts};
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    clock::now,
    fifo::MarkerType,
    profile_dir::ProfileDir,
    walltime::as_float,
};

/// Functions at which threads begin.
const ROOTS: &[&str] = &[
    "_start",
    "__clone",
    "__clone3",
    "clone",
    "clone3",
    "_dl_start_user",
    "runtime.goexit",
    "runtime.mstart",
    "__libc_start_call_main",
    "start_thread",
    "runtime.rt0_go",
    "_rt0_amd64_linux",
    "_dl_start",
    "runtime.mcall",
];

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (Some(call_graph), Some(command)) = (words.first(), words.get(1..)) else {
        return Err("expects a value of --call-graph, and a command".into());
    };
    let folder = tempfile::tempdir()?;
    record(folder.path(), call_graph, command)?;
    ours(folder.path())?;
    theirs(&folder.path().join("perf.pipedata"))
}

fn record(folder: &Path, call_graph: &str, command: &[String]) -> Result<(), Box<dyn Error>> {
    let data = File::create(folder.join("perf.pipedata"))?;
    let start = now().0;
    let status = Command::new("perf")
        .args(["record", "--quiet", "--timestamp", "-k", "CLOCK_MONOTONIC", "--freq=997", "-g"])
        .args(["--user-callchains", "--no-bpf-event", "-o", "-"])
        .arg(format!("--call-graph={call_graph}"))
        // Where the command writes to, perf's data would be.
        .args(["--", "sh", "-c", "exec \"$@\" > /dev/null 2>&1", "sh"])
        .args(command)
        .stdout(data)
        .stdin(Stdio::null())
        .status()?;
    println!("{status}");
    let end = now().0;
    let timestamps = ExecutionTimestamps {
        uri_by_ts: vec![(end + 1, "command".to_owned())],
        markers: vec![MarkerType::SampleStart(start), MarkerType::SampleEnd(end)],
    };
    fs::write(folder.join(ExecutionTimestamps::FILE.path), timestamps.encode())?;
    let written = write_artifacts(&Recording {
        folder: &ProfileDir::new(folder),
        integration: Some(("exec-harness", "1.0.0")),
        pids: &BTreeSet::new(),
        timestamps: &timestamps,
        snapshots: &[],
        started: SystemTime::UNIX_EPOCH,
        jit_unwind: JitUnwindForm::Correct,
    })?;
    for warning in written.warnings {
        println!("warning: {warning}");
    }
    Ok(())
}

fn share(part: u64, whole: u64) -> String {
    format!("{:.1} %", as_float(part) * 100.0 / as_float(whole.max(1)))
}

fn ours(folder: &Path) -> Result<(), Box<dyn Error>> {
    let start = now();
    let stacks = read_stacks(&ProfileDir::new(folder))?;
    let seconds = as_float(now().since(start)) / 1e9;
    let Some(benchmark) = stacks.benchmarks.first() else { return Err("no samples".into()) };
    println!(
        "ours: {} of {} samples break off ({}): {} beyond the copy, {} without frame pointers; {seconds:.2} s",
        benchmark.truncated,
        benchmark.samples,
        share(benchmark.truncated, benchmark.samples),
        benchmark.beyond_copy,
        benchmark.without_frame_pointers,
    );
    let mut outermost: BTreeMap<&str, u64> = BTreeMap::new();
    let mut below = vec![0_u64; benchmark.nodes.len()];
    for (at, node) in benchmark.nodes.iter().enumerate().rev() {
        let sum = below.get(at).copied().unwrap_or(0).saturating_add(node.weight);
        let parent = node.parent.and_then(|parent| below.get_mut(usize::try_from(parent).ok()?));
        if let Some(parent) = parent {
            *parent = parent.saturating_add(sum);
        } else {
            let frame = usize::try_from(node.frame).ok().and_then(|at| stacks.frames.get(at));
            *outermost.entry(frame.map_or("", |frame| &frame.name)).or_default() += sum;
        }
    }
    print_outermost(outermost, benchmark.total());
    Ok(())
}

fn print_outermost(outermost: BTreeMap<&str, u64>, all: u64) {
    let mut sorted: Vec<_> = outermost.into_iter().collect();
    sorted.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    for (name, weight) in sorted.into_iter().take(8) {
        println!("    {:>7}  {name}", share(weight, all));
    }
}

/// Reads what perf itself makes of the recording.
fn theirs(data: &Path) -> Result<(), Box<dyn Error>> {
    let mut perf = Command::new("perf")
        .args(["script", "-i", "-", "-F", "comm,ip,sym", "--max-stack", "2048"])
        .stdin(File::open(data)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let output = perf.stdout.take().ok_or("no output")?;
    let (mut samples, mut cut) = (0, 0);
    let mut outermost: BTreeMap<String, u64> = BTreeMap::new();
    // The outermost function so far, and the one that it calls: programs without symbols have a nameless start.
    let mut last: Option<String> = None;
    let mut called = String::new();
    for line in BufReader::new(output).split(b'\n').chain([Ok(Vec::new())]) {
        let line = String::from_utf8_lossy(&line?).into_owned();
        if !line.trim().is_empty() {
            if line.starts_with([' ', '\t']) {
                let name = line.trim().split_once(' ').map_or("", |(_, name)| name);
                let name = name.split("+0x").next().unwrap_or_default().to_owned();
                called = last.replace(name).unwrap_or_default();
            }
            continue;
        }
        if let Some(name) = last.take() {
            samples += 1;
            let is_root = ROOTS.iter().any(|root| name.starts_with(root))
                || called.starts_with("__libc_start_main");
            cut += u64::from(!is_root);
            *outermost.entry(name).or_default() += 1;
        }
    }
    perf.wait()?;
    println!("perf script: {cut} of {samples} samples break off ({})", share(cut, samples));
    let named = outermost.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    print_outermost(named, samples);
    Ok(())
}
