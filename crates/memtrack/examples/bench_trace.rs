//! `bench_trace`: the fixed cost of a trace, and what becomes of a burst of events: none may be lost, and memory must not
//! depend on their number. Prints one line per figure: name, value, unit, note.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench prints its figures and starts what it measures"
)]
#![expect(dead_code, reason = "benches share a module, and not all need all of it")]

mod support;

use std::{ffi::OsString, fs::File, io::Read, path::Path, process::Command};

use runner_shared::{
    clock::{Monotonic, now},
    memory::{EventDecoder, EventKind},
    walltime::{as_float, quantile, sorted},
};
use support::{Bench, Outcome, Tracked};

const BACKENDS: [&str; 2] = ["ebpf", "preload"];
const TURNS: usize = 15;
const THREADS: u64 = 4;
/// Pairs of a thread; a pair is two events.
const BURSTS: [u64; 2] = [312_500, 1_250_000];
/// Set for the copy of this program that is traced and says when it has begun.
const STAMP: &str = "stamp";

fn main() -> Outcome<()> {
    if std::env::args().nth(1).as_deref() == Some(STAMP) {
        println!("{}", now().0);
        return Ok(());
    }
    let bench = Bench::new()?;
    fixed(&bench)?;
    for backend in BACKENDS {
        for pairs in BURSTS {
            burst(&bench, backend, pairs)?;
        }
    }
    Ok(())
}

/// Times of one way to run a command, nanoseconds.
#[derive(Default)]
struct Times {
    /// `true` from start to end.
    whole: Vec<u64>,
    /// To where the command begins.
    before: Vec<u64>,
    /// From there, for a command that has nothing more to do.
    after: Vec<u64>,
}

fn fixed(bench: &Bench) -> Outcome<()> {
    let own = std::env::current_exe()?.into_os_string();
    let stamp = [own, OsString::from(STAMP)];
    let mut alone = Vec::new();
    let mut times = BACKENDS.map(|backend| (backend, Times::default()));
    for _ in 0..TURNS {
        let start = now();
        Command::new("true").status()?;
        alone.push(now().since(start));
        for (backend, times) in &mut times {
            let options = ["--backend", backend];
            let Some(tracked) = bench.track(&options, &["true"])? else { continue };
            times.whole.push(tracked.wall_ns);
            let Some(tracked) = bench.track(&options, &stamp)? else { continue };
            let begun = Monotonic(tracked.stdout.trim().parse()?).since(tracked.start);
            times.before.push(begun);
            times.after.push(tracked.wall_ns.saturating_sub(begun));
        }
    }
    println!("`true` alone\t{:.1}\tms\t", millis(&alone));
    for (backend, Times { whole, before, after }) in &times {
        if whole.is_empty() {
            println!("`true`, {backend}\t-\tms\tnot permitted");
            continue;
        }
        let bar = if *backend == "ebpf" { "; bar: at most 300" } else { "" };
        println!(
            "`true`, {backend}\t{:.1}\tms\tmedian of {TURNS}, start to end{bar}",
            millis(whole)
        );
        println!("attach, {backend}\t{:.1}\tms\tto where the command begins", millis(before));
        println!("detach, {backend}\t{:.1}\tms\tfrom there to the end", millis(after));
    }
    Ok(())
}

fn millis(times: &[u64]) -> f64 {
    quantile(&sorted(times), 0.5) / 1e6
}

fn burst(bench: &Bench, backend: &str, pairs: u64) -> Outcome<()> {
    let events = 2 * pairs * THREADS;
    let millions = as_float(events) / 1e6;
    let name = format!("{millions:.1} M events from {THREADS} threads, {backend}");
    let (number, threads) = (pairs.to_string(), THREADS.to_string());
    let words = [bench.pairs.as_os_str(), number.as_ref(), threads.as_ref()];
    let Some(tracked) = bench.track(&["--backend", backend], &words)? else {
        println!("{name}\t-\t\tnot permitted");
        return Ok(());
    };
    let Tracked { stats, wall_ns, cpu_seconds, peak_bytes, artifact, .. } = tracked;
    let counted = count(&artifact)?;
    // The kernel also sees what the C library frees for a thread that ends.
    let of_threads = 4 * THREADS;
    if !(events..=events + of_threads).contains(&counted) || stats.lost_events > 0 {
        let lost = stats.lost_events;
        return Err(format!("{name}: {counted} were written, {lost} lost").into());
    }
    let all = as_float(stats.events.total()) / 1e6;
    let wall = as_float(wall_ns) / 1e9;
    println!("{name}: lost\t{}\tevents\tthe file holds all {counted}", stats.lost_events);
    println!(
        "{name}: peak\t{:.1}\tMB\tmemory of the tracer; bar: at most 300",
        as_float(peak_bytes) / 1e6
    );
    println!(
        "{name}: work\t{:.2}\tM/s\tfrom kernel or memory to the file, per second of processor time of the tracer",
        all / cpu_seconds
    );
    println!("{name}: rate\t{:.2}\tM/s\tstart to end, {wall:.1} s", all / wall);
    Ok(())
}

/// Allocations and frees of the program's own threads: its main thread makes none of the pairs.
fn count(artifact: &Path) -> Outcome<u64> {
    let mut bytes = zstd::stream::read::Decoder::new(File::open(artifact)?)?;
    let mut piece = vec![0; 256 * 1024];
    let mut events = EventDecoder::default();
    let mut count = 0;
    loop {
        let len = bytes.read(&mut piece)?;
        if len == 0 {
            break;
        }
        events.push(piece.get(..len).unwrap_or_default());
        while let Some(event) = events.next_event()? {
            let counts = match event.kind {
                EventKind::Malloc { size } => (16..=1023).contains(&size),
                EventKind::Free => true,
                EventKind::Calloc { .. }
                | EventKind::AlignedAlloc { .. }
                | EventKind::Realloc { .. }
                | EventKind::Mmap { .. }
                | EventKind::Munmap { .. }
                | EventKind::Brk { .. } => false,
            };
            let by_main = event.tid == event.pid;
            count += u64::from(counts && !by_main && !event.is_release());
        }
    }
    events.finish()?;
    Ok(count)
}
