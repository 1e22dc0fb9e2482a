//! The cost of turning a recording into artifacts and stacks: a real recording of `rustc --version`,
//! and generated ones with growing numbers of mapping records or of modules.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench starts what it measures, and prints its figures"
)]

use std::{
    collections::BTreeSet,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use profile::{JitUnwindForm, Recording, Written, read_stacks, write_artifacts};
use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    clock::now,
    fifo::MarkerType,
    profile_dir::ProfileDir,
    walltime::as_float,
};

/// Times that `rustc --version` is run.
const ROUNDS: [u32; 3] = [10, 40, 160];
/// Mapping records in made-up recordings.
const RECORDS: [u32; 3] = [10_000, 100_000, 1_000_000];
/// Copies of the largest module in made-up recordings.
const COPIES: [u32; 3] = [1, 2, 4];

fn main() -> Result<(), Box<dyn Error>> {
    // Each measurement has a process of its own, so that memory begins at nothing.
    if let [_, folder, name] = &std::env::args().collect::<Vec<_>>()[..] {
        return measure(name, Path::new(folder));
    }
    let rustc = rustc()?;
    for rounds in ROUNDS {
        let folder = tempfile::tempdir()?;
        let timestamps = record(folder.path(), &rustc, rounds)?;
        start(&format!("rustc --version x{rounds}"), folder.path(), &timestamps)?;
    }
    let library = largest_library(&rustc)?;
    for records in RECORDS {
        let folder = tempfile::tempdir()?;
        let timestamps = make_up(folder.path(), std::slice::from_ref(&library), records)?;
        start(&format!("{records} mapping records"), folder.path(), &timestamps)?;
    }
    for copies in COPIES {
        let (folder, modules) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let copy = |number| {
            let copy = modules.path().join(format!("copy{number}.so"));
            fs::copy(&library, &copy).map(|_| copy.canonicalize())?
        };
        let files: Vec<PathBuf> = (0..copies).map(copy).collect::<Result<_, _>>()?;
        let timestamps = make_up(folder.path(), &files, 1000)?;
        let megabytes = library.metadata()?.len() * u64::from(copies) / 1_000_000;
        start(&format!("{megabytes} MB of modules"), folder.path(), &timestamps)?;
    }
    Ok(())
}

/// Measures in a new process.
fn start(
    name: &str,
    folder: &Path,
    timestamps: &ExecutionTimestamps,
) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join(ExecutionTimestamps::FILE.path), timestamps.encode())?;
    let status = Command::new(std::env::current_exe()?).arg(folder).arg(name).status()?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}").into()) }
}

/// Writes the artifacts of a recording and reads its stacks; prints how long it took and what
/// memory was needed.
fn measure(name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    let timestamps = fs::read(folder.join(ExecutionTimestamps::FILE.path))?;
    let timestamps = ExecutionTimestamps::decode(&timestamps)?;
    let recording = Recording {
        folder: &ProfileDir::new(folder),
        integration: Some(("exec-harness", "1.0.0")),
        pids: &BTreeSet::new(),
        timestamps: &timestamps,
        snapshots: &[],
        started: SystemTime::now(),
        jit_unwind: JitUnwindForm::Correct,
    };
    let start = now();
    let Written { modules, samples, warnings, .. } = write_artifacts(&recording)?;
    let seconds = as_float(now().since(start)) / 1e9;
    assert!(modules > 0, "{warnings:?}");
    println!("{name}\t{seconds:.3}\ts\t{modules} modules, {samples} samples");
    println!("{name}: peak memory\t{:.0}\tMB\t", peak_megabytes()?);
    if samples > 0 {
        let start = now();
        let stacks = read_stacks(&ProfileDir::new(folder))?;
        let seconds = as_float(now().since(start)) / 1e9;
        let note = format!("{} functions", stacks.frames.len());
        println!("{name}: stacks\t{seconds:.3}\ts\t{note}");
        println!("{name}: peak memory with stacks\t{:.0}\tMB\t", peak_megabytes()?);
    }
    Ok(())
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_megabytes() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(as_float(kilobytes) * 1024.0 / 1e6)
}

