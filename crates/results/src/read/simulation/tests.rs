//! Profile folders of simulation mode: real ones, and what can be wrong with them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use runner_shared::text::shown;
use tempfile::TempDir;

use super::*;
use crate::{
    export::{TableStyle, table},
    model::Integration,
    simulation::{Allocations, View},
};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/simulation").join(name)
}

fn read(folder: &Path) -> SimulationReading {
    read_simulation(&ProfileDir::new(folder), &BTreeSet::new()).unwrap()
}

/// A part with one benchmark of `count` instructions.
fn file(pid: u32, uri: &str, count: u64) -> String {
    format!(
        "version: 1\ncreator: callgrind-3.19.0\npid: {pid}\ncmd: ./b\npart: 1\n\
         desc: Trigger: Client Request: {uri}\nevents: Ir\nfn=f\n1 {count}\ntotals: {count}\n"
    )
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    folder
}

#[test]
fn a_real_suite_is_read_whole() {
    let SimulationReading { report, broken } = read(&fixture("suite"));
    assert_eq!(
        crate::read(&ProfileDir::new(fixture("suite"))).unwrap().report,
        report.clone().into()
    );
    assert!(broken.is_empty());
    let rows: Vec<_> = report
        .benchmarks
        .iter()
        .map(|of| {
            let integration = of.integration.clone().unwrap();
            assert_eq!(integration.name, "demo-suite");
            assert_eq!(integration.version.as_deref(), Some("1.2.0"));
            assert_eq!(of.stacks.total(), of.events.get("Ir").unwrap());
            (of.uri.as_str(), of.name.as_str(), of.occurrence, of.events.get("Ir"))
        })
        .collect();
    let expected = [
        ("suite.c::fib[10]", "fib[10]", 1, 2567),
        ("suite.c::sort", "sort", 1, 45798),
        ("suite.c::even_odd", "even_odd", 1, 1068),
        ("suite.c::shared", "shared", 1, 16382),
        ("suite.c::boxes", "boxes", 1, 7749),
        ("suite.c::fib[10]", "fib[10]", 2, 2567),
        ("suite.c::pid: a=b; 'x' [y::z]", "pid: a=b; 'x' [y::z]", 1, 643),
        ("suite.c::forks", "forks", 1, 1407),
    ];
    assert_eq!(rows, expected.map(|(uri, name, number, count)| (uri, name, number, Some(count))));
    assert_eq!(
        report.warnings,
        ["`suite.c::fib[10]` was measured 2 times; the results are numbered"]
    );
    assert_eq!((report.processes, report.tools), (2, vec!["callgrind-3.19.0".to_owned()]));
    let [child] = &report.unattributed[..] else { panic!("the forked child") };
    assert_eq!((child.pid, child.command.as_str()), (2357, "./suite fork"));
    assert_eq!((child.events.get("Ir"), child.events.get("sysCpuTime")), (Some(8181), None));
}

#[test]
fn allocations_are_what_allocators_and_their_callees_cost() {
    let report = read(&fixture("suite")).report;
    let boxes = report.benchmarks.iter().find(|of| of.name == "boxes").unwrap();
    // All but `boxes` (760) and `main` (3) of the 7749 that callgrind_annotate shows.
    assert_eq!(boxes.allocations.get("Ir"), Some(7749 - 760 - 3));
    let view = View { allocations: Allocations::Excluded, ..View::default() };
    assert_eq!(boxes.instructions(&view), Some(763));
    assert!(
        boxes.estimate(&view).unwrap().cycles < boxes.estimate(&View::default()).unwrap().cycles
    );
    let fib = &report.benchmarks[0];
    assert_eq!(fib.allocations_share(), Some(0.0));
}

#[test]
fn the_hottest_functions_are_those_of_callgrind_annotate() {
    let report = read(&fixture("suite")).report;
    let sort = &report.benchmarks[1].hottest;
    let own: Vec<_> = sort.by_self.iter().take(4).map(|hot| (&*hot.name, hot.own)).collect();
    let expected = [
        // 27828 on the first level of recursion and 3318 on the outermost.
        ("msort_with_tmp.part.0", 31146),
        ("__memcpy_avx_unaligned_erms", 3995),
        ("less", 3438),
        ("mix", 2000),
    ];
    assert_eq!(own, expected);
    let all: Vec<_> =
        sort.by_inclusive.iter().take(3).map(|hot| (&*hot.name, hot.inclusive)).collect();
    assert_eq!(all, [("main", 45798), ("sort", 45794), ("qsort", 38647)]);
}

#[test]
fn everything_newer_is_read_and_compiled_code_has_names() {
    let SimulationReading { report, broken } = read(&fixture("made"));
    assert!(broken.is_empty() && report.warnings.is_empty(), "{:?}", report.warnings);
    let [of, nothing] = &report.benchmarks[..] else { panic!("two benchmarks") };
    assert_eq!((of.name.as_str(), of.thread), ("test_z[a::b-1]", Some(3)));
    let pytest =
        Integration { name: "pytest-codspeed".to_owned(), version: Some("5.0.4".to_owned()) };
    assert_eq!(of.integration, Some(pytest));
    assert_eq!(of.allocations.get("Ir"), Some(40));
    let frames: Vec<&str> = of.stacks.frames.iter().map(|frame| &*frame.name).collect();
    assert_eq!(frames, ["eval", "test_z:/srv/tests/test_x.py", "malloc"]);
    assert_eq!(&*of.hottest.by_self[0].name, "test_z:/srv/tests/test_x.py");
    assert_eq!(
        of.notes,
        [
            "only thread 3 is counted",
            "started `git status` (process 502), whose 700 instructions are not included"
        ]
    );
    assert_eq!(nothing.notes[0], "nothing was counted between start and end");
    let rest: Vec<_> = report.unattributed.iter().map(|of| (of.pid, of.trigger.as_str())).collect();
    assert_eq!(rest, [(501, "--dump-before=eval"), (502, "program termination")]);
}

