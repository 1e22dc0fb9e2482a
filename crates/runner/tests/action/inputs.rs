//! Inputs arrive at `codspeed` as they were written, and in no shell.

use serde_json::json;

use crate::{definition, job::Job};

/// Returns how `codspeed run` is started with these inputs.
#[track_caller]
fn ran(job: &mut Job, with: &[(&str, &str)]) -> Vec<String> {
    job.uses(with).succeeded();
    job.calls().pop().unwrap().arguments
}

#[test]
fn every_input_becomes_its_option() {
    let (mut job, _) = Job::with_release();
    let table: &[(&str, &str, &[&str])] = &[
        ("mode", "simulation", &["--mode=simulation"]),
        ("working-directory", "a b", &["--working-directory=a b"]),
        ("upload-url", "https://example.invalid/up", &["--upload-url=https://example.invalid/up"]),
        ("instruments", "mongodb", &["--instruments=mongodb"]),
        ("mongo-uri-env-name", "DB", &["--mongo-uri-env-name=DB"]),
        ("instruments-cache-dir", "~/c", &["--setup-cache-dir=~/c"]),
        ("cache-instruments", "true", &["--setup-cache-dir=~/.cache/codspeed-action"]),
        ("allow-empty", "true", &["--allow-empty"]),
        ("go-runner-version", "1.2.1", &["--go-runner-version=1.2.1"]),
        ("config", "c.yaml", &["--config=c.yaml"]),
        ("cycle-estimation", "false", &["--cycle-estimation=false"]),
        ("exclude-allocations", "true", &["--exclude-allocations=true"]),
        ("run", "pytest --codspeed", &["--", "pytest --codspeed"]),
        // These change something else, as other tests show.
        ("token", "secret", &[]),
        ("runner-version", "1.2.3", &[]),
        ("skip-hash-check-warning", "true", &[]),
    ];
    let mut known: Vec<_> = table.iter().map(|(input, ..)| *input).collect();
    known.sort_unstable();
    assert_eq!(known, definition::read().inputs.keys().collect::<Vec<_>>());
    for (input, value, options) in table {
        let least = [("mode", "walltime"), ("cache-instruments", "false")];
        let is_folder = *input == "instruments-cache-dir";
        let needed = if is_folder { ("cache-instruments", "true") } else { ("run", "") };
        let with = [&least[..], &[needed, (*input, *value)]].concat();
        let mode = if *input == "mode" { [""; 0].as_slice() } else { &["--mode=walltime"] };
        assert_eq!(
            ran(&mut job, &with),
            [&["codspeed", "run"], mode, options].concat(),
            "for `{input}`"
        );
    }
}

#[test]
fn all_inputs_together_keep_their_order() {
    let (mut job, _) = Job::with_release();
    let with = [
        ("mode", "simulation,\n memory"),
        ("allow-empty", "true"),
        ("config", "c.yaml"),
        ("run", "cargo codspeed run"),
    ];
    let expected = [
        "codspeed",
        "run",
        "--mode=simulation,memory",
        "--config=c.yaml",
        "--setup-cache-dir=~/.cache/codspeed-action",
        "--allow-empty",
        "--",
        "cargo codspeed run",
    ];
    assert_eq!(ran(&mut job, &with), expected);
}

#[test]
fn only_the_word_true_allows_an_empty_run() {
    let (mut job, _) = Job::with_release();
    for word in ["false", "1", "yes", "True", ""] {
        let with = [("mode", "walltime"), ("cache-instruments", "no"), ("allow-empty", word)];
        assert_eq!(ran(&mut job, &with), ["codspeed", "run", "--mode=walltime"], "for {word:?}");
    }
}

#[test]
fn a_command_arrives_as_it_was_written() {
    let (mut job, _) = Job::with_release();
    let commands = [
        "echo \"a 'b'\" 'c \"d\"'",
        "first\nsecond \\\n  third\n",
        "echo $HOME ${HOME} $(touch injected) `touch injected`",
        "a && b; c | d > e & f #g !h *i ?j ~k \\l",
        "-- --token=x",
        "${{ github.token }}",
        "äöü 🐇\ttab",
    ];
    for command in commands {
        let arguments = ran(&mut job, &[("mode", "walltime"), ("run", command)]);
        assert_eq!(arguments.last().unwrap(), command);
        assert_eq!(arguments[arguments.len() - 2], "--");
    }
}

#[test]
fn a_blank_command_runs_the_benchmarks_of_the_project_file() {
    let (mut job, _) = Job::with_release();
    for command in ["", "\n", "  "] {
        let with = [("mode", "walltime"), ("cache-instruments", "false"), ("run", command)];
        assert_eq!(ran(&mut job, &with), ["codspeed", "run", "--mode=walltime"]);
    }
}

#[test]
fn no_input_is_read_as_code() {
    let attacks = [
        "$(touch injected)",
        "`touch injected`",
        "\"; touch injected; \"",
        "'; touch injected; '",
        "x\ntouch injected\n",
        "${IFS}&& touch injected",
        "x\nEOF\nbin=/nowhere\n",
        "a[$(touch injected)]",
        "%s%n\\",
        "*",
    ];
    let (mut job, _) = Job::with_release();
    let inputs: Vec<_> = definition::read().inputs.into_keys().collect();
    for attack in attacks {
        let all = inputs.iter().filter(|input| *input != "runner-version");
        let with: Vec<_> = all.map(|input| (input.as_str(), attack)).collect();
        job.uses(&with).succeeded();
        // This one refuses what names no version.
        job.uses(&[("mode", "walltime"), ("runner-version", attack)]).failed("Versions");
        for folder in ["workspace", "action", "temp", "."] {
            let injected = job.sandbox.path().join(folder).join("injected");
            assert!(!injected.exists(), "{attack:?} was run in `{folder}`");
        }
    }
}

