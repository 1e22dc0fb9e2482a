//! The facts that the log of `exec-harness` adds.

use super::*;

#[test]
fn the_log_adds_rounds_and_the_benchmarks_that_did_not_finish() {
    let folder = Folder::new().with("results/9.json", results(9, &["a", "c", "a", "x"])).with(
        "results/9.RoundLog.msgpack",
        log(vec![
            logged("a", Outcome::Complete, &[100, 200, 300]),
            logged("b", failed(), &[500, 700]),
            logged("c", Outcome::Complete, &[100, 200, 300]),
            logged("c", Outcome::Interrupted, &[]),
            logged("a", Outcome::Complete, &[300, 200, 100]),
        ]),
    );
    let report = folder.report();
    let expected = [
        ("a", 3, &Outcome::Complete),
        ("b", 2, &failed()),
        ("c", 3, &Outcome::Complete),
        ("c", 0, &Outcome::Interrupted),
        ("a", 3, &Outcome::Complete),
        ("x", 3, &Outcome::Complete),
    ];
    assert_eq!(summary(&report), expected);
    let [first, failed, .., again, unlogged] = report.benchmarks.as_slice() else { panic!() };
    assert_eq!(first.rounds.as_ref().unwrap().wall_ns(), [100, 200, 300]);
    assert_eq!(again.rounds.as_ref().unwrap().wall_ns(), [300, 200, 100]);
    assert_eq!(unlogged.rounds, None);
    assert_eq!(
        (first.user_ns, first.system_ns, first.warmup_rounds),
        (Some(40.0), Some(10.0), Some(4))
    );
    let robust = first.robust.as_ref().unwrap();
    assert_eq!((robust.median_ns, robust.in_stats), (175.0, false));
    assert_eq!(failed.stats.median_ns.to_string(), "600");
    assert_eq!(failed.integration.version.as_deref(), Some("5.1.0"));
    assert_eq!(failed.notes, ["a note"]);
}

#[test]
fn a_log_stands_for_itself_when_everything_failed() {
    let folder =
        Folder::new().with("results/9.RoundLog.msgpack", log(vec![logged("a", failed(), &[7])]));
    let report = folder.report();
    assert_eq!(summary(&report), [("a", 1, &failed())]);
    let [BenchResult { integration, pid, .. }] = report.benchmarks.as_slice() else { panic!() };
    assert_eq!(
        (integration.name.as_str(), integration.version.as_deref(), *pid),
        ("exec-harness", None, 9)
    );
}

#[test]
fn intervals_are_of_the_robust_times_if_the_results_are() {
    let mut entry = logged("a", Outcome::Complete, &[140, 240, 340, 140, 240, 340]);
    entry.rounds.kernel_ns = [105, 205, 305, 105, 205, 305].map(Some).to_vec();
    let folder = Folder::new()
        .with("results/9.json", results(9, &["a"]))
        .with("results/9.RoundLog.msgpack", log(vec![entry]));
    let report = folder.report();
    let [benchmark] = report.benchmarks.as_slice() else { panic!() };
    assert!(benchmark.robust.as_ref().unwrap().in_stats);
    let interval = benchmark.median_interval.unwrap();
    assert!((100.0..=300.0).contains(&interval.low) && interval.high <= 300.0, "{interval:?}");
}

#[test]
fn processor_time_is_split_if_the_kernel_sampled_often_enough() {
    let split = |tick_ns: Option<u64>| {
        let benchmarks = vec![logged("a", Outcome::Complete, &[100, 200, 300])];
        let log =
            RoundLog { version: RoundLog::VERSION, tick_ns, turns: None, benchmarks }.encode();
        let folder = Folder::new()
            .with("results/9.json", results(9, &["a"]))
            .with("results/9.RoundLog.msgpack", log);
        let report = folder.report();
        let [BenchResult { processor_ns, user_ns, system_ns, split_step_ns, .. }] =
            report.benchmarks[..]
        else {
            panic!()
        };
        let step = tick_ns.filter(|tick| *tick > 0 && user_ns.is_some()).map(as_float);
        assert_eq!(split_step_ns, step);
        assert_eq!(processor_ns, Some(50.0));
        (user_ns, system_ns)
    };
    assert_eq!(split(Some(0)), (Some(40.0), Some(10.0)), "each change of mode is stamped");
    assert_eq!(split(Some(2)), (Some(40.0), Some(10.0)));
    assert_eq!(split(Some(3)), (None, None));
    assert_eq!(split(None), (None, None), "an older log, the slowest tick");
}

#[test]
fn damaged_artifacts_cost_their_information_and_nothing_else() {
    let whole = log(vec![logged("a", Outcome::Complete, &[100, 200, 300])]);
    for length in 0..whole.len() {
        let folder = Folder::new()
            .with("results/9.json", results(9, &["a"]))
            .with("results/9.RoundLog.msgpack", &whole[..length])
            .with("ExecutionTimestamps.msgpack", &whole[..length]);
        let report = folder.report();
        assert_eq!(summary(&report), [("a", 3, &Outcome::Complete)]);
        assert_eq!(report.warnings.len(), 2, "{length}: {:?}", report.warnings);
    }
    let mut uneven = logged("a", Outcome::Complete, &[1, 2]);
    uneven.rounds.user_ns.pop();
    let newer =
        RoundLog { version: 2, tick_ns: None, turns: None, benchmarks: Vec::new() }.encode();
    let folder = Folder::new()
        .with("results/8.RoundLog.msgpack", log(vec![uneven]))
        .with("results/9.RoundLog.msgpack", newer);
    let expected = [
        "`results/8.RoundLog.msgpack` was left out: the columns of `a` have different lengths",
        "`results/9.RoundLog.msgpack` was left out: its version 2 is newer than supported",
    ];
    assert_eq!(folder.warnings(), expected);
}
