//! Output of a benchmark: where it arrives, what is kept of it, and who else listens.

use serde_json::Value;
use test_support::{Run, Sandbox};

use crate::stage::{CODSPEED, QUICK, RUN, codspeed, exec, nothing_is_left, sandbox, shown, suite};

const EMPTY: &[&str] = &["--allow-empty"];

/// The lines of `runner.log` without their times.
fn log(sandbox: &Sandbox) -> String {
    let text = sandbox.text("profile/runner.log");
    text.lines().map(|line| line.get(9..).unwrap().to_owned() + "\n").collect()
}

#[test]
fn what_a_suite_says_is_passed_on_and_logged() {
    let sandbox = sandbox();
    let run = suite(&sandbox, EMPTY, "echo out; printf 'half' ; echo error >&2");
    assert_eq!((run.code, run.stdout.as_str()), (0, "out\nhalf"), "{}", run.stderr);
    assert!(run.stderr.starts_with("error\n"), "{}", run.stderr);
    let log = log(&sandbox);
    for line in [
        "[TRACE] (output) executor: out",
        "[TRACE] (output) executor: half",
        "[TRACE] (output) executor: [stderr] error",
        "[INFO] (main) codspeed: mode: walltime",
    ] {
        assert!(log.contains(&format!("{line}\n")), "{line} is not in:\n{log}");
    }
    assert!(log.contains("[DEBUG] (main) codspeed: running: "), "{log}");
}

#[test]
fn bytes_that_are_no_text_arrive_as_they_are() {
    let sandbox = sandbox();
    let text = "head -c 3000000 /dev/zero; printf '\\377\\r\\n\\0'";
    let command = sandbox.private(CODSPEED, [RUN, EMPTY, &["--", text]].concat());
    #[expect(clippy::disallowed_methods, reason = "the bytes themselves are wanted")]
    let output = { command }.output().unwrap();
    let (zeros, rest) = output.stdout.split_at(3_000_000);
    assert!(zeros.iter().all(|byte| *byte == 0));
    assert_eq!(rest, b"\xff\r\n\0");
}

#[test]
fn a_reader_who_has_seen_enough_does_not_end_the_run() {
    let sandbox = sandbox();
    let text = format!(
        "({CODSPEED} run -m walltime --profile-folder profile --allow-empty -- 'seq 100000; echo x > done'; echo $? > code) | head -n 1"
    );
    let run = sandbox.run(sandbox.private("sh", ["-c", &text]));
    assert_eq!(run.stdout, "1\n");
    assert_eq!((sandbox.text("done").as_str(), sandbox.text("code").as_str()), ("x\n", "0\n"));
    nothing_is_left(&sandbox);
}

#[test]
fn results_that_standard_output_does_not_take_are_an_error() {
    let sandbox = sandbox();
    let formats = [
        "--export json=-",
        "--export csv=-",
        "--export markdown=-",
        "--export folded=-",
        "--message-format json",
    ];
    let places = [
        (">&-", 2, "can't be written: standard output is closed"),
        (">/dev/full", 1, "the disk is full"),
    ];
    for format in formats {
        for (place, code, why) in places {
            // Nothing is profiled here: that is said first.
            if format.contains("folded") && code == 1 {
                continue;
            }
            let text = format!(
                "{CODSPEED} exec --warmup-time 0 --max-rounds 1 --profile-folder profile {format} -- true {place}"
            );
            let run = sandbox.run(sandbox.private("sh", ["-c", &text]));
            assert_eq!(run.code, code, "{text}: {}", run.stderr);
            assert!(run.stderr.contains(why), "{text}: {}", run.stderr);
        }
    }
    // Its reader has gone before the run begins.
    let text = format!(
        "({CODSPEED} exec --warmup-time 0 --max-rounds 1 --profile-folder profile --export json=- -- sh -c 'read x < gone'; echo $? > code) | (exec 0<&-; echo > gone)"
    );
    sandbox.fifo("gone");
    sandbox.run(sandbox.private("sh", ["-c", &text]));
    assert_eq!(sandbox.text("code"), "1\n");
    let inspected = format!("{CODSPEED} inspect profile --export json=- >&-");
    let run = sandbox.run(sandbox.private("sh", ["-c", &inspected]));
    assert_eq!(run.code, 2, "{}", run.stderr);
    // Tables are for people, who see that there is none.
    let text = format!("{CODSPEED} exec --warmup-time 0 --max-rounds 1 -- true >&-");
    assert_eq!(sandbox.run(sandbox.private("sh", ["-c", &text])).code, 0);
}

#[test]
fn a_daemon_that_keeps_the_streams_does_not_hold_us() {
    let sandbox = sandbox();
    let (hold, mut over) = (sandbox.fifo("hold"), sandbox.notice("over"));
    let run = suite(&sandbox, EMPTY, "echo first; (read x < hold; echo x > over) & echo last");
    assert_eq!((run.code, run.stdout.as_str()), (0, "first\nlast\n"), "{}", run.stderr);
    // It still lives, and can be told to go.
    std::fs::write(hold, "go\n").unwrap();
    assert_eq!(over.wait(), "x");
}

