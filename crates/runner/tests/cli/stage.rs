//! Shared parts of all these tests: the start of the programs, and the comparable part of their output.

use std::{env, ffi::OsStr, path::Path, process::Command};

use runner_shared::text::as_text;
use serde_json::Value;
use test_support::{Run, Running, Sandbox, redact};

/// The program under test.
pub(crate) const CODSPEED: &str = env!("CARGO_BIN_EXE_codspeed");

/// Three rounds and nothing else.
pub(crate) const QUICK: &[&str] = &["--warmup-time", "0", "--max-rounds", "3"];

/// Shell text that writes to `ready`, then waits for a signal. A shell that sets a `trap` must wait in this way: a
/// signal that arrives right before the system call of `read` would be seen only when that call ends, and `wait` is
/// the one command that checks for signals and sleeps in a single step.
pub(crate) const WAIT_AFTER_READY: &str = "(read x < hold) & echo > ready; wait";

/// Arguments that `run` needs in these tests.
pub(crate) const RUN: &[&str] = &["run", "-m", "walltime", "--profile-folder", "profile"];

/// An empty sandbox, once it is sure that all programs are there. Nothing is profiled in it: whether that is possible
/// differs from machine to machine.
#[track_caller]
pub(crate) fn sandbox() -> Sandbox {
    profiling_sandbox().with("CODSPEED_PERF_ENABLED", "false")
}

/// An empty sandbox in which runs are profiled, if that is possible.
#[track_caller]
pub(crate) fn profiling_sandbox() -> Sandbox {
    let harness = Path::new(CODSPEED).with_file_name("exec-harness");
    let missing = "is missing: `cargo xtask test` and `cargo build --workspace --bins` make it";
    assert!(harness.is_file(), "`{}` {missing}", as_text(&harness));
    Sandbox::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Starts `codspeed` in its own `/tmp`.
pub(crate) fn start<S: AsRef<OsStr>>(
    sandbox: &Sandbox,
    args: impl IntoIterator<Item = S>,
) -> Running {
    sandbox.start(sandbox.private(CODSPEED, args))
}

/// Runs `codspeed` in its own `/tmp` to its end. Nothing but the lock file may be left there.
#[track_caller]
pub(crate) fn codspeed<S: AsRef<OsStr>>(
    sandbox: &Sandbox,
    args: impl IntoIterator<Item = S>,
) -> Run {
    let run = sandbox.run(sandbox.private(CODSPEED, args));
    nothing_is_left(sandbox);
    run
}

/// `codspeed exec` with these options and this command.
#[track_caller]
pub(crate) fn exec(sandbox: &Sandbox, options: &[&str], command: &[&str]) -> Run {
    codspeed(sandbox, exec_words(options, command))
}

/// The arguments of [`exec`].
pub(crate) fn exec_words<'a>(options: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
    [&["exec", "--profile-folder", "profile"], options, &["--"], command].concat()
}

/// `codspeed run` in walltime mode with this shell text.
#[track_caller]
pub(crate) fn suite(sandbox: &Sandbox, options: &[&str], text: &str) -> Run {
    codspeed(sandbox, [RUN, options, &["--", text]].concat())
}

/// Neither FIFOs nor temporary files; the lock file stays for ever.
#[track_caller]
pub(crate) fn nothing_is_left(sandbox: &Sandbox) {
    let left = sandbox.left_in_tmp();
    let others: Vec<_> = left.iter().filter(|name| *name != "runner.lock").collect();
    assert!(others.is_empty(), "left in the folder for temporary files: {others:?}");
}

/// Makes `venv/bin/python` with these packages.
#[track_caller]
pub(crate) fn python_with(sandbox: &Sandbox, packages: &[&str]) {
    let succeeds = |command| {
        let run = sandbox.run(command);
        assert_eq!(run.code, 0, "{}", run.shown());
    };
    succeeds(sandbox.command("python3", ["-m", "venv", "venv"]));
    let install = [&["-m", "pip", "install", "--quiet"][..], packages].concat();
    let mut install = sandbox.command(sandbox.path().join("venv/bin/python"), install);
    with_registry(&mut install);
    succeeds(install);
}

