//! A signal at some moments of a run, from its first to its last. `cargo xtask attack signals` takes many more of them.

use std::time::{Duration, Instant};

use nix::{
    poll::{PollTimeout, poll},
    sys::signal::Signal,
};
use test_support::{Run, Sandbox};

use super::{all_is_gone, next_works};
use crate::stage::{CODSPEED, QUICK, exec_words, profiling_sandbox, start};

/// Moments of a run, if nobody wants more.
const MOMENTS: u32 = 6;

/// Time from one moment to the next, for a run that takes so long.
#[expect(clippy::disallowed_methods, reason = "what the attack asks for is none of the program's")]
fn step(length: Duration) -> Duration {
    let told = std::env::var("ATTACK_EVERY_MS").ok().and_then(|text| text.parse().ok());
    told.map_or(length / MOMENTS, Duration::from_millis)
}

/// Sends signals to a run, this time after its start.
fn at(sandbox: &Sandbox, words: &[&str], moment: Duration, signals: &[Signal]) -> Run {
    let running = start(sandbox, words);
    // A time is what this is about; whatever the program does meanwhile is right.
    poll(&mut [], PollTimeout::try_from(moment).unwrap()).unwrap();
    for signal in signals {
        running.signal(*signal);
    }
    running.end()
}

/// The run was over before, or it is an interruption. Either way nothing is left, and what was shown is kept.
#[track_caller]
fn is_right(sandbox: &Sandbox, run: &Run, what: &str) {
    let what = format!("{what}: {}", run.shown());
    // The first moments are those of `unshare` and `sh`, which know no rule.
    assert!([0, 130, -1].contains(&run.code), "{what}");
    assert!(run.code != -1 || run.stderr.is_empty(), "{what}");
    all_is_gone(sandbox, &what);
    if run.stdout.contains("Median") {
        let shown = sandbox.run(sandbox.private(CODSPEED, ["inspect", "profile"]));
        assert_eq!(shown.code, 0, "{what}\n{}", shown.shown());
    }
}

#[track_caller]
fn sweep(options: &[&str], signals: &[Signal]) {
    let words = exec_words(options, &["true"]);
    let began = Instant::now();
    let whole = at(&profiling_sandbox(), &words, Duration::ZERO, &[]);
    let length = began.elapsed();
    assert_eq!(whole.code, 0, "{}", whole.shown());
    let step = step(length);
    let mut moment = Duration::ZERO;
    while moment <= length {
        let sandbox = profiling_sandbox();
        let run = at(&sandbox, &words, moment, signals);
        is_right(&sandbox, &run, &format!("{signals:?} after {moment:?}"));
        next_works(&sandbox);
        moment += step;
    }
}

macro_rules! sweeps {
    ($($name:ident: $options:expr, $signals:expr;)*) => {
        $(
            #[test]
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
