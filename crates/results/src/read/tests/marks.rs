//! Rounds from markers.

use runner_shared::{
    artifact::{Preemptions, WatchedWindow},
    profile_dir::NOT_ARCHIVED,
};

use super::*;
use crate::model::{NoInterval, Robust};

#[test]
fn a_real_recording_gives_its_rounds_back() {
    let folder = Folder::new()
        .with("results/1008.json", include_bytes!("../../../fixtures/client/results/1008.json"))
        .with(
            "ExecutionTimestamps.msgpack",
            include_bytes!("../../../fixtures/client/ExecutionTimestamps.msgpack"),
        );
    let report = folder.report();
    let [benchmark] = report.benchmarks.as_slice() else { panic!("{report:?}") };
    let rounds = benchmark.rounds.as_ref().unwrap();
    assert_eq!(rounds.wall_ns(), [9_881_653, 9_741_013, 9_636_739]);
    assert_eq!(benchmark.noise, Some(NoiseVerdict { rounds: 3, ..NoiseVerdict::default() }));
    assert_eq!(benchmark.no_interval, Some(NoInterval::FewRounds));
}

/// The wall times that `enrich` finds for benchmarks of 3 rounds, 100 to 300 ns.
fn rebuilt(uris: &[&str], uri_by_ts: &[(u64, &str)], markers: &[MarkerType]) -> Vec<Vec<u64>> {
    let of =
        |of: BenchResult| of.rounds.map(|rounds| rounds.wall_ns().to_vec()).unwrap_or_default();
    read_marked(uris, uri_by_ts, markers).into_iter().map(of).collect()
}

/// Benchmarks of 3 rounds, 100 to 300 ns, with these marks beside them.
fn read_marked(
    uris: &[&str],
    uri_by_ts: &[(u64, &str)],
    markers: &[MarkerType],
) -> Vec<BenchResult> {
    let timestamps = ExecutionTimestamps {
        uri_by_ts: uri_by_ts.iter().map(|(time, uri)| (*time, (*uri).to_owned())).collect(),
        markers: markers.to_vec(),
    };
    let folder = Folder::new()
        .with("results/9.json", results(9, uris))
        .with("ExecutionTimestamps.msgpack", timestamps.encode());
    folder.report().benchmarks
}

/// A window from `start` on with rounds of these lengths, one every 1000 ns.
fn window(start: u64, walls: &[u64]) -> Vec<MarkerType> {
    let mut markers = vec![MarkerType::SampleStart(start)];
    let mut time = start;
    for wall in walls {
        markers.extend([MarkerType::RoundStart(time), MarkerType::RoundEnd(time + wall)]);
        time += wall.max(&1000);
    }
    markers.push(MarkerType::SampleEnd(time));
    markers
}

const WALLS: [u64; 3] = [100, 200, 300];

#[test]
fn rounds_belong_to_the_window_before_the_announcement() {
    let mut markers = window(10_000, &WALLS);
    markers.extend(window(20_000, &[300, 200, 100]));
    // Warm-up rounds before any window, a half round, and arrival out of order.
    markers.extend([
        MarkerType::RoundStart(1),
        MarkerType::RoundEnd(2),
        MarkerType::RoundEnd(13_500),
    ]);
    markers.reverse();
    let announced = [(25_000, "b"), (15_000, "a")];
    let expected = [WALLS.to_vec(), vec![300, 200, 100]];
    assert_eq!(rebuilt(&["a", "b"], &announced, &markers), expected);
}

#[test]
fn rounds_with_a_window_each_are_put_together() {
    let markers: Vec<_> =
        (1..).zip(WALLS).flat_map(|(nth, wall)| window(nth * 10_000, &[wall])).collect();
    assert_eq!(rebuilt(&["a"], &[(50_000, "a")], &markers), [WALLS]);
}

#[test]
fn repeated_benchmarks_take_their_announcements_in_order() {
    let mut markers = window(10_000, &WALLS);
    markers.extend(window(20_000, &[300, 200, 100]));
    let announced = [(15_000, "a"), (25_000, "a")];
    let expected = [WALLS.to_vec(), vec![300, 200, 100]];
    assert_eq!(rebuilt(&["a", "a"], &announced, &markers), expected);
    let none: [Vec<u64>; 3] = Default::default();
    assert_eq!(rebuilt(&["a", "a", "a"], &announced, &markers), none, "which is the third?");
}

#[test]
fn rounds_that_do_not_fit_the_summary_are_not_believed() {
    let nothing = [Vec::<u64>::new()];
    let few = |walls: &[u64]| rebuilt(&["a"], &[(50_000, "a")], &window(10_000, walls));
    assert_eq!(few(&[200]), nothing, "too few");
    assert_eq!(few(&[100, 150]), nothing, "another median");
    assert_eq!(few(&[100, 200, 200, 300]), nothing, "too many");
    assert_eq!(
        rebuilt(&["a"], &[(500_000, "a")], &window(10_000, &[30_100, 30_200, 30_300])),
        nothing,
        "too long"
    );
    assert_eq!(rebuilt(&["a"], &[(5_000, "a")], &window(10_000, &WALLS)), nothing, "too early");
    assert_eq!(rebuilt(&["a"], &[], &window(10_000, &WALLS)), nothing, "never announced");
    let shared = [(50_000, "a"), (50_001, "b")];
    let nothing: [Vec<u64>; 2] = Default::default();
    assert_eq!(rebuilt(&["a", "b"], &shared, &window(10_000, &WALLS)), nothing, "whose is it?");
}

