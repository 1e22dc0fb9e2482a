//! Counts how often verdicts about stored runs are right: real runs of four programs, in turns, on the machine as it is
//! and beside endless loops on all processors. Runs of the same program that are one to ten minutes apart are compared
//! with each other, and with runs of one that takes 20 % longer.
//!
//! The first argument of the bench is the number of runs of each program (20), the second one chooses the rows whose
//! names contain it: `bench_stored 100 busy`. The programs are this one (with `work KIND FILE` it computes as many steps
//! as the file says), and Python's start, where there is one. From the distances that are printed the noise is taken
//! that `store::compare` assumes.

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
    fs,
    hint::black_box,
    os::unix::process::parent_id,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use runner_shared::{env_names, walltime::quantile as at};
use store::{
    Filter, Record, RecordId, Store,
    compare::{Comparison, Run, Settings, Verdict, compare},
};

use busy::Loop;
use support::{spin, steps_of};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Processor time of the programs, nanoseconds.
const PROGRAM_NS: u64 = 5_000_000;
/// Runs of a program that are so far apart are compared.
const NEAREST_MS: u64 = 60_000;
const FURTHEST_MS: u64 = 600_000;
/// Words that the program which misses caches walks through.
const WORDS: usize = 1 << 21;
/// Steps of a slower program, in hundredths.
const SLOWER: u64 = 120;

/// A program, with the words that start it; `@own@` is this one.
struct Kind {
    name: &'static str,
    words: &'static [&'static str],
    /// It takes as long as it is told.
    is_told: bool,
}

impl Kind {
    /// Returns the number of ways to run it: as it is, and longer.
    const fn sides(&self) -> usize {
        if self.is_told { 2 } else { 1 }
    }
}

const KINDS: &[Kind] = &[
    Kind { name: "computes", words: &["@own@", "work", "spin", "steps"], is_told: true },
    Kind { name: "misses caches", words: &["@own@", "work", "cache", "steps"], is_told: true },
    Kind {
        name: "three processes",
        words: &["@own@ work spin steps | cat | @own@ work spin steps"],
        is_told: true,
    },
    Kind { name: "interpreter", words: &["python3", "-S", "-c", "pass"], is_told: false },
];

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["forever"] => {
            // Ends with the bench, also if that is killed.
            let parent = parent_id();
            while parent_id() == parent {
                spin(1_000_000);
            }
            Ok(())
        }
        ["work", kind, file] => work(kind, file),
        [runs, rows] => measure_all(runs.parse()?, rows),
        [runs] => measure_all(runs.parse()?, ""),
        _ => measure_all(20, ""),
    }
}

/// The program that is measured.
fn work(kind: &str, file: &str) -> Outcome<()> {
    let steps: u64 = fs::read_to_string(file)?.trim().parse()?;
    if kind != "cache" {
        spin(steps);
        return Ok(());
    }
    let words: Vec<u32> = (0_u32..).map(|at| at.wrapping_mul(2_654_435_761)).take(WORDS).collect();
    let mut at = 1_u32;
    for step in 0..steps / 2 {
        let place = usize::try_from(at)? % WORDS;
        at = words.get(place).copied().unwrap_or(0) ^ u32::try_from(step & 0xffff)?;
    }
    black_box(at);
    Ok(())
}

fn measure_all(runs: usize, rows: &str) -> Outcome<()> {
    let own = std::env::current_exe()?;
    let processors = thread::available_parallelism()?.get();
    for (state, loops) in [("as it is", 0), ("busy", processors)] {
        let chosen: Vec<(&Kind, String)> = KINDS
            .iter()
            .map(|kind| (kind, format!("{}, {state}", kind.name)))
            .filter(|(_, title)| title.contains(rows))
            .collect();
        if chosen.is_empty() {
            continue;
        }
        let loops = (0..loops).map(|_| Loop::start(&own));
        let _loops = loops.collect::<Result<Vec<_>, _>>()?;
        measure(&chosen, runs, &own)?;
    }
    Ok(())
}

/// Runs all programs in turns, each also in a way that takes longer, and compares the runs of each.
fn measure(kinds: &[(&Kind, String)], runs: usize, own: &Path) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let codspeed = own.parent().and_then(Path::parent).ok_or("no build folder")?.join("codspeed");
    let steps = steps_of(PROGRAM_NS);
    for _ in 0..runs {
        for (kind, title) in kinds {
            for longer in [100, SLOWER].into_iter().take(kind.sides()) {
                fs::write(folder.path().join("steps"), (steps * longer / 100).to_string())?;
                run(&codspeed, kind, own, folder.path(), title)?;
            }
        }
    }
    let mut all = Tally::default();
    for (kind, title) in kinds {
        let records = records(&folder.path().join(title))?;
        let of = |side: usize| records.iter().skip(side).step_by(kind.sides()).collect::<Vec<_>>();
        let (base, longer) = (of(0), if kind.sides() > 1 { of(1) } else { Vec::new() });
        for (same, name) in [(&base, "equal"), (&longer, "equal and longer")] {
            let pairs = same.iter().enumerate().flat_map(|(at, one)| {
                let later = same.iter().skip(at + 1).filter(|other| are_apart(one, other));
                later.map(|other| compared(one, other))
            });
            let pairs: Vec<Comparison> = pairs.collect();
            all.add(&pairs);
            if !pairs.is_empty() {
                tell(&format!("{name}: {title}"), "false", &pairs);
            }
        }
        let slower: Vec<Comparison> =
            base.iter().zip(&longer).map(|(one, other)| compared(one, other)).collect();
        if !slower.is_empty() {
            tell(&format!("+{} %: {title}", SLOWER - 100), "found", &slower);
        }
    }
    let Tally { pairs, slower, faster } = all;
    println!("equal, all\t{slower} of {pairs}\tfalse regressions\t{faster} false improvements");
    Ok(())
}

