//! The attack by faults: in a run of each mode, each call of each kind fails once. A run that fails says so, and one that
//! succeeds has measured the same as an undisturbed one.
//!
//! A library (`fault.c`) stands between one of our programs and the C library; what that program starts is let alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::probe::{Outcome, probe};
use super::replace::remove;
use super::stage::Stage;
use super::{Findings, Scale};
use crate::files;
use crate::say;

const LIBRARY_SOURCE: &str = include_str!("fault.c");
const LIBRARY: &str = "/tmp/fault.so";
/// The file that the library counts in, see there.
const COUNT: &str = "/tmp/fault.count";
const COUNT_BYTES: usize = 512;
/// The place of the runs.
const CASE: &str = "/tmp/case";
/// Most calls of a kind that are tried; of more, so many that are evenly apart.
const MOST: usize = 150;
/// The same for runs that take seconds.
const MOST_SLOW: usize = 40;
/// The same for a quick look.
const MOST_QUICK: usize = 1;

/// Kinds of calls in the order of `fault.c`, with an error that such a call may have.
const KINDS: &[(&str, i32)] = &[
    ("open", libc::EMFILE),
    ("write", libc::ENOSPC),
    ("read", libc::EIO),
    ("mmap", libc::ENOMEM),
    ("rename", libc::EIO),
    ("make", libc::ENOSPC),
    ("pipe", libc::EMFILE),
    ("fork", libc::EAGAIN),
    ("exec", libc::EACCES),
    ("thread", libc::EAGAIN),
    ("fcntl", libc::EMFILE),
    ("sync", libc::EIO),
];

/// A run: what it is called, its words, and the programs of ours that take part.
struct Run {
    name: &'static str,
    words: &'static str,
    programs: &'static [&'static str],
    /// The numbers of two runs are the same.
    is_exact: bool,
    /// Most calls of a kind that are tried.
    most: usize,
}

/// To try another run, add a row. What is measured is `seq`, once.
const RUNS: &[Run] = &[
    Run {
        name: "walltime",
        words: "exec -m walltime --no-perf",
        programs: &["codspeed", "exec-harness"],
        is_exact: false,
        most: MOST,
    },
    Run {
        name: "memory, preload",
        words: "exec -m memory --backend preload",
        programs: &["codspeed", "codspeed-memtrack", "exec-harness"],
        is_exact: true,
        most: MOST,
    },
    Run {
        name: "simulation",
        words: "exec -m simulation",
        programs: &["codspeed", "exec-harness"],
        is_exact: true,
        most: MOST,
    },
    Run {
        name: "walltime, perf",
        words: "exec -m walltime",
        programs: &["codspeed"],
        is_exact: false,
        most: MOST_SLOW,
    },
    Run {
        name: "memory, eBPF",
        words: "exec -m memory --backend ebpf",
        programs: &["codspeed-memtrack"],
        is_exact: true,
        most: MOST_SLOW,
    },
];

/// Words of all runs.
const COMMON: &str = "--skip-upload --profile-folder new --export json=out.json --warmup-time 0 --max-rounds 1 -- seq 1000";

/// Numbers of a benchmark in the modes where these are always the same.
const EXACT: &[&str] = &["peak_bytes", "total_bytes", "frees", "instructions"];

/// The attack.
pub(super) fn run(stage: &Stage, scale: Scale) -> Result<Findings> {
    let source = "/tmp/fault.c";
    files::write(source, LIBRARY_SOURCE)?;
    let words = ["-O1", "-shared", "-fPIC", "-o", LIBRARY, source, "-ldl"];
    stage.tool("cc", Path::new("/tmp")).args(words).capture()?;
    let mut attack = Faults { stage, scale, findings: Vec::new() };
    say::data(
        "run              program            kind    calls  left out  refused  warned  silent  slowest s",
    );
    for (turn, run) in RUNS.iter().enumerate() {
        attack.run(run, turn)?;
    }
    Ok(attack.findings)
}

struct Faults<'a> {
    stage: &'a Stage,
    scale: Scale,
    findings: Findings,
}

/// A call that is to fail; the 0th is none.
#[derive(Clone, Copy)]
struct Fault {
    program: &'static str,
    /// Its place in [`KINDS`].
    kind: usize,
    nth: usize,
}

/// The calls that the library has seen.
struct Seen {
    failures: usize,
    /// For each of [`KINDS`].
    calls: Vec<usize>,
    about: String,
}

/// A run in which nothing failed.
struct Undisturbed {
    warnings: usize,
    results: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct Row {
    refused: usize,
    warned: usize,
    silent: usize,
    seconds: f64,
}

impl Faults<'_> {
    /// Tries all kinds in all programs of a run; for a quick look, the runs take turns.
    fn run(&mut self, run: &Run, turn: usize) -> Result<()> {
        for (at, program) in run.programs.iter().enumerate() {
            let none = Fault { program, kind: 0, nth: 0 };
            let (outcome, seen) = self.outcome(run, none)?;
            if outcome.code() != 0 {
                bail!("the run `{}` fails without a fault: {}", run.name, outcome.output);
            }
            let undisturbed = Undisturbed { warnings: warnings(&outcome), results: results(run) };
            for (kind, calls) in seen.calls.iter().enumerate() {
                if self.scale == Scale::Full || (kind + at) % RUNS.len() == turn {
                    self.kind(run, Fault { kind, ..none }, *calls, &undisturbed)?;
                }
            }
        }
        Ok(())
    }