#[test]
fn secrets_are_shown_nowhere() {
    let secret = "cs_0123456789abcdef";
    let sandbox = sandbox().with("CODSPEED_TOKEN", secret).with("CODSPEED_SKIP_UPLOAD", "true");
    let text = format!("echo a {secret} b; echo {secret} >&2; exit 3");
    let run = suite(&sandbox, &["--allow-empty", "-v"], &text);
    let Run { code, stdout, stderr } = &run;
    assert_eq!((*code, stdout.as_str()), (1, "a *** b\n"), "{stderr}");
    for text in [stderr, &sandbox.text("profile/runner.log")] {
        assert!(text.contains("***") && !text.contains(secret), "{text}");
    }
}

/// A sandbox that looks like a job of this provider, but uploads nothing.
fn at(provider: &str) -> Sandbox {
    sandbox().with(provider, "true").with("CODSPEED_SKIP_UPLOAD", "true")
}

#[test]
fn github_gets_groups_annotations_and_a_page() {
    let sandbox = at("GITHUB_ACTIONS").with("GITHUB_STEP_SUMMARY", "page.md");
    sandbox.file("page.md", "# Other step\n");
    let run = exec(&sandbox, QUICK, &["true"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let groups: Vec<_> = run.stdout.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(groups, ["::group::walltime: true", "::endgroup::"], "{}", run.stdout);
    let page = sandbox.text("page.md");
    assert!(
        page.starts_with("# Other step\n\n| Benchmark | ") && page.contains(" Median | "),
        "{page}"
    );
    assert!(page.contains("\n| `true`"), "{page}");

    let failed = exec(&sandbox, QUICK, &["no-such-program"]);
    let errors: Vec<_> = failed.stdout.lines().filter(|line| line.starts_with("::err")).collect();
    assert_eq!(errors.len(), 1, "{}", failed.stdout);
}

#[test]
fn a_page_that_can_t_be_written_is_a_warning() {
    let sandbox = at("GITHUB_ACTIONS").with("GITHUB_STEP_SUMMARY", "no/page");
    let run = exec(&sandbox, QUICK, &["true"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let expected = "::warning::could not write the job summary `no/page`: ";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
}

#[test]
fn a_log_leaves_standard_output_to_the_data() {
    for (provider, marker) in [("GITHUB_ACTIONS", "::group::"), ("BUILDKITE", "+++ ")] {
        let sandbox = at(provider);
        let run = exec(&sandbox, &[QUICK, &["--export", "json=-"]].concat(), &["true"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let data: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(data["benchmarks"][0]["name"], "true");
        assert!(run.stderr.contains(marker) && run.stderr.contains("Median "), "{}", run.stderr);
    }
}

#[test]
fn messages_are_json_lines_and_nothing_else() {
    for provider in [None, Some("GITHUB_ACTIONS")] {
        let mut sandbox = sandbox();
        if let Some(provider) = provider {
            sandbox = at(provider);
        }
        let options = ["--name", "a \"b\" c", "--message-format", "json", "--output", "inherit"];
        let run = exec(&sandbox, &[QUICK, &options].concat(), &["echo", "said"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let lines: Vec<Value> =
            run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (said, rest): (Vec<&Value>, Vec<&Value>) =
            lines.iter().partition(|line| line["event"] == "output");
        let events: Vec<_> = rest.iter().map(|line| line["event"].as_str().unwrap()).collect();
        let first = ["run_started", "part_started", "benchmark_ran"];
        let expected = [&first[..], &["profile_folder", "recorded", "run_finished"]].concat();
        assert_eq!(events, expected, "{}", run.stdout);
        let said = said.iter().filter(|line| line["stream"] == "stdout");
        assert_eq!(said.map(|line| &line["text"]).collect::<Vec<_>>(), ["said"; 3]);
        let ran = rest[2];
        assert_eq!((&ran["name"], &ran["mode"]), (&"a \"b\" c".into(), &"walltime".into()));
        assert_eq!((&ran["unit"], &ran["stats"]["rounds"]), (&"s".into(), &3.into()));
        assert!(ran["value"].as_f64().unwrap() > 0.0 && ran["time"].is_string(), "{ran}");
        assert!(!run.stderr.lines().any(|line| line == "said"), "{}", run.stderr);
    }
}

#[test]
fn a_failure_is_a_message_that_no_export_interrupts() {
    let sandbox = sandbox();
    let options = ["--message-format", "json", "--export", "csv=-"];
    let run = exec(&sandbox, &options, &["true"]);
    let what =
        "JSON (`--message-format json`, `--json`) and an export can't both use standard output";
    assert_eq!((run.code, run.stderr), (2, format!("error: {what}\n")));
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["run_started", "error", "run_finished"], "{}", run.stdout);
    assert_eq!((&lines[1]["message"], &lines[2]["exit_code"]), (&what.into(), &2.into()));
}

#[test]
fn a_level_that_is_none_is_named() {
    let sandbox = sandbox().with("CODSPEED_LOG", "loud");
    let run = codspeed(&sandbox, ["status"]);
    let expected =
        "warning: CODSPEED_LOG is `loud`; expected one of off, error, warn, info, debug, trace\n";
    assert_eq!(run.stderr, expected, "{}", shown(&sandbox, &run));
}
