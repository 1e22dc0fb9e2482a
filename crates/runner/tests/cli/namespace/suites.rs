//! `codspeed run`: suites with an integration, without one, and suites that fail.

use std::{fs, fs::File};

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps},
    fifo::MarkerType,
};
use test_support::Sandbox;

use crate::stage::{CODSPEED, RUN, nothing_is_left, sandbox, shown, suite, the_exported};

const EXPORT: &[&str] = &["--export", "json=out.json"];
const URI: &str = "client.c::split[70/20/10]";

/// A sandbox with a benchmark that speaks the protocol by plain system calls.
fn with_client() -> Sandbox {
    let sandbox = sandbox();
    sandbox.c_program("client", include_str!("../../../fixtures/client.c"));
    sandbox
}

fn timestamps(sandbox: &Sandbox) -> ExecutionTimestamps {
    let bytes = fs::read(sandbox.path().join("profile/ExecutionTimestamps.msgpack")).unwrap();
    ExecutionTimestamps::decode(&bytes).unwrap()
}

#[test]
fn a_suite_with_an_integration_is_measured_and_recorded() {
    let sandbox = with_client();
    let run = suite(&sandbox, EXPORT, "./client");
    insta::assert_snapshot!(shown(&sandbox, &run));
    let benchmark = the_exported(&sandbox);
    assert_eq!(benchmark["uri"], URI);
    assert_eq!(benchmark["integration"]["name"], "codspeed-cpp");
    assert_eq!(benchmark["rounds"]["source"], "markers");
    assert_eq!(benchmark["rounds"]["wall_ns"].as_array().unwrap().len(), 3);

    let ExecutionTimestamps { uri_by_ts, markers } = timestamps(&sandbox);
    let uris: Vec<_> = uri_by_ts.iter().map(|(_, uri)| uri.as_str()).collect();
    assert_eq!(uris, [URI]);
    let windows = |marker: &&MarkerType| match marker {
        MarkerType::SampleStart(_) | MarkerType::SampleEnd(_) => true,
        MarkerType::RoundStart(_) | MarkerType::RoundEnd(_) => false,
    };
    assert_eq!(markers.iter().filter(windows).count(), 2);
    assert_eq!(markers.len(), 8, "and a start and an end of each of the three rounds");
}

#[test]
fn time_taken_by_others_is_known_if_the_kernel_records_it() {
    let sandbox = with_client();
    let here = system::processors::allowed().unwrap().first().unwrap().to_string();
    let busy = ["-c", &here, "sh", "-c", "while :; do :; done"];
    let competitor = sandbox.command("taskset", busy);
    let competitor = sandbox.start(competitor);
    let run = suite(&sandbox, EXPORT, &format!("taskset -c {here} ./client"));
    drop(competitor);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let (rounds, robust) = (&benchmark["rounds"], &benchmark["robust"]);
    let numbers = |key: &str| -> Vec<Option<u64>> {
        rounds[key].as_array().unwrap().iter().map(serde_json::Value::as_u64).collect()
    };
    let (walls, preempted) = (numbers("wall_ns"), numbers("preempted_ns"));
    assert_eq!((walls.len(), preempted.len()), (3, 3));
    if robust["source"] == "wall_clock" {
        // The kernel has refused, and nothing else may be the reason.
        let missing = robust["missing"].as_str().unwrap();
        assert!(missing.contains("perf_event_open"), "{missing}");
        return;
    }
    assert_eq!(robust["source"], "kernel_stamps");
    // Tens of milliseconds of work, of which the other one gets its turns.
    let lost: u64 = preempted.iter().flatten().sum();
    assert!(lost > 0, "{preempted:?}");
    assert!(walls.iter().zip(&preempted).all(|(wall, lost)| lost < wall), "{preempted:?}");
    let median = |key: &serde_json::Value| key.as_f64().unwrap();
    assert!(median(&robust["median_ns"]) < median(&benchmark["stats"]["median_ns"]), "{robust}");
    assert!(run.stdout.contains("Undisturbed"), "{}", run.stdout);
    // It is for us: no archive has it.
    assert!(sandbox.path().join("profile/.codspeed/Preemptions.msgpack").exists());
}

#[test]
fn one_word_is_run_by_a_shell_and_several_stay_what_they_are() {
    let sandbox = with_client();
    let run = suite(&sandbox, &[], "true && ./client > said");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("said"), "");
    let words = [RUN, &["--allow-empty", "--", "printf", "%s.", "a b", "$HOME", "it's"]].concat();
    let run = crate::stage::codspeed(&sandbox, words);
    assert_eq!((run.code, run.stdout.as_str()), (0, "a b.$HOME.it's."), "{}", run.stderr);
}

