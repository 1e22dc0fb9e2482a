//! Others on the machine find none of our secrets: not where the kernel shows how we were started, nor in files of crashes.

use std::path::Path;

use runner_shared::text::shown;

use super::upload_secrets::hidden;
use crate::stage::{QUICK, exec_words, profiling_sandbox, start};

const MARKERS: &[&str] = &["m4rker-token", "m4rker-login", "m4rker-job", "m4rker-given"];

/// Shell text that sets `us` to the process of `codspeed`, which has started `exec-harness`, which has started it.
const FIND_US: &str = "us=$(awk '{print $4}' /proc/$PPID/stat)";

/// A sandbox with secrets, and the words of a measurement of shell text.
fn measured(text: &str) -> (test_support::Sandbox, Vec<String>) {
    let sandbox = profiling_sandbox()
        .with("CODSPEED_TOKEN", MARKERS[0])
        .with("CODSPEED_OAUTH_TOKEN", MARKERS[1])
        .with("CI_JOB_TOKEN", MARKERS[2])
        .with("MINE", "seen");
    let text = format!("{FIND_US}; {text}");
    let options = [QUICK, &["--skip-upload", "--max-rounds=1", "--token", MARKERS[3]]].concat();
    let options = options.into_iter().filter(|word| !matches!(*word, "--max-rounds" | "3"));
    let options: Vec<&str> = options.collect();
    let words = exec_words(&options, &["sh", "-c", &text]);
    (sandbox, words.into_iter().map(str::to_owned).collect())
}

#[test]
fn the_kernel_shows_no_secret_of_how_we_were_started() {
    let text = "readlink /proc/$us/exe >> seen; tr '\\0' '\\n' < /proc/$us/environ >> seen; tr '\\0' '\\n' < /proc/$us/cmdline >> seen";
    let (sandbox, words) = measured(text);
    let run = start(&sandbox, words).end();
    assert_eq!(run.code, 0, "{}", run.shown());
    let seen = sandbox.text("seen");
    let lines: Vec<&str> = seen.lines().collect();
    for expected in ["MINE=seen", "CODSPEED_TOKEN=", "--token", "--skip-upload"] {
        assert!(lines.contains(&expected), "{expected}: {seen}");
    }
    assert!(lines[0].ends_with("/codspeed"), "{seen}");
    hidden(MARKERS, "what the kernel shows", seen.as_bytes());
}

#[test]
fn nor_of_the_programs_beside_us_alone() {
    let see = "tr '\\0' '\\n' < /proc/$PPID/environ > seen";
    let once = ["--warmup-time", "0", "--max-rounds", "1", "--", "sh", "-c", see];
    let track = ["track", "-o", ".", "--", "sh", "-c", see];
    for (program, words) in [("exec-harness", &once[..]), ("codspeed-memtrack", &track)] {
        let sandbox =
            profiling_sandbox().with("CI_JOB_TOKEN", MARKERS[2]).with("CODSPEED_TOKEN", MARKERS[0]);
        let sandbox = sandbox.with("MINE", "seen");
        let run = sandbox
            .run(sandbox.private(Path::new(crate::stage::CODSPEED).with_file_name(program), words));
        assert_eq!(run.code, 0, "{program}: {}", run.shown());
        let seen = sandbox.text("seen");
        assert!(seen.lines().any(|line| line == "MINE=seen"), "{program}: {seen}");
        hidden(MARKERS, program, seen.as_bytes());
    }
}

/// As long as a benchmark runs, the token of the upload is needed: only our crash must not write it down.
#[test]
fn our_core_dump_has_no_secret_and_others_are_unchanged() {
    // The first crash shows whether this machine writes such files where we look.
    let text =
        "ulimit -c >> limit; mkdir -p other && (cd other && sh -c 'kill -ABRT $$'); kill -ABRT $us";
    let (sandbox, words) = measured(text);
    let words = ["-c", "ulimit -c unlimited && exec \"$@\"", "sh", crate::stage::CODSPEED]
        .map(str::to_owned)
        .into_iter()
        .chain(words);
    let run = sandbox.run(sandbox.private("sh", words));
    // Ended by the signal.
    assert_eq!(run.code, -1, "{}", run.shown());
    let is_core = |name: &String| name.starts_with("core");
    let names = |folder: &str| crate::service::names(&sandbox.path().join(folder));
    assert_eq!(sandbox.text("limit").trim(), "unlimited");
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.starts_with("core") {
        assert!(names("other").iter().any(is_core), "{:?}", names("other"));
    }
    assert!(!names("").iter().any(is_core), "{}: {:?}", shown(sandbox.path()), names(""));
}
