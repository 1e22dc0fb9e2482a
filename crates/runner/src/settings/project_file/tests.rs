//! Tests of reading and finding files, and of what is refused and where.

use std::fs;

use proptest::prelude::*;
use runner_shared::{harness, text::shown};

use super::*;
use crate::{
    settings::targets::{PlannedTarget, plan_targets, select},
    workload::Workload,
};

const FULL: &str = r#"
options:
  working-directory: bench
  warmup-time: 0
  max-time: 1.5
benchmarks:
  - name: "one"
    id: first
    exec: ./bin 'a b' --n 3
    options:
      warmup-time: 500ms
      max-time: ~
  - entrypoint: |
      pytest --codspeed
    name: suite
  - exec: ls
    options: {warmup-time: 1s, max-time: "1m 30s", min-time: "2"}
"#;

fn parse(text: &str) -> Result<(ProjectConfig, Vec<ConfigWarning>), ConfigError> {
    ProjectConfig::parse("/p/codspeed.yml".into(), "codspeed.yml".into(), text.as_bytes())
}

#[track_caller]
fn refused(text: &str) -> String {
    format!("{}\n", parse(text).unwrap_err())
}

/// Warnings and errors of a file, one a line.
fn said(text: &str) -> String {
    match parse(text) {
        Ok((_, warnings)) => {
            let lines = warnings.iter().map(|warning| format!("warning: {warning}\n"));
            lines.collect::<Vec<_>>().concat()
        }
        Err(err) => format!("error: {err}\n"),
    }
}

#[test]
fn a_full_file_is_understood_without_a_warning() {
    let (config, warnings) = parse(FULL).unwrap();
    assert_eq!(warnings, []);
    let args = |warmup: &str, max: &str, min: Option<&str>| WalltimeArgs {
        warmup_time: Some(warmup.to_owned()),
        max_time: Some(max.to_owned()),
        min_time: min.map(str::to_owned),
        ..WalltimeArgs::default()
    };
    let target = |name: Option<&str>, command: &[&str], walltime_args| harness::Target {
        command: command.iter().map(Into::into).collect(),
        name: name.map(str::to_owned),
        walltime_args,
        run_args: harness::RunArgs::default(),
        working_directory: None,
    };
    let planned = |name: Option<&str>, workload| PlannedTarget {
        name: name.map(str::to_owned),
        workload,
        working_directory: "/p/bench".into(),
    };
    let commands = vec![
        target(Some("one"), &["./bin", "a b", "--n", "3"], args("500ms", "1.5", None)),
        target(None, &["ls"], args("1s", "1m 30s", Some("2"))),
    ];
    let (versus, robust, quiet) = (None, false, true);
    let expected = [
        planned(None, Workload::Commands { targets: commands, versus, robust, quiet }),
        planned(Some("suite"), Workload::Suite("pytest --codspeed\n".into())),
    ];
    assert_eq!(plan_targets(&config, None, true), (expected.to_vec(), None));
    let (_, ignored) = plan_targets(&config, Some(Path::new("x")), true);
    assert_eq!(
        ignored.unwrap(),
        "`--working-directory x` has no effect on the benchmarks of `codspeed.yml`: they run in `/p/bench`"
    );
}

#[test]
fn every_key_of_the_table_is_read() {
    let text = "options: {working-directory: /w, warmup-time: 1, max-time: 4, min-time: 2}";
    let (config, _) = parse(text).unwrap();
    assert_eq!(config.working_directory(), Path::new("/w"));
    let rounds = &config.options.rounds;
    assert!(rounds.warmup_time.is_some() && rounds.max_time.is_some() && rounds.min_time.is_some());
    let (config, _) = parse("options: {max-rounds: 4, min-rounds: 2}").unwrap();
    let args = config.options.rounds.to_args();
    assert_eq!((args.max_rounds, args.min_rounds), (Some(4), Some(2)));
    assert_eq!(config.working_directory(), Path::new("/p"));
}

#[test]
fn empty_files_and_empty_keys_mean_nothing() {
    for text in ["", "# nothing\n", "options:\nbenchmarks:\n", "{options: {}, benchmarks: []}"] {
        let (config, warnings) = parse(text).unwrap();
        assert_eq!((config.targets, warnings), (Vec::new(), Vec::new()), "{text:?}");
        assert_eq!(config.options, ProjectOptions::default());
    }
}