/// Pairs of equal runs, and how many of them were not called equal.
#[derive(Default)]
struct Tally {
    pairs: usize,
    slower: usize,
    faster: usize,
}

impl Tally {
    fn add(&mut self, all: &[Comparison]) {
        self.pairs += all.len();
        self.slower += count(all, Verdict::Regressed);
        self.faster += count(all, Verdict::Improved);
    }
}

/// Returns the number of comparisons with this verdict.
fn count(all: &[Comparison], verdict: Verdict) -> usize {
    let ones = all.iter().filter_map(|found| found.benchmarks.first());
    ones.filter(|one| one.verdict == verdict).count()
}

/// Returns whether two runs are some minutes apart.
fn are_apart(one: &(RecordId, Record), other: &(RecordId, Record)) -> bool {
    let apart = other.1.time_ms.abs_diff(one.1.time_ms);
    (NEAREST_MS..=FURTHEST_MS).contains(&apart)
}

fn run(codspeed: &Path, kind: &Kind, own: &Path, folder: &Path, store: &str) -> Outcome<()> {
    let words = kind.words.iter().map(|word| word.replace("@own@", &own.display().to_string()));
    let status = Command::new(codspeed)
        .args(["exec", "-m", "walltime", "--no-perf", "--skip-upload", "--quiet"])
        .args(["--warmup-time", "0.1", "--max-time", "1", "--"])
        .args(words)
        .current_dir(folder)
        .env(env_names::STORE.name, folder.join(store))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() { Ok(()) } else { Err(format!("codspeed has failed: {status}").into()) }
}

/// The stored runs, the oldest first.
fn records(store: &Path) -> Outcome<Vec<(RecordId, Record)>> {
    let store = Store::open(&PathBuf::from(store))?;
    let mut entries = store.entries(&Filter::default())?;
    entries.reverse();
    let mut records = Vec::new();
    for entry in entries {
        let mut record = store.get(entry.id)?;
        // All would be unchanged for certain.
        record.parts.iter_mut().for_each(|part| part.modules_decide = false);
        records.push((entry.id, record));
    }
    Ok(records)
}

fn compared(base: &(RecordId, Record), head: &(RecordId, Record)) -> Comparison {
    let [base, head] = [base, head].map(|(id, record)| Run { id: *id, record });
    compare(&[base], &[head], &Settings::default())
}

/// Prints how many of them were called slower or faster, and what they rest on.
fn tell(title: &str, unit: &str, all: &[Comparison]) {
    let ones = || all.iter().filter_map(|found| found.benchmarks.first());
    let (slower, faster) = (count(all, Verdict::Regressed), count(all, Verdict::Improved));
    let found = if unit == "false" { slower + faster } else { slower };
    let times = || ones().filter_map(|one| one.lead()?.times.as_ref());
    let quantile = |mut values: Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        100.0 * at(&values, share).exp_m1()
    };
    let distances = || times().map(|of| of.estimate.abs()).collect::<Vec<f64>>();
    let spreads = times().map(|of| of.spread.unwrap_or(f64::NAN)).collect::<Vec<f64>>();
    let limits = times().filter_map(|of| of.limit).collect::<Vec<f64>>();
    let key = ones().find_map(|one| Some(one.lead()?.title.clone())).unwrap_or_default();
    println!(
        "{title}\t{found} of {}\t{unit}\t{key}: {slower} slower, {} suspect, {} inconclusive, {} unchanged, {faster} \
            faster; medians differ by {:.1} % (median), {:.1} % (99 %), {:.1} % (most); quartiles of rounds {:.1} % apart; \
            certain from {:.1} % on (median); first seed {}",
        all.len(),
        count(all, Verdict::Suspect),
        count(all, Verdict::Inconclusive),
        count(all, Verdict::Unchanged),
        quantile(distances(), 0.5),
        quantile(distances(), 0.99),
        quantile(distances(), 1.0),
        quantile(spreads, 0.5),
        quantile(limits, 0.5),
        all.first().map_or(0, |found| found.seed)
    );
}