#[test]
fn why_there_is_no_interval_is_known() {
    let why = |uris: &[&str], announced: &[(u64, &str)], markers: &[MarkerType]| {
        let of: Vec<_> = read_marked(uris, announced, markers)
            .into_iter()
            .map(|of| (of.median_interval.is_some(), of.no_interval))
            .collect();
        of.into_iter().next().unwrap()
    };
    let one = [(50_000, "a")];
    let few = (false, Some(NoInterval::FewRounds));
    assert_eq!(why(&["a"], &one, &window(10_000, &WALLS)), few);
    assert_eq!(why(&["a"], &one, &[]), (false, Some(NoInterval::Unmarked)));
    assert_eq!(why(&["a"], &[], &window(10_000, &WALLS)), (false, Some(NoInterval::Unmarked)));
    assert_eq!(why(&["a"], &one, &window(10_000, &[600])), (false, Some(NoInterval::OneMark)));
    let other = window(10_000, &[5, 5, 5]);
    assert_eq!(why(&["a"], &one, &other), (false, Some(NoInterval::Misfit)));
    let twice = [(50_000, "a"), (60_000, "a")];
    assert_eq!(why(&["a"], &twice, &window(10_000, &WALLS)), (false, Some(NoInterval::Ambiguous)));
}

/// The clients of Rust cut to whole nanoseconds: what is shown is what the interval is of.
#[test]
fn figures_that_were_cut_get_their_fractions_back() {
    let walls: Vec<u64> = (0..20).map(|nth| 4225 + nth % 5).collect();
    let stats = BenchmarkStats {
        iter_per_round: 1000,
        total_time: 84_540e-9,
        ..BenchmarkStats::of_rounds(&[4; 20], 0)
    };
    let mut json: serde_json::Value = serde_json::from_str(&results(9, &["a"])).unwrap();
    json["benchmarks"][0]["stats"] = serde_json::to_value(stats).unwrap();
    let timestamps = ExecutionTimestamps {
        uri_by_ts: vec![(500_000, "a".to_owned())],
        markers: window(10_000, &walls),
    };
    let folder = Folder::new()
        .with("results/9.json", json.to_string())
        .with("ExecutionTimestamps.msgpack", timestamps.encode());
    let report = folder.report();
    let [benchmark] = report.benchmarks.as_slice() else { panic!("{report:?}") };
    assert_eq!(benchmark.stats.median_ns.to_string(), "4.227");
    assert_eq!(benchmark.stats.iter_per_round, 1000);
    let interval = benchmark.median_interval.unwrap();
    assert!(interval.holds(4.227) && interval.high - interval.low < 0.01, "{interval:?}");
}

#[test]
fn iterations_share_the_time_of_their_round() {
    let rounds = RawRounds::Marked {
        start_ns: vec![0, 200],
        wall_ns: vec![100, 300],
        iterations: vec![8, 16],
        preempted_ns: vec![None, Some(60)],
    };
    assert_eq!(rounds.per_iteration_ns(), [12.5, 18.75]);
    assert_eq!(rounds.undisturbed_ns(), [15.0]);
}

/// The robust time of a benchmark of three rounds, in a window that was watched like this.
fn robust(window_seen: WatchedWindow) -> Robust {
    let timestamps = ExecutionTimestamps {
        uri_by_ts: vec![(50_000, "a".to_owned())],
        markers: window(10_000, &WALLS),
    };
    let seen = Preemptions { windows: vec![window_seen], left_out: 0 };
    let folder = Folder::new()
        .with("results/9.json", results(9, &["a"]))
        .with("ExecutionTimestamps.msgpack", timestamps.encode());
    fs::create_dir(folder.path(NOT_ARCHIVED)).unwrap();
    let folder = folder.with(".codspeed/Preemptions.msgpack", seen.encode());
    let [benchmark] = <[BenchResult; 1]>::try_from(folder.report().benchmarks).unwrap();
    assert_eq!(
        benchmark.undisturbed().is_some(),
        benchmark.robust.as_ref().unwrap().missing.is_empty()
    );
    benchmark.robust.unwrap()
}

#[test]
fn time_of_others_is_subtracted_from_rounds_if_certain() {
    // 40 of the second round, which begins at 11,000, and 120 of the third one.
    let seen = || WatchedWindow {
        start_ns: 9_000,
        end_ns: 20_000,
        preempted: vec![(11_100, 40), (12_150, 120)],
        thread_ns: 600,
        ..WatchedWindow::default()
    };
    let found = robust(seen());
    assert_eq!((found.source, found.median_ns), (RobustSource::KernelStamps, 160.0));
    let doubts = [
        (WatchedWindow { missing: "no rights".to_owned(), ..seen() }, "no rights"),
        (WatchedWindow { lost: vec![(11_000, 500)], ..seen() }, "kernel records were lost"),
        (WatchedWindow { end_ns: 11_500, ..seen() }, "kernel records were lost"),
        (
            WatchedWindow { others_ns: 400, ..seen() },
            "several threads or processes ran at the same time",
        ),
        (
            WatchedWindow { waited: vec![(12_000, 50)], forked: true, ..seen() },
            "it waits for other threads or processes, which may themselves have been disturbed",
        ),
    ];
    for (window, why) in doubts {
        let found = robust(window);
        assert_eq!((found.source, &*found.missing), (RobustSource::WallClock, why));
        assert_eq!(found.median_ns.to_string(), "200");
    }
    // A program that sleeps waits for nobody, and one with a helper does not wait.
    let sleeps = WatchedWindow { waited: vec![(12_000, 50)], ..seen() };
    let helped = WatchedWindow { others_ns: 200, forked: true, ..seen() };
    for window in [sleeps, helped] {
        assert_eq!(robust(window).source, RobustSource::KernelStamps);
    }
}