#[test]
fn the_token_is_masked_and_goes_by_the_environment() {
    let (mut job, _) = Job::with_release();
    let outcome = job.uses(&[("mode", "walltime"), ("token", "se%cret"), ("run", "true")]);
    let said = outcome.succeeded();
    let (first, run) = &outcome.scripts[0];
    assert_eq!((&**first, &*run.stdout), ("Versions", "::add-mask::se%25cret\n"));
    assert!(!said.replace("::add-mask::se%25cret\n", "").contains("cret"), "{said}");
    let calls = job.calls();
    for call in &calls {
        assert!(!call.arguments.concat().contains("se%cret"), "{:?}", call.arguments);
        let told = call.environment.iter().filter(|(_, value)| value.contains("se%cret"));
        let told: Vec<_> = told.map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = if call.arguments[1] == "run" { &["CODSPEED_TOKEN"] } else { &[] };
        assert_eq!(told, expected);
    }
}

#[test]
fn nothing_of_the_action_is_left_in_the_environment_of_the_run() {
    let (mut job, _) = Job::with_release();
    job.uses(&[("mode", "walltime"), ("run", "true"), ("token", "secret")]).succeeded();
    let environment = job.calls().pop().unwrap().environment;
    let left = environment
        .keys()
        .filter(|name| name.starts_with("CODSPEED_INPUT_") || name.starts_with("CODSPEED_ACTION_"));
    assert_eq!(left.count(), 0);
    assert_eq!(environment["GH_MATRIX"], "null");
    assert_eq!(environment["GH_STRATEGY"], "{\n  \"job-index\": 0\n}");
    assert_eq!(environment["GITHUB_ACTIONS"], "true");
    assert!(environment["PWD"].ends_with("/workspace"));
    assert!(environment["GITHUB_STEP_SUMMARY"].ends_with("/step_summary"));
}

/// A signal for a cancelled job goes to the process of the step.
#[test]
fn the_process_of_the_step_becomes_the_run() {
    let (mut job, _) = Job::with_release();
    job.uses(&[("mode", "walltime"), ("run", "true")]).succeeded();
    let parents: Vec<_> =
        job.calls().iter().map(|call| call.parent == std::process::id()).collect();
    assert_eq!(parents, [false, true], "that of `setup`, and that of `run`");
}

#[test]
fn a_fork_has_no_token_and_needs_none() {
    let (mut job, _) = Job::with_release();
    job.env("GITHUB_EVENT_NAME", "pull_request");
    job.env("GITHUB_REF", "refs/pull/7/merge");
    job.event(&json!({
        "repository": {"private": false},
        "pull_request": {
            "head": {"ref": "feat", "repo": {"id": 2, "owner": {"login": "bob"}}},
            "base": {"repo": {"id": 1}},
        },
    }));
    // What a secret of the base repository is for a fork.
    let outcome = job.uses(&[("mode", "walltime"), ("token", ""), ("run", "true")]);
    let said = outcome.succeeded();
    assert!(!said.contains("add-mask"), "{said}");
    let call = job.calls().pop().unwrap();
    assert!(!call.environment.contains_key("CODSPEED_TOKEN"), "{call:?}");
}

#[test]
fn a_token_of_the_job_is_left_alone() {
    let (mut job, _) = Job::with_release();
    job.env("CODSPEED_TOKEN", "of the job");
    job.uses(&[("mode", "walltime"), ("run", "true")]).succeeded();
    assert_eq!(job.calls().pop().unwrap().environment["CODSPEED_TOKEN"], "of the job");
}

#[test]
fn each_mode_and_instrument_is_set_up() {
    let (mut job, _) = Job::with_release();
    let with = [("mode", "simulation,memory"), ("instruments", "mongodb")];
    job.uses(&with).succeeded();
    let calls: Vec<_> = job.calls().iter().map(|call| call.arguments.join(" ")).collect();
    let cache = "--setup-cache-dir=~/.cache/codspeed-action";
    let expected = [
        format!("codspeed setup --mode=simulation {cache}"),
        format!("codspeed setup --mode=memory {cache}"),
        "codspeed setup --instruments=mongodb".to_owned(),
        format!("codspeed run --mode=simulation,memory --instruments=mongodb {cache}"),
    ];
    assert_eq!(calls, expected);
}

#[test]
fn what_the_cache_holds_is_not_set_up_again() {
    let (mut job, _) = Job::with_release();
    job.cached = true;
    job.uses(&[("mode", "simulation"), ("instruments", "mongodb")]).succeeded();
    let calls: Vec<_> = job.calls().iter().map(|call| call.arguments[1..3].join(" ")).collect();
    // The tracer of this instrument is elsewhere.
    assert_eq!(calls, ["setup --instruments=mongodb", "run --mode=simulation"]);
}

#[test]
fn a_failed_setup_is_a_warning_and_a_failed_run_an_error() {
    let (mut job, _) = Job::with_release();
    job.env("FAILS", "setup");
    let outcome = job.uses(&[("mode", "simulation"), ("cache-instruments", "false")]);
    outcome.succeeded();
    let warning = "::warning title=codspeed setup failed::`codspeed setup --mode=simulation` failed; its output is above. The run goes on without.";
    assert_eq!(outcome.annotations(), [warning]);
    job.env("FAILS", "run");
    assert_eq!(job.uses(&[("mode", "simulation")]).failed("Run"), "");
}
