//! Stored runs, as the user sees them: lists, sheets, and ways to other stores.

use std::{fs, path::Path};

use store::{
    CommitInfo, Environment, Filter, Metric, MetricUnit, Part, Patience, Purpose, Record, RecordId,
    RecordedBenchmark, Retention, SharedKey, SharedStore, Store,
};
use test_support::{Sandbox, record_file, redact};

use crate::{
    stage::{CODSPEED, sandbox},
    stored::{self, keep_in, shared_store, sharing, store_of},
};

/// The project of all these tests, for shells.
fn project() -> Sandbox {
    stored::project().with("CODSPEED", CODSPEED)
}

/// The record of a run; `number` is its minute, and the median of its benchmark in milliseconds.
fn record(number: u32) -> Record {
    let branch = if number.is_multiple_of(3) { "other" } else { "main" };
    let hash = format!("{number:x}a1b2c3d4e5f60718293a4b5c6d7e8f901234567");
    let metric = Metric {
        value: f64::from(number) * 1e6,
        unit: MetricUnit::Nanoseconds,
        ..Default::default()
    };
    let benchmark = RecordedBenchmark {
        name: "sort".to_owned(),
        uri: "suite.py::sort".to_owned(),
        occurrence: 1,
        metrics: [("median_ns".to_owned(), metric)].into(),
        headline: "median_ns".to_owned(),
        ..Default::default()
    };
    Record {
        version: Record::VERSION,
        time_ms: 1_790_000_000_000 + u64::from(number) * 60_000,
        program: "codspeed 5.1.0".to_owned(),
        project: "acme/widgets".to_owned(),
        commit: Some(CommitInfo { hash, branch: Some(branch.to_owned()), dirty: Some(number > 4) }),
        parts: vec![Part::default()],
        benchmarks: vec![benchmark],
        ..Default::default()
    }
}

fn id(number: u32) -> RecordId {
    record(number).pack().unwrap().id
}

fn fill(folder: &Path, numbers: impl IntoIterator<Item = u32>) {
    keep_in(folder, &numbers.into_iter().map(record).collect::<Vec<_>>());
}

/// Returns what a shell shows that runs these commands one after the other. Names of records are shortened.
#[track_caller]
fn shell(sandbox: &Sandbox, lines: &[&str]) -> String {
    let function = "codspeed() { \"$CODSPEED\" \"$@\" || echo \"exit code: $?\"; }\nexec 2>&1\n";
    let said = |line: &&str| format!("echo '$ {line}'\n{line}\n");
    let script = function.to_owned() + &lines.iter().map(said).collect::<String>();
    let run = sandbox.run(sandbox.command("sh", ["-c", &script]));
    redact(&run.shown(), sandbox)
}

#[test]
fn help_of_store_teaches() {
    let sandbox = sandbox();
    insta::assert_snapshot!(shell(&sandbox.with("CODSPEED", CODSPEED), &["codspeed store --help"]));
}

#[test]
fn runs_are_listed_shown_and_removed() {
    let sandbox = project();
    fill(&store_of(&sandbox), 1..=5);
    let other = Record { project: "fork/widgets".to_owned(), ..record(9) };
    let named = Record { name: Some("v1".to_owned()), ..record(6) };
    let store = Store::open(&store_of(&sandbox)).unwrap();
    for record in [other, named] {
        store.add(&record).unwrap();
    }
    insta::assert_snapshot!(shell(
        &sandbox,
        &[
            "codspeed store list",
            "codspeed store list -n 2 --branch main",
            "codspeed store list --all-projects --since 1000years -n 1",
            "codspeed store list --branch none",
            "codspeed store show v1",
            "codspeed store show last~9",
            "codspeed store show mian",
            "codspeed store rm v1 main",
            "codspeed store rm v1",
            "codspeed store list -n 1 --json",
            "codspeed store gc",
            "codspeed store gc --keep 1 --dry-run",
            "codspeed store gc --keep 1",
            "codspeed store gc --keep 1 --json",
            "codspeed store gc --newer-than 30",
        ]
    ));
}

#[test]
fn a_project_has_its_own_store_if_it_wants() {
    let sandbox = project();
    let text = shell(
        &sandbox,
        &[
            "codspeed store path",
            "codspeed store list",
            "codspeed store list --json",
            "codspeed store show last",
            "echo 'store: project' > codspeed.yml; codspeed store path",
            "echo 'store: user' > codspeed.yml; mkdir -p .codspeed/store; codspeed store path",
            "rm codspeed.yml; codspeed store path --json",
            "XDG_DATA_HOME=/data CODSPEED_STORE=elsewhere codspeed store path",
            "rm -r .codspeed; XDG_DATA_HOME=/data codspeed store path",
            "mkdir store; ln -s . .codspeed; codspeed store path",
            "echo 'store: nowhere' > codspeed.yml; codspeed store path",
        ],
    );
    insta::assert_snapshot!(text);
}

