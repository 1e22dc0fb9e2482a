//! Programs that permit themselves few system calls only (seccomp).

use std::process::Command;

use memtrack::backend::{Stacks, preload::Options};
use runner_shared::memory::EventKind;

use crate::{programs::Programs, support::trace_with};

#[test]
fn a_program_with_a_strict_filter_survives_and_is_counted() {
    let programs = Programs::new();
    let program = programs.compile("filter.c", &[]);
    // With little room the program has to wait for the tracer.
    let tight = Options { buffer: 1, ..Options::default() };
    let stacks = Options { stacks: Stacks::FramePointers, ..Options::default() };
    for options in [Options::default(), tight, stacks] {
        for kind in ["kill", "errno"] {
            for (how, pairs) in
                [("alone", 100_000), ("fork", 200_000), ("raw", 200_000), ("exec", 100_000)]
            {
                let traced = trace_with(&options, Command::new(&program).args([kind, how]));
                let traced = traced.succeeded();
                let count = traced.count(|kind| *kind == EventKind::Malloc { size: 500 });
                assert_eq!(count, pairs, "{kind} {how} {options:?}");
            }
        }
    }
}