#[test]
fn wrong_types_are_refused_where_they_stand() {
    let all = [
        "[]",
        "options: fast",
        "options: [max-rounds]",
        "options: {max-rounds: \"3\"}",
        "options: {max-rounds: -3}",
        "options: {max-rounds: 1.5}",
        "options: {max-rounds: 99999999999999999999}",
        "options:\n  warmup-time: true",
        "options:\n  warmup-time: -1",
        "options:\n  warmup-time: 5 parsecs",
        "options:\n  warmup-time: [1]",
        "options: {working-directory: 5}",
        "benchmarks: {exec: ls}",
        "benchmarks: [ls]",
        "benchmarks:\n- name: 7\n  exec: ls",
        "benchmarks:\n- name: true\n  exec: ls",
        "benchmarks:\n- exec: [ls, -l]",
        "benchmarks:\n- exec: ls\n  exec: ls",
        "a: b: c",
    ];
    insta::assert_snapshot!(all.map(refused).concat());
}

#[test]
fn a_benchmark_is_one_command_or_one_suite() {
    let all = [
        "benchmarks: [{}]",
        "benchmarks:\n- name: x",
        "benchmarks:\n- exec: ~",
        "benchmarks:\n- {exec: ls, entrypoint: ls}",
        "benchmarks:\n- exec: ''",
        "benchmarks:\n- exec: \"' ' x\"",
        "benchmarks:\n- exec: echo 'x",
        "benchmarks:\n- entrypoint: ' '",
    ];
    insta::assert_snapshot!(all.map(refused).concat());
}

#[test]
fn limits_that_contradict_each_other_are_refused_on_every_level() {
    let all = [
        "options: {min-time: 1, max-rounds: 3}",
        "options: {max-time: 1, min-rounds: 3}",
        "options: {max-time: 1, min-time: 2s}",
        "options: {max-rounds: 1, min-rounds: 2}",
        "benchmarks:\n- exec: ls\n  options: {min-time: 1, max-rounds: 3}",
        "options: {min-time: 1}\nbenchmarks:\n- exec: ls\n  options: {max-rounds: 3}",
        "benchmarks:\n- exec: ls\n  options: {max-time: 1}\noptions: {min-time: 3}",
    ];
    insta::assert_snapshot!(all.map(refused).concat());
    assert!(parse("options: {max-time: 0, min-time: 2}").is_ok(), "no limit");
    let suite = "options: {min-time: 1}\nbenchmarks:\n- entrypoint: x\n  options: {max-rounds: 3}";
    assert!(parse(suite).is_ok(), "rounds are nothing to a suite");
}

#[test]
fn odd_things_are_said_and_do_no_harm() {
    let all = [
        "benchmark: []",
        "version: 3",
        "options: {<<: {max-rounds: 3}}",
        "max_rounds: 3",
        "max-rounds: 3",
        "options: {max_rounds: 3, working-dir: x}",
        "benchmarks:\n- exec: ls\n  max-rounds: 3\n  exce: x",
        "benchmarks:\n- exec: ls\n  options: {working-directory: x}",
        "benchmarks:\n- exec: a | b",
        "benchmarks:\n- exec: ls\n- exec: ' ls'",
        "benchmarks:\n- entrypoint: x\n  options: {max-rounds: 3}",
        "\"\\e[31m\\nx\": 1",
    ];
    insta::assert_snapshot!(all.map(said).concat());
}

