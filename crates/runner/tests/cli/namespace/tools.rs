//! Tools that misbehave when they are asked something: each is named, none is waited for long, nothing is left of it.

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt, path::PathBuf, thread::scope};

use nix::{errno::Errno, fcntl::OFlag};
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, sandbox};

/// Writes for ever.
const ENDLESS: &str = "#!/bin/sh\nwhile :; do printf %65536s y; done\n";

/// Waits for ever, as does a process that it has started.
fn silent(sandbox: &Sandbox, name: &str) -> PathBuf {
    let hold = sandbox.fifo("hold");
    let text = format!("#!/bin/sh\n(read x < '{0}') & read x < '{0}'\n", hold.display());
    sandbox.program(name, &text)
}

/// Runs `codspeed` with so little memory that nothing without end has room in it.
#[track_caller]
fn bounded(sandbox: &Sandbox, args: &[&str]) -> Run {
    let words = ["-c", "ulimit -v 600000; exec \"$0\" \"$@\"", CODSPEED];
    sandbox.run(sandbox.private("sh", [&words, args].concat()))
}

/// Nobody waits at the FIFO of [`silent`] any more.
#[track_caller]
fn nobody_waits(sandbox: &Sandbox) {
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(OFlag::O_NONBLOCK.bits());
    let err = options.open(sandbox.path().join("hold")).unwrap_err();
    assert_eq!(err.raw_os_error(), io::Error::from(Errno::ENXIO).raw_os_error());
}

#[test]
fn who_writes_without_end_is_named_and_memory_stays_small() {
    let cases: [(&str, &[&str], i32); 3] = [
        ("CODSPEED_PERF", &["status"], 0),
        ("CODSPEED_VALGRIND", &["exec", "-m", "simulation", "--", "true"], 3),
        ("CODSPEED_EXEC_HARNESS", &["exec", "--", "true"], 3),
    ];
    for (variable, args, code) in cases {
        let sandbox = sandbox();
        let tool = sandbox.program("tool", ENDLESS);
        let sandbox = sandbox.with(variable, &tool);
        let run = bounded(&sandbox, args);
        assert_eq!(run.code, code, "{variable}: {}", run.shown());
        let expected = format!("`{}` writes without end", tool.display());
        assert!(run.shown().contains(&expected), "{variable}: {}", run.shown());
    }
}

#[test]
fn who_is_silent_is_named_in_time_and_nothing_is_left_of_it() {
    let asked = |variable: Option<&str>, name: &str, args: &[&str], code: i32| {
        let sandbox = sandbox();
        let tool = silent(&sandbox, name);
        let path = format!("{}:/usr/bin:/bin", sandbox.path().display());
        let sandbox = match variable {
            Some(variable) => sandbox.with(variable, &tool),
            None => sandbox.with("PATH", path),
        };
        let run = bounded(&sandbox, args);
        assert_eq!(run.code, code, "{name}: {}", run.shown());
        let expected = format!("`{}` did not answer within 10 s", tool.display());
        assert!(run.shown().contains(&expected), "{name}: {}", run.shown());
        nobody_waits(&sandbox);
    };
    let memory = ["exec", "-m", "memory", "--backend", "preload", "--", "true"];
    // At the same time, as each takes as long as we are patient.
    scope(|scope| {
        scope.spawn(|| asked(Some("CODSPEED_PERF"), "perf", &["status"], 0));
        scope.spawn(|| {
            let args = ["exec", "-m", "simulation", "--", "true"];
            asked(Some("CODSPEED_VALGRIND"), "valgrind", &args, 3);
        });
        scope.spawn(|| asked(None, "python", &memory, 0));
    });
}
