//! A signal at any time of a run, from its first moment to its last. Takes minutes: `cargo xtask attack signals` runs it.

use std::{thread, time::Duration};

use nix::sys::signal::Signal;
use test_support::{Run, Sandbox};

use super::{all_is_gone, next_works};
use crate::stage::{CODSPEED, QUICK, exec_words, profiling_sandbox, start};

/// Between two times.
const STEP: Duration = Duration::from_millis(5);
/// No run takes longer.
const MOST_STEPS: u32 = 4000;

/// Sends signals to a run, `steps` after its start.
#[expect(clippy::disallowed_methods, reason = "a time is what it is about")]
fn at(sandbox: &Sandbox, words: &[&str], steps: u32, signals: &[Signal]) -> Run {
    let running = start(sandbox, words);
    thread::sleep(STEP * steps);
    for signal in signals {
        running.signal(*signal);
    }
    running.end()
}

/// What may have happened: the run was over before, or it is an interruption. Returns whether it was over.
#[track_caller]
fn is_right(sandbox: &Sandbox, run: &Run, what: &str) -> bool {
    let what = format!("{what}: {}", run.shown());
    // The first moment is that of `unshare` and `sh`, which know no rule.
    let is_ours = !run.shown().starts_with("exit code: -1");
    assert!(!is_ours || [0, 130].contains(&run.code), "{what}");
    all_is_gone(sandbox, &what);
    if run.stdout.contains("Median") && run.code == 130 {
        let shown = sandbox.run(sandbox.private(CODSPEED, ["inspect", "profile"]));
        assert_eq!(shown.code, 0, "{what}\n{}", shown.shown());
    }
    run.code == 0
}

#[track_caller]
fn sweep(options: &[&str], signals: &[Signal]) {
    for steps in 0..MOST_STEPS {
        let sandbox = profiling_sandbox();
        let words = exec_words(options, &["true"]);
        let run = at(&sandbox, &words, steps, signals);
        let over = is_right(&sandbox, &run, &format!("{signals:?} after {:?}", STEP * steps));
        if steps % 10 == 0 {
            next_works(&sandbox);
        }
        if over {
            return;
        }
        assert!(steps + 1 < MOST_STEPS, "no run came to its end");
    }
}

macro_rules! sweeps {
    ($($name:ident: $options:expr, $signals:expr;)*) => {
        $(
            #[test]
            #[ignore = "takes minutes: `cargo xtask attack signals` runs it"]
            fn $name() {
                sweep($options, $signals);
            }
        )*
    };
}

sweeps! {
    ctrl_c_in_walltime_mode: QUICK, &[Signal::SIGINT];
    sigterm_in_walltime_mode: QUICK, &[Signal::SIGTERM];
    two_in_walltime_mode: QUICK, &[Signal::SIGINT, Signal::SIGTERM];
    ctrl_c_in_memory_mode: &["-m", "memory", "--backend", "preload"], &[Signal::SIGINT];
}

mod simulation {
    use super::*;

    sweeps! {
        ctrl_c: &["-m", "simulation"], &[Signal::SIGINT];
    }
}