#[test]
fn runs_are_carried_to_another_store() {
    let sandbox = project();
    fill(&store_of(&sandbox), 1..=4);
    let text = shell(
        &sandbox,
        &[
            "codspeed store export --branch main -o main.tar",
            "CODSPEED_STORE=other codspeed store import main.tar",
            "CODSPEED_STORE=other codspeed store import main.tar --json",
            "CODSPEED_STORE=other codspeed store list",
            "codspeed store export last -o - | CODSPEED_STORE=third codspeed store import -",
            "codspeed store show last --json > one.json",
            "CODSPEED_STORE=third codspeed store import one.json",
            "codspeed store show ./one.json",
            "codspeed store export none -o none.tar; ls none.tar 2>/dev/null",
            "codspeed store export last -o none/none.tar",
            "codspeed store export last -o - --json",
            "CODSPEED_STORE=third codspeed store import codspeed.yml main.tar",
            "CODSPEED_STORE=fourth codspeed store import main.tar codspeed.yml",
            "yes noise | head -c 5000 > noise; CODSPEED_STORE=third codspeed store import noise",
        ],
    );
    insta::assert_snapshot!(text);
    let third = Store::open(&sandbox.path().join("third")).unwrap();
    assert_eq!(third.get(id(4)).unwrap(), record(4));
}

#[test]
fn a_damaged_store_is_checked_and_repaired() {
    let sandbox = project();
    let folder = store_of(&sandbox);
    fill(&folder, 1..=3);
    fs::write(record_file(&folder, id(2)), "noise").unwrap();
    fs::remove_file(folder.join("index")).unwrap();
    let text = shell(
        &sandbox,
        &[
            "codspeed store list",
            "codspeed store check",
            "codspeed store check --json",
            "codspeed store check --repair",
            "codspeed store check",
        ],
    );
    insta::assert_snapshot!(text);
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.gc(Retention::default()).unwrap().kept, 2);
}

mod namespace {
    //! A store on a file system that can't be written to.

    use test_support::Sandbox;

    use super::{fill, project, sharing, shell, store_of};

    /// Returns what commands show while the user's data can't be written to.
    #[track_caller]
    fn read_only(sandbox: &Sandbox, all: &str) -> String {
        let mount = "mount --bind \"$HOME/.local\" \"$HOME/.local\" && \
            mount -o remount,bind,ro \"$HOME/.local\"";
        let inside = format!("{mount} && {{ {all}\n}}");
        let file = sandbox.file("inside.sh", inside);
        let unshare = format!("unshare --mount sh {}", file.to_str().unwrap());
        shell(sandbox, &[&unshare])
    }

    #[test]
    fn a_read_only_store_is_shown_without_runs_of_others() {
        let sandbox = project();
        fill(&store_of(&sandbox), 1..=3);
        std::fs::create_dir(sandbox.path().join("shared")).unwrap();
        let sandbox = sharing(sandbox);
        let text = read_only(&sandbox, "\"$CODSPEED\" history --branch main");
        assert!(text.contains("warning: the store of this machine can't be written to"), "{text}");
        assert!(text.contains("Last   2.000 ms") && !text.contains("error"), "{text}");
    }

    #[test]
    fn a_read_only_store_is_listed_and_not_changed() {
        let sandbox = project();
        fill(&store_of(&sandbox), 1..=3);
        let shown = |line: &str| read_only(&sandbox, line);
        let list = "\"$CODSPEED\" store list; \"$CODSPEED\" store show last | head -n 2";
        let text = shown(list);
        assert!(text.contains("3 runs") || text.matches("walltime").count() >= 3, "{text}");
        assert!(!text.contains("error"), "{text}");
        let text = shown("\"$CODSPEED\" store rm last");
        assert!(text.contains("its file system is read-only"), "{text}");
        std::fs::remove_file(store_of(&sandbox).join("index")).unwrap();
        let text = shown(list);
        assert!(text.matches("walltime").count() >= 3, "an index in memory: {text}");
    }
}

/// A record of a job of a matrix.
fn shard(number: u32, job: &str) -> Record {
    let ci = store::CiRun {
        provider: "github-actions".to_owned(),
        run: "77".to_owned(),
        job: job.to_owned(),
        pull_request: None,
    };
    let mut record = Record { ci: Some(ci), commit: record(3).commit, ..record(number) };
    for benchmark in &mut record.benchmarks {
        benchmark.uri = format!("suite.py::{job}");
    }
    record
}

