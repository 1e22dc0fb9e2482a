//! The FIFOs and the lock file: what a killed run left is replaced, and only we can use ours.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
};

use nix::{sys::signal::Signal, sys::stat::Mode, unistd::mkfifo};

use crate::stage::{QUICK, RUN, exec, nothing_is_left, sandbox, start};

const FIFOS: [&str; 2] = ["runner.ack.fifo", "runner.ctl.fifo"];

#[test]
fn the_fifos_are_ours_alone_while_we_run_and_gone_afterwards() {
    let sandbox = sandbox();
    let (mut ready, hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let text = "echo ready > ready; read x < hold";
    let running = start(&sandbox, [RUN, &["--allow-empty", "--", text]].concat());
    assert_eq!(ready.wait(), "ready");
    for name in FIFOS {
        let data = fs::metadata(sandbox.tmp().join(name)).unwrap();
        assert!(data.file_type().is_fifo());
        assert_eq!(data.mode() & 0o7777, 0o700, "{name}");
    }
    let lock = fs::read_to_string(sandbox.tmp().join("runner.lock")).unwrap();
    assert!(lock.starts_with(&format!("pid {} mark ", running.pid())), "{lock}");
    fs::write(hold, "go\n").unwrap();
    assert_eq!(running.end().code, 0);
    assert_eq!(sandbox.left_in_tmp(), ["runner.lock"]);
}

#[test]
fn what_an_earlier_run_left_is_replaced() {
    let sandbox = sandbox();
    for name in FIFOS {
        mkfifo(&sandbox.tmp().join(name), Mode::S_IRWXU).unwrap();
    }
    fs::write(sandbox.tmp().join("runner.lock"), "pid 1").unwrap();
    let run = exec(&sandbox, QUICK, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("another codspeed run"), "{}", run.stderr);
    assert_eq!(sandbox.left_in_tmp(), ["runner.lock"]);
}

#[test]
fn a_killed_run_ends_its_benchmark_and_frees_the_next_run() {
    let sandbox = sandbox();
    let (mut ready, _hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let alive = sandbox.fifo("alive");
    // Reads until the benchmark has ended, which has the other side open.
    let gone = std::thread::spawn(move || fs::read(alive).unwrap());
    let text = "exec 9> alive; echo ready > ready; read x < hold; echo over >&9";
    let running = start(&sandbox, [RUN, &["--", text]].concat());
    ready.wait();
    running.signal(Signal::SIGKILL);
    assert_eq!(running.end().code, -1);
    assert_eq!(gone.join().unwrap(), b"");
    assert_eq!(sandbox.left_in_tmp(), [FIFOS[0], FIFOS[1], "runner.lock"]);
    let run = exec(&sandbox, QUICK, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_fifo_that_cannot_be_made_is_named() {
    let sandbox = sandbox();
    fs::create_dir(sandbox.tmp().join(FIFOS[0])).unwrap();
    let run = sandbox
        .run(sandbox.private(crate::stage::CODSPEED, [&["exec"], QUICK, &["--", "true"]].concat()));
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("error: could not create the FIFO `"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: "), "{}", run.stderr);
}
