//! The remains of a run: a record in the store, and nothing in the folder for temporary files.

use std::fs;

use serde_json::Value;
use store::{Kind, Mode, Outcome, PartState, Record, Store};
use test_support::{Answer, Run, Sandbox};

use super::ab;

use crate::service::{asked, user};
use crate::stage::{CODSPEED, QUICK, WAIT_AFTER_READY, codspeed, nothing_is_left, sandbox, start};
use crate::stored::store_of;

/// A sandbox with a repository, whose commit is everything that is in it so far.
fn repository() -> Sandbox {
    let sandbox = sandbox();
    sandbox.file("in.txt", "one\n");
    let git = |words: &[&str]| {
        let name = ["-c", "user.name=me", "-c", "user.email=me@example.com"];
        let run = sandbox.run(sandbox.command("git", [&name, words].concat()));
        assert_eq!(run.code, 0, "{}", run.shown());
    };
    git(&["init", "-q", "-b", "main", "."]);
    git(&["remote", "add", "origin", "git@git.example.com:acme/widgets.git"]);
    git(&["add", "in.txt"]);
    git(&["commit", "-q", "-m", "first"]);
    sandbox
}

/// `codspeed exec` without a folder of its own.
fn exec(sandbox: &Sandbox, options: &[&str], command: &[&str]) -> Run {
    sandbox.run(sandbox.private(CODSPEED, [&["exec"], QUICK, options, &["--"], command].concat()))
}

/// The records of the sandbox, oldest first.
pub(super) fn records(sandbox: &Sandbox) -> Vec<Record> {
    let folder = store_of(sandbox);
    let Ok(store) = Store::open_existing(&folder, &mut |_| {}) else { return Vec::new() };
    let entries = store.entries(&store::Filter::default()).unwrap();
    entries.iter().rev().map(|entry| store.get(entry.id).unwrap()).collect()
}

fn record(sandbox: &Sandbox) -> Record {
    let mut records = records(sandbox);
    assert_eq!(records.len(), 1);
    records.remove(0)
}