/// The compiler itself, not the program that chooses one.
fn rustc() -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new("rustc").args(["--print", "sysroot"]).output()?;
    let root = String::from_utf8(output.stdout)?;
    Ok(Path::new(root.trim()).join("bin/rustc").canonicalize()?)
}

/// The largest library beside the compiler.
fn largest_library(rustc: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let dir = rustc.parent().and_then(Path::parent).ok_or("no folder above rustc")?.join("lib");
    let mut largest = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.to_string_lossy().contains(".so") {
            let size = path.metadata()?.len();
            largest = largest.max(Some((size, path.canonicalize()?)));
        }
    }
    Ok(largest.ok_or("no library beside rustc")?.1)
}

/// One benchmark that lasts as long as the recording.
fn timestamps(start: u64, end: u64) -> ExecutionTimestamps {
    ExecutionTimestamps {
        uri_by_ts: vec![(end + 1, "bench".to_owned())],
        markers: vec![MarkerType::SampleStart(start), MarkerType::SampleEnd(end)],
    }
}

/// Records the compiler saying its version.
fn record(folder: &Path, rustc: &Path, rounds: u32) -> Result<ExecutionTimestamps, Box<dyn Error>> {
    let start = now().0;
    let output = Command::new("perf")
        .args(["record", "--quiet", "--compression-level=3", "--timestamp"])
        .args(["-k", "CLOCK_MONOTONIC", "--freq=997", "-g", "--user-callchains"])
        .args(["--call-graph=dwarf,8192", "--no-bpf-event", "-o", "-", "--"])
        .args(["sh", "-c", "i=0; while [ $i -lt $2 ]; do $1 --version; i=$((i+1)); done", "sh"])
        .arg(rustc)
        .arg(rounds.to_string())
        .stdout(File::create(folder.join("perf.pipedata"))?)
        .stderr(Stdio::piped())
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(timestamps(start, now().0))
}

/// A recording of a process that maps these files over and over, each at two places.
fn make_up(
    folder: &Path,
    files: &[PathBuf],
    records: u32,
) -> Result<ExecutionTimestamps, Box<dyn Error>> {
    use std::os::unix::fs::MetadataExt;
    let mut out = BufWriter::new(File::create(folder.join("perf.pipedata"))?);
    out.write_all(b"PERFILE2")?;
    out.write_all(&16_u64.to_le_bytes())?;
    let (mut time, mut at) = (1_u64, 0_u64);
    for file in files.iter().cycle().take(usize::try_from(records)?) {
        time += 1;
        at = (at + 1) % (u64::try_from(files.len())? * 2);
        let path = file.to_str().ok_or("a path that is no text")?;
        let mut body = Vec::new();
        body.extend(7_i32.to_le_bytes());
        body.extend(7_i32.to_le_bytes());
        let start = 0x7000_0000_0000 + at * 0x1_0000_0000;
        for field in [start, 0x1000_0000, 0] {
            body.extend(field.to_le_bytes());
        }
        body.extend([0xfe_u32, 0].iter().flat_map(|number| number.to_le_bytes()));
        body.extend(file.metadata()?.ino().to_le_bytes());
        body.extend(0_u64.to_le_bytes());
        body.extend([5_u32, 2].iter().flat_map(|number| number.to_le_bytes()));
        body.extend(path.as_bytes());
        body.resize(body.len().next_multiple_of(8) + 8, 0);
        out.write_all(&10_u32.to_le_bytes())?;
        out.write_all(&2_u16.to_le_bytes())?;
        out.write_all(&u16::try_from(body.len() + 8)?.to_le_bytes())?;
        out.write_all(&body)?;
    }
    out.flush()?;
    Ok(timestamps(0, time))
}
