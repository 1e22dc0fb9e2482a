//! Which files are read, and what is said about the ones that can't be.

use proptest::prelude::*;

use super::*;

#[test]
fn a_folder_without_results_is_an_empty_report() {
    let empty = tempfile::tempdir().unwrap();
    let dir = ProfileDir::new(empty.path());
    assert_eq!(read_walltime(&dir, &BTreeSet::new()).unwrap().report, WalltimeReport::default());
    assert_eq!(Folder::new().report(), WalltimeReport::default());
    assert_eq!(read(&dir).unwrap().report, WalltimeReport::default().into());
}

#[test]
fn every_integration_is_read() {
    let folder = Folder::new()
        .with("results/1.json", include_str!("../../../fixtures/pytest.json"))
        .with("results/2.json", include_str!("../../../fixtures/node.json"))
        .with("results/3.json", include_str!("../../../fixtures/go.json"))
        .with("results/4.json", include_str!("../../../fixtures/cpp.json"))
        .with("results/5.txt", "not ours")
        .with("results/.gitignore", "*");
    let report = folder.report();
    let shown: Vec<String> = report
        .benchmarks
        .iter()
        .map(|of| {
            format!(
                "{} {} {} {}: {} of {} rounds, {:?}",
                of.integration.name,
                of.integration.version.as_deref().unwrap_or("?"),
                of.pid,
                of.uri,
                of.stats.median_ns,
                of.stats.rounds,
                of.config.max_rounds,
            )
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[test]
fn ignored_names_are_not_even_opened() {
    let folder = Folder::new()
        .with("results/1.json", "old and broken")
        .with("results/2.json", results(2, &["b"]));
    let ignore = BTreeSet::from([OsString::from("1.json")]);
    let report = read_walltime(&ProfileDir::new(folder.0.path()), &ignore).unwrap().report;
    assert_eq!(summary(&report), [("b", 3, &Outcome::Complete)]);
}

#[track_caller]
fn malformed(content: impl AsRef<[u8]>, expected_at: &str, expected_reason: &str) {
    let folder = Folder::new().with("results/7.json", content);
    let Err(ReadError::Malformed { path, at, source }) = folder.read() else {
        panic!("{:?}", folder.read());
    };
    assert_eq!(path, folder.path("results/7.json"));
    assert_eq!((at.as_str(), source.to_string().as_str()), (expected_at, expected_reason));
}

#[test]
fn errors_name_the_file_the_place_and_the_reason() {
    let good = results(7, &["a"]);
    malformed("", ".", "EOF while parsing a value at line 1 column 0");
    malformed("\u{feff}{}", ".", "expected value at line 1 column 1");
    malformed(format!("{good} x"), ".", "trailing characters at line 1 column 378");
    malformed(
        good.replace("\"rounds\":3", "\"rounds\":3.5"),
        "benchmarks[0].stats.rounds",
        "`3.5` is not a count at line 1 column 194",
    );
    malformed(
        good.replace("\"pid\":7", "\"pid\":4294967296"),
        "creator.pid",
        "`4294967296` is not a count at line 1 column 332",
    );
    malformed([0xff, 0xfe, 0x00], ".", "expected value at line 1 column 1");
    let text = |content: &str| {
        Folder::new().with("results/7.json", content).read().unwrap_err().to_string()
    };
    let whole = text("[");
    assert!(whole.ends_with("/results/7.json` is not a valid results file"), "{whole}");
    let inner = text("{\"creator\": 1}");
    assert!(
        inner.ends_with("/results/7.json` is not a valid results file at `creator`"),
        "{inner}"
    );
}

#[test]
fn only_small_files_are_read_and_odd_ones_are_named() {
    let folder = Folder::new();
    let large = fs::File::create(folder.path("results/1.json")).unwrap();
    large.set_len((256 << 20) + 1).unwrap();
    assert!(matches!(folder.read(), Err(ReadError::TooLarge { .. })));

    let folder = Folder::new();
    fs::create_dir(folder.path("results/1.json")).unwrap();
    assert_eq!(folder.warnings(), ["`results/1.json` is not a file and was left out"]);

    // What only enriches is named as well, also if it is a link to nothing.
    let folder = Folder::new();
    fs::create_dir(folder.path("results/1.RoundLog.msgpack")).unwrap();
    std::os::unix::fs::symlink("nothing", folder.path("results/2.RoundLog.msgpack")).unwrap();
    let warnings = folder.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("1.RoundLog.msgpack"), "{warnings:?}");
    assert!(warnings[1].contains("2.RoundLog.msgpack"), "{warnings:?}");
}

#[test]
fn a_process_without_benchmarks_is_no_error() {
    // The main process of a tool that measures in workers leaves such a file.
    let folder = Folder::new().with("results/1.json", results(1, &[]));
    assert_eq!(folder.report(), WalltimeReport::default());
    let folder = folder.with("results/2.json", results(2, &["b"]));
    assert_eq!(folder.report().benchmarks.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_bring_the_reader_down(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..370,
    ) {
        // Random bytes hardly get past the first; overwritten parts of a good file do.
        let mut patched = results(7, &["a"]).into_bytes();
        let end = patched.len().min(at + bytes.len());
        patched.splice(at..end, bytes.iter().copied());
        let folder = Folder::new()
            .with("results/7.json", &patched)
            .with("results/7.RoundLog.msgpack", &bytes)
            .with("ExecutionTimestamps.msgpack", &bytes);
        drop(folder.read());
        let folder = folder.with("results/7.json", results(7, &["a"]));
        prop_assert_eq!(folder.report().benchmarks.len(), 1);
    }
}

#[test]
fn impossible_times_are_invalid_results_with_their_place() {
    for (name, time) in [("median_ns", "1e308"), ("min_ns", "-5.0"), ("total_time", "-1e-3")] {
        let mut results: serde_json::Value = serde_json::from_str(&results(7, &["a"])).unwrap();
        results["benchmarks"][0]["stats"][name] = serde_json::from_str(time).unwrap();
        let err = Folder::new().with("results/7.json", results.to_string()).read().unwrap_err();
        let text = with_causes(&err);
        assert!(text.contains(&format!("at `benchmarks[0].stats.{name}`: ")), "{text}");
        assert!(text.contains("is not a duration"), "{text}");
    }
}

#[test]
fn benchmarks_with_the_same_uri_are_mentioned() {
    let folder = Folder::new().with("results/1.json", results(1, &["a", "b", "b"]));
    // It has said so itself.
    assert!(folder.warnings().is_empty());
    let folder = folder.with("results/2.json", results(2, &["a"]));
    let said = "duplicate names, whose histories can't be told apart: `a` (2 times)";
    assert_eq!(folder.warnings(), [said]);
    let other = results(3, &["b", "c", "d", "e", "b", "c", "d", "e"]);
    let folder =
        Folder::new().with("results/3.json", other.replace("exec-harness", "pytest-codspeed"));
    let warnings = folder.warnings();
    assert!(
        warnings[0].ends_with("`b` (2 times), `c` (2 times), `d` (2 times), 1 more"),
        "{warnings:?}"
    );
}
