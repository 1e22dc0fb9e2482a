//! One of our programs is killed without a chance to tidy up: nothing that it had started goes on, and the next run removes
//! the files.

use std::{ffi::OsStr, fs, path::Path, thread::JoinHandle};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use runner_shared::text::as_text;
use system::lineage::parent_of;
use test_support::{Running, Sandbox};

use crate::stage::{CODSPEED, QUICK, codspeed, exec, nothing_is_left, sandbox};

/// A benchmark whose processes are as hard to find as can be: a daemon, another one that has none of the environment, a
/// child in a session of its own without the environment, and an ordinary child. All of them have `alive` open. Then it says whose child it is, and waits for ever.
const FAMILY: &str = "#!/bin/sh
exec 9> alive 8<> up
(setsid sh -c 'echo >&8; read x < hold' > /dev/null 2>&1 &)
(setsid env -i PATH=\"$PATH\" sh -c 'echo >&8; read x < hold' > /dev/null 2>&1 &)
setsid env -i PATH=\"$PATH\" sh -c 'echo >&8; read x < hold' &
sh -c 'echo >&8; read x < hold' &
read x <&8; read x <&8; read x <&8; read x <&8
echo $PPID > ready
read x < hold
";

/// A sandbox with that benchmark.
struct Stage {
    sandbox: Sandbox,
    running: Running,
    parent: Pid,
    /// Ends when no process has `alive` open any more.
    all_gone: JoinHandle<Vec<u8>>,
}

/// The benchmark at work, started by one of our programs.
fn busy<'a>(sandbox: Sandbox, program: &str, words: impl IntoIterator<Item = &'a str>) -> Stage {
    let mut ready = sandbox.notice("ready");
    for name in ["hold", "up"] {
        sandbox.fifo(name);
    }
    let alive = sandbox.fifo("alive");
    let all_gone = std::thread::spawn(move || fs::read(alive).unwrap());
    sandbox.program("benchmark", FAMILY);
    let program = Path::new(CODSPEED).with_file_name(program);
    let running = sandbox.start(sandbox.private(program, words));
    let parent = Pid::from_raw(ready.wait().parse().unwrap());
    Stage { sandbox, running, parent, all_gone }
}

impl Stage {
    /// Kills this process of ours and waits for all that the benchmark consisted of. Returns how the program ended.
    #[track_caller]
    fn without(self, victim: Pid) -> (Sandbox, i32) {
        let program = fs::read_link(format!("/proc/{victim}/exe")).unwrap();
        let ours = ["codspeed", "exec-harness", "codspeed-memtrack"].map(OsStr::new);
        assert!(ours.contains(&program.file_name().unwrap()), "{}", as_text(&program));
        kill(victim, Signal::SIGKILL).unwrap();
        let code = self.running.end().code;
        assert_eq!(self.all_gone.join().unwrap(), b"");
        (self.sandbox, code)
    }

    /// Kills the program that the user has started.
    #[track_caller]
    fn without_the_first(self) -> Sandbox {
        let pid = self.running.pid();
        let (sandbox, code) = self.without(pid);
        assert_eq!(code, -1);
        sandbox
    }
}

fn run<'a>(mode: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let start = ["run", "-m", mode, "--profile-folder", "profile"];
    [&start[..], options, &["--", "./benchmark"]].concat()
}

fn exec_in<'a>(mode: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let start = ["exec", "-m", mode, "--profile-folder", "profile"];
    [&start[..], options, &["--", "./benchmark"]].concat()
}

/// The next run works, and removes what the killed one has left.
#[track_caller]
fn the_next_run_tidies_up(sandbox: &Sandbox, options: &[&str]) {
    let next = exec(sandbox, options, &["true"]);
    assert_eq!(next.code, 0, "{}", next.stderr);
    nothing_is_left(sandbox);
}

#[test]
fn the_runner_of_a_suite() {
    let sandbox = busy(sandbox(), "codspeed", run("walltime", &[])).without_the_first();
    the_next_run_tidies_up(&sandbox, QUICK);
}

#[test]
fn the_runner_of_a_command() {
    let sandbox = busy(sandbox(), "codspeed", exec_in("walltime", &[])).without_the_first();
    the_next_run_tidies_up(&sandbox, QUICK);
}

