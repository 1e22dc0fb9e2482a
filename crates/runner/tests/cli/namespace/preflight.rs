//! Faults that can be known are said before the lock is waited for, and nothing has been made or run by then.

use std::path::Path;

use runner_shared::text::shown;
use test_support::{Run, Running, Sandbox};

use crate::stage::{CODSPEED, sandbox};

/// A sandbox whose machine is measured by somebody else: who gets as far as to the lock says so, and ends.
struct Busy {
    sandbox: Sandbox,
    _holder: Running,
}

/// The words of a run that finds nothing wrong.
const BUSY: &str = "another codspeed run is in progress";

impl Busy {
    fn new(sandbox: Sandbox) -> Self {
        // Not by this process: a run within a run is refused at once.
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        let hold = ["sh", "-c", "echo ready > ready; read x < hold"];
        let words = [&["--no-fork", "tmp/runner.lock"], &hold[..]].concat();
        let holder = sandbox.start(sandbox.command("flock", words));
        ready.wait();
        sandbox.file("plain", "text\n");
        sandbox.program("tool", "#!/bin/sh\n");
        sandbox.fifo("fifo");
        std::fs::create_dir(sandbox.path().join("folder")).unwrap();
        Self { sandbox, _holder: holder }
    }

    /// Runs a command line, and makes sure that it leaves everything as it was.
    #[track_caller]
    fn run(&self, words: &[&str]) -> Run {
        let before = names(self.sandbox.path());
        let (command, rest) = words.split_at(1);
        let words = [command, &["--no-wait"], rest].concat();
        let run = self.sandbox.run(self.sandbox.private(CODSPEED, words));
        assert_eq!(names(self.sandbox.path()), before, "{}", run.shown());
        run
    }

    #[track_caller]
    fn refuses(&self, words: &[&str], code: i32, says: &str) {
        let run = self.run(words);
        assert!(run.stderr.contains(says), "{words:?} without `{says}`:\n{}", run.shown());
        assert!(!run.stderr.contains(BUSY), "{words:?}: {}", run.shown());
        assert_eq!(run.code, code, "{words:?}: {}", run.shown());
    }

    #[track_caller]
    fn accepts(&self, words: &[&str]) {
        let run = self.run(words);
        assert!(run.stderr.contains(BUSY), "{words:?}: {}", run.shown());
    }
}

/// All files below a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        names.push(shown(&path).into_owned());
        if path.is_dir() && !path.is_symlink() {
            names.extend(self::names(&path));
        }
    }
    names.sort();
    names
}

const MODES: [&str; 3] = ["walltime", "memory", "simulation"];

#[test]
fn options_that_make_no_sense_are_refused_in_every_mode() {
    let busy = Busy::new(sandbox());
    for mode in MODES {
        for (option, says) in [
            (
                "--max-time=xyz",
                "invalid value `xyz` for `--max-time`: expected a duration such as `3s`",
            ),
            ("--min-time=-1", "invalid value `-1` for `--min-time`"),
            ("--warmup-time=1 fortnight", "invalid value `1 fortnight` for `--warmup-time`"),
            ("--timeout=soon", "invalid value `soon` for `--timeout`"),
            ("--target-precision=lots", "invalid value `lots` for `--target-precision`"),
            (
                "--ignore-failure=some",
                "invalid value `some` for `--ignore-failure`: expected `all` or a list",
            ),
        ] {
            busy.refuses(
                &["exec", "-m", mode, option, "--setup", "touch ran", "--", "true"],
                2,
                says,
            );
        }
    }
    busy.refuses(
        &["exec", "--max-time", "2", "--min-time", "3", "--", "true"],
        2,
        "is longer than",
    );
    busy.refuses(&["exec", "--vs", "false", "--max-time", "xyz", "--", "true"], 2, "`--max-time`");
    busy.accepts(&["exec", "--max-time", "2", "--", "true"]);
}