#[test]
fn a_page_of_what_was_measured_is_written_if_wanted() {
    let sandbox = repository();
    let run = exec(&sandbox, &["--report", "page.html"], &["cat", "in.txt"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("report written to `page.html`"), "{}", run.stderr);
    let page = sandbox.text("page.html");
    assert!(page.contains("cat in.txt") && page.contains("Rounds in the order"), "{page}");
    for (options, said) in [
        (&["--report", "-"][..], "`--report` needs a file"),
        (&["--report", "no/page.html"], "no/page.html"),
        (&["--report", "page.html", "--no-store"], "cannot be used with"),
        (&["--report", "a.json", "--export", "json=./a.json"], "both write `a.json`"),
    ] {
        let run = exec(&sandbox, options, &["touch", "was-run"]);
        assert_eq!(run.code, 2, "{}", run.shown());
        assert!(run.stderr.contains(said), "{}", run.stderr);
        assert!(!sandbox.path().join("was-run").exists(), "nothing is measured before");
    }
    let run = exec(&sandbox, &["--report", "page.html"], &["false"]);
    assert_eq!(run.code, 1, "{}", run.shown());
    assert!(
        run.stderr.contains("no report was written to `page.html`")
            || sandbox.text("page.html").contains("Failed: "),
        "{}",
        run.stderr
    );
}

#[test]
fn a_page_of_both_states_is_written_if_wanted() {
    let sandbox = ab::repository();
    let options = ["--base", "HEAD~1", "--head", "HEAD", "--report", "page.html"];
    let run = ab::ab(&sandbox, &options, "sh ./suite");
    assert_eq!(run.code, 0, "{}", run.shown());
    let page = sandbox.text("page.html");
    for text in ["1 regressed", "two", "2.100 ms", "+5.0 %"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn a_record_says_what_was_measured_where_and_of_which_sources() {
    let sandbox = repository();
    let options = ["--save-as", "before", "--label", "machine=quiet", "--label", "a=b=c"];
    let run = exec(&sandbox, &options, &["cat", "in.txt"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert!(run.stderr.contains("recorded as "), "{}", run.stderr);
    let record = record(&sandbox);
    assert_eq!(
        (record.kind, record.command.as_slice()),
        (Kind::Exec, &["cat", "in.txt"].map(str::to_owned)[..])
    );
    assert_eq!((record.name.as_deref(), &*record.labels["a"]), (Some("before"), "b=c"));
    assert_eq!(record.project, "acme/widgets");
    let commit = record.commit.clone().unwrap();
    assert_eq!((commit.branch.as_deref(), commit.dirty), (Some("main"), Some(false)));
    let [part] = &record.parts[..] else { panic!("{:?}", record.parts) };
    assert_eq!(
        (part.mode, part.state, part.modules_decide),
        (Mode::Walltime, PartState::Complete, true)
    );
    let modules = &record.environment.modules;
    assert!(modules.iter().any(|it| it.path.ends_with("/cat")), "{modules:?}");
    assert!(modules.iter().any(|it| it.path.ends_with("/in.txt") && it.id.starts_with("sha256:")));
    assert!(modules.iter().any(|it| it.id == record.environment.libc), "{modules:?}");
    let [benchmark] = &record.benchmarks[..] else { panic!("{:?}", record.benchmarks) };
    assert_eq!(benchmark.rounds.as_ref().unwrap().wall_ns.len(), 3);
    assert!(benchmark.metrics.contains_key(&benchmark.headline), "{benchmark:?}");

    sandbox.file("in.txt", "two\n");
    let run = exec(&sandbox, &[], &["cat", "in.txt"]);
    assert!(
        run.stderr.contains("(compare with the last run: `codspeed compare`)"),
        "{}",
        run.stderr
    );
    let records = records(&sandbox);
    assert_eq!(records[1].commit.as_ref().unwrap().dirty, Some(true));
    assert_eq!(records[0].environment.variables, records[1].environment.variables);
    nothing_is_left(&sandbox);
}

#[test]
fn many_runs_leave_nothing_in_the_temp_folder() {
    let sandbox = sandbox();
    for _ in 0..3 {
        assert_eq!(exec(&sandbox, &[], &["true"]).code, 0);
        let words = ["run", "-m", "walltime", "--allow-empty", "--", "true"];
        assert_eq!(codspeed(&sandbox, words).code, 0);
    }
    nothing_is_left(&sandbox);
    assert_eq!(records(&sandbox).len(), 3, "what measured nothing leaves no record");
}

#[test]
fn only_runs_of_the_same_benchmarks_are_offered() {
    let sandbox = sandbox();
    for (command, is_offered) in [("true", false), ("pwd", false), ("true", true)] {
        let run = exec(&sandbox, &[], &[command]);
        assert_eq!(run.code, 0, "{}", run.shown());
        let hint = " (compare with the last run: `codspeed compare`)";
        assert_eq!(run.stderr.contains(hint), is_offered, "{command}: {}", run.stderr);
    }
}

#[test]
fn what_cannot_be_exported_was_measured_all_the_same() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &["--export", "json=/dev/full"], &["true"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert_eq!(record(&sandbox).parts[0].state, PartState::Complete);
    fs::remove_dir_all(sandbox.tmp().join(&sandbox.left_in_tmp()[0])).unwrap();
    nothing_is_left(&sandbox);
}

#[test]
fn a_folder_stays_where_somebody_is_to_look_at_it() {
    let sandbox = sandbox();
    let kept = |run: &Run| {
        let left = sandbox.left_in_tmp();
        let [folder, lock] = &left[..] else { panic!("{left:?}\n{}", run.shown()) };
        assert_eq!(lock, "runner.lock");
        assert!(run.stderr.contains(&format!("profile folder: /tmp/{folder}")), "{}", run.stderr);
        fs::remove_dir_all(sandbox.tmp().join(folder)).unwrap();
    };
    let wanted = exec(&sandbox, &["--keep-profile"], &["true"]);
    assert_eq!(wanted.code, 0);
    kept(&wanted);
    let script = "test -e twice && exit 3; test -e once && touch twice; touch once";
    let failed = exec(&sandbox, &[], &["sh", "-c", script]);
    assert_eq!(failed.code, 1);
    kept(&failed);
    let lost = exec(&Sandbox::with(repository(), "HOME", ""), &[], &["true"]);
    assert_eq!(lost.code, 0, "{}", lost.shown());
    assert!(lost.stderr.contains("the run could not be recorded"), "{}", lost.stderr);
    assert!(lost.stderr.contains("profile folder: "), "{}", lost.stderr);
}

#[test]
fn what_fails_before_its_first_round_leaves_nothing() {
    let sandbox = sandbox();
    for _ in 0..2 {
        let failed = exec(&sandbox, &[], &["false"]);
        assert_eq!(failed.code, 1, "{}", failed.shown());
        assert!(!failed.stderr.contains("/tmp/profile."), "{}", failed.stderr);
        nothing_is_left(&sandbox);
    }
    let (mut ready, _hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let words = [&["exec"], QUICK, &["--", "sh", "-c", WAIT_AFTER_READY]].concat();
    let running = start(&sandbox, words);
    ready.wait();
    running.signal(nix::sys::signal::Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.shown());
    assert!(!run.stderr.contains("codspeed inspect"), "{}", run.stderr);
    nothing_is_left(&sandbox);
}

#[test]
fn a_folder_goes_when_it_has_been_uploaded_and_stays_until_then() {
    let (sandbox, api) = user();
    api.on("POST /upload", [Answer::text(401, "{}")]);
    let run = exec(&sandbox, &[], &["true"]);
    assert_eq!(run.code, 5, "{}", run.shown());
    assert!(run.stderr.contains("recorded as "), "{}", run.stderr);
    let left = sandbox.left_in_tmp();
    let [folder, _lock] = &left[..] else { panic!("{left:?}") };
    let hint = format!("run `codspeed upload /tmp/{folder}` to try again");
    assert!(run.stderr.contains(&hint), "{}", run.stderr);
    fs::remove_dir_all(sandbox.tmp().join(folder)).unwrap();

    let (sandbox, api) = user();
    let run = exec(&sandbox, &[], &["true"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(asked(&api, "PUT /storage").len(), 1);
    nothing_is_left(&sandbox);
}

#[test]
fn a_run_without_a_store_leaves_neither_record_nor_folder() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &["--no-store"], &["true"]);
    assert_eq!(run.code, 0);
    assert!(!run.stderr.contains("recorded"), "{}", run.stderr);
    assert!(run.stderr.contains("\nresults are not uploaded; run `"), "{}", run.stderr);
    nothing_is_left(&sandbox);
    assert!(!sandbox.path().join(".local").exists());
    let both = exec(&sandbox, &["--no-store", "--save-as", "x"], &["true"]);
    assert_eq!(both.code, 2);
}

#[test]
fn failures_and_interruptions_are_in_the_record() {
    let sandbox = sandbox();
    let script = "test -e twice && exit 3; test -e once && touch twice; touch once";
    let run = exec(&sandbox, &[], &["sh", "-c", script]);
    assert_eq!(run.code, 1, "{}", run.shown());
    let failed = record(&sandbox);
    assert_eq!(failed.parts[0].state, PartState::Failed);
    assert!(matches!(failed.benchmarks[0].outcome, Outcome::Failed(_)), "{failed:?}");
    assert!(!failed.parts[0].modules_decide, "a shell may run anything");

    let (mut ready, _hold) = (sandbox.notice("ready"), sandbox.fifo("hold"));
    let wait = format!("test -e third && {{ {WAIT_AFTER_READY}; }}; touch third");
    let modes = ["exec", "-m", "walltime,memory"];
    let words = [&modes, QUICK, &["--", "sh", "-c", &wait]].concat();
    let running = start(&sandbox, words);
    ready.wait();
    running.signal(nix::sys::signal::Signal::SIGINT);
    let run = running.end();
    assert_eq!(run.code, 130, "{}", run.shown());
    let interrupted = records(&sandbox).pop().unwrap();
    let states: Vec<PartState> = interrupted.parts.iter().map(|part| part.state).collect();
    assert_eq!(states, [PartState::Interrupted; 2], "the second one was never begun");
    assert!(run.stderr.contains("codspeed inspect /tmp/profile."), "{}", run.stderr);
}

#[test]
fn no_record_holds_a_secret() {
    let sandbox = sandbox().with("CODSPEED_TOKEN", "s3cr3t-token").with("MY_KEY", "hidden-key");
    let options = ["--skip-upload", "--hide-env", "MY_KEY", "--label", "key=hidden-key"];
    let run = exec(&sandbox, &options, &["echo", "s3cr3t-token", "hidden-key"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let json = serde_json::to_string(&record(&sandbox)).unwrap();
    assert!(!json.contains("s3cr3t") && !json.contains("hidden-key"), "{json}");
    assert_eq!(record(&sandbox).command, ["echo", "***", "***"]);
}

#[test]
fn the_last_run_is_inspected_without_a_folder() {
    let sandbox = sandbox();
    let run = codspeed(&sandbox, ["inspect"]);
    assert!(run.code == 2 && run.stderr.contains("there is no store"), "{}", run.shown());
    exec(&sandbox, &["--save-as", "first"], &["true"]);
    exec(&sandbox, &[], &["ls", "/"]);
    let shown = codspeed(&sandbox, ["inspect"]);
    assert!(shown.stdout.contains("ls /"), "{}", shown.shown());
    let shown = codspeed(&sandbox, ["inspect", "first"]);
    assert!(shown.stdout.contains("true"), "{}", shown.shown());
    let run = codspeed(&sandbox, ["inspect", "--export", "folded=-"]);
    assert_eq!(run.code, 1, "{}", run.shown());
    assert!(run.stderr.contains("the run has no stacks"), "{}", run.stderr);
    let run = codspeed(&sandbox, ["inspect", "--export", "csv=-"]);
    assert_eq!(run.code, 2, "{}", run.shown());
    assert!(run.stderr.contains("the formats of stored runs are jsonl, "), "{}", run.stderr);
    assert!(!run.stderr.contains("ls /"), "nothing is shown before: {}", run.stderr);
    for option in ["--explain", "--exclude-allocations"] {
        let run = codspeed(&sandbox, ["inspect", option]);
        assert_eq!((run.code, &*run.stdout), (2, ""), "{}", run.shown());
        let what = format!("`{option}` is not for stored runs: ");
        assert!(run.stderr.contains(&what), "{}", run.stderr);
    }
}

#[test]
fn a_folder_with_the_name_of_a_stored_run_is_no_run() {
    let sandbox = sandbox();
    exec(&sandbox, &["--save-as", "first"], &["true"]);
    fs::create_dir_all(sandbox.path().join("first/src")).unwrap();
    let shown = codspeed(&sandbox, ["inspect", "first"]);
    assert!(shown.code == 0 && shown.stdout.contains("true"), "{}", shown.shown());
    let shown = codspeed(&sandbox, ["inspect", "./first"]);
    assert!(shown.stderr.contains("`./first` contains no results"), "{}", shown.shown());
    fs::create_dir(sandbox.path().join("second")).unwrap();
    let shown = codspeed(&sandbox, ["inspect", "second"]);
    assert!(shown.stderr.contains("`codspeed inspect ./second`"), "{}", shown.shown());
    let words = ["--profile-folder", "first", "--no-store"];
    assert_eq!(exec(&sandbox, &words, &["echo", "in a folder"]).code, 0);
    let shown = codspeed(&sandbox, ["inspect", "first"]);
    assert!(shown.stdout.contains("in a folder"), "{}", shown.shown());
}

#[test]
fn a_stored_run_is_exported_as_the_run_itself() {
    let sandbox = sandbox();
    let exports = ["--export", "jsonl=live.jsonl", "--export", "bmf=live.json"];
    assert_eq!(exec(&sandbox, &exports, &["true"]).code, 0);
    let exports = ["--export", "jsonl=kept.jsonl", "--export", "bmf=kept.json"];
    assert_eq!(codspeed(&sandbox, [&["inspect"], &exports[..]].concat()).code, 0);
    let json = |name: &str| -> Value { serde_json::from_str(&sandbox.text(name)).unwrap() };
    let (live, kept) = (json("live.jsonl"), json("kept.jsonl"));
    assert!(live["value"].is_f64());
    assert_eq!((&live["value"], &live["unit"]), (&kept["value"], &kept["unit"]));
    assert!(json("kept.json")["true"]["latency"].is_object());
    assert_eq!(json("live.json")["true"]["latency"], json("kept.json")["true"]["latency"]);
}

#[test]
fn what_is_rewritten_during_a_run_decides_nothing() {
    let sandbox = repository();
    for (command, decides) in [("cat", true), ("touch", false)] {
        assert_eq!(exec(&sandbox, &[], &[command, "in.txt"]).code, 0);
        let record = records(&sandbox).pop().unwrap();
        assert_eq!(record.parts[0].modules_decide, decides, "{command}");
    }
}

#[test]
fn json_lines_say_where_record_and_folder_are() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &["--keep-profile", "--message-format", "json"], &["true"]);
    assert_eq!(run.code, 0, "{}", run.shown());
    let lines: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let only = |event: &str| {
        let mut found = lines.iter().filter(|line| line["event"] == event);
        let line = found.next().unwrap();
        assert!(found.next().is_none(), "{}", run.stdout);
        line.clone()
    };
    let folder = only("profile_folder")["path"].as_str().unwrap().to_owned();
    let name = folder.strip_prefix("/tmp/").unwrap();
    assert!(sandbox.tmp().join(name).join("results").is_dir(), "{folder}");
    let store = store_of(&sandbox);
    let store = Store::open_existing(&store, &mut |_| {}).unwrap();
    let entries = store.entries(&store::Filter::default()).unwrap();
    assert_eq!(only("recorded")["id"], entries[0].id.to_string());
}

#[test]
fn folders_of_a_run_that_goes_on_are_not_cleaned() {
    let sandbox = sandbox();
    let clean = format!("{CODSPEED} clean --older-than 0 > cleaned");
    sandbox.file("codspeed.yml", format!("benchmarks:\n  - {{name: a, entrypoint: 'true'}}\n  - {{name: b, entrypoint: '{clean}'}}\n"));
    let words = ["run", "-m", "walltime", "--allow-empty", "--keep-profile"];
    let run = sandbox.run(sandbox.private(CODSPEED, words));
    assert_eq!(run.code, 0, "{}", run.shown());
    assert_eq!(sandbox.text("cleaned"), "nothing to remove\n");
    let left = sandbox.left_in_tmp();
    assert_eq!(left.iter().filter(|name| name.starts_with("profile.")).count(), 2, "{left:?}");
}

#[test]
fn old_folders_are_cleaned() {
    let sandbox = sandbox();
    let run = exec(&sandbox, &["--keep-profile"], &["true"]);
    assert_eq!(run.code, 0);
    let young = codspeed_clean(&sandbox, &[]);
    assert_eq!(young.stdout, "nothing to remove\n");
    let dry = codspeed_clean(&sandbox, &["--older-than", "0", "--dry-run"]);
    assert!(dry.stdout.contains("1 profile folder ("), "{}", dry.stdout);
    assert_eq!(sandbox.left_in_tmp().len(), 2);
    let run = codspeed_clean(&sandbox, &["--older-than", "0"]);
    assert!(run.stdout.contains("removed 1 profile folder ("), "{}", run.stdout);
    nothing_is_left(&sandbox);
}

fn codspeed_clean(sandbox: &Sandbox, options: &[&str]) -> Run {
    let run = sandbox.run(sandbox.private(CODSPEED, [&["clean"], options].concat()));
    assert_eq!(run.code, 0, "{}", run.shown());
    run
}

#[test]
fn the_schema_of_records_is_printed() {
    let sandbox = sandbox();
    let run = codspeed(&sandbox, ["schema", "record"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told, Record::schema().to_value());
    let project = codspeed(&sandbox, ["schema"]);
    assert!(project.stdout.contains("ProjectConfig"), "{}", project.stdout);
}
