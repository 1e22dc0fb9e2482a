//! Every signal that asks for an end, in every phase of a program: the exit code is right, what was finished is kept, nothing
//! is left, and the next run works at once. `cargo xtask attack signals` does it over and over, and at any time besides.

mod any_time;
mod killed;
mod tables;
mod tools;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use test_support::{Run, Running, Sandbox};

use crate::stage::{CODSPEED, QUICK, nothing_is_left};

/// All of them.
const SIGNALS: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
];

/// Far more than the 100 ms in which all is gone.
const GONE_WITHIN: Duration = Duration::from_secs(2);

/// A program that has come to a phase.
struct Begun {
    sandbox: Sandbox,
    running: Running,
    /// Ends what else there is, once the program has ended.
    release: Box<dyn FnOnce()>,
}

impl Begun {
    fn new(sandbox: Sandbox, running: Running) -> Self {
        Self { sandbox, running, release: Box::new(|| ()) }
    }

    /// The same with something that has to live as long.
    fn with(self, other: impl Sized + 'static) -> Self {
        Self { release: Box::new(|| drop(other)), ..self }
    }
}

/// A phase.
struct Phase {
    /// Brings a program into it.
    begin: fn() -> Begun,
    /// The exit code.
    code: fn(Signal) -> i32,
    /// The content of the folder `profile`; `None` if there is no such folder.
    kept: Option<Kept>,
}

/// Benchmarks that were finished before a phase.
#[derive(Clone, Copy)]
enum Kept {
    /// So many, and the user is told so.
    Told(usize),
    /// The same. As only the output was left to do, it may also be said that all was completed.
    ToldOrDone(usize),
}

/// Of `codspeed` and `exec-harness`.
fn interrupted(_: Signal) -> i32 {
    130
}

/// Of `codspeed-memtrack`: as a shell says it of the command, which is asked to end by a signal that leaves no core.
fn of_the_command(signal: Signal) -> i32 {
    let is_limit = [Signal::SIGXCPU, Signal::SIGXFSZ].contains(&signal);
    let signal = if is_limit { Signal::SIGTERM } else { signal };
    #[expect(clippy::as_conversions, reason = "the numbers of the enum are those of the kernel")]
    let number = signal as i32;
    128 + number
}

/// Sends each signal to a program of its own, and at last two at once.
fn every_signal(phase: &Phase) {
    for signal in SIGNALS {
        let Begun { sandbox, running, release } = (phase.begin)();
        running.signal(*signal);
        let run = running.end();
        release();
        let what = format!("{signal}: {}", run.shown());
        assert_eq!(run.code, (phase.code)(*signal), "{what}");
        all_is_gone(&sandbox, &what);
        if let Some(kept) = phase.kept {
            is_kept(&sandbox, kept, &run);
        }
        next_works(&sandbox);
    }
    let Begun { sandbox, running, release } = (phase.begin)();
    running.signal(Signal::SIGINT);
    running.signal(Signal::SIGTERM);
    let run = running.end();
    release();
    let what = format!("two at once: {}", run.shown());
    assert!(run.code >= 130, "{what}");
    all_is_gone(&sandbox, &what);
    next_works(&sandbox);
}

/// No process, no FIFO, no temporary file, wherever.
#[track_caller]
fn all_is_gone(sandbox: &Sandbox, what: &str) {
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        let left = processes_of(sandbox);
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "still run: {left:?}; {what}");
        std::thread::yield_now();
    }
    nothing_is_left(sandbox);
    let unfinished = unfinished_below(sandbox.path());
    assert!(unfinished.is_empty(), "{unfinished:?}; {what}");
}

/// Programs that were started in the sandbox and run.
fn processes_of(sandbox: &Sandbox) -> Vec<String> {
    let home = format!("HOME={}\0", sandbox.path().to_str().unwrap());
    let all = fs::read_dir("/proc").unwrap().flatten();
    let ours = all.filter_map(|entry| {
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let is_ours = String::from_utf8_lossy(&environment).contains(&home);
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        is_ours.then(|| format!("{} ({})", entry.file_name().to_string_lossy(), name.trim()))
    });
    ours.collect()
}

/// Files that were to be moved or removed.
fn unfinished_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let starts = [".unfinished-", ".tmp", ".exec-harness-", "codspeed-shims.", "codspeed."];
        if starts.iter().any(|start| name.starts_with(start)) && name != "codspeed.yml" {
            found.push(name);
        } else if entry.file_type().unwrap().is_dir() {
            found.extend(unfinished_below(&entry.path()));
        }
    }
    found
}

/// Checks that finished benchmarks can be seen, and that the user was told how.
#[track_caller]
fn is_kept(sandbox: &Sandbox, kept: Kept, run: &Run) {
    let (kept, may_be_done) = match kept {
        Kept::Told(kept) => (kept, false),
        Kept::ToldOrDone(kept) => (kept, true),
    };
    let told = format!("finished benchmarks kept: {kept}\n");
    let uploads = run.stderr.contains("run `codspeed upload ");
    // The signal came when all was shown.
    let later = run.stderr.contains("the parts measured before are complete");
    // It was heard of when nothing was left to do: then there is no way to go on, either.
    let completed = may_be_done && run.stderr.contains("everything else was completed");
    assert!(run.stderr.contains(&told) || uploads || later || completed, "{}", run.stderr);
    assert!(sandbox.path().join("profile/.codspeed/run.json").exists(), "{}", run.stderr);
    if kept == 0 {
        return;
    }
    assert!(completed || run.stderr.contains("`codspeed upload "), "{}", run.stderr);
    let words = ["inspect", "profile", "--export", "json=kept.json"];
    let shown = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!(shown.code, 0, "{}", shown.shown());
    let json: serde_json::Value = serde_json::from_str(&sandbox.text("kept.json")).unwrap();
    let complete = |one: &&serde_json::Value| {
        one["outcome"].as_str().is_none_or(|outcome| outcome == "complete")
    };
    assert_eq!(json["benchmarks"].as_array().unwrap().iter().filter(complete).count(), kept);
}

/// Another run in the same place.
#[track_caller]
fn next_works(sandbox: &Sandbox) {
    let before = ["exec", "--no-wait", "--skip-upload", "--profile-folder", "next"];
    let words = [&before[..], QUICK, &["--", "true"]].concat();
    let mut command = sandbox.private(CODSPEED, words);
    command.env("CODSPEED_PERF_ENABLED", "false");
    for stand_in in ["CODSPEED_EXEC_HARNESS", "CODSPEED_PERF"] {
        command.env_remove(stand_in);
    }
    let run = sandbox.run(command);
    assert_eq!(run.code, 0, "{}", run.shown());
    nothing_is_left(sandbox);
    fs::remove_dir_all(sandbox.path().join("next")).unwrap();
}