#[test]
fn programs_that_cannot_be_started_are_refused_in_every_mode() {
    let busy = Busy::new(sandbox());
    let not_found = "the command cannot be run: `no-such` was not found in any folder of PATH";
    for mode in MODES {
        for (command, says) in [
            (&["no-such", "x"][..], not_found),
            (&["./no/such"], "`./no/such` does not exist"),
            (&["./plain"], "`./plain` is not executable"),
            (&["./folder"], "`./folder` is a folder, not a program"),
            (&["echo 'x"], "a quote is not closed"),
        ] {
            busy.refuses(&[&["exec", "-m", mode, "--"], command].concat(), 1, says);
            let run = [&["run", "-m", mode, "--"], command].concat();
            if command.len() > 1 || says.contains("no/such") {
                busy.refuses(&run, 1, says.trim_start_matches("the command cannot be run: "));
            }
        }
    }
    for (options, command, says) in [
        (&["--vs", "no-such"][..], "true", not_found),
        (&["--vs", "true"], "no-such", not_found),
        (&["--vs", "./no/base"], "./no/head", "`./no/base` does not exist"),
        (&["--vs", "./no/base"], "./no/head", "`./no/head` does not exist"),
        (&["--prepare", "no-such"], "true", "the command of `--prepare` cannot be run: `no-such`"),
        (&["--cleanup", "./plain"], "true", "the command of `--cleanup` cannot be run"),
        (&["--input", "no-such"], "true", "could not open `no-such`"),
        (&["--output", "no/such"], "true", "could not open `no/such`"),
        (&["--output", "folder"], "true", "it is a folder"),
    ] {
        busy.refuses(&[&["exec"], options, &["--", command]].concat(), 1, says);
    }
    busy.refuses(&["exec", "--working-directory", "no/such", "--", "true"], 2, "is not a folder");
    for command in [&["cd folder"][..], &["type", "x"], &["declare", "-x", "A=1"], &["./tool"]] {
        busy.accepts(&[&["run", "--"], command].concat());
    }
    // Words are relative to where they are run.
    busy.accepts(&["run", "--working-directory", "folder", "--", "../tool", "x"]);
    busy.accepts(&["exec", "--working-directory", "folder", "--", "../tool", "x"]);
    busy.refuses(&["exec", "--working-directory", "folder", "--", "./tool"], 1, "does not exist");
}

#[test]
fn what_a_project_file_lists_is_checked_as_a_whole() {
    let busy = Busy::new(sandbox());
    let file = |text: &str| drop(busy.sandbox.file("codspeed.yml", text));
    file("benchmarks:\n  - exec: ./tool\n  - exec: ./no/such\n  - exec: no-such x\n");
    busy.refuses(&["run"], 1, "`./no/such` does not exist");
    busy.refuses(&["run", "-m", "walltime,memory"], 1, "`no-such` was not found");
    busy.accepts(&["run", "--bench", "./tool"]);
    file("benchmarks:\n  - entrypoint: ./tool\n  - entrypoint: ./no/such\n");
    busy.refuses(&["run"], 1, "the benchmark command can't be run: `./no/such` does not exist");
    file("benchmarks:\n  - exec: ./tool\n    options:\n      max-time: xyz\n");
    busy.refuses(&["run"], 2, "codspeed.yml");
}

#[test]
fn places_that_cannot_be_written_are_refused() {
    let busy = Busy::new(sandbox());
    for (options, says) in [
        (&["--export", "json=no/such.json"][..], "`no/such.json`: its folder does not exist"),
        (&["--export", "json=folder"], "could not write the export `folder`: it is a folder"),
        (&["--export", "json=new/"], "could not write the export `new/`: it is a folder"),
        (&["--export", "json=plain/x"], "a part of its path is a file"),
        (&["--export", "json=x", "--export", "csv=folder/../x"], "two exports go to `folder/../x`"),
        (&["--profile-folder", "plain"], "could not create the profile folder `[sandbox]/plain`"),
        (&["--profile-folder", "plain/x"], "could not create the profile folder"),
    ] {
        let says = says.replace("[sandbox]", &shown(busy.sandbox.path()));
        for command in ["exec", "run"] {
            let code = if says.contains("profile folder") { 1 } else { 2 };
            busy.refuses(&[&[command], options, &["--", "./tool"]].concat(), code, &says);
        }
    }
    busy.refuses(
        &["exec", "-m", "walltime,memory", "--export", "json=no/x", "--", "true"],
        2,
        "no/x",
    );
    for target in ["fifo", "/dev/stdout", "/dev/null", "plain", "new", "-", "profile/out"] {
        let export = format!("json={target}");
        let options = ["--profile-folder", "profile", "--export", &export];
        busy.accepts(&[&["exec"], &options[..], &["--", "true"]].concat());
    }
}

