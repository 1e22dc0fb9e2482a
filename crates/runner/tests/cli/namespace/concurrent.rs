//! Several processes of a benchmark that speak to the runner: they take turns, or the run is refused.

use crate::stage::{RUN, codspeed, sandbox, suite};

/// Shell text that opens the control FIFO as clients do and keeps it.
const CONNECT: &str = "exec 8<> /tmp/runner.ctl.fifo";

#[test]
fn two_suites_in_the_background_are_refused_by_name() {
    let sandbox = sandbox();
    sandbox.fifo("hold");
    let text = format!("({CONNECT}; read x < hold) & ({CONNECT}; read x < hold) & wait");
    for mode in ["walltime", "memory"] {
        let words = ["run", "-m", mode, "--backend", "preload", "--profile-folder", "profile"];
        let words = if mode == "memory" { &words[..] } else { RUN };
        let run = codspeed(&sandbox, [words, &["--", &text]].concat());
        assert_eq!(run.code, 1, "{mode}: {}", run.stderr);
        let problem = "two benchmark processes run at the same time";
        assert!(run.stderr.contains(problem), "{mode}: {}", run.stderr);
        assert_eq!(run.stderr.matches("sh` (process ").count(), 2, "{mode}: {}", run.stderr);
        assert!(run.stderr.contains("hint: run them one after the other"), "{}", run.stderr);
    }
}

#[test]
fn a_process_and_those_that_it_started_take_turns() {
    let sandbox = sandbox();
    sandbox.fifo("hold");
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    // The main process is connected all the time, its workers one after the other; copies that came by `fork` are no
    // clients.
    let forked = "exec 9<> hold; (read x <&9) & (read x <&9) &";
    let text = format!("{CONNECT}; {forked} ./client; ./client; echo >&9; echo >&9; wait");
    let run = suite(&sandbox, &["--export", "json=out.json"], &text);
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_process_that_ran_beside_a_measurement_may_not_measure() {
    let sandbox = sandbox();
    sandbox.fifo("hold");
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    // The shell in the background is there from the start, and becomes the second client once the first is gone.
    let text = "sh -c 'read x < hold; exec ./client' & ./client; echo > hold; wait";
    let run = suite(&sandbox, &[], text);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let problem = "error: two benchmark processes run at the same time";
    assert!(run.stderr.contains(problem), "{}", run.stderr);
    assert_eq!(run.stderr.matches("`client` (process ").count(), 2, "{}", run.stderr);
}

mod network {
    use super::*;
    use crate::stage::python_with;

    const SUITE: &str = "\
import pytest

@pytest.mark.parametrize('n', range(6))
def test_sum(benchmark, n):
    benchmark(sum, range(1000 + n))
";

    #[test]
    fn workers_of_pytest_are_refused_and_one_alone_has_its_results() {
        let sandbox = sandbox();
        python_with(&sandbox, &["pytest==9.2.0", "pytest-codspeed==5.0.4", "pytest-xdist==3.8.0"]);
        sandbox.file("test_sums.py", SUITE);
        let run = |mode: &str, workers: &str| {
            // Python tries its folder for temporary files by a file, which stays there if it is ended meanwhile.
            let pytest = format!(
                "mkdir -p temporary && TMPDIR=temporary venv/bin/python -m pytest -q --codspeed --codspeed-warmup-time=0 --codspeed-max-time=0.1 --basetemp=scratch -n {workers}"
            );
            let words = ["run", "-m", mode, "--backend", "preload", "--profile-folder", "profile"];
            let words = if mode == "memory" { &words[..] } else { RUN };
            codspeed(&sandbox, [words, &["--export", "json=out.json", "--", &pytest]].concat())
        };
        for (mode, workers) in [("walltime", "2"), ("memory", "2")] {
            let run = run(mode, workers);
            assert_eq!(run.code, 1, "{mode}, {workers}: {}", run.stderr);
            assert!(run.stderr.contains("pytest-xdist)"), "{mode}, {workers}: {}", run.stderr);
            let hint = "hint: measure in one process: run pytest with `-n 0`";
            assert!(run.stderr.contains(hint), "{mode}, {workers}: {}", run.stderr);
        }
        // The main process leaves a results file without benchmarks beside its worker's.
        let run = run("walltime", "1");
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(crate::stage::exported(&sandbox).len(), 6);
    }
}
