//! One report with three benchmarks in every format: a noisy one, one that failed at round 3, one
//! of pytest without raw rounds.

use proptest::prelude::*;
use runner_shared::{
    artifact::{Outcome, RobustSource, Rounds},
    walltime::{BenchmarkConfig, BenchmarkStats, judge_noise},
};

use super::*;
use crate::model::{
    BenchResult, Faults, Integration, Interval, MaxRss, NoInterval, Profile, RawRounds, Robust,
    Switches, WalltimeReport,
};
use crate::stacks::Stacks;

fn rounds(walls: &[u64], preempted: &[Option<u64>]) -> Rounds {
    let n = walls.len();
    Rounds {
        start_ns: (1..).map(|nth| nth * 10_000_000).take(n).collect(),
        wall_ns: walls.to_vec(),
        user_ns: vec![4_000_000; n],
        system_ns: vec![500_000; n],
        minor_faults: vec![120; n],
        major_faults: vec![0; n],
        voluntary_switches: vec![1; n],
        involuntary_switches: vec![2; n],
        kernel_ns: walls.iter().map(|wall| Some(wall - 100_000)).collect(),
        preempted_ns: preempted.to_vec(),
        block: vec![0; n],
        max_rss_bytes: vec![9_000_000; n],
    }
}

fn exec(name: &str, rounds: Rounds) -> BenchResult {
    BenchResult {
        name: name.to_owned(),
        uri: format!("exec_harness::{name}"),
        integration: Integration {
            name: "exec-harness".to_owned(),
            version: Some("5.1.0".to_owned()),
        },
        pid: 4242,
        stats: BenchmarkStats::of_rounds(&rounds.wall_ns, 3),
        config: BenchmarkConfig { max_time_ns: Some(3e9), ..BenchmarkConfig::default() },
        outcome: Outcome::Complete,
        cold: false,
        warmup_rounds: Some(3),
        median_interval: None,
        mean_interval: None,
        no_interval: None,
        robust: None,
        processor_ns: Some(4_500_000.0),
        user_ns: Some(4_000_000.0),
        system_ns: Some(500_000.0),
        split_step_ns: None,
        faults: Some(Faults { minor: 120.0, major: 0.0 }),
        switches: Some(Switches { voluntary: 1.0, involuntary: 2.0 }),
        max_rss: Some(MaxRss { bytes: 9_000_000.0, is_bound: false }),
        counters: Vec::new(),
        noise: Some(judge_noise(&rounds.wall_ns, &rounds.preempted_ns)),
        rounds: Some(RawRounds::Logged(Box::new(rounds))),
        shell: None,
        notes: Vec::new(),
    }
}

pub(super) fn noisy() -> BenchResult {
    let walls = [5_000_000, 5_010_000, 5_020_000, 9_000_000, 5_030_000];
    let preempted = [Some(0), Some(1_000), Some(0), Some(3_900_000), None];
    BenchResult {
        median_interval: Some(Interval { low: 5_000_000.0, high: 5_040_000.0 }),
        mean_interval: Some(Interval { low: 5_008_000.0, high: 7_412_000.5 }),
        robust: Some(Robust {
            source: RobustSource::KernelStamps,
            missing: String::new(),
            median_ns: 4_909_000.0,
            interval: Some(Interval { low: 4_900_000.0, high: 4_930_000.0 }),
            in_stats: false,
        }),
        notes: vec!["still warming up: the first 4 rounds took longer".to_owned()],
        ..exec("sort --parallel=2 'a|b.txt'", rounds(&walls, &preempted))
    }
}

fn failed() -> BenchResult {
    BenchResult {
        outcome: Outcome::Failed { reason: "round 3 ended with exit status 1".to_owned() },
        config: BenchmarkConfig::default(),
        max_rss: Some(MaxRss { bytes: 3_300_000.0, is_bound: true }),
        median_interval: Some(Interval { low: 710_000.0, high: 730_000.0 }),
        mean_interval: Some(Interval { low: 710_000.0, high: 730_000.0 }),
        ..exec("./flaky.sh", rounds(&[710_000, 730_000], &[None, None]))
    }
}

fn pytest() -> BenchResult {
    BenchResult {
        name: "test_parse[10]".to_owned(),
        uri: "tests/test_parse.py::test_parse[10]".to_owned(),
        integration: Integration {
            name: "pytest-codspeed".to_owned(),
            version: Some("4.5.0".to_owned()),
        },
        pid: 77,
        stats: BenchmarkStats {
            min_ns: 1210.0,
            max_ns: 1900.0,
            mean_ns: 1301.5,
            stdev_ns: 40.0,
            q1_ns: 1280.0,
            median_ns: 1300.0,
            q3_ns: 1320.0,
            rounds: 298,
            total_time: 3.1,
            iqr_outlier_rounds: 7,
            stdev_outlier_rounds: 2,
            iter_per_round: 8000,
            warmup_iters: 800_000,
        },
        warmup_rounds: None,
        rounds: None,
        no_interval: Some(NoInterval::OneMark),
        processor_ns: None,
        user_ns: None,
        system_ns: None,
        split_step_ns: None,
        faults: None,
        switches: None,
        max_rss: None,
        noise: None,
        ..exec("", Rounds::default())
    }
}

