//! `codspeed gate` and `codspeed history`: stored runs and files of strangers, on plain machines, at GitHub and at
//! GitLab.

use std::fs;

use serde_json::Value;
use store::{MetricUnit, Mode, Part, Record, RecordedBenchmark};
use test_support::{Run, Sandbox, redact};

use crate::{
    stage::CODSPEED,
    stored::{self, keep, metric, record_at},
};

const MEGABYTE: f64 = 1_048_576.0;

/// A sandbox whose folder is a project with a repository, with these limits.
pub(crate) fn project(limits: &str) -> Sandbox {
    let sandbox = stored::project();
    sandbox.file("codspeed.yml", limits);
    sandbox
}

/// A time, as several rounds of it that hardly differ.
fn timed(name: &str, nanos: f64) -> RecordedBenchmark {
    stored::timed("benches/all.rs", name, nanos)
}

/// An amount of memory, which does not vary.
pub(crate) fn allocating(name: &str, megabytes: f64) -> RecordedBenchmark {
    let bytes = metric(megabytes * MEGABYTE, MetricUnit::Bytes);
    let metrics = [
        ("peak_bytes".to_owned(), bytes),
        ("total_bytes".to_owned(), bytes),
        ("allocations".to_owned(), metric(1000.0, MetricUnit::Number)),
        ("live_at_end_bytes".to_owned(), metric(0.0, MetricUnit::Bytes)),
    ];
    RecordedBenchmark {
        part: 1,
        occurrence: 1,
        name: name.to_owned(),
        uri: format!("benches/all.rs::{name}"),
        metrics: metrics.into(),
        headline: "peak_bytes".to_owned(),
        ..RecordedBenchmark::default()
    }
}

/// A run of this hour.
pub(crate) fn record(hour: u64, branch: &str, benchmarks: Vec<RecordedBenchmark>) -> Record {
    let part = |mode| Part { mode, ..Part::default() };
    let hash = format!("{hour:02x}a1b2c3d4e5f60718293a4b5c6d7e8f90123456");
    Record {
        parts: vec![part(Mode::Walltime), part(Mode::Memory)],
        benchmarks,
        ..record_at(hour * 60, hash, branch)
    }
}

pub(crate) fn codspeed(sandbox: &Sandbox, words: &[&str]) -> Run {
    sandbox.run(sandbox.command(CODSPEED, words))
}

/// One run on `main`, and one of a change that needs a quarter more memory.
fn changed(limits: &str) -> Sandbox {
    let sandbox = project(limits);
    let of = |megabytes| vec![allocating("load", megabytes), allocating("save", 10.0)];
    keep(&sandbox, &[record(1, "main", of(40.0)), record(2, "mine", of(50.0))]);
    sandbox
}

#[test]
fn a_run_that_needs_more_memory_fails() {
    let sandbox = changed("");
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    insta::assert_snapshot!(redact(&run.shown(), &sandbox));
    let again = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.stdout, again.stdout, "the same input, the same bytes");
    let warned = codspeed(&sandbox, &["gate", "--warn-only"]);
    assert_eq!(warned.code, 0, "{}", warned.shown());
    assert!(warned.stderr.contains("`--warn-only` makes this a warning"), "{}", warned.stderr);
}

#[test]
fn what_is_odd_about_the_limits_is_said() {
    let sandbox = project("gates: {limits: [{max-regression: 5%}]}\n");
    keep(&sandbox, &[record(1, "main", vec![timed("a", 1e6)])]);
    let run = sandbox.run(sandbox.command(CODSPEED, ["gate"]));
    assert!(run.stderr.contains("gates"), "{}", run.shown());
}

#[test]
fn limits_and_waivers_are_those_of_the_project() {
    let limits = "gate:
  limits:
    - max-regression: 50%
    - benchmarks: save
      peak: 9 MB
  waivers:
    - {benchmarks: s*, metric: peak, reason: 'new format', until: 9999-12-31}
    - {benchmarks: load, reason: 'it was so', until: 2026-01-01}
";
    let sandbox = changed(limits);
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    insta::assert_snapshot!(redact(&run.shown(), &sandbox));
    sandbox.file("codspeed.yml", limits.replace("50%", "20%"));
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 6, "the waiver has expired: {}", run.shown());
}