#[test]
fn threads_that_are_kept_apart_are_not_lost() {
    let report = read(&fixture("threads")).report;
    let [of] = &report.benchmarks[..] else { panic!("one benchmark") };
    assert_eq!((of.thread, of.events.get("Ir")), (Some(1), Some(6394)));
    let expected =
        ["starts threads: its counts vary slightly from run to run", "only thread 1 is counted"];
    assert_eq!(of.notes, expected);
    let [other] = &report.unattributed[..] else { panic!("the other thread") };
    assert_eq!(other.events.get("Ir"), Some(7023));
    assert_eq!(other.trigger, "program termination, thread 2");
}

#[test]
fn what_cannot_be_used_is_named() {
    let whole = file(7, "a::b", 5);
    let cut = whole.split("totals").next().unwrap();
    let odd = whole.replace("fn=f\n", "fn=f\nwhat\n").replace("totals: 5", "totals: 6");
    let dir = folder(&[
        ("7.out", cut),
        ("8.out", ""),
        ("9.out", "#!/bin/sh\necho hello\n"),
        ("10.out", &odd),
        ("11.tgtrace", "TGMP\u{3}\0\0\0"),
        ("12.tgtrace.msgpack.lz4", "TGMP\u{9}\0\0\0"),
        ("runner.out", "not of a process"),
        ("13.out.old", "not of a process"),
    ]);
    fs::create_dir(dir.path().join("14.out")).unwrap();
    let SimulationReading { report, broken } = read(dir.path());
    let prefix = format!("{}/", shown(dir.path()));
    let plain = |text: String| text.replace(&prefix, "");
    let broken: Vec<String> = broken.iter().map(|err| plain(err.to_string())).collect();
    let warnings: Vec<String> = report.warnings.into_iter().map(plain).collect();
    insta::assert_debug_snapshot!((broken, warnings, &report.benchmarks[0].notes));
    assert_eq!(report.benchmarks.len(), 1);
}

#[test]
fn damaged_files_can_be_read_and_shown() {
    let whole = fs::read(fixture("made").join("501.out")).unwrap();
    let dir = folder(&[]);
    for at in (0..whole.len()).step_by(9) {
        let mut bytes = whole.clone();
        bytes[at] = bytes[at].rotate_left(3);
        bytes.truncate(whole.len() - at / 4);
        fs::write(dir.path().join("501.out"), bytes).unwrap();
        let SimulationReading { report, broken } = read(dir.path());
        assert!(broken.len() <= 1, "{broken:?}");
        for of in &report.benchmarks {
            // The name of the event may be what is damaged.
            let total = of.events.get("Ir").filter(|_| !of.stacks.nodes.is_empty());
            assert!(total.is_none_or(|total| of.stacks.total() == total), "at {at}: {of:?}");
            let all = of.hottest.by_self.iter().chain(&of.hottest.by_inclusive);
            for hot in all {
                assert!(hot.own <= hot.inclusive, "at {at}: {hot:?}");
            }
        }
        table(&report.into(), &TableStyle::default());
    }
}

#[test]
fn files_are_read_in_process_order_without_ignored_ones() {
    let dir = folder(&[
        ("1000.out", &file(1000, "d", 1)),
        ("999.out", &file(999, "b", 1)),
        ("999.1.out", &file(999, "a", 1)),
        ("5.out", &file(5, "old", 1)),
    ]);
    let ignore = BTreeSet::from([OsString::from("5.out")]);
    let report = read_simulation(&ProfileDir::new(dir.path()), &ignore).unwrap().report;
    let uris: Vec<&str> = report.benchmarks.iter().map(|of| of.uri.as_str()).collect();
    assert_eq!(uris, ["a", "b", "d"]);
    let missing = read(&dir.path().join("missing"));
    assert!(missing.report.benchmarks.is_empty() && missing.broken.is_empty());
}

#[test]
fn counts_of_several_workers_get_a_note_that_they_vary() {
    let worker = "cmd: python3 -u -c import sys;exec(eval(sys.stdin.readline()))";
    let of = |pid, uri: &str| file(pid, uri, 10).replace("cmd: ./b", worker);
    let warnings = |files: &[(&str, &str)]| read(folder(files).path()).report.warnings;
    let (one, two) = (of(1, "a.py::a"), of(2, "a.py::b"));
    let said = warnings(&[("1.out", &one), ("2.out", &two)]);
    let [said] = &said[..] else { panic!("{said:?}") };
    assert!(
        said.starts_with("pytest-xdist distributed the benchmarks randomly among 2 workers"),
        "{said}"
    );
    assert!(said.ends_with("`-n 0`"), "{said}");
    // One of them has measured all, or there are no workers.
    assert_eq!(warnings(&[("1.out", &one), ("2.out", &file(2, "", 10))]), Vec::<String>::new());
    let (one, two) = (file(1, "a.py::a", 10), file(2, "a.py::b", 10));
    assert_eq!(warnings(&[("1.out", &one), ("2.out", &two)]), Vec::<String>::new());
}
