//! `codspeed ab` and `codspeed bisect` with real repositories, and suites that say the times that a file of theirs
//! holds: verdicts don't depend on how busy the machine is.

use std::{fs, path::Path};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open},
    sys::{signal::Signal, stat::Mode},
};
use serde_json::Value;
use test_support::{Run, Sandbox};

use super::recorded::records;
use crate::stage::{CODSPEED, codspeed, nothing_is_left, sandbox, start};

/// Reports benchmarks with the times of the file `times`: a name and nanoseconds on each line. Each run is a little
/// longer or shorter than the one before, the same for both sides.
pub(super) const SUITE: &str = r#"
results=$CODSPEED_PROFILE_FOLDER/results
mkdir -p $results
test -e built
list=
while read name time; do
  stats="\"min_ns\":$time,\"max_ns\":$time,\"mean_ns\":$time,\"stdev_ns\":0,\"q1_ns\":$time,\"median_ns\":$time,\"q3_ns\":$time,\"rounds\":5,\"total_time\":1,\"iqr_outlier_rounds\":0,\"stdev_outlier_rounds\":0,\"iter_per_round\":1,\"warmup_iters\":0"
  config='"warmup_time_ns":null,"min_round_time_ns":null,"max_time_ns":null,"max_rounds":null'
  list="$list${list:+,}{\"name\":\"$name\",\"uri\":\"suite::$name\",\"config\":{$config},\"stats\":{$stats}}"
done < times
echo "{\"creator\":{\"name\":\"codspeed-cpp\",\"version\":\"2.3.0\",\"pid\":$$},\"instrument\":{\"type\":\"walltime\"},\"benchmarks\":[$list]}" > $results/$$.json
"#;

pub(super) const EQUAL: &str = "one 1000000\ntwo 2000000\nthree 3000000\n";
pub(super) const SLOWER: &str = "one 1000000\ntwo 2100000\nthree 3000000\n";

#[track_caller]
pub(super) fn git(sandbox: &Sandbox, args: &[&str]) -> String {
    let who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"];
    let run = sandbox.run(sandbox.command("git", who.iter().chain(args)));
    assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
    run.stdout
}

#[track_caller]
pub(super) fn commit(sandbox: &Sandbox, title: &str) {
    git(sandbox, &["add", "--all"]);
    git(sandbox, &["commit", "--quiet", "--message", title]);
}

/// A repository whose second commit makes benchmark `two` 5 % slower.
pub(super) fn repository() -> Sandbox {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/built\n/build\n/ready\n/hold\n");
    sandbox.file("suite", SUITE);
    sandbox.file("times", EQUAL);
    commit(&sandbox, "Begin");
    sandbox.file("times", SLOWER);
    commit(&sandbox, "Slower");
    sandbox
}