#[test]
fn a_suite_without_benchmarks_is_told_apart_from_a_failed_one() {
    let sandbox = sandbox();
    insta::assert_snapshot!(shown(&sandbox, &suite(&sandbox, EXPORT, "echo to stdout")));
    let accepted = suite(&sandbox, &["--allow-empty"], "true");
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert!(!sandbox.path().join("profile/ExecutionTimestamps.msgpack").exists());
}

#[test]
fn a_suite_that_fails_at_its_end_keeps_its_results() {
    let sandbox = with_client();
    let run = suite(&sandbox, EXPORT, "./client; exit 3");
    insta::assert_snapshot!(shown(&sandbox, &run));
    assert_eq!(the_exported(&sandbox)["uri"], URI);
}

#[test]
fn a_suite_ended_by_a_signal_keeps_its_results() {
    let sandbox = with_client();
    let run = suite(&sandbox, EXPORT, "./client; kill -KILL $$");
    insta::assert_snapshot!(shown(&sandbox, &run));
    assert_eq!(the_exported(&sandbox)["uri"], URI);
}

#[test]
fn a_failing_suite_without_benchmarks_has_failed() {
    let sandbox = sandbox();
    insta::assert_snapshot!(shown(&sandbox, &suite(&sandbox, &["--allow-empty"], "exit 3")));
}

#[test]
fn a_results_file_that_is_broken_is_named_with_the_reason() {
    let folder = "$CODSPEED_PROFILE_FOLDER/results";
    let text = format!("mkdir {folder}; cp broken {folder}/7.json");
    for broken in [r#"{"creator": oops"#, "", r#"{"creator":{"name":"x","version":"1","pid":"7"}}"#]
    {
        let sandbox = sandbox();
        sandbox.file("broken", broken);
        insta::assert_snapshot!(shown(&sandbox, &suite(&sandbox, &[], &text)));
    }
}

#[test]
fn an_empty_results_file_beside_a_full_one_is_no_error() {
    let sandbox = with_client();
    let empty = r#"{"creator":{"name":"codspeed-cpp","version":"2.3.0","pid":1},"instrument":{"type":"walltime"},"benchmarks":[]}"#;
    sandbox.file("empty", empty);
    let run =
        suite(&sandbox, EXPORT, "./client && cp empty $CODSPEED_PROFILE_FOLDER/results/1.json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(the_exported(&sandbox)["uri"], URI);
}

#[test]
fn what_a_suite_leaves_is_judged_as_by_the_service() {
    let empty = r#"{"creator":{"name":"codspeed-cpp","version":"2.3.0","pid":1},"instrument":{"type":"walltime"},"benchmarks":[]}"#;
    let results = "$CODSPEED_PROFILE_FOLDER/results";
    let with = |file: &str| format!("mkdir -p {results}; cp {file} {results}/1.json");
    for (text, strict, allowing) in [
        ("true".to_owned(), 4, 0),
        (format!("mkdir {results}"), 4, 0),
        (with("empty"), 4, 0),
        (with("broken"), 1, 1),
        ("./client".to_owned(), 0, 0),
        (format!("./client; {}", with("empty")), 0, 0),
        (format!("./client; {}", with("broken")), 1, 1),
    ] {
        let code = |options: &[&str]| {
            let sandbox = with_client();
            sandbox.file("empty", empty);
            sandbox.file("broken", "{");
            suite(&sandbox, options, &text).code
        };
        assert_eq!((code(&[]), code(&["--allow-empty"])), (strict, allowing), "{text}");
    }
}

#[test]
fn a_suite_reads_our_standard_input() {
    let sandbox = sandbox();
    let input = sandbox.file("input", "a line\n");
    let words = [RUN, &["--allow-empty", "--", "cat > seen"]].concat();
    let mut command = sandbox.private(CODSPEED, words);
    command.stdin(File::open(input).unwrap());
    let run = sandbox.run(command);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("seen"), "a line\n");
    nothing_is_left(&sandbox);
}

#[test]
fn background_processes_of_a_suite_do_not_delay_the_end() {
    let sandbox = with_client();
    let hold = sandbox.fifo("hold");
    let mut pid = sandbox.notice("pid");
    // Without our streams, as they would keep whoever reads our output waiting.
    let text = "sh -c 'echo $$ > pid; read x < hold' > /dev/null 2>&1 & ./client";
    let run = suite(&sandbox, &[], text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let _pid = pid.wait();
    fs::write(hold, "go\n").unwrap();
}