#[test]
fn mistakes_in_limits_have_a_place() {
    for (limits, said) in [
        ("max-regresion: 5%", "3:7: unknown key `max-regresion`; did you mean `max-regression`?"),
        ("max-regression: 5 ms", "3:23: invalid value `5 ms` for `max-regression`"),
        ("peak: 10 ms", "3:13: invalid value `10 ms` for `peak`: expected a size"),
        ("median: 10", "3:15: invalid value `10` for `median`: expected a time with its unit"),
        ("metric: p99\n      max-regression: 5%", "3:7: `p99` is not compared"),
        ("mode: walltime\n      peak: 0", "4:13: `peak` is a value of memory mode"),
        (
            "mode: walltime\n      metric: peak\n      max-regression: 5%",
            "4:15: `peak` is a value of memory mode",
        ),
        ("peak: 1,5 MB", "3:13: invalid value `1,5 MB` for `peak`: expected a size"),
        ("benchmarks: a", "3:7: an entry of `limits` needs a limit"),
    ] {
        let sandbox = changed(&format!("gate:\n  limits:\n    - {limits}\n"));
        let run = codspeed(&sandbox, &["gate"]);
        assert_eq!(run.code, 2, "{}", run.shown());
        assert!(run.stderr.contains(&format!("codspeed.yml:{said}")), "{}", run.stderr);
    }
    let sandbox = changed("gate:\n  waivers:\n    - {benchmarks: a, until: 2027-01-01}\n");
    let run = codspeed(&sandbox, &["gate"]);
    assert!(run.stderr.contains("an entry of `waivers` needs `reason`"), "{}", run.stderr);
    let waiver = "{benchmarks: a, mode: memory, metric: p99, reason: b, until: 2027-01-01}";
    let sandbox = changed(&format!("gate:\n  waivers:\n    - {waiver}\n"));
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stderr.contains("`p99` is a value of walltime mode"), "{}", run.stderr);
}

#[test]
fn what_two_runs_can_not_tell_a_history_does() {
    let sandbox = project("");
    let noise = |hour: u64| 1.0 + f64::from(u32::try_from(hour * 7 % 11).unwrap()) * 2e-4;
    let run_of = |hour: u64, branch: &str, factor: f64| {
        record(hour, branch, vec![timed("sort", 1e7 * factor * noise(hour))])
    };
    keep(&sandbox, &(0..30).map(|hour| run_of(hour, "main", 1.0)).collect::<Vec<_>>());
    keep(&sandbox, &[run_of(40, "slow", 1.08), run_of(41, "fine", 1.001)]);
    let slow = codspeed(&sandbox, &["gate", "slow"]);
    assert_eq!(slow.code, 6, "{}", slow.shown());
    let fine = codspeed(&sandbox, &["gate", "fine", "--strict"]);
    assert_eq!(fine.code, 0, "{}", fine.shown());
}