#[test]
fn tools_that_are_missing_are_named_before_anything_else() {
    let busy = Busy::new(sandbox());
    busy.refuses(
        &["run", "-m", "simulation", "--valgrind", "/bin/false", "--", "true"],
        3,
        "Valgrind",
    );
    let mongo =
        ["run", "--instruments", "mongodb", "--mongo-uri-env-name", "NO_SUCH", "--", "true"];
    busy.refuses(&mongo, 2, "NO_SUCH");
    let busy = Busy::new(sandbox().with("CODSPEED_EXEC_HARNESS", "/no/such/exec-harness"));
    busy.refuses(&["exec", "--", "true"], 3, "/no/such/exec-harness");
    let busy = Busy::new(sandbox().with("TMPDIR", "/no/such"));
    busy.refuses(&["run", "--", "true"], 1, "set `TMPDIR` to an existing");
}

#[test]
fn rights_that_the_only_wanted_backend_lacks_are_named() {
    let mut busy = Busy::new(sandbox());
    let tracer = Path::new(CODSPEED).with_file_name("codspeed-memtrack");
    assert!(tracer.is_file(), "`cargo build` makes the tracer");
    let bare = format!("#!/bin/sh\nexec setpriv --bounding-set -all {} \"$@\"\n", shown(&tracer));
    let bare = busy.sandbox.program("bare", &bare);
    let of_another_time =
        busy.sandbox.program("older", "#!/bin/sh\necho 'error: no' >&2\nexit 2\n");
    busy.sandbox = busy.sandbox.with("CODSPEED_MEMTRACK", bare);
    let says = "error: missing permission to use eBPF: CAP_BPF";
    for command in ["exec", "run"] {
        busy.refuses(&[command, "-m", "memory", "--backend", "ebpf", "--", "true"], 3, says);
        busy.refuses(
            &[command, "-m", "memory", "--backend", "ebpf", "--", "true"],
            3,
            "use `--backend preload`",
        );
        for backend in ["auto", "preload"] {
            busy.accepts(&[command, "-m", "memory", "--backend", backend, "--", "true"]);
        }
        busy.accepts(&[command, "-m", "walltime", "--backend", "ebpf", "--", "true"]);
    }
    busy.sandbox = busy.sandbox.with("CODSPEED_MEMTRACK_BACKEND", "ebpf");
    busy.refuses(&["exec", "-m", "memory", "--", "true"], 3, says);
    busy.accepts(&["exec", "-m", "memory", "--backend", "auto", "--", "true"]);
    busy.sandbox = busy.sandbox.with("CODSPEED_MEMTRACK", of_another_time);
    busy.accepts(&["exec", "-m", "memory", "--", "true"]);
}

mod privileged {
    use super::*;

    #[test]
    fn rights_are_those_of_the_user_whom_the_run_is_for() {
        let busy = Busy::new(sandbox());
        let run_as = ["exec", "--run-as", "65534:65534"];
        let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(busy.sandbox.tmp(), everybody).unwrap();
        let folder = busy.sandbox.path().join("mine");
        std::fs::create_dir(&folder).unwrap();
        std::os::unix::fs::chown(&folder, Some(65534), Some(65534)).unwrap();
        for (options, says) in [
            (&["--export", "json=x"][..], "permission denied"),
            (&["--profile-folder", "p"], "permission denied"),
            (&["--output", "x"], "permission denied"),
        ] {
            let code = if options[0] == "--export" { 2 } else { 1 };
            busy.refuses(&[&run_as, options, &["--", "true"]].concat(), code, says);
        }
        let theirs = ["--profile-folder", "mine/p", "--export", "json=mine/x", "--", "true"];
        busy.accepts(&[&run_as[..], &theirs].concat());
    }
}
