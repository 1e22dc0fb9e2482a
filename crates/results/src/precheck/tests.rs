//! Folders as good and as odd integrations leave them.

use std::fs;

use runner_shared::fifo::MarkerType::{self, RoundEnd, RoundStart, SampleEnd, SampleStart};

use super::*;

fn said(concerns: &[Concern]) -> Vec<String> {
    concerns.iter().map(ToString::to_string).collect()
}

fn conversation(
    markers: &[MarkerType],
    announced: &[(u64, &str)],
    results: &[&str],
) -> Vec<Concern> {
    let timestamps = ExecutionTimestamps {
        uri_by_ts: announced.iter().map(|(time, uri)| (*time, (*uri).to_owned())).collect(),
        markers: markers.to_vec(),
    };
    let results = results.iter().map(|uri| (*uri).to_owned()).collect();
    conversation::check(&timestamps, &results)
}

/// A folder with these files below it.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("results")).unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn results(version: &str, uris: &[&str]) -> Vec<u8> {
    let benchmark = |uri: &&str| {
        let stats = r#"{"min_ns":1,"max_ns":1,"mean_ns":1,"stdev_ns":0,"q1_ns":1,"median_ns":1,"q3_ns":1,"rounds":1,"total_time":1,"iqr_outlier_rounds":0,"stdev_outlier_rounds":0,"iter_per_round":1,"warmup_iters":0}"#;
        format!(r#"{{"name":"{uri}","uri":"{uri}","config":{{}},"stats":{stats}}}"#)
    };
    let benchmarks: Vec<String> = uris.iter().map(benchmark).collect();
    let creator = format!(r#"{{"name":"suite","version":"{version}","pid":7}}"#);
    format!(
        r#"{{"creator":{creator},"instrument":{{"type":"walltime"}},"benchmarks":[{}]}}"#,
        benchmarks.join(",")
    )
    .into_bytes()
}

#[test]
fn what_every_client_sends_is_no_concern() {
    // Warm-up before, pairs that arrive late, a pair for each of two windows, two benchmarks.
    let markers = [
        RoundStart(1),
        RoundEnd(2),
        SampleStart(10),
        SampleEnd(20),
        RoundStart(10),
        RoundEnd(20),
        SampleStart(30),
        RoundStart(31),
        RoundEnd(32),
        RoundStart(32),
        RoundEnd(33),
        SampleEnd(34),
        SampleStart(34),
        RoundStart(34),
        RoundEnd(36),
        SampleEnd(36),
    ];
    let concerns = conversation(&markers, &[(21, "a"), (37, "b")], &["a", "b"]);
    assert_eq!(concerns, []);
    assert_eq!(conversation(&[], &[], &[]), []);
}

#[test]
fn windows_and_rounds_that_do_not_fit_are_counted() {
    let cases: &[(&[MarkerType], &[Concern])] = &[
        (&[SampleStart(1), RoundStart(2), RoundEnd(3)], &[Concern::OpenWindows(1)]),
        (&[SampleEnd(1)], &[Concern::CrossedWindows(1)]),
        (&[SampleStart(1), SampleStart(2), SampleEnd(3)], &[Concern::CrossedWindows(1)]),
        (&[SampleStart(1), RoundStart(2), SampleEnd(3)], &[Concern::HalfRounds(1)]),
        (&[SampleStart(1), RoundEnd(2), SampleEnd(3)], &[Concern::HalfRounds(1)]),
        (
            &[SampleStart(1), RoundStart(2), RoundStart(3), RoundEnd(4), SampleEnd(5)],
            &[Concern::HalfRounds(1)],
        ),
    ];
    for (markers, expected) in cases {
        assert_eq!(conversation(markers, &[], &[]), *expected, "{markers:?}");
    }
}

#[test]
fn names_are_compared_both_ways() {
    let markers = [SampleStart(1), RoundStart(2), RoundEnd(3), SampleEnd(4)];
    let concerns = conversation(&markers, &[(5, "a"), (6, "b")], &["a", "c"]);
    insta::assert_snapshot!(said(&concerns).join("\n"), @r"
    no round was marked for `b`; the service can't show a profile of it
    announced, but without a result: `b`
    has a result, but was never announced, so it has no profile: `c`
    ");
    let many: Vec<String> = (0..8).map(|nth| format!("n{nth}")).collect();
    let text = Concern::WithoutResult(many).to_string();
    assert!(text.ends_with("`n0`, `n1`, `n2`, `n3`, `n4` and 3 more"), "{text}");
}

#[test]
fn a_folder_is_checked_as_a_whole() {
    let good = folder(&[("results/7.json", &results("1.2.3", &["a"]))]);
    assert_eq!(precheck(&ProfileDir::new(good.path()), Mode::Walltime), []);

    let odd = folder(&[
        ("results/7.json", &results("1.2", &["a"])),
        ("results/8.json", &results("1.2.3", &[])),
        ("results/9.json", b"{"),
        ("ExecutionTimestamps.msgpack", b"\xc1"),
    ]);
    let concerns = precheck(&ProfileDir::new(odd.path()), Mode::Walltime);
    assert_eq!(concerns.len(), 4, "{concerns:?}");
    assert!(
        concerns.contains(&Concern::OddVersion { name: "suite".into(), version: "1.2".into() })
    );
    assert!(concerns.contains(&Concern::EmptyFile { path: odd.path().join("results/8.json") }));

    let empty = folder(&[]);
    for mode in [Mode::Walltime, Mode::Memory, Mode::Simulation] {
        assert_eq!(precheck(&ProfileDir::new(empty.path()), mode), [Concern::NoResults], "{mode}");
    }
    let counted = folder(&[("7.out", b"")]);
    assert_eq!(precheck(&ProfileDir::new(counted.path()), Mode::Simulation), []);
}

#[test]
fn versions_are_those_of_semver_org() {
    for good in [
        "0.0.4",
        "1.2.3",
        "10.20.30",
        "1.1.2-prerelease+meta",
        "1.0.0-alpha.1",
        "1.0.0-0A.is.legal",
        "1.0.0+0.build",
    ] {
        assert!(is_semver(good), "{good}");
    }
    for bad in [
        "",
        "1",
        "1.2",
        "01.1.1",
        "1.2.3-",
        "1.2.3-0123",
        "1.2.3.dev0",
        "v1.2.3",
        "1.2.3+",
        "1.2.-3",
        "4.0.0b1",
    ] {
        assert!(!is_semver(bad), "{bad}");
    }
}