    fn kind(
        &mut self,
        run: &Run,
        none: Fault,
        calls: usize,
        undisturbed: &Undisturbed,
    ) -> Result<()> {
        let chosen = chosen(calls, if self.scale == Scale::Full { run.most } else { MOST_QUICK });
        let mut row = Row::default();
        for nth in &chosen {
            let fault = Fault { nth: *nth, ..none };
            let (outcome, seen) = self.outcome(run, fault)?;
            // Two runs don't have to make the same number of calls.
            if seen.failures > 0 {
                self.judge(run, fault, (&outcome, &seen), undisturbed, &mut row);
            }
        }
        let Row { refused, warned, silent, seconds } = row;
        say::data(&format!(
            "{:16} {:18} {:6} {calls:6} {:9} {refused:8} {warned:7} {silent:7} {seconds:10.1}",
            run.name,
            none.program,
            none.name(),
            calls - chosen.len()
        ));
        Ok(())
    }

    fn judge(
        &mut self,
        run: &Run,
        fault: Fault,
        (outcome, seen): (&Outcome, &Seen),
        undisturbed: &Undisturbed,
        row: &mut Row,
    ) {
        let (program, kind, nth) = (fault.program, fault.name(), fault.nth);
        let case = format!("{}: {program}: {kind} {nth} ({})", run.name, seen.about);
        row.seconds = row.seconds.max(outcome.seconds);
        if let Some(what) = outcome.fault() {
            self.find(format!("{case}: {what}"));
        } else if outcome.code() != 0 {
            row.refused += 1;
            if !outcome.output.contains("error: ") {
                self.find(format!("{case}: code {} without an error", outcome.code()));
            }
        } else {
            let (got, expected) = (results(run), &undisturbed.results);
            let is_said = warnings(outcome) > undisturbed.warnings;
            // One that is missing, or shown under another name, is said.
            let is_right = |(name, figures)| got.get(name).map_or(is_said, |got| got == figures);
            if !expected.iter().all(is_right) {
                let line = outcome.line();
                self.find(format!("{case}: measured {got:?} instead of {expected:?}: {line}"));
            }
            if is_said {
                row.warned += 1;
            } else {
                row.silent += 1;
                say::note(&format!("silent: {case}"));
            }
        }
    }

    fn find(&mut self, finding: String) {
        say::note(&format!("finding: {finding}"));
        self.findings.push(finding);
    }

    fn outcome(&self, run: &Run, fault: Fault) -> Result<(Outcome, Seen)> {
        let case = PathBuf::from(CASE);
        remove(&case)?;
        std::fs::create_dir_all(&case)?;
        files::write(COUNT, [0; COUNT_BYTES])?;
        let cmd = self
            .stage
            .program("codspeed", &case)
            .args(run.words.split(' '))
            .args(COMMON.split(' '))
            .env("LD_PRELOAD", LIBRARY)
            .env("FAULT_PROGRAM", fault.program)
            .env("FAULT_KIND", fault.kind.to_string())
            .env("FAULT_NTH", fault.nth.to_string())
            .env("FAULT_ERRNO", fault.error().to_string())
            .env("FAULT_COUNT", COUNT);
        Ok((probe(&cmd, None)?, Seen::read()?))
    }
}

impl Seen {
    fn read() -> Result<Self> {
        let bytes = files::read(COUNT)?;
        let number = |at: usize| -> Result<usize> {
            let bytes = bytes.get(at..at + 8).context("the file of counts is too short")?;
            Ok(usize::try_from(i64::from_ne_bytes(bytes.try_into()?))?)
        };
        let about = bytes.get((1 + KINDS.len()) * 8..).unwrap_or_default();
        let about = about.split(|byte| *byte == 0).next().unwrap_or_default();
        let about = String::from_utf8_lossy(about).into_owned();
        let calls = (1..=KINDS.len()).map(|index| number(index * 8)).collect::<Result<_>>()?;
        Ok(Self { failures: number(0)?, calls, about })
    }
}

impl Fault {
    fn name(self) -> &'static str {
        KINDS.get(self.kind).map_or("", |(name, _)| name)
    }

    fn error(self) -> i32 {
        KINDS.get(self.kind).map_or(0, |(_, error)| *error)
    }
}

/// Counts the lines that say that something has gone wrong. That there is no profile is a note: nobody has insisted on one.
fn warnings(outcome: &Outcome) -> usize {
    ["warning: ", "no profile is recorded, only times"]
        .iter()
        .map(|said| outcome.output.matches(said).count())
        .sum()
}

/// At most so many of the calls, evenly apart, the first and the last among them.
fn chosen(calls: usize, most: usize) -> Vec<usize> {
    if calls <= most {
        return (1..=calls).collect();
    }
    let last = most.saturating_sub(1).max(1);
    (0..most).map(|index| 1 + index * (calls - 1) / last).collect()
}

/// Returns the part of an export about each benchmark, as far as that is the same in each run; nothing where there is none.
fn results(run: &Run) -> BTreeMap<String, Vec<String>> {
    let text = files::read_to_string(Path::new(CASE).join("out.json")).unwrap_or_default();
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let benchmarks = crate::workspace::items(&json, "benchmarks").iter();
    let entry = |benchmark: &Value| {
        let name = benchmark.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let figures = EXACT.iter().filter(|_| run.is_exact).filter_map(|key| find(benchmark, key));
        (name, figures.map(ToString::to_string).collect())
    };
    benchmarks.map(entry).collect()
}

/// The value of a key, however deep it lies.
fn find<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let map = value.as_object()?;
    map.get(key).or_else(|| map.values().find_map(|inner| find(inner, key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_chosen_evenly_apart() {
        assert_eq!(chosen(0, 3), [0; 0]);
        assert_eq!(chosen(3, 3), [1, 2, 3]);
        assert_eq!(chosen(5, 3), [1, 3, 5]);
        assert_eq!(chosen(5, 1), [1]);
    }
}