#[test]
fn the_command_line_wins_per_field_and_conflicts_are_reported() {
    let complete = |text: &str, told: WalltimeArgs| parse(text).unwrap().0.complete(told);
    let told = WalltimeArgs {
        warmup_time: Some("7s".to_owned()),
        target_precision: Some("1%".to_owned()),
        ..WalltimeArgs::default()
    };
    let expected = WalltimeArgs { max_rounds: Some(3), ..told.clone() };
    let file = "options: {warmup-time: 1, max-rounds: 3}";
    assert_eq!(complete(file, told).unwrap(), expected);

    let few = WalltimeArgs { max_rounds: Some(2), ..WalltimeArgs::default() };
    let many = WalltimeArgs { min_rounds: Some(9), ..WalltimeArgs::default() };
    let long = WalltimeArgs { min_time: Some("1m".to_owned()), ..WalltimeArgs::default() };
    let none = WalltimeArgs { max_time: Some("0".to_owned()), ..WalltimeArgs::default() };
    let both = WalltimeArgs { min_rounds: Some(1), ..few.clone() };
    assert!(complete("options: {min-rounds: 5}", both).is_ok());
    assert!(complete("options: {min-time: 5}", none).is_ok());
    let said = [
        complete("options: {min-rounds: 5}", few),
        complete("options: {max-rounds: 5}", many),
        complete("options: {max-time: 5}", long),
    ]
    .map(|outcome| outcome.unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn files_are_searched_up_to_the_repository_root() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    let root = outside.join("repository");
    let inner = root.join("a/b");
    fs::create_dir_all(&inner).unwrap();
    let found = |here: &Path| {
        let found = discover::discover(here)?;
        Some(shown(&found.strip_prefix(folder.path()).unwrap()).into_owned())
    };
    fs::write(outside.join("codspeed.yaml"), "").unwrap();
    fs::write(outside.join(".codspeed.yml"), "").unwrap();
    assert_eq!(found(&outside).as_deref(), Some("outside/codspeed.yaml"));
    assert_eq!(found(&inner), None, "no repository: this folder only");
    fs::write(root.join(".git"), "gitdir: elsewhere").unwrap();
    assert_eq!(found(&root), None);
    assert_eq!(found(&inner), None);
    fs::write(root.join(".codspeed.yaml"), "").unwrap();
    fs::create_dir(root.join("codspeed.yaml")).unwrap();
    assert_eq!(found(&inner).as_deref(), Some("outside/repository/.codspeed.yaml"));
    fs::write(root.join("a/codspeed.yml"), "").unwrap();
    assert_eq!(found(&inner).as_deref(), Some("outside/repository/a/codspeed.yml"));
}

#[test]
fn a_file_that_is_named_has_to_be_there_and_not_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let load = |name: &str| ProjectConfig::load(Some(Path::new(name)), folder.path());
    let err = load("my.yml").unwrap_err();
    assert_eq!(err.to_string(), "could not read the project file `my.yml`");
    fs::write(folder.path().join("my.yml"), "#".repeat(300_000)).unwrap();
    let ConfigError::Io { source, .. } = load("my.yml").unwrap_err() else { panic!("no Io") };
    assert_eq!(source.to_string(), "it has more than 262144 bytes");
    fs::write(folder.path().join("my.yml"), "options: {max-rounds: x}").unwrap();
    let said = load("my.yml").unwrap_err().to_string();
    assert_eq!(
        said,
        "my.yml:1:23: `max-rounds` must be a whole number of at least 1, but is the string `x`"
    );
}

#[test]
fn the_schema_in_the_repository_is_that_of_the_table() {
    let stored = include_str!("../../../codspeed.schema.json");
    let stored: serde_json::Value = serde_json::from_str(stored).unwrap();
    let advice = "renew it: `cargo run -p runner --bin codspeed -- schema > crates/runner/codspeed.schema.json`";
    assert!(stored == schema(), "the file is stale; {advice}");
}

/// A file with a few bytes changed, taken away or put in.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..3_u8, any::<u8>());
    prop::collection::vec(change, 1..8).prop_map(|changes| {
        let mut bytes = FULL.as_bytes().to_vec();
        for (index, kind, byte) in changes {
            let index = index.index(bytes.len());
            match kind {
                0 => bytes[index] = byte,
                1 => bytes.insert(index, byte),
                _ => drop(bytes.remove(index)),
            }
        }
        bytes
    })
}

proptest! {
    #[test]
    fn damaged_files_never_panic_and_every_error_has_a_place(bytes in damaged()) {
        let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
        let flaws = match build::parse(&bytes) {
            Ok(contents) => contents.warnings,
            Err(flaw) => vec![flaw],
        };
        for flaw in flaws {
            prop_assert!((1..=lines + 1).contains(&flaw.at.line), "{flaw}");
        }
    }
}

#[test]
fn a_pattern_without_a_match_is_an_error() {
    let targets = || parse(FULL).unwrap().0.targets;
    let ids = |patterns: &[&str]| {
        let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        select(targets(), &patterns).map(|chosen| chosen.len()).map_err(|err| err.to_string())
    };
    assert_eq!(ids(&[]), Ok(3));
    assert_eq!(ids(&["*"]), Ok(3));
    assert_eq!(ids(&["fir??", "one"]), Ok(1), "id and name of the same");
    assert_eq!(ids(&["ls", "suite"]), Ok(2));
    let said = "no benchmark of the project file matches `--bench siute`; did you mean `suite`?";
    assert_eq!(ids(&["ls", "siute"]), Err(said.to_owned()));
    assert!(ids(&[""]).is_err());
}