/// Lets `pip` reach its registry as it does for the user.
#[expect(
    clippy::disallowed_methods,
    reason = "the way to the registry is a setting of the machine"
)]
fn with_registry(command: &mut Command) {
    let of_registry = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["pip_", "ssl_cert", "requests_ca"].iter().any(|start| name.starts_with(start))
            || name.ends_with("_proxy")
    };
    command.envs(env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_registry)));
}

/// The benchmarks of an export to `out.json`.
#[track_caller]
pub(crate) fn exported(sandbox: &Sandbox) -> Vec<Value> {
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    json["benchmarks"].as_array().unwrap().clone()
}

/// The one benchmark of an export to `out.json`.
#[track_caller]
pub(crate) fn the_exported(sandbox: &Sandbox) -> Value {
    let [only] = exported(sandbox).try_into().unwrap();
    only
}

/// The output as far as it is the same in every run.
pub(crate) fn shown(sandbox: &Sandbox, run: &Run) -> String {
    let Run { code, stdout, stderr } = run.clone();
    // How calm the machine is differs, whether its kernel stamps processes, and how long its ticks are.
    let titles = ["Undisturbed ", "Processor ", "User ", "System "];
    let about_noise = [
        "most reliable time",
        "`codspeed doctor`",
        "`Processor` is affected",
        "`System` are affected",
        "longer warm-up",
        "`--warmup-time`",
    ];
    let differs = |line: &&str| {
        let is_one =
            |title: &&str| line.starts_with("   ") && line.trim_start().starts_with(*title);
        about_noise.iter().any(|words| line.contains(words)) || titles.iter().any(is_one)
    };
    let calm: Vec<_> = stdout.lines().filter(|line| !differs(line)).collect();
    let mut stdout = calm.join("\n").trim_end().to_owned();
    stdout.push_str(if stdout.is_empty() { "" } else { "\n" });
    let text = redact(&Run { code, stdout, stderr }.shown(), sandbox);
    text.lines().map(|line| figures(line) + "\n").collect()
}

/// A line with its measured figures replaced and its columns moved together.
fn figures(line: &str) -> String {
    let line = line.replace(" (noisy)", "").replace(", noisy)", ")");
    if line.trim_start().starts_with("Benchmark ") || line.starts_with('─') {
        return line
            .split_whitespace()
            .map(|word| word.trim_matches('─'))
            .collect::<Vec<_>>()
            .join(" ");
    }
    if let Some(title) = ["Page faults", "Context switches"]
        .iter()
        .find(|title| line.trim_start().starts_with(**title))
    {
        return format!("{title} [counts]");
    }
    // A title of a figure, which is none.
    let line = line.replace("95 % interval", "95\u{a0}% interval");
    let parts: Vec<&str> = line.split(' ').collect();
    // How wide the titles of a benchmark alone are depends on which there are.
    let is_alone = line.starts_with("   ") && !line.starts_with("    ");
    let is_table = is_alone || line.contains("  ") && parts.iter().any(|part| is_unit(part));
    let is_resident = line.trim_start().starts_with("Max RSS");
    let mut out: Vec<String> = Vec::new();
    for part in parts.into_iter().filter(|part| !(is_table && part.is_empty())) {
        let number = |last: &String| {
            let digits = if is_table { last.trim_start_matches('(') } else { last };
            digits.parse::<f64>().is_ok()
        };
        let after_number = out.last().is_some_and(number);
        // Small programs need less memory than is known of them, or hardly more.
        let is_bound = out.iter().rev().nth(1).is_some_and(|of| of == "≤");
        if after_number && matches!(part, "KB" | "MB") && (is_bound || is_resident) {
            out.truncate(out.len() - if is_bound { 2 } else { 1 });
            out.push("[memory]".to_owned());
            continue;
        }
        let unit = part.trim_end_matches([',', ')', ';']);
        if after_number && is_unit(unit) {
            let bracket = out.pop().filter(|number| number.starts_with('(')).map_or("", |_| "(");
            let kind = if unit == "%" { "[share]" } else { "[time]" };
            out.push(format!("{bracket}{}", part.replace(unit, kind)));
        } else {
            out.push(part.to_owned());
        }
    }
    out.join(" ").replace('\u{a0}', " ")
}

fn is_unit(word: &str) -> bool {
    matches!(word, "ns" | "µs" | "ms" | "s" | "%")
}
