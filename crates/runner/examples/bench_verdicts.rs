//! Counts how often `codspeed exec --vs` is right on a busy machine: real comparisons of a program with itself and with
//! slower ones, while endless loops keep all processors busy.
//!
//! The program is this one: with `spin N` it computes N steps and ends. The first argument of the bench multiplies the
//! number of comparisons (20, 10 and 4): `bench_verdicts 10` makes 200, 100 and 40, and takes an hour. The second one
//! chooses the rows whose names contain it.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

#[path = "support/busy.rs"]
mod busy;
mod support;

use std::{
    error::Error,
    hint::black_box,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use busy::Loop;
use support::{spin, steps_of};

/// Processor time of the program, nanoseconds.
const PROGRAM_NS: u64 = 5_000_000;
/// A kind of program and how both sides of it are started.
struct Kind {
    name: &'static str,
    /// First word after the program.
    verb: &'static str,
    /// Steps of `spin` for the base.
    steps: fn(u64) -> u64,
    /// Steps of head in thousandths of these.
    head: u64,
    threshold: &'static str,
    comparisons: usize,
    /// The answers that are right.
    right: &'static [&'static str],
    /// The time that is right to judge.
    time: &'static str,
}

const SAME: &[&str] = &["equivalent", "inconclusive"];
const SLOWER: &[&str] = &["regressed"];

const KINDS: &[Kind] = &[
    kind("equal, threshold 3 %", "spin", 1000, "3%", 20, SAME),
    kind("+1 %, threshold 0.5 %", "spin", 1010, "0.5%", 10, SLOWER),
    kind("+5 %, threshold 3 %", "spin", 1050, "3%", 10, SLOWER),
    Kind { steps: |all| all / 50, ..kind("100 µs, equal", "spin", 1000, "3%", 4, SAME) },
    Kind { steps: |all| all / 50, ..kind("100 µs, +100 %", "spin", 2000, "3%", 4, SLOWER) },
    Kind { time: "processor", ..kind("two threads, equal", "threads", 1000, "3%", 4, SAME) },
    Kind { time: "processor", ..kind("two threads, +10 %", "threads", 1100, "3%", 4, SLOWER) },
    Kind { time: "wall", ..kind("sleeper, equal", "sleep", 1000, "3%", 4, SAME) },
    Kind { time: "wall", ..kind("sleeper, +100 %", "sleep", 2000, "3%", 4, SLOWER) },
    kind("reader of a file, equal", "read", 1000, "3%", 4, SAME),
    kind("reader of a file, +20 %", "read", 1200, "3%", 4, SLOWER),
];

const fn kind(
    name: &'static str,
    verb: &'static str,
    head: u64,
    threshold: &'static str,
    comparisons: usize,
    right: &'static [&'static str],
) -> Kind {
    Kind { name, verb, steps: |all| all, head, threshold, comparisons, right, time: "undisturbed" }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["forever"] => loop {
            spin(1_000_000);
        },
        [verb, steps, _] => work(verb, steps.parse()?),
        [times, rows] => compare_all(times.parse()?, rows),
        [times] => compare_all(times.parse()?, ""),
        _ => compare_all(1, ""),
    }
}

/// The program that is compared.
fn work(verb: &str, steps: u64) -> Result<(), Box<dyn Error>> {
    match verb {
        "threads" => {
            let other = thread::spawn(move || spin(steps / 2));
            spin(steps / 2);
            other.join().map_err(|_panic| "a thread has failed")?;
        }
        // About as long as it would compute.
        "sleep" => thread::sleep(Duration::from_nanos(steps)),
        "read" => {
            let own = std::env::current_exe()?;
            let bytes = std::fs::read(own)?;
            for _ in 0..steps.div_ceil(1_000_000) {
                black_box(bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
            }
            spin(steps / 2);
        }
        _ => spin(steps),
    }
    Ok(())
}

fn compare_all(times: usize, rows: &str) -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let codspeed = own.parent().and_then(Path::parent).ok_or("no build folder")?.join("codspeed");
    let steps = steps_of(PROGRAM_NS);
    let processors = thread::available_parallelism()?.get();
    let loops = (0..=processors).map(|_| Loop::start(&own));
    let _loops = loops.collect::<Result<Vec<_>, _>>()?;
    for kind in KINDS.iter().filter(|kind| kind.name.contains(rows)) {
        let comparisons = kind.comparisons * times;
        let mut found = Vec::new();
        for _ in 0..comparisons {
            found.push(Found::of(&codspeed, &own, kind, steps)?);
        }
        tell(kind, &found);
    }
    Ok(())
}