pub(super) fn of(benchmarks: Vec<BenchResult>) -> WalltimeReport {
    WalltimeReport { benchmarks, ..WalltimeReport::default() }
}

pub(super) fn report() -> WalltimeReport {
    let warnings = vec!["`results/3.json` has no benchmarks".to_owned()];
    WalltimeReport { warnings, ..of(vec![noisy(), failed(), pytest()]) }
}

pub(super) fn exported(id: &str) -> String {
    let mut out = Vec::new();
    exporter(id).unwrap().write(&report().into(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn shown(report: &WalltimeReport, width: Option<u16>) -> String {
    table(&report.clone().into(), &TableStyle { colour: false, width })
}

#[test]
fn a_benchmark_alone_is_shown_without_a_table() {
    let all = [noisy(), failed(), pytest()].map(|one| shown(&of(vec![one]), Some(60))).join("\n");
    insta::assert_snapshot!(all);
}

#[test]
fn a_metric_that_all_rows_lack_has_no_column() {
    let early = |name: &str, run: u64| {
        let marked = RawRounds::Marked {
            start_ns: (0..run).collect(),
            wall_ns: vec![10_400_000; usize::try_from(run).unwrap()],
            iterations: vec![8000; usize::try_from(run).unwrap()],
            preempted_ns: vec![None; usize::try_from(run).unwrap()],
        };
        BenchResult {
            name: name.to_owned(),
            rounds: Some(marked),
            no_interval: None,
            median_interval: Some(Interval { low: 1290.0, high: 1310.0 }),
            ..pytest()
        }
    };
    let benchmarks = vec![early("one", 280), early("two", 281), early("three", 290), pytest()];
    insta::assert_snapshot!(shown(&of(benchmarks), Some(80)));
}

#[test]
fn the_slowest_profiles_are_chosen_and_keep_their_order() {
    let profile = |name: &str| Profile {
        stacks: Stacks { benchmark: name.to_owned(), ..Stacks::default() },
        ..Profile::default()
    };
    let timed = |name: &str, median_ns: f64| BenchResult {
        name: name.to_owned(),
        stats: BenchmarkStats { median_ns, ..BenchmarkStats::default() },
        ..pytest()
    };
    let report = WalltimeReport {
        profiles: ["a", "b", "c"].map(profile).to_vec(),
        ..of(vec![timed("a", 5.0), timed("b", 1.0), timed("c", 9.0)])
    };
    let slowest = report.slowest_profiles(2);
    let names: Vec<&str> = slowest.iter().map(|one| one.stacks.benchmark.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn a_part_of_the_processor_time_below_a_tick_is_no_zero() {
    let reads = BenchResult {
        user_ns: Some(0.0),
        system_ns: Some(121e6),
        split_step_ns: Some(4e6),
        ..failed()
    };
    let text = shown(&of(vec![reads]), None);
    let figure = |title: &str| {
        text.lines().find_map(|line| line.trim_start().strip_prefix(title)).map(str::trim)
    };
    assert_eq!((figure("User "), figure("System ")), (Some("< 4.000 ms"), Some("121.0 ms")));
}

#[test]
fn exporters_have_names_of_their_own() {
    let ids: Vec<&str> = EXPORTERS.iter().map(|exporter| exporter.id).collect();
    let expected = [
        "json",
        "jsonl",
        "csv",
        "markdown",
        "asciidoc",
        "junit",
        "bmf",
        "openmetrics",
        "github-action-benchmark",
    ];
    assert_eq!(ids, expected);
    assert!(exporter("yaml").is_none());
    assert!(
        is_stream("jsonl") && is_stream("folded") && !is_stream("junit") && !is_stream("pprof")
    );
}

#[test]
fn json_of_three_benchmarks() {
    let json: serde_json::Value = serde_json::from_str(&exported("json")).unwrap();
    insta::assert_json_snapshot!(json);
    assert_eq!(exported("json").lines().count(), 1);
}

#[test]
fn csv_of_three_benchmarks() {
    insta::assert_snapshot!(exported("csv"));
}

#[test]
fn markdown_of_three_benchmarks() {
    insta::assert_snapshot!(exported("markdown"));
}

#[test]
fn asciidoc_of_three_benchmarks() {
    insta::assert_snapshot!(exported("asciidoc"));
}

#[test]
fn the_99th_percentile_is_there_where_there_is_room() {
    let walls: Vec<u64> = (1..=100).map(|nth| 1_000_000 + nth * 1_000).collect();
    let benchmark = exec("a", rounds(&walls, &[None; 100]));
    let (one, two) = (of(vec![benchmark.clone()]), of(vec![benchmark, failed()]));
    let has = |text: String| text.contains("P99");
    let alone = shown(&one, None);
    let line = alone.lines().find(|line| line.trim_start().starts_with("P99 "));
    assert!(line.is_some_and(|line| line.ends_with("  1.100 ms")), "{alone}");
    assert!(has(shown(&two, Some(200))), "a wide terminal");
    assert!(!has(shown(&two, Some(80))) && !has(shown(&two, None)));
    assert!(!has(shown(&of(vec![failed()]), None)), "of two rounds");
    let mut out = Vec::new();
    exporter("csv").unwrap().write(&two.into(), &mut out).unwrap();
    let csv = String::from_utf8(out).unwrap();
    let ends: Vec<&str> = csv.lines().filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(ends, ["p99_ns", "1099990", ""]);
}

#[test]
fn table_of_three_benchmarks() {
    insta::assert_snapshot!(shown(&report(), None));
}

#[test]
fn narrow_terminals_get_fewer_columns() {
    let rows = |width| {
        let text = shown(&report(), Some(width));
        let table: Vec<String> = text.lines().take(5).map(str::to_owned).collect();
        for line in &table {
            let columns = line.chars().count();
            assert!(columns <= usize::from(width.max(38)), "{columns} of {width}: {line}");
        }
        table.join("\n")
    };
    insta::assert_snapshot!([200, 120, 100, 80, 60, 40, 10].map(rows).join("\n\n"));
}

#[test]
fn colour_only_repeats_what_the_text_says() {
    let painted = table(&report().into(), &TableStyle { colour: true, width: None });
    let plain = ["1", "31", "33", "0"]
        .iter()
        .fold(painted.clone(), |text, code| text.replace(&format!("\u{1b}[{code}m"), ""));
    assert_eq!(plain, shown(&report(), None));
    let starts: Vec<String> = painted.lines().map(|line| line.chars().take(5).collect()).collect();
    assert_eq!(starts[0], "\u{1b}[1m ");
    assert_eq!(starts[2], "\u{1b}[33m");
    assert_eq!(starts[3], "\u{1b}[31m");
}

#[test]
fn a_report_without_anything_is_no_table() {
    assert_eq!(shown(&WalltimeReport::default(), Some(80)), "");
    let warned = WalltimeReport { warnings: vec!["odd".to_owned()], ..WalltimeReport::default() };
    assert_eq!(shown(&warned, Some(80)), "", "warnings are no results");
}

#[test]
fn endings_and_names_that_need_care() {
    let nothing = BenchResult {
        outcome: Outcome::Interrupted,
        ..exec("tab\there \u{1b}[31mred\nline \u{202e}", Rounds::default())
    };
    let cold = BenchResult { cold: true, ..exec("make", rounds(&[7_000_000_000], &[None])) };
    let wide =
        exec("表表表表表表表表表表表表表表表表表表表表表表表表", rounds(&[123_456], &[None]));
    let mut robust = noisy();
    if let Some(robust) = &mut robust.robust {
        robust.in_stats = true;
    }
    insta::assert_snapshot!(shown(&of(vec![nothing, cold, wide, robust]), Some(100)));
}

#[test]
fn percentages_have_about_two_digits() {
    let shown = [0.0, 0.000_01, 0.0004, 0.0042, 0.015, 0.0994, 0.12, 3.5].map(crate::text::percent);
    let expected = ["0 %", "0.00 %", "0.04 %", "0.4 %", "1.5 %", "9.9 %", "12 %", "350 %"];
    assert_eq!(shown, expected);
}

proptest! {
    #[test]
    fn any_name_and_number_can_be_shown(
        name in any::<String>(),
        walls in prop::collection::vec(100_000..u64::MAX, 0..4),
        width in any::<Option<u16>>(),
    ) {
        let missing = vec![None; walls.len()];
        let strange = exec(&name, rounds(&walls, &missing));
        let report = WalltimeReport { warnings: vec![name], ..of(vec![strange, noisy()]) };
        let text = shown(&report, width);
        prop_assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'));
        prop_assert!(text.lines().count() >= 7, "two rows and the notes below: {text}");
        let report = report.into();
        for exporter in EXPORTERS {
            exporter.write(&report, &mut io::sink()).unwrap();
        }
    }
}

#[test]
fn a_suite_is_compared_by_undisturbed_times_if_available() {
    use crate::suite::Value;
    let of_suite = |source| {
        let mut one = noisy();
        // Suites have no processor time.
        one.processor_ns = None;
        one.robust = one.robust.map(|robust| Robust { source, median_ns: 4_909_000.0, ..robust });
        match Report::from(of(vec![one])).readings().remove(0).value {
            Value::Time { undisturbed, .. } => undisturbed,
            Value::Counts(_) => None,
        }
    };
    assert_eq!(of_suite(RobustSource::KernelStamps), Some(4_909_000_000));
    assert_eq!(of_suite(RobustSource::ProcessorTime), None);
    assert_eq!(of_suite(RobustSource::WallClock), None);
}
