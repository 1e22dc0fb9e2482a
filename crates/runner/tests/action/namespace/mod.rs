//! The real `codspeed`, from a release that was made of what is built.

mod forks;

use std::path::{Path, PathBuf};

use runner_shared::text::shown;

use crate::{job::Job, releases::Release};

/// A job that installs the real programs. They are stripped, as those of a release are.
#[track_caller]
pub(crate) fn job() -> Job {
    let mut job = Job::new().privately();
    let built = Path::new(env!("CARGO_BIN_EXE_codspeed"));
    let strip = |name: &str| -> PathBuf {
        let from = built.with_file_name(name);
        let to = job.sandbox.path().join("temp").join(name);
        let words = [Path::new("-o"), &to, &from];
        let run = job.sandbox.run(job.sandbox.command("strip", words));
        assert_eq!(run.code, 0, "`cargo build --workspace --bins` first: {}", run.shown());
        to
    };
    let programs = ["codspeed", "exec-harness", "codspeed-memtrack"].map(strip);
    let programs = programs.each_ref().map(PathBuf::as_path);
    let release = Release::pack(&job.sandbox, env!("CARGO_PKG_VERSION"), &programs);
    job.releases.publish(&release);
    job.pin(env!("CARGO_PKG_VERSION"), &[&release]);
    job.env("CODSPEED_PERF_ENABLED", "false");
    job.env("CODSPEED_SKIP_UPLOAD", "true");
    job
}

const WITH: [(&str, &str); 2] = [("mode", "walltime"), ("cache-instruments", "false")];

#[test]
fn benchmarks_are_measured_and_shown_twice_in_one_job() {
    let mut job = job();
    let run = "exec-harness --warmup-time 0 --max-rounds 3 -- true";
    let mut seen = Vec::new();
    for _ in 0..2 {
        let outcome = job.uses(&[&WITH[..], &[("run", run)]].concat());
        let said = outcome.succeeded();
        assert!(said.contains(concat!("codspeed-runner ", env!("CARGO_PKG_VERSION"))), "{said}");
        assert!(said.contains("Median"), "{said}");
        assert_eq!(outcome.outputs["runner-version"], env!("CARGO_PKG_VERSION"));
        seen.push(outcome.outputs["bin"].clone());
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(job.releases.asked().len(), 1);
}

#[test]
fn a_command_of_several_lines_is_run_as_it_was_written() {
    let mut job = job();
    let run = "greeting=\"it's `echo 1` \\\"$((1 + 1))\\\"\"\nprintf '%s\\n' \"$greeting\" 'a  b' > said\n[ \"$CODSPEED_ENV\" = runner ] && [ -z \"$CODSPEED_TOKEN$CODSPEED_INPUT_TOKEN\" ] && pwd >> said";
    let more = [("allow-empty", "true"), ("token", "secret"), ("run", run)];
    job.uses(&[&WITH[..], &more].concat()).succeeded();
    let pwd = job.sandbox.path().join("workspace");
    let expected = format!("it's 1 \"2\"\na  b\n{}\n", shown(&pwd));
    assert_eq!(job.sandbox.text("workspace/said"), expected);
}

#[test]
fn a_benchmark_that_fails_fails_the_step() {
    let mut job = job();
    job.uses(&[&WITH[..], &[("run", "exit 3")]].concat()).failed("Run");
    job.uses(&[("mode", "fast"), ("cache-instruments", "false"), ("run", "true")]).failed("Run");
}

#[test]
fn a_run_without_benchmarks_fails_unless_that_is_allowed() {
    let mut job = job();
    job.uses(&[&WITH[..], &[("run", "true")]].concat()).failed("Run");
    job.uses(&[&WITH[..], &[("run", "true"), ("allow-empty", "true")]].concat()).succeeded();
}