/// The findings of one comparison.
struct Found {
    verdict: String,
    time: String,
    ratio: f64,
    width: f64,
    pairs: u64,
    seed: u64,
}

impl Found {
    fn of(codspeed: &Path, own: &Path, kind: &Kind, steps: u64) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let base = (kind.steps)(steps);
        let head = base * kind.head / 1000;
        let (own, export) = (own.display().to_string(), folder.path().join("out.json"));
        let profile = folder.path().join("profile");
        let status = Command::new(codspeed)
            .args(["exec", "-m", "walltime", "--no-perf", "--skip-upload", "--quiet"])
            .args(["--warmup-time", "0.1", "--max-time", "3", "--threshold", kind.threshold])
            .arg(format!("--export=json={}", export.display()))
            .arg("--profile-folder")
            .arg(&profile)
            .arg(format!("--vs={own} {} {base} a", kind.verb))
            .args(["--", &own, kind.verb, &head.to_string(), "b"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        if !status.success() {
            return Err(format!("codspeed has failed: {status}").into());
        }
        let json: Value = serde_json::from_slice(&std::fs::read(export)?)?;
        let at = |place: &str| json.pointer(&format!("/comparisons/0/{place}"));
        let text = |place| at(place).and_then(Value::as_str).unwrap_or("none").to_owned();
        let float = |place| at(place).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let number = |place| at(place).and_then(Value::as_u64).unwrap_or(0);
        Ok(Self {
            verdict: text("verdict"),
            time: text("time"),
            ratio: float("judged/ratio"),
            width: float("judged/interval/high") - float("judged/interval/low"),
            pairs: number("judged/pairs"),
            seed: number("seed"),
        })
    }
}

fn tell(kind: &Kind, found: &[Found]) {
    let right = found.iter().filter(|one| kind.right.contains(&&*one.verdict)).count();
    let judged = found.iter().filter(|one| one.time == kind.time).count();
    let mut ratios: Vec<f64> = found.iter().map(|one| one.ratio).collect();
    ratios.sort_by(f64::total_cmp);
    let percent = |at: usize| ratios.get(at).map_or(f64::NAN, |ratio| (ratio - 1.0) * 100.0);
    let (lowest, middle, highest) =
        (percent(0), percent(found.len() / 2), percent(found.len() - 1));
    let count = |verdict: &str| found.iter().filter(|one| one.verdict == verdict).count();
    let verdicts = ["regressed", "improved", "equivalent", "inconclusive", "insufficient"];
    let verdicts: Vec<String> = verdicts
        .iter()
        .filter(|verdict| count(verdict) > 0)
        .map(|verdict| format!("{} {verdict}", count(verdict)))
        .collect();
    let pairs: u64 = found.iter().map(|one| one.pairs).sum();
    let pairs = pairs / u64::try_from(found.len()).unwrap_or(1).max(1);
    let widest = found.iter().map(|one| one.width).fold(0.0, f64::max) * 100.0;
    println!(
        "{}\t{right} of {}\tright\t{}; found {lowest:+.2} to {highest:+.2} %, median {middle:+.2} %; widest interval {widest:.2} points; {pairs} pairs; {} times judged in {judged}; first seed {}",
        kind.name,
        found.len(),
        verdicts.join(", "),
        kind.time,
        found.first().map_or(0, |one| one.seed),
    );
}
