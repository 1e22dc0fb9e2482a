//! The same signals, sent to the tools beside a benchmark: what can be measured without them is.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use test_support::Sandbox;

use super::{SIGNALS, all_is_gone, next_works};
use crate::stage::{QUICK, RUN, exec_words, exported, profiling_sandbox, sandbox, start};

const ALL: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGKILL,
];

#[track_caller]
fn send(pid: &str, signal: Signal) {
    kill(Pid::from_raw(pid.trim().parse().unwrap()), signal).unwrap();
}

/// A sandbox whose perf does what it is asked, and says which process it is.
fn with_perf() -> Sandbox {
    let sandbox = profiling_sandbox();
    let perf = sandbox.program(
        "perf",
        r#"#!/bin/sh
if [ "$1" = version ]; then echo "perf version 6.1.0"; exit 0; fi
for word; do case "$word" in --control=fifo:*) fifos="${word#--control=fifo:}";; esac; done
exec 3<> "${fifos%,*}" 4<> "${fifos#*,}"
echo $$ > "$HOME/perf.pid"
while read -r line <&3; do printf 'ack\n\0' >&4; done
"#,
    );
    sandbox.with("CODSPEED_PERF", perf)
}

#[test]
fn a_harness_that_gets_a_signal_is_an_interruption() {
    for signal in SIGNALS {
        let sandbox = sandbox();
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        // The parent of the command.
        let words = ["sh", "-c", "echo $PPID > ready; read x < hold"];
        let options = [QUICK, &["--export", "json=out.json"]].concat();
        let running = start(&sandbox, exec_words(&options, &words));
        send(&ready.wait(), *signal);
        let run = running.end();
        let what = format!("{signal}: {}", run.shown());
        assert_eq!(run.code, 130, "{what}");
        assert!(run.stderr.contains("interrupted"), "{what}");
        all_is_gone(&sandbox, &what);
        next_works(&sandbox);
    }
}

#[test]
fn a_tracer_that_gets_a_signal_ends_the_trace_and_keeps_it() {
    for signal in SIGNALS {
        let sandbox = sandbox();
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        let options =
            ["run", "-m", "memory", "--backend", "preload", "--profile-folder", "profile"];
        // `bash`, which starts it, may lose a signal.
        sandbox.program("held", "#!/bin/sh\necho $PPID > ready; read x < hold\n");
        let text = "exec ./held";
        let running = start(&sandbox, [&options[..], &["--allow-empty", "--", text]].concat());
        let tracer = ready.wait();
        send(&tracer, *signal);
        let run = running.end();
        let what = format!("{signal}: {}", run.shown());
        assert_ne!(run.code, 0, "{what}");
        all_is_gone(&sandbox, &what);
        next_works(&sandbox);
    }
}

mod perf_records {
    use super::*;

    #[test]
    fn a_perf_that_gets_a_signal_costs_the_profile_and_no_time() {
        for signal in ALL {
            let sandbox = with_perf();
            let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
            let options = ["--warmup-time", "0", "--max-rounds", "1", "--export", "json=out.json"];
            let words = ["sh", "-c", "echo > ready; read x < hold"];
            let running = start(&sandbox, exec_words(&options, &words));
            ready.wait();
            send(&sandbox.text("perf.pid"), *signal);
            std::fs::write(hold, "go\n").unwrap();
            let run = running.end();
            let what = format!("{signal}: {}", run.shown());
            assert_eq!(run.code, 0, "{what}");
            assert!(run.stderr.contains("the profiler exited before the benchmark"), "{what}");
            assert_eq!(exported(&sandbox).len(), 1, "{what}");
            all_is_gone(&sandbox, &what);
            next_works(&sandbox);
        }
    }
}

mod simulation {
    use super::*;

    #[test]
    fn a_valgrind_that_gets_a_signal_costs_its_benchmark() {
        for signal in ALL {
            let sandbox = sandbox();
            let mut ready = sandbox.notice("ready");
            sandbox.fifo("hold");
            // A shell that opens a FIFO loses a SIGINT that comes right before.
            let words = ["sh", "-c", "exec 3<> hold; echo $$ > ready; read x <&3"];
            let running = start(&sandbox, exec_words(&["-m", "simulation"], &words));
            send(&ready.wait(), *signal);
            let run = running.end();
            let what = format!("{signal}: {}", run.shown());
            assert_eq!(run.code, 1, "{what}");
            all_is_gone(&sandbox, &what);
            next_works(&sandbox);
        }
    }

    #[test]
    fn a_valgrind_of_a_suite_that_gets_a_signal_is_told() {
        let sandbox = sandbox();
        let mut ready = sandbox.notice("ready");
        sandbox.fifo("hold");
        let words = [&["run", "-m", "simulation"], &RUN[3..]].concat();
        let running =
            start(&sandbox, [&words[..], &["--", "echo $$ > ready; read x < hold"]].concat());
        send(&ready.wait(), Signal::SIGTERM);
        let run = running.end();
        assert_eq!(run.code, 1, "{}", run.shown());
        all_is_gone(&sandbox, &run.shown());
        next_works(&sandbox);
    }
}