/// All files of the repository's own folder with their contents.
pub(super) fn state(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            all.extend(state(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

const AB: &[&str] = &["ab", "-m", "walltime", "--build", "touch built"];

pub(super) fn ab(sandbox: &Sandbox, options: &[&str], suite: &str) -> Run {
    codspeed(sandbox, [AB, options, &["--", suite]].concat())
}

pub(super) fn exported(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.text("out.json")).unwrap()
}

fn verdicts(json: &Value) -> Vec<(&str, &str)> {
    let all = json["benchmarks"].as_array().unwrap().iter();
    all.map(|one| (one["name"].as_str().unwrap(), one["verdict"].as_str().unwrap())).collect()
}

#[test]
fn the_slower_one_is_found_and_the_repository_is_unchanged() {
    let sandbox = repository();
    let before = (state(&sandbox.path().join(".git")), git(&sandbox, &["status", "--short"]));
    let options =
        ["--base", "HEAD~1", "--head", "HEAD", "--seed", "7", "--export", "json=out.json"];
    let run = ab(&sandbox, &options, "sh suite");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = exported(&sandbox);
    assert_eq!(
        verdicts(&json),
        [("two", "regressed"), ("one", "unchanged"), ("three", "unchanged")]
    );
    assert_eq!(
        (&json["pairs"], &json["pairs_again"], &json["seed"]),
        (&9.into(), &17.into(), &7.into())
    );
    let ratio = json["benchmarks"][0]["ratio"].as_f64().unwrap();
    assert!((ratio - 1.05).abs() < 1e-6, "{ratio}");
    insta::assert_snapshot!(run.stdout);
    let tools = &records(&sandbox)[1].environment.toolchain;
    assert!(tools.iter().any(|tool| tool.name == "codspeed-cpp"), "{tools:?}");
    fs::remove_file(sandbox.path().join("out.json")).unwrap();
    let after = (state(&sandbox.path().join(".git")), git(&sandbox, &["status", "--short"]));
    assert!(before == after, "git has written into the repository");
}

#[test]
fn the_working_tree_is_taken_as_it_is() {
    let sandbox = repository();
    // Neither committed nor staged, and a file that git does not know.
    sandbox.file("times", "one 1000000\ntwo 2100000\nthree 1500000\nfour 1\n");
    sandbox.file("new", "");
    fs::remove_file(sandbox.path().join("suite")).unwrap();
    sandbox.file("other", SUITE);
    let before = (state(&sandbox.path().join(".git")), git(&sandbox, &["status", "--short"]));
    let text = "if test -e other; then test -e new && sh other; else sh suite; fi";
    let run = ab(&sandbox, &["--base", "HEAD", "--export", "json=out.json"], text);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = exported(&sandbox);
    assert_eq!(
        verdicts(&json),
        [("three", "improved"), ("one", "unchanged"), ("two", "unchanged")]
    );
    assert_eq!(json["one_sided"][0]["name"], "four");
    assert_eq!(json["one_sided"][0]["side"], "head");
    assert!(run.stdout.contains("only in head: `four`\n"), "{}", run.stdout);
    let after = (state(&sandbox.path().join(".git")), git(&sandbox, &["status", "--short"]));
    assert!(before == after, "git has written into the repository");
}

#[test]
fn conditions_and_the_arithmetic_are_told_where_that_is_wanted() {
    let sandbox = repository();
    let options = ["--base", "HEAD~1", "--pin", "--explain", "--seed", "7"];
    let exports = ["--export", "json=out.json", "--export", "csv=out.csv"];
    let run = ab(&sandbox, &[&options[..], &exports].concat(), "sh suite");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("Measured on processor "), "{}", run.stdout);
    let processors = exported(&sandbox)["conditions"]["processors"].as_array().unwrap().clone();
    assert_eq!(processors.len(), 1);
    let end = format!(",7,{},false", processors[0]);
    assert!(sandbox.text("out.csv").lines().nth(1).unwrap().ends_with(&end));
    let (_, explained) = run.stdout.split_once("All benchmarks, step by step:\n").unwrap();
    assert_eq!(explained.matches(" 0: base 2000000000 ps, head 2100000000 ps, ").count(), 2);
    assert_eq!(explained.matches("d = 0.04879016").count(), 9 + 17, "{explained}");
    assert!(explained.contains("regressed: both stages say that head is worse\n"), "{explained}");
}

#[test]
fn a_slower_one_fails_the_command_if_that_is_asked_for() {
    let sandbox = repository();
    let run = ab(&sandbox, &["--base", "HEAD~1", "--fail-if-slower"], "sh suite");
    assert_eq!(run.code, 6, "{}", run.stderr);
    assert!(run.stderr.contains("error: got worse (`--fail-if-slower`): `two`"), "{}", run.stderr);
    let run = ab(&sandbox, &["--base", "HEAD~1", "--fail-if-slower=10%"], "sh suite");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let words = ["--base", "HEAD~1", "--fail-if-slower=1%", "--threshold", "2%"];
    let run = ab(&sandbox, &words, "sh suite");
    assert_eq!(run.code, 2, "{}", run.stderr);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_built() {
    let sandbox = repository();
    let refused = |options: &[&str], code, says: &str| {
        let run = codspeed(&sandbox, [options, &["--", "sh suite"]].concat());
        assert_eq!(run.code, code, "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{options:?}: {}", run.stderr);
    };
    refused(&["ab", "--base", "HEAD"], 2, "--build <COMMAND>");
    refused(&["ab", "--base", "nowhere", "--no-build"], 2, "`nowhere` is not a commit");
    refused(&["ab", "--base=--all", "--no-build"], 2, "`--all` is not a commit");
    refused(&["ab", "--base", "HEAD", "--build", " "], 2, "a build command is empty");
    let folded = ["ab", "--base", "HEAD", "--no-build", "-m", "simulation", "--export", "folded=x"];
    refused(&folded, 2, "can't be exported as `folded`");
    let outside = ["ab", "--base", "HEAD", "--no-build", "--working-directory", "/"];
    refused(&outside, 2, "is not in a Git repository");
    refused(&["bisect", "--good", "HEAD", "--no-build"], 2, "are the same commit");
    refused(
        &["bisect", "--good", "HEAD", "--bad", "HEAD~1", "--no-build"],
        2,
        "is not an ancestor",
    );
    // Whatever else is wrong: this build would leave a trace.
    let trace = sandbox.path().join("trace");
    let build = format!("touch {}", trace.display());
    refused(&["ab", "--base", "HEAD", "--build", &build, "--pin=999"], 2, "`--pin=999`");
    refused(&["ab", "--base", "nowhere", "--build", &build], 2, "`nowhere` is not a commit");
    assert!(!trace.exists());
}

#[test]
fn a_side_that_fails_is_named_with_what_it_said() {
    let sandbox = repository();
    sandbox.file("broken", "");
    let options = ["--base", "HEAD~1"];
    let run = ab(&sandbox, &options, "sh suite; test ! -e broken || { echo oh dear; exit 3; }");
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(
        run.stderr.contains("the suite of head failed: it ended with exit code 3"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("oh dear") || run.stdout.contains("oh dear"), "{}", run.stderr);
    let build = ["ab", "--base", "HEAD~1", "--build", "test ! -e broken", "--", "sh suite"];
    let run = codspeed(&sandbox, build);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("the build of head failed: `test ! -e broken`"), "{}", run.stderr);
    let run = ab(&sandbox, &["--base", "HEAD~1"], "true");
    assert_eq!(run.code, 4, "{}", run.stderr);
    assert!(run.stderr.contains("use `--exec` to measure any command"), "{}", run.stderr);
}

#[test]
fn ctrl_c_shows_what_is_known_and_leaves_nothing() {
    let sandbox = repository();
    sandbox.fifo("hold");
    let mut ready = sandbox.notice("ready");
    let folder = sandbox.path().display();
    // Busy in its fifth run.
    let text = format!(
        "echo x >> {folder}/tmp/count; if test $(wc -l < {folder}/tmp/count) -ge 5; then (read x < {folder}/hold) & echo > {folder}/ready; wait; fi; sh suite"
    );
    let running = start(&sandbox, [AB, &["--base", "HEAD~1", "--", &text]].concat());
    ready.wait();
    running.signal(Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.stderr);
    assert!(
        run.stderr.contains("interrupted; the verdicts are of the 2 pairs that were finished"),
        "{}",
        run.stderr
    );
    assert!(
        run.stdout.contains("inconclusive: a verdict needs at least 8 pairs"),
        "{}",
        run.stdout
    );
    fs::remove_file(sandbox.path().join("tmp/count")).unwrap();
    nothing_is_left(&sandbox);
}

#[test]
fn what_a_killed_one_has_left_is_removed_by_the_next() {
    let sandbox = repository();
    sandbox.fifo("hold");
    let mut ready = sandbox.notice("ready");
    let folder = sandbox.path().display();
    let text = format!("(read x < {folder}/hold) & echo > {folder}/ready; wait");
    let running = start(&sandbox, [AB, &["--base", "HEAD~1", "--", &text]].concat());
    ready.wait();
    running.signal(Signal::SIGKILL);
    let _ended = running.end();
    let left = |sandbox: &Sandbox| {
        let names = sandbox.left_in_tmp().into_iter();
        names.filter(|name| name.starts_with("codspeed-sides-")).count()
    };
    assert!(left(&sandbox) > 0, "{:?}", sandbox.left_in_tmp());
    let next = ["exec", "--warmup-time", "0", "--max-rounds", "1", "--profile-folder", "profile"];
    let run = sandbox.run(sandbox.private(CODSPEED, [&next[..], &["--", "true"]].concat()));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(left(&sandbox), 0, "{:?}", sandbox.left_in_tmp());
}

#[test]
fn bisect_names_the_commit_and_skips_what_can_not_be_built() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\nbuilt\n");
    sandbox.file("suite", SUITE);
    sandbox.file("times", EQUAL);
    commit(&sandbox, "Begin");
    for number in 1..=16 {
        sandbox.file("notes", number.to_string());
        // The first one that is looked at.
        sandbox.file("broken", if number == 8 { "yes" } else { "no" });
        if number == 11 {
            sandbox.file("times", SLOWER);
        }
        commit(&sandbox, &format!("Change {number}"));
    }
    let before = state(&sandbox.path().join(".git"));
    let build = ["--build", "! grep -q yes broken 2> /dev/null", "--build", "touch built"];
    let words = ["bisect", "-m", "walltime", "--good", "HEAD~16", "--explain"];
    let words = [&words[..], &build].concat();
    let run = codspeed(&sandbox, [&words[..], &["--", "sh suite"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("is the first slow commit\nAuthor: Ann\n"), "{}", run.stdout);
    assert!(
        run.stdout.contains("\n    Change 11\n\n`two`: +5.000 %, 1.050x slower"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("\n`two`, step by step:\n"), "{}", run.stdout);
    assert!(!run.stdout.contains("`one`, step by step"), "{}", run.stdout);
    assert!(
        run.stderr.contains("\"Change 8\" is skipped: the build of head failed"),
        "{}",
        run.stderr
    );
    assert!(before == state(&sandbox.path().join(".git")), "git has written into the repository");

    let words = ["bisect", "--good", "HEAD~16", "--bad", "HEAD~8", "--build", "touch built"];
    let run = codspeed(&sandbox, [&words[..], &["--", "sh suite"]].concat());
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("`bad` is not clearly slower than `good`"), "{}", run.stderr);
}

/// Times of a real command; none of the verdicts is looked at, but that of a tenfold difference.
mod private {
    use super::*;

    #[test]
    fn a_command_is_run_round_by_round_in_the_folder_of_its_state() {
        let sandbox = sandbox();
        git(&sandbox, &["init", "--quiet", "."]);
        sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n");
        let text =
            |times| format!("#!/bin/sh\ni=0; while [ $i -lt {times} ]; do i=$((i+1)); done\n");
        fs::create_dir(sandbox.path().join("inner")).unwrap();
        sandbox.program("inner/spin", &text(2000));
        commit(&sandbox, "Begin");
        sandbox.program("inner/spin", &text(20_000));
        let options = ["ab", "-m", "walltime", "--base", "HEAD", "--no-build", "--exec"];
        let rest = ["--max-time", "1", "--working-directory", "inner", "--export", "json=out.json"];
        let rest = [&rest[..], &["--explain"]].concat();
        let run = codspeed(&sandbox, [&options[..], &rest, &["--", "./spin"]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let json = exported(&sandbox);
        assert_eq!(verdicts(&json), [("./spin", "regressed")]);
        let pairs = json["pairs"].as_u64().unwrap();
        assert!(pairs >= 8, "{json}");
        let (_, turns) = run.stdout.split_once("\nAll turns, step by step:\n").unwrap();
        assert_eq!(turns.matches("; d = ").count(), usize::try_from(pairs).unwrap() + 1);
        let run = codspeed(&sandbox, [&options[..], &["--", "test", "-d", "tmp"]].concat());
        // It runs in neither folder of the user.
        assert_eq!(run.code, 1, "{}", run.stderr);
        assert!(run.stderr.contains("`base: test -d tmp` failed"), "{}", run.stderr);
    }
}

#[test]
fn one_more_allocation_is_found_to_the_byte() {
    let sandbox = sandbox();
    git(&sandbox, &["init", "--quiet", "."]);
    sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/allocate\n");
    let source = |blocks| {
        format!(
            "#include <stdlib.h>\nint main() {{ for (int i = {blocks}; i > 0; i--) {{ volatile char *p = malloc(10000); p[0] = 1; }} return 0; }}"
        )
    };
    sandbox.file("allocate.c", source(10));
    commit(&sandbox, "Begin");
    sandbox.file("allocate.c", source(11));
    let options = ["ab", "-m", "memory", "--backend", "preload", "--base", "HEAD", "--explain"];
    let rest = ["--build", "cc -O1 -o allocate allocate.c", "--exec", "--export", "json=out.json"];
    let run = codspeed(&sandbox, [&options[..], &rest, &["--", "./allocate"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = exported(&sandbox);
    assert_eq!(verdicts(&json), [("./allocate", "regressed")]);
    assert_eq!((&json["pairs"], &json["pairs_again"]), (&2.into(), &4.into()));
    let counters = json["benchmarks"][0]["counters"].as_array().unwrap();
    let moved = |stage: &str| {
        let of = |counter: &Value| {
            let found = &counter[stage];
            let number = |key: &str| found[key].as_f64().unwrap();
            (number("head") - number("base"), number("floor"))
        };
        counters.iter().map(of).collect::<Vec<(f64, f64)>>()
    };
    let exact = [(10_000.0, 0.0), (10_000.0, 0.0), (1.0, 0.0)];
    assert_eq!((moved("first"), moved("again")), (exact.to_vec(), exact.to_vec()));
    assert!(run.stdout.contains("peak memory +10"), "{}", run.stdout);
    assert!(run.stdout.contains("  base        10, 10, 10, 10; median 10\n"), "{}", run.stdout);

    // Records of a single run and of a state are about the same measurement.
    let built = sandbox.run(sandbox.command("cc", ["-O1", "-o", "allocate", "allocate.c"]));
    assert_eq!(built.code, 0, "{}", built.shown());
    let words = ["exec", "-m", "memory", "--backend", "preload", "--", "./allocate"];
    let run = codspeed(&sandbox, words);
    assert_eq!(run.code, 0, "{}", run.shown());
    let all = records(&sandbox);
    let parts: Vec<_> = all.iter().map(|record| &record.parts[0]).collect();
    let [base, head, single] = parts[..] else { panic!("{parts:?}") };
    assert_eq!(single.settings["backend"], "preload");
    assert!(!single.tools.is_empty(), "{single:?}");
    for state in [base, head] {
        assert_eq!((&state.settings, &state.tools), (&single.settings, &single.tools));
    }
}

/// With the real Valgrind, alone.
mod simulation {
    use super::*;

    #[test]
    fn a_command_is_counted_in_both_states() {
        let sandbox = sandbox();
        git(&sandbox, &["init", "--quiet", "."]);
        sandbox.file(".gitignore", "/tmp\n/profile\n/*.json\n/count\n");
        let source = |rounds| {
            format!(
                "int main() {{ volatile unsigned x = 1; for (int i = {rounds}; i > 0; i--) x *= 3; return 0; }}"
            )
        };
        sandbox.file("count.c", source(200_000));
        commit(&sandbox, "Begin");
        sandbox.file("count.c", source(220_000));
        let options =
            ["ab", "-m", "simulation", "--base", "HEAD", "--build", "cc -O1 -o count count.c"];
        let rest = ["--exec", "--export", "json=out.json", "--", "./count"];
        let run = codspeed(&sandbox, [&options[..], &rest].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let json = exported(&sandbox);
        assert_eq!(verdicts(&json), [("./count", "regressed")]);
        assert!(run.stdout.contains("instructions +"), "{}", run.stdout);
        assert_eq!((&json["pairs"], &json["pairs_again"]), (&2.into(), &4.into()));
    }
}

#[test]
fn a_daemon_of_a_build_ends_with_it() {
    let sandbox = repository();
    let hold = sandbox.fifo("hold");
    let daemon = format!("setsid sleep 1000 3<> {} > /dev/null 2>&1 < /dev/null", hold.display());
    let build = format!("touch built; ({daemon} &)");
    let words = ["ab", "--base", "HEAD~1", "--max-pairs", "8", "--build", &build];
    let run = codspeed(&sandbox, [&words[..], &["--", "sh suite"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let reached = open(&hold, OFlag::O_WRONLY | OFlag::O_NONBLOCK, Mode::empty());
    assert_eq!(reached.err(), Some(Errno::ENXIO), "the daemon is still there");
}
