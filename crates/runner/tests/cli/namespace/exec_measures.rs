//! `codspeed exec` with commands that end well.

use runner_shared::text::as_text;
use serde_json::Value;

use crate::stage::{QUICK, codspeed, exec, exported, sandbox, shown, the_exported};

const BUSY: &str = r"
int main(void) {
  volatile unsigned x = 1;
  for (int i = 0; i < 500000; i++) x = x * 1103515245u + 12345u;
  return 0;
}
";

fn float(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_short_program_yields_rounds_and_an_interval() {
    let sandbox = sandbox();
    sandbox.c_program("busy", BUSY);
    let options = ["--warmup-time", "0", "--max-rounds", "20", "--export", "json=out.json"];
    let run = exec(&sandbox, &options, &["./busy"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let walls = benchmark["rounds"]["wall_ns"].as_array().unwrap();
    assert_eq!((walls.len(), benchmark["stats"]["rounds"].as_u64()), (20, Some(20)));
    assert!(walls.iter().all(|wall| wall.as_u64().unwrap() > 0));
    let (median, interval) =
        (float(&benchmark["stats"]["median_ns"]), &benchmark["median_interval_ns"]);
    assert!(float(&interval["low"]) <= median && median <= float(&interval["high"]), "{interval}");
    assert_eq!(benchmark["outcome"], "complete");
    assert_eq!(benchmark["integration"]["name"], "exec-harness");
}

#[test]
fn a_pipeline_in_one_word_is_run_by_a_shell_which_is_said() {
    let sandbox = sandbox();
    let run = exec(&sandbox, QUICK, &["seq 100 | wc -l"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn quiet_leaves_only_the_table() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &[QUICK, &["--quiet"]].concat(), &["true"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn a_profile_folder_that_nobody_named_is_gone_afterwards() {
    let sandbox = sandbox();
    let words = [&["exec"], QUICK, &["--", "true"]].concat();
    let run = codspeed(&sandbox, words);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn a_python_script_is_measured() {
    let sandbox = sandbox();
    sandbox.program("sum.py", "#!/usr/bin/env python3\nassert sum(range(1000)) == 499500\n");
    let run = exec(&sandbox, &[QUICK, &["--export", "json=out.json"]].concat(), &["./sum.py"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(the_exported(&sandbox)["stats"]["rounds"], 3);
}

#[test]
fn a_hundred_megabytes_of_output_stay_out_of_ours() {
    let sandbox = sandbox();
    let run = exec(&sandbox, QUICK, &["head", "-c", "100000000", "/dev/zero"]);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn a_flood_on_stderr_is_no_failure_and_not_shown() {
    let sandbox = sandbox();
    let command = ["sh", "-c", "head -c 50000000 /dev/zero >&2"];
    let run = exec(&sandbox, &[QUICK, &["--name", "flood"]].concat(), &command);
    insta::assert_snapshot!(shown(&sandbox, &run));
}

#[test]
fn each_round_rereads_the_input_and_rewrites_the_output() {
    let sandbox = sandbox();
    sandbox.file("in.txt", "three\nshort\nlines\n");
    let options = [QUICK, &["--input", "in.txt", "--output", "out.txt"]].concat();
    let run = exec(&sandbox, &options, &["sh", "-c", "cat; echo round >> rounds"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(sandbox.text("out.txt"), "three\nshort\nlines\n");
    assert_eq!(sandbox.text("rounds"), "round\n".repeat(3));
}

#[test]
fn the_command_runs_in_the_working_directory() {
    let sandbox = sandbox();
    std::fs::create_dir(sandbox.path().join("sub folder")).unwrap();
    let options = [QUICK, &["--working-directory", "sub folder"]].concat();
    let run = exec(&sandbox, &options, &["sh", "-c", "pwd > where"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = format!("{}/sub folder\n", as_text(sandbox.path()));
    assert_eq!(sandbox.text("sub folder/where"), expected);
    assert!(sandbox.path().join("profile/results").is_dir(), "other paths are relative to us");
}

#[test]
fn results_of_an_earlier_run_are_left_and_not_shown() {
    let sandbox = sandbox();
    let options = [QUICK, &["--export", "json=out.json"]].concat();
    let first = exec(&sandbox, &[&options[..], &["--name", "first"]].concat(), &["true"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let second = exec(&sandbox, &[&options[..], &["--name", "second"]].concat(), &["true"]);
    insta::assert_snapshot!(shown(&sandbox, &second));
    let names: Vec<_> = exported(&sandbox).iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["second"]);
    let files = std::fs::read_dir(sandbox.path().join("profile/results")).unwrap().count();
    assert_eq!(files, 4, "a results file and a log of each run");
}

#[test]
fn a_command_that_reads_less_as_nobody_reads_it_is_named() {
    let note = "`grep` reads less when it writes to /dev/null";
    for (options, command, said) in [
        (&[][..], "grep a file", true),
        (&[][..], "cat file | grep a", true),
        (&[][..], "grep a file | cat", false),
        (&["--output", "out"][..], "grep a file", false),
        (&[][..], "cat file", false),
        (&[][..], "grep a file > other", false),
        (&[][..], "grep 'a>*' file", true),
    ] {
        let sandbox = sandbox();
        sandbox.file("file", "a\n");
        let run = exec(&sandbox, &[QUICK, options].concat(), &[command]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(run.stderr.contains(note), said, "{command}: {}", run.stderr);
    }
}

#[test]
fn the_memory_of_rounds_differs_from_that_of_the_harness() {
    let sandbox = sandbox();
    let program = "static volatile char memory[64 << 20];\nint main(void) { for (int i = 0; i < 64 << 20; i += 1024) memory[i] = 1; return 0; }";
    sandbox.c_program("large", program);
    let run = exec(&sandbox, &[QUICK, &["--export", "json=out.json"]].concat(), &["./large"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let large = the_exported(&sandbox);
    let rounds = large["rounds"]["max_rss_bytes"].as_array().unwrap();
    let is_right = |bytes: &Value| (64 << 20..80 << 20).contains(&bytes.as_u64().unwrap());
    assert!(rounds.len() == 3 && rounds.iter().all(is_right), "{rounds:?}");
    assert_eq!(large["median_max_rss"]["at_most"], false);
    assert!(run.stdout.contains("Max RSS"), "{}", run.stdout);
    let run = exec(&sandbox, &[QUICK, &["--export", "json=out.json"]].concat(), &["true"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let small = the_exported(&sandbox);
    assert!(float(&small["median_max_rss"]["bytes"]) < 32e6, "{}", small["median_max_rss"]);
}

#[test]
fn events_are_counted_in_each_round_with_all_children() {
    let sandbox = sandbox();
    sandbox.c_program("busy", BUSY);
    let events = "instructions,task-clock,faults";
    let options = [QUICK, &["--counters", events, "--export", "json=out.json"]].concat();
    let run = exec(&sandbox, &options, &["sh", "-c", "./busy; ./busy"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let benchmark = the_exported(&sandbox);
    let counters = benchmark["counters"].as_array().unwrap();
    let names: Vec<_> = counters.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["instructions", "task-clock", "page-faults"]);
    for counter in counters {
        let (missing, values) =
            (counter["missing"].as_str().unwrap(), counter["values"].as_array().unwrap());
        assert_eq!(values.len(), 3);
        let is_whole = values.iter().all(|value| value.as_u64().is_some_and(|value| value > 0));
        assert_eq!(is_whole, missing.is_empty(), "{counter}");
        let line = format!("Not counted ({}", counter["name"].as_str().unwrap());
        assert_eq!(run.stdout.contains(&line), !is_whole, "{}", run.stdout);
    }
    // By far most of the time is that of the two children.
    let clock = &counters[1];
    if clock["missing"] == "" {
        let processor = float(&benchmark["median_processor_ns"]);
        let share = float(&clock["median"]) / processor;
        assert!((0.5..1.5).contains(&share), "{clock} of {processor}");
    }
    let wrong = exec(&sandbox, &["--counters", "instruction"], &["true"]);
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.contains("unknown counter `instruction`; the counters are instructions, ")
    );
}