#[test]
fn the_harness_of_a_command() {
    let stage = busy(sandbox(), "codspeed", exec_in("walltime", &[]));
    let harness = stage.parent;
    let (sandbox, code) = stage.without(harness);
    assert_eq!(code, 1);
    nothing_is_left(&sandbox);
    let shown = codspeed(&sandbox, ["inspect", "profile"]);
    let said = "the run failed: only the benchmarks finished by then are shown (the benchmark command was killed by \
        SIGKILL)";
    assert!(shown.stderr.contains(said), "{}", shown.stderr);
    let sent = codspeed(&sandbox, ["upload", "profile"]);
    assert!(
        sent.code == 2 && sent.stderr.contains("was not uploaded: the run failed"),
        "{}",
        sent.stderr
    );
    // The next one knows nothing of that.
    the_next_run_tidies_up(&sandbox, QUICK);
    let shown = codspeed(&sandbox, ["inspect", "profile"]);
    assert!(!shown.stderr.contains("the run failed"), "{}", shown.stderr);
}

#[test]
fn the_harness_alone() {
    busy(sandbox(), "exec-harness", ["./benchmark"]).without_the_first();
}

/// The library in the processes can't see those that have no environment: a matter of its own. They end all the same.
mod preload {
    use super::*;

    const PRELOAD: &[&str] = &["--backend", "preload"];

    #[test]
    fn the_runner_of_a_suite() {
        let sandbox = busy(sandbox(), "codspeed", run("memory", PRELOAD)).without_the_first();
        the_next_run_tidies_up(&sandbox, &[&["-m", "memory"], PRELOAD].concat());
    }

    #[test]
    fn the_harness_and_the_tracer_of_a_command() {
        for levels in [0, 1] {
            let stage = busy(sandbox(), "codspeed", exec_in("memory", PRELOAD));
            let mut victim = stage.parent;
            for _ in 0..levels {
                victim = Pid::from_raw(parent_of(victim.as_raw()).unwrap());
            }
            let (sandbox, code) = stage.without(victim);
            assert_eq!(code, 1);
            the_next_run_tidies_up(&sandbox, &[&["-m", "memory"], PRELOAD].concat());
        }
    }

    #[test]
    fn the_tracer_alone() {
        let words = ["track", "--backend", "preload", "--", "./benchmark"];
        busy(sandbox(), "codspeed-memtrack", words).without_the_first();
    }
}

mod privileged {
    use super::*;

    const EBPF: &[&str] = &["--backend", "ebpf"];

    #[test]
    fn the_runner_of_a_traced_command() {
        let sandbox = busy(sandbox(), "codspeed", exec_in("memory", EBPF)).without_the_first();
        the_next_run_tidies_up(&sandbox, &[&["-m", "memory"], EBPF].concat());
    }

    #[test]
    fn the_tracer_of_a_suite() {
        let stage = busy(sandbox(), "codspeed", run("memory", EBPF));
        let tracer = stage.parent;
        let (_, code) = stage.without(tracer);
        assert_eq!(code, 1);
    }

    #[test]
    fn the_tracer_alone() {
        let words = ["track", "--backend", "ebpf", "--", "./benchmark"];
        busy(sandbox(), "codspeed-memtrack", words).without_the_first();
    }
}

mod simulation {
    use super::*;

    #[test]
    fn the_runner_of_a_suite() {
        let sandbox = busy(sandbox(), "codspeed", run("simulation", &[])).without_the_first();
        the_next_run_tidies_up(&sandbox, &["-m", "simulation"]);
    }

    #[test]
    fn the_runner_of_a_command() {
        let sandbox = busy(sandbox(), "codspeed", exec_in("simulation", &[])).without_the_first();
        the_next_run_tidies_up(&sandbox, &["-m", "simulation"]);
        // The folder of the harness lies with the results.
        let left = fs::read_dir(sandbox.path().join("profile")).unwrap();
        let mut left = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(left.all(|name| !name.starts_with(".exec-harness-")));
    }

    #[test]
    fn the_harness_of_a_command() {
        let stage = busy(sandbox(), "codspeed", exec_in("simulation", &[]));
        let harness = stage.parent;
        let (sandbox, code) = stage.without(harness);
        assert_eq!(code, 1);
        nothing_is_left(&sandbox);
    }
}
