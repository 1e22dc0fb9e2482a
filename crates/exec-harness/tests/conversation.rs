//! Messages of exec-harness to the runner, their order, and its reactions to the answers.

#![expect(
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests: what is not expected fails the test"
)]

use std::ffi::OsString;

use clap::Parser;
use exec_harness::{Args, Environment, run};
use runner_shared::{
    env_names,
    fifo::{Command, FifoPaths, IntegrationMode, MarkerType},
};
use system::signals::Signals;
use test_support::ScriptedRunner;

fn environment(profile_folder: &std::path::Path) -> Environment {
    let path: OsString = "/usr/bin:/bin".into();
    vec![
        (env_names::PATH.name.into(), path),
        (env_names::PROFILE_FOLDER.name.into(), profile_folder.into()),
    ]
}

fn args(words: &[&str]) -> Args {
    Args::parse_from([&["exec-harness", "--quiet"], words].concat())
}

/// Answers like a runner in this mode.
fn grants(mode: IntegrationMode) -> impl Fn(&Command) -> Command + Send + 'static {
    move |command| match command {
        Command::GetIntegrationMode => Command::IntegrationModeResponse(mode),
        _ => Command::Ack,
    }
}

/// The messages without what differs from run to run.
fn shape(transcript: &[Command]) -> Vec<String> {
    let pid = i32::try_from(std::process::id()).unwrap();
    let name = |command: &Command| match command {
        Command::AddMarker { pid: from, marker } => {
            assert_eq!(*from, pid);
            match marker {
                MarkerType::RoundStart(_) => "round starts".to_owned(),
                MarkerType::RoundEnd(_) => "round ends".to_owned(),
                other => panic!("{other:?}"),
            }
        }
        Command::CurrentBenchmark { pid: from, uri } => {
            assert_eq!(*from, pid);
            format!("executed {uri}")
        }
        Command::SetIntegration { name, .. } => format!("integration {name}"),
        other => format!("{other:?}"),
    };
    transcript.iter().map(name).collect()
}

const GREETING: [&str; 3] = ["SetVersion(2)", "GetIntegrationMode", "integration exec-harness"];

#[test]
fn walltime_sends_a_window_with_all_rounds_then_the_name() {
    let folder = tempfile::tempdir().unwrap();
    let runner = ScriptedRunner::start(folder.path(), grants(IntegrationMode::Walltime));
    let args = args(&["--warmup-time", "0", "--max-rounds", "2", "--name", "n", "true"]);
    assert_eq!(run(&args, &environment(folder.path()), runner.paths(), Signals::deaf()), 0);
    let transcript = runner.transcript();
    let window = ["StartBenchmark", "round starts", "round ends", "round starts", "round ends"];
    let end = ["StopBenchmark", "executed exec_harness::n"];
    assert_eq!(shape(&transcript), [&GREETING[..], &window, &end].concat());
    let times: Vec<u64> = transcript
        .iter()
        .filter_map(|command| match command {
            Command::AddMarker {
                marker: MarkerType::RoundStart(at) | MarkerType::RoundEnd(at),
                ..
            } => Some(*at),
            _ => None,
        })
        .collect();
    assert!(times.is_sorted() && times.len() == 4, "{times:?}");
}

#[test]
fn a_failed_benchmark_closes_its_window_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let runner = ScriptedRunner::start(folder.path(), grants(IntegrationMode::Walltime));
    let args = args(&["--warmup-time", "0", "--max-rounds", "2", "false"]);
    assert_eq!(run(&args, &environment(folder.path()), runner.paths(), Signals::deaf()), 1);
    let window = ["StartBenchmark", "StopBenchmark"];
    assert_eq!(shape(&runner.transcript()), [&GREETING[..], &window].concat());
}

#[test]
fn memory_runs_the_command_once_between_start_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let runner = ScriptedRunner::start(folder.path(), grants(IntegrationMode::Analysis));
    let args = args(&["-m", "memory", "--max-rounds", "5", "--name", "n", "true"]);
    assert_eq!(run(&args, &environment(folder.path()), runner.paths(), Signals::deaf()), 0);
    let window = ["StartBenchmark", "StopBenchmark", "executed exec_harness::n"];
    assert_eq!(shape(&runner.transcript()), [&GREETING[..], &window].concat());
    assert!(!folder.path().join("results").exists(), "the tracer writes the results");
}

#[test]
fn a_refused_version_ends_it_and_refused_windows_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let runner = ScriptedRunner::start(folder.path(), |_| Command::Err);
    let env = environment(folder.path());
    assert_eq!(run(&args(&["true"]), &env, runner.paths(), Signals::deaf()), 1);
    assert_eq!(shape(&runner.transcript()), ["SetVersion(2)"]);

    let folder = tempfile::tempdir().unwrap();
    let runner = ScriptedRunner::start(folder.path(), |command| match command {
        Command::GetIntegrationMode => Command::IntegrationModeResponse(IntegrationMode::Walltime),
        Command::StartBenchmark | Command::StopBenchmark => Command::Err,
        _ => Command::Ack,
    });
    let args = args(&["--warmup-time", "0", "--max-rounds", "1", "--name", "n", "true"]);
    assert_eq!(run(&args, &env, runner.paths(), Signals::deaf()), 0);
    assert_eq!(
        runner.transcript().last(),
        Some(&Command::CurrentBenchmark {
            pid: i32::try_from(std::process::id()).unwrap(),
            uri: "exec_harness::n".to_owned(),
        })
    );
}

#[test]
fn fifos_of_a_dead_runner_count_as_no_runner() {
    let folder = tempfile::tempdir().unwrap();
    let env = environment(folder.path());
    let args = args(&["--warmup-time", "0", "--max-rounds", "1", "true"]);
    let paths = FifoPaths::in_dir(folder.path());
    assert_eq!(run(&args, &env, &paths, Signals::deaf()), 0);
    for path in [&paths.ctl, &paths.ack] {
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    // With nobody on the other side, a write or a read would wait for the answer.
    assert_eq!(run(&args, &env, &paths, Signals::deaf()), 0);
}
