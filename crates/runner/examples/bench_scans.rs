//! Compares the table of a parameter scan with that of hyperfine: six commands, both programs in alternation, so that
//! the load of the machine hits both alike. Where it is so busy that programs wait longer than they run, medians of wall
//! times say nothing: `chrt -f 1 bench_scans` gives both programs the processor first.
//!
//! The program is this one: with `spin N` it computes N steps and ends. The first argument of the bench is the path of
//! `hyperfine` (from 1.13 on; else that of `PATH`), the second one the number of alternations. Version 2 needs Rust 1.97:
//! `cargo +nightly install hyperfine --version '^2' --locked --root FOLDER` puts it into `FOLDER/bin`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a bench prints its figures and starts what it measures"
)]

mod support;

use std::{
    error::Error,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use support::{spin, steps_of};

/// About so long do the programs take, nanoseconds.
const PROGRAMS_NS: [u64; 6] = [2_000_000, 4_000_000, 6_000_000, 8_000_000, 10_000_000, 12_000_000];
/// Rounds of each command before the other program has its turn.
const ROUNDS: &str = "10";
/// Alternations unless told otherwise.
const TURNS: u64 = 12;
/// Share by which medians may differ.
const BAR: f64 = 0.03;

/// Wall times of each command, seconds.
type Times = Vec<Vec<f64>>;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["spin", steps] => {
            spin(steps.parse()?);
            Ok(())
        }
        [hyperfine, turns] => compare(hyperfine, turns.parse()?),
        [hyperfine] => compare(hyperfine, TURNS),
        _ => compare("hyperfine", TURNS),
    }
}

fn compare(hyperfine: &str, turns: u64) -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?;
    let codspeed = own.parent().and_then(Path::parent).ok_or("no build folder")?.join("codspeed");
    let own = own.display().to_string();
    let steps = PROGRAMS_NS.map(|nanos| steps_of(nanos).to_string());
    let list = steps.join(",");
    let (mut ours, mut theirs): (Times, Times) = (vec![Vec::new(); 6], vec![Vec::new(); 6]);
    for turn in 0..turns {
        let folder = tempfile::tempdir()?;
        let run_ours =
            |into: &mut Times| by_codspeed(&codspeed, (&own, &list, &steps), folder.path(), into);
        let run_theirs =
            |into: &mut Times| by_hyperfine(hyperfine, (&own, &list), folder.path(), into);
        if turn % 2 == 0 {
            run_ours(&mut ours)?;
            run_theirs(&mut theirs)?;
        } else {
            run_theirs(&mut theirs)?;
            run_ours(&mut ours)?;
        }
    }
    let mut within = 0;
    for (nth, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        let (one, other) = (median(ours), median(theirs));
        let difference = one / other - 1.0;
        within += usize::from(difference.abs() <= BAR);
        println!(
            "command {}\t{:.3}\tms\thyperfine {:.3} ms, {:+.2} %; {} and {} rounds",
            nth + 1,
            one * 1e3,
            other * 1e3,
            difference * 100.0,
            ours.len(),
            theirs.len()
        );
    }
    let version = version_of(hyperfine)?;
    println!(
        "medians within 3 %\t{within}\tof 6\t{version}; {turns} alternations of {ROUNDS} rounds each"
    );
    Ok(())
}

/// Returns name and version of the other program.
fn version_of(hyperfine: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new(hyperfine).arg("--version").stdin(Stdio::null()).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn by_codspeed(
    codspeed: &Path,
    (own, list, steps): (&str, &str, &[String; 6]),
    folder: &Path,
    into: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let export = folder.join("ours.json");
    let status = Command::new(codspeed)
        .args(["exec", "-m", "walltime", "--no-perf", "--skip-upload", "--quiet"])
        .args(["--warmup-time", "0", "--max-rounds", ROUNDS, "--min-rounds", ROUNDS])
        .arg(format!("--export=json={}", export.display()))
        .arg("--profile-folder")
        .arg(folder.join("profile"))
        .arg(format!("--parameter-list=steps={list}"))
        .args(["--", own, "spin", "{steps}"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("codspeed has failed: {status}").into());
    }
    let json: Value = serde_json::from_slice(&std::fs::read(export)?)?;
    for benchmark in list_at(&json, "/benchmarks")? {
        let name = benchmark.get("name").and_then(Value::as_str).unwrap_or_default();
        let is_it = |steps: &String| name.ends_with(&format!(" {steps}"));
        let times = steps.iter().position(is_it).and_then(|nth| into.get_mut(nth));
        let walls = list_at(benchmark, "/rounds/wall_ns")?;
        let walls = walls.iter().filter_map(Value::as_f64).map(|nanos| nanos / 1e9);
        times.ok_or("an unknown benchmark")?.extend(walls);
    }
    Ok(())
}

fn by_hyperfine(
    hyperfine: &str,
    (own, list): (&str, &str),
    folder: &Path,
    into: &mut Times,
) -> Result<(), Box<dyn Error>> {
    let export = folder.join("theirs.json");
    let status = Command::new(hyperfine)
        .args(["--shell=none", "--style=none", "--runs", ROUNDS, "--parameter-list", "steps", list])
        .arg("--export-json")
        .arg(&export)
        .arg(format!("{own} spin {{steps}}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("hyperfine has failed: {status}").into());
    }
    let json: Value = serde_json::from_slice(&std::fs::read(export)?)?;
    for (result, times) in list_at(&json, "/results")?.iter().zip(into) {
        times.extend(their_times(result)?);
    }
    Ok(())
}

/// Returns the wall times of a command, seconds: a list of their own in version 1, and a part of each round since.
fn their_times(result: &Value) -> Result<Vec<f64>, String> {
    if let Ok(times) = list_at(result, "/times") {
        return Ok(times.iter().filter_map(Value::as_f64).collect());
    }
    let rounds = list_at(result, "/measurements")?.iter();
    let wall = |round: &Value| round.pointer("/time_wall_clock/value")?.as_f64();
    rounds.map(|round| wall(round).ok_or_else(|| "a round has no wall time".to_owned())).collect()
}

fn list_at<'a>(json: &'a Value, place: &str) -> Result<&'a Vec<Value>, String> {
    let list = json.pointer(place).and_then(Value::as_array);
    list.ok_or_else(|| format!("there is no list `{place}`"))
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