#[test]
fn shards_of_two_machines_become_one_run() {
    let sandbox = project();
    for (folder, number) in [("one", 1), ("two", 2)] {
        let store = Store::open(&sandbox.path().join(folder)).unwrap();
        store.add(&shard(number, folder)).unwrap();
    }
    let address = shared_store(&sandbox);
    let sandbox = sandbox.with("REMOTE", address);
    insta::assert_snapshot!(shell(
        &sandbox,
        &[
            "export CODSPEED_STORE=one",
            "codspeed store push",
            "codspeed store push --remote $REMOTE",
            "export CODSPEED_SHARED_STORE=$REMOTE CODSPEED_STORE=two",
            "codspeed store push",
            "codspeed store push last",
            "export CODSPEED_STORE=third",
            "CODSPEED_SHARED_STORE= codspeed merge",
            "codspeed merge --name all",
            "codspeed store pull",
            "codspeed store list -n 3",
            "codspeed store push --remote s3://key:secret@bucket/x",
            "AWS_ENDPOINT_URL=http://example.com codspeed store pull --remote s3://bucket/x",
        ]
    ));
}

/// A project whose shared store has these runs.
fn shared_project(records: impl IntoIterator<Item = Record>) -> Sandbox {
    let sandbox = project();
    let address = shared_store(&sandbox);
    let none = std::iter::empty();
    let shared = SharedStore::open(&address, none, Purpose::Write, Patience::Long).unwrap();
    for record in records {
        let packed = record.pack().unwrap();
        shared.add(&SharedKey::of(&record, packed.id), &packed).unwrap();
    }
    sandbox.with("CODSPEED_SHARED_STORE", &address)
}

/// The run of this number on this branch.
fn on_branch(number: u32, branch: &str) -> Record {
    let commit = record(number).commit.unwrap();
    Record {
        commit: Some(CommitInfo { branch: Some(branch.to_owned()), dirty: Some(true), ..commit }),
        ..record(number)
    }
}

#[test]
fn words_choose_runs_that_were_not_fetched() {
    let libc = |libc: &str| Environment { libc: libc.to_owned(), ..Environment::default() };
    let run = |number| match number {
        1 => on_branch(1, "main"),
        2 => Record { name: Some("stable".to_owned()), ..on_branch(2, "topic") },
        3 => on_branch(3, "slow"),
        508 => on_branch(508, "stable"),
        509 => Record { environment: libc("other"), ..on_branch(509, "slow") },
        _ => on_branch(number, "topic"),
    };
    let sandbox = shared_project((1..=510).map(run));
    let chosen = |command: &str| shell(&sandbox, &["rm -rf .local", command]);
    let text = chosen("codspeed gate --warn-only");
    assert!(text.contains("of `main`"), "{text}");
    for (word, number) in [("main", 1), ("stable", 2), ("slow", 3)] {
        let text = chosen(&format!("codspeed compare {word} --json"));
        let id = run(number).pack().unwrap().id.to_string();
        assert!(text.contains(&id), "{word}: {id}: {text}");
    }
}

#[test]
fn no_more_runs_are_fetched_than_a_word_needs() {
    let sandbox = shared_project((1..=503).map(record));
    let all = |command: &str| {
        let text = shell(&sandbox, &["rm -rf .local", command]);
        assert!(!text.contains("error"), "{text}");
        Store::open(&store_of(&sandbox)).unwrap().entries(&Filter::default()).unwrap().len()
    };
    assert_eq!(all("codspeed compare"), 500, "no more than are needed");
    assert_eq!(all("codspeed compare last~499"), 500);
    assert_eq!(all("codspeed compare last~502"), 503);
    assert_eq!(all(&format!("codspeed compare {}", id(1))), 503);
    assert_eq!(all("codspeed history -n 501"), 501);
    assert_eq!(all("codspeed history -n 20 --branch main"), 503);
    assert_eq!(all("codspeed history --since 1000years"), 503);
}

