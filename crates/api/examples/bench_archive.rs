//! Measures how fast a profile folder is archived and uploaded, and whether memory depends on its size. The
//! measure is `tar | pigz` with as many threads, or `gzip` where there is no pigz. The arguments are the size in MB, and
//! how often both are done.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it compares with"
)]

use std::{
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::Command,
};

use api::{
    Archive, Event, Executor, Http, HttpSettings, Machine, MetadataVersion, RepositoryProvider,
    RunContext, RunEnvironment, Runner, Secret, Submission, TokenSource, unwatched,
};
use runner_shared::{clock::now, profile_dir::ProfileDir, walltime::as_float};
use test_support::FakeApi;

const MEGABYTES: u64 = 256;
const FILES: u64 = 16;
/// Of each way to compress, in turns; the best one counts, as others use the machine, too.
const ROUNDS: u64 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let argument = |nth, default| std::env::args().nth(nth).map_or(Ok(default), |it| it.parse());
    let (megabytes, rounds): (u64, u64) = (argument(1, MEGABYTES)?, argument(2, ROUNDS)?);
    let bytes = megabytes * 1_000_000;
    let dir = tempfile::tempdir()?;
    let folder = dir.path().join("profile");
    fs::create_dir(&folder)?;
    for nth in 0..FILES {
        write(&folder.join(format!("{nth}.out")), bytes / FILES, nth)?;
    }
    let threads = std::thread::available_parallelism()?.get();
    let (name, compressor) = match Command::new("pigz").arg("--version").output() {
        Ok(_) => ("pigz", format!("pigz -p {threads}")),
        Err(_) => ("gzip", "gzip".to_owned()),
    };
    let (theirs, ours) = (dir.path().join("theirs"), dir.path().join("ours"));
    let (mut best_theirs, mut best_ours) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        let seconds = time(|| pipe(&folder, &compressor, &theirs))?;
        best_theirs = best_theirs.min(seconds);
        let dir = ProfileDir::new(&folder);
        let pack = || Archive::pack(&dir, Executor::Valgrind, &ours, &mut unwatched);
        best_ours = best_ours.min(time(|| pack().map(drop))?);
    }
    let speed = |seconds: f64| as_float(bytes) / seconds / 1e6;
    let note = format!("{megabytes} MB, {threads} threads, best of {rounds}");
    println!("archive, compressed\t{:.0}\tMB/s\t{note}", speed(best_ours));
    println!(
        "archive, compressed\t{:.2}\tx\tof `tar | {compressor}` ({:.0} MB/s), budget 0.8",
        best_theirs / best_ours,
        speed(best_theirs)
    );
    let (len, their_len) = (fs::metadata(&ours)?.len(), fs::metadata(&theirs)?.len());
    println!(
        "archive, compressed\t{:.3}\tx\tthe length of what {name} makes",
        as_float(len) / as_float(their_len)
    );
    // Plain, as in walltime and memory mode, and on to the service.
    let mut plain = None;
    let seconds = time(|| {
        let dir = ProfileDir::new(&folder);
        plain = Some(Archive::pack(&dir, Executor::Walltime, &ours, &mut unwatched)?);
        Ok::<_, api::ArchiveError>(())
    })?;
    println!("archive, plain\t{:.0}\tMB/s\t{megabytes} MB with MD5", speed(seconds));
    let archive = plain.ok_or("no archive")?.archive;
    let service = FakeApi::start();
    let seconds = time(|| upload(&service, &archive).map(drop))?;
    println!("upload\t{:.0}\tMB/s\tto a sink in this process that hashes it", speed(seconds));
    let peak = peak_kilobytes().map_or_else(|| "-".to_owned(), |peak| format!("{:.0}", peak / 1e3));
    println!("memory peak of it all\t{peak}\tMB\tafter {megabytes} MB, budget 100 MB");
    Ok(())
}

/// Seconds.
fn time<E: Into<Box<dyn Error>>>(
    mut work: impl FnMut() -> Result<(), E>,
) -> Result<f64, Box<dyn Error>> {
    let start = now();
    work().map_err(Into::into)?;
    Ok(as_float(now().since(start)) / 1e9)
}

/// Something like what callgrind writes: short lines of numbers and names that come back.
fn write(path: &Path, bytes: u64, seed: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut written = 0;
    while written < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let line = match state % 8 {
            0 => format!("fn=({}) core::slice::sort::merge<{}>\n", state >> 44, state >> 56),
            1 => format!("cfn=({})\ncalls={} {}\n", state >> 46, state >> 58, state >> 52),
            _ => format!("+{} {}\n", state >> 60, state >> 40),
        };
        out.write_all(line.as_bytes())?;
        written += u64::try_from(line.len()).unwrap_or(u64::MAX);
    }
    out.flush()
}

fn pipe(folder: &Path, compressor: &str, to: &Path) -> Result<(), Box<dyn Error>> {
    let script = format!("tar -C \"$0\" -cf - . | {compressor} > \"$1\"");
    let status = Command::new("sh").args(["-c", &script]).arg(folder).arg(to).status()?;
    if status.success() { Ok(()) } else { Err("tar failed".into()) }
}

fn upload(service: &FakeApi, archive: &Archive) -> Result<api::Uploaded, Box<dyn Error>> {
    let settings = HttpSettings { use_proxies: false, ..HttpSettings::default() };
    let token = TokenSource::Known(Secret::new("token").ok_or("no token")?);
    let run = RunContext {
        repository_provider: RepositoryProvider::GitHub,
        run_environment: RunEnvironment::Local,
        run_part: None,
        commit_hash: "a".repeat(40),
        reference: "a".repeat(40),
        head_ref: None,
        base_ref: None,
        owner: "acme".to_owned(),
        repository: "widgets".to_owned(),
        event: Event::Local,
        sender: None,
        gh_data: None,
        gl_data: None,
        repository_root_path: String::new(),
    };
    let runner = Runner {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        instruments: Vec::new(),
        executor: Executor::Walltime,
        exclude_allocations: false,
        machine: Machine::default(),
    };
    let submission = Submission {
        run,
        runner,
        allow_empty: false,
        expected_run_parts: None,
        version: MetadataVersion::V10,
    };
    let http = Http::new(settings)?;
    Ok(http.upload(&service.upload_url(), &token, archive, &submission, &mut unwatched)?)
}

/// The most memory that the process had so far, as Linux counts it.
fn peak_kilobytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