#[test]
fn doubt_passes_unless_strict() {
    let sandbox = project("");
    let mut elsewhere = record(2, "mine", vec![allocating("load", 50.0)]);
    elsewhere.environment.libc = "other".to_owned();
    keep(&sandbox, &[record(1, "main", vec![allocating("load", 40.0)]), elsewhere]);
    let run = codspeed(&sandbox, &["gate", "--base", "main"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stdout.contains("not certain"), "{}", run.stdout);
    assert_eq!(codspeed(&sandbox, &["gate", "--base", "main", "--strict"]).code, 6);
}

#[test]
fn exports_have_a_place_before_anything_is_judged() {
    let sandbox = changed("");
    let run = codspeed(&sandbox, &["gate", "--export", "json=none/x"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stdout.is_empty(), "{}", run.stdout);
    let run = codspeed(&sandbox, &["gate", "--export", "json=-", "--export", "junit=-"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stderr.contains("two exports go to standard output"), "{}", run.stderr);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}

#[test]
fn reports_are_written_in_all_formats() {
    let sandbox = changed("gate: {limits: [{max-regression: 5%}]}");
    let exports = ["json", "markdown", "junit", "gitlab-metrics", "gitlab-codequality", "badge"];
    let exports: Vec<String> = exports.iter().map(|id| format!("--export={id}=out.{id}")).collect();
    let words: Vec<&str> = ["gate"].into_iter().chain(exports.iter().map(String::as_str)).collect();
    let run = codspeed(&sandbox, &words);
    assert_eq!(run.code, 6, "{}", run.shown());
    let json: Value = serde_json::from_str(&sandbox.text("out.json")).unwrap();
    assert_eq!((&json["passed"], &json["checks"][0]["name"]), (&false.into(), &"load".into()));
    assert!(sandbox.text("out.markdown").starts_with("### ❌ codspeed gate failed"));
    assert!(sandbox.text("out.junit").contains("<testsuite name=\"memory\""));
    assert!(sandbox.text("out.gitlab-metrics").ends_with("# EOF\n"));
    let quality: Value = serde_json::from_str(&sandbox.text("out.gitlab-codequality")).unwrap();
    assert_eq!(quality[0]["location"]["path"], "benches/all.rs");
    assert!(sandbox.text("out.badge").starts_with("<svg "));
}

#[test]
fn a_command_is_told_of_regressions() {
    let sandbox = changed("");
    let run = codspeed(&sandbox, &["gate", "--on-regression", "cat > got; echo thanks"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    let got: Value = serde_json::from_str(&sandbox.text("got")).unwrap();
    assert_eq!(got["passed"], false);
    assert!(run.stderr.contains("`--on-regression`: thanks"), "{}", run.stderr);
    let words = ["gate", "--on-regression", "cat > got; exit 3", "--report-format", "markdown"];
    let run = codspeed(&sandbox, &words);
    assert_eq!(run.code, 6, "its failure is a warning: {}", run.shown());
    assert!(run.stderr.contains("did not take the report"), "{}", run.stderr);
    assert!(sandbox.text("got").starts_with("### "));
    let run = codspeed(&sandbox, &["gate", "main", "--on-regression", "echo > never"]);
    assert_eq!(run.code, 0, "there is nothing to compare with: {}", run.shown());
    assert!(!sandbox.path().join("never").exists());
}

#[test]
fn github_shows_the_report_and_what_failed() {
    let sandbox = changed("")
        .with("GITHUB_ACTIONS", "true")
        .with("GITHUB_STEP_SUMMARY", "page.md")
        .with("GITHUB_BASE_REF", "main");
    let run = codspeed(&sandbox, &["gate"]);
    assert_eq!(run.code, 6, "{}", run.shown());
    let errors: Vec<&str> =
        run.stdout.lines().filter(|line| line.starts_with("::error title=")).collect();
    assert!(errors.iter().any(|line| line.contains("::load: ")), "{}", run.stdout);
    assert!(sandbox.text("page.md").contains("### ❌ codspeed gate failed"));
}

#[test]
fn gitlab_compares_with_the_target_of_the_merge_request() {
    let sandbox = project("").with("GITLAB_CI", "true").with("CI", "true");
    let of = |megabytes| vec![allocating("load", megabytes)];
    let runs =
        [record(1, "next", of(50.0)), record(2, "main", of(40.0)), record(3, "mine", of(50.0))];
    keep(&sandbox, &runs);
    let sandbox = sandbox.with("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "next");
    let run = codspeed(&sandbox, &["gate", "--export", "gitlab-metrics=metrics.txt"]);
    assert_eq!(run.code, 0, "equal to `next`: {}", run.shown());
    let sandbox = sandbox.with("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    assert_eq!(codspeed(&sandbox, &["gate"]).code, 6);
}

/// Names that try to leave their place.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\u{1b}]0;title\u{7}\u{1b}[31mred",
    "::error::injected",
    "\n::error file=x::injected",
    "a|b`c``d\n| x |",
    "[x](javascript:alert(1)) @everyone",
    "../../../etc/passwd::x",
];

#[test]
fn names_of_strangers_are_text_everywhere() {
    let sandbox = changed("").with("GITHUB_ACTIONS", "true").with("GITHUB_STEP_SUMMARY", "page.md");
    let named =
        |name: &&str| RecordedBenchmark { uri: (*name).to_owned(), ..allocating(name, 90.0) };
    let before =
        |name: &&str| RecordedBenchmark { uri: (*name).to_owned(), ..allocating(name, 9.0) };
    let mut head = record(9, "::error::branch", HOSTILE.iter().map(named).collect());
    head.name = Some("\u{1b}[31m::error::name".to_owned());
    sandbox.file("head.json", serde_json::to_vec(&head).unwrap());
    let base = record(8, "main", HOSTILE.iter().map(before).collect());
    sandbox.file("base.json", serde_json::to_vec(&base).unwrap());
    let words = "gate --untrusted head.json --base base.json --export markdown=out.md \
        --export junit=out.xml --export json=out.json --export gitlab-metrics=out.txt \
        --export gitlab-codequality=quality.json";
    let run = codspeed(&sandbox, &words.split_whitespace().collect::<Vec<_>>());
    assert_eq!(run.code, 6, "{}", run.shown());
    let ours = |line: &&str| line.contains("title=codspeed%3A ") || line.starts_with("::group");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{text}");
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::"));
        let strange: Vec<&str> = commands.filter(|line| !ours(line)).collect();
        assert!(
            strange.iter().all(|line| line.starts_with("::error::") && line.contains("gate")),
            "{strange:?}"
        );
    }
    for file in ["out.md", "page.md", "out.xml", "out.json", "out.txt", "quality.json"] {
        let text = sandbox.text(file);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{7}'), "{file}: {text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{file}: {text}");
    }
    assert!(!sandbox.text("out.xml").contains("<script>"));
    // In a code span it is text; a line of its own would be HTML.
    let page = sandbox.text("out.md");
    assert!(page.lines().all(|line| !line.trim_start().starts_with("<script")), "{page}");
}

#[test]
fn files_that_are_no_records_are_refused_at_once() {
    let sandbox = changed("");
    let bomb = zstd::bulk::compress(&vec![b' '; 80 << 20], 3).unwrap();
    // A frame whose head claims a gigabyte, with nothing behind it.
    let claim = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &(1_u32 << 30).to_le_bytes()].concat();
    let deep = format!("{{\"version\":{}", "[".repeat(10_000_000));
    let files: [(&str, Vec<u8>); 6] = [
        ("bomb", bomb),
        ("claim", claim),
        ("deep", deep.into_bytes()),
        ("empty", Vec::new()),
        ("newer", br#"{"version":99,"time_ms":0,"kind":"run","program":"","project":"","parts":[],"benchmarks":[]}"#.to_vec()),
        ("text", b"<html>".to_vec()),
    ];
    for (name, bytes) in files {
        sandbox.file(name, bytes);
        let run = codspeed(&sandbox, &["gate", "--untrusted", name]);
        assert!(matches!(run.code, 1 | 2), "{name}: {}", run.shown());
        assert!(run.stderr.len() < 2000, "{name}: {}", run.stderr);
    }
    let huge = fs::File::create(sandbox.path().join("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    for name in ["huge", "none", ".", "/dev/zero"] {
        let run = codspeed(&sandbox, &["gate", "--untrusted", name]);
        assert!(matches!(run.code, 1 | 2), "{name}: {}", run.shown());
    }
}

#[test]
fn a_trusted_job_needs_no_store() {
    let sandbox = project("gate: {limits: [{peak: 45 MB}]}");
    let head = record(2, "mine", vec![allocating("load", 50.0)]);
    sandbox.file("head.json", serde_json::to_vec(&head).unwrap());
    let run = codspeed(&sandbox, &["gate", "--untrusted", "head.json"]);
    assert_eq!(run.code, 6, "a budget needs no base: {}", run.shown());
    assert!(run.stdout.contains("only budgets are checked"), "{}", run.stdout);
    // As an untrusted job hands it on.
    let other = project("");
    keep(&other, &[head]);
    let export = codspeed(&other, &["store", "export", "last", "-o", "run.tar"]);
    assert_eq!(export.code, 0, "{}", export.shown());
    sandbox.file("run.tar", fs::read(other.path().join("run.tar")).unwrap());
    assert_eq!(codspeed(&sandbox, &["gate", "--untrusted", "run.tar"]).code, 6);
    let run = codspeed(&sandbox, &["gate", "--untrusted", "head.json", "--base", "main"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    let run = codspeed(&sandbox, &["gate", "--untrusted", "head.json", "--confirm", "--", "true"]);
    assert_eq!(run.code, 2, "nothing is run for strangers: {}", run.shown());
}

/// 30 runs on `main`; from the 22nd on, `sort` is slower.
fn with_history() -> Sandbox {
    let sandbox = project("");
    let run_of = |hour: u64| {
        let noise = 1.0 + f64::from(u32::try_from(hour * 7 % 11).unwrap()) * 2e-4;
        let factor = if hour < 22 { 1.0 } else { 1.04 };
        let benchmarks = vec![timed("sort", 1e7 * factor * noise), allocating("load", 40.0)];
        record(hour, "main", benchmarks)
    };
    keep(&sandbox, &(0..30).map(run_of).collect::<Vec<_>>());
    sandbox
}

#[test]
fn history_shows_trends_and_the_last_changes() {
    let sandbox = with_history();
    let run = codspeed(&sandbox, &["history"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    insta::assert_snapshot!(redact(&run.shown(), &sandbox));
    let one = codspeed(&sandbox, &["history", "sort", "-n", "25"]);
    insta::assert_snapshot!("history_of_one_benchmark", redact(&one.shown(), &sandbox));
}

#[test]
fn history_is_data_for_other_programs() {
    let sandbox = with_history();
    let json = codspeed(&sandbox, &["history", "--json", "-m", "walltime"]);
    let found: Value = serde_json::from_str(&json.stdout).unwrap();
    let histories = found["histories"].as_array().unwrap();
    assert_eq!(histories.len(), 1);
    assert_eq!(histories[0]["points"].as_array().unwrap().len(), 30);
    assert_eq!(histories[0]["changes"][0]["point"], 22);
    let csv = codspeed(&sandbox, &["history", "--csv", "--metric", "allocations"]);
    assert_eq!(csv.stdout.lines().count(), 31, "{}", csv.stdout);
    let none = codspeed(&sandbox, &["history", "--branch", "other"]);
    assert_eq!(none.code, 2, "{}", none.shown());
    assert_eq!(codspeed(&sandbox, &["history", "nothing*"]).code, 2);
}