#[test]
fn a_merged_run_and_its_shards_count_once() {
    let sandbox = project();
    let store = Store::open(&store_of(&sandbox)).unwrap();
    let whole = |number, time: f64| {
        let metric = Metric { value: time, unit: MetricUnit::Nanoseconds, ..Default::default() };
        let mut record = shard(number, "one");
        record.benchmarks[0].metrics = [("median_ns".to_owned(), metric)].into();
        record
    };
    // Of an earlier CI run, and of one with two jobs.
    let mut earlier = whole(1, 50.0);
    earlier.ci = Some(store::CiRun { run: "6".to_owned(), ..earlier.ci.clone().unwrap() });
    let base = store.add(&earlier).unwrap();
    store.add(&whole(2, 100.0)).unwrap();
    store.add(&Record { ci: shard(3, "two").ci, ..whole(3, 100.0) }).unwrap();
    let text = shell(&sandbox, &["codspeed merge", "codspeed compare --json", "codspeed history"]);
    assert!(text.contains(&base.to_string()), "the base is no shard: {text}");
    assert!(text.contains("Runs   2\n"), "{text}");
    // A job that is run again has the number of the CI run, and is not in what was merged before.
    store.add(&whole(9, 200.0)).unwrap();
    let text = shell(&sandbox, &["codspeed history"]);
    assert!(text.contains("Runs   3\n"), "{text}");
}

#[test]
fn a_typing_error_does_not_fetch_all_runs() {
    let sandbox = shared_project((1..=1_510).map(record));
    let after = |command: &str| {
        let text = shell(&sandbox, &[command]);
        let store = Store::open(&store_of(&sandbox)).unwrap();
        (text, store.entries(&Filter::default()).unwrap().len())
    };
    let bound = "only the newest 1000 runs of the shared store were looked through";
    assert_eq!(after("codspeed compare").1, 500);
    for word in ["maim", "beef", "machine=two"] {
        let (text, runs) = after(&format!("codspeed compare {word}"));
        assert!(text.contains(bound) && text.contains("`codspeed store pull` fetches"), "{text}");
        assert!(text.contains("error: no stored run of"), "{text}");
        assert_eq!(runs, 1_000, "{word}");
    }
    let (text, runs) = after("codspeed history --branch maim");
    assert!(text.contains(bound) && text.contains("error: "), "{text}");
    assert_eq!(runs, 1_000);
    // What the list tells is found wherever it is, and alone.
    let (text, runs) = after(&format!("codspeed compare {} --json", id(5)));
    assert!(!text.contains("error"), "{text}");
    assert_eq!(runs, 1_001);
    // One that there is has a whole history.
    let (text, runs) = after("codspeed history -n 1100 --branch main");
    assert!(!text.contains("error"), "{text}");
    assert_eq!(runs, 1_510);
}

#[test]
fn objects_that_are_no_runs_are_refused() {
    let sandbox = project();
    let name = format!("shared/v1/widgets/{:015}-{}.zst", 5, id(1));
    fs::create_dir_all(sandbox.path().join("shared/v1/widgets")).unwrap();
    sandbox.file(&name, "\u{1b}[31m<script>");
    let sandbox = sharing(sandbox);
    insta::assert_snapshot!(shell(&sandbox, &["codspeed store pull", "codspeed store list"]));
}

#[test]
fn a_run_that_is_named_twice_is_removed_once() {
    let sandbox = project();
    fill(&store_of(&sandbox), 1..=2);
    let text = shell(&sandbox, &["codspeed store rm last~0 last~0"]);
    assert!(text.contains("removed: 1 run"), "{text}");
}

#[test]
fn newer_runs_are_no_problem_of_a_store() {
    let sandbox = project();
    fill(&store_of(&sandbox), [1]);
    let json = r#"{"version":9,"parts":7}"#;
    let file = record_file(&store_of(&sandbox), RecordId::of(json.as_bytes()));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, json).unwrap();
    let checks =
        ["codspeed store check", "codspeed store check --repair", "codspeed store check --json"];
    let text = shell(&sandbox, &checks);
    let both = "sound: 1 run; of a newer version: 1 run; ";
    assert!(text.contains(&format!("{both}found: 0 problems")), "{text}");
    assert!(text.contains(&format!("{both}mended: 0 problems\n")), "{text}");
    assert!(text.contains("\"problems\": []") && !text.contains("exit code: 1"), "{text}");
}

#[test]
fn an_import_makes_the_shared_store_and_is_sent() {
    let sandbox = project();
    sandbox.file("bench.txt", "BenchmarkSort-8 100 384.5 ns/op\n");
    let sandbox = sharing(sandbox);
    let text = shell(
        &sandbox,
        &[
            "codspeed store pull",
            "codspeed import bench.txt",
            "CODSPEED_STORE=other codspeed store pull",
        ],
    );
    assert!(text.contains("error: there is no shared store in `[sandbox]/shared`"), "{text}");
    assert!(text.contains("sending to file://[sandbox]/shared\n"), "{text}");
    assert!(text.contains("fetched from file://[sandbox]/shared: 1 run"), "{text}");
}
