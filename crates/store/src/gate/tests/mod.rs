//! The gate as a whole: limits, budgets, waivers, and reports that no name can break.

use std::{collections::BTreeMap, sync::LazyLock};

use results::TableStyle;

mod confirmed;
mod limits;
mod reports;

use super::*;
use crate::{
    Better, Metric, MetricUnit, Mode, Outcome, Part, Record, RecordId, RecordedBenchmark,
    compare::{
        Absence, Class, Compared, Comparison, Doubt, Effect, FloorSource, Quantity, Reason, Run,
        Summary, Title, Unmatched, Verdict,
    },
    history::Expected,
};

fn today() -> Day {
    "2026-11-30".parse().unwrap()
}

fn quantity(key: &str, base: f64, head: f64, verdict: Verdict) -> Quantity {
    let is_time = key.ends_with("_ns");
    Quantity {
        key: key.to_owned(),
        title: if is_time { "time" } else { key }.to_owned(),
        unit: if is_time { MetricUnit::Nanoseconds } else { MetricUnit::Number },
        better: Better::Lower,
        decides: true,
        base,
        head,
        ratio: (base > 0.0).then(|| head / base),
        interval: None,
        runs: [Vec::new(), Vec::new()],
        threshold: 0.03,
        floor: 0.0,
        floor_source: FloorSource::Assumed,
        limit: Some(0.03),
        times: None,
        p: None,
        verdict,
    }
}

fn compared(name: &str, base: f64, head: f64, verdict: Verdict) -> Compared {
    Compared {
        mode: Mode::Walltime,
        name: name.to_owned(),
        uri: format!("benches/all.rs::{name}"),
        occurrence: 1,
        class: Class::Comparable,
        reasons: Vec::new(),
        verdict,
        doubts: Vec::new(),
        quantities: vec![quantity("median_ns", base, head, verdict)],
        moved: None,
    }
}

fn comparison(benchmarks: Vec<Compared>) -> Comparison {
    let title = |id: &str| Title { id: id.repeat(32), time_ms: 0, name: None, commit: None };
    Comparison {
        version: Comparison::VERSION,
        base: vec![title("a")],
        head: vec![title("b")],
        seed: 0,
        forced: false,
        modes: Vec::<Summary>::new(),
        benchmarks,
        unmatched: Vec::new(),
        tested: 0,
        paired_command: None,
    }
}

fn rule(benchmarks: &str, max_regression: Option<Limit>) -> Rule {
    Rule { benchmarks: Some(benchmarks.into()), max_regression, ..Rule::default() }
}

/// The inputs of a gate with these rules that has nothing to judge; doubts pass.
fn inputs(rules: &Rules) -> Inputs<'_> {
    static TODAY: LazyLock<Day> = LazyLock::new(today);
    Inputs { rules, comparison: None, head: &[], expectations: &[], today: &TODAY, strict: false }
}

fn judged(rules: &Rules, comparison: &Comparison) -> GateReport {
    judge(&Inputs { comparison: Some(comparison), ..inputs(rules) })
}

fn outcomes(report: &GateReport) -> Vec<(&str, Status)> {
    report.checks.iter().map(|check| (&*check.name, check.status)).collect()
}

/// A bit of everything.
fn mixed() -> (Rules, Comparison) {
    let mut incomparable = compared("elsewhere", 1e6, 2e6, Verdict::Incomparable);
    incomparable.reasons = vec![Reason {
        field: "processor",
        title: "processor",
        effect: Effect::Forbids,
        base: "AMD EPYC 7763".to_owned(),
        head: "Intel Xeon 8370C".to_owned(),
    }];
    let mut suspect = compared("suspect", 1e6, 1.05e6, Verdict::Suspect);
    suspect.doubts = vec![Doubt::FewRuns];
    let mut all = comparison(vec![
        compared("within", 1e6, 1.04e6, Verdict::Regressed),
        compared("slower", 1e6, 1.072e6, Verdict::Regressed),
        compared("much/slower", 1e6, 3e6, Verdict::Regressed),
        suspect,
        incomparable,
        compared("json/waived", 1e6, 1.5e6, Verdict::Regressed),
        compared("faster", 1e6, 0.5e6, Verdict::Improved),
        compared("same", 1e6, 1e6, Verdict::Unchanged),
    ]);
    all.unmatched = vec![Unmatched {
        mode: Mode::Walltime,
        name: "gone".to_owned(),
        uri: "gone".to_owned(),
        occurrence: 1,
        absence: Absence::Removed,
    }];
    let waiver = |pattern: &str, until: &str| Waiver {
        benchmarks: pattern.into(),
        mode: None,
        metric: None,
        reason: "new parser, see #12".to_owned(),
        until: until.parse().unwrap(),
    };
    let rules = Rules {
        rules: vec![Rule { max_regression: Some(Limit::Most(0.05)), ..Rule::default() }],
        waivers: vec![
            waiver("json/*", "2026-11-30"),
            waiver("slower", "2026-11-29"),
            waiver("never", "2027-01-01"),
        ],
    };
    (rules, all)
}

#[test]
fn limits_and_waivers_decide() {
    let (rules, comparison) = mixed();
    let report = judged(&rules, &comparison);
    assert_eq!(
        outcomes(&report),
        [
            ("much/slower", Status::Failed),
            ("slower", Status::Failed),
            ("gone", Status::Doubtful),
            ("elsewhere", Status::Doubtful),
            ("suspect", Status::Doubtful),
            ("json/waived", Status::Waived),
            ("faster", Status::Improved),
            ("within", Status::Passed),
            ("same", Status::Passed),
        ]
    );
    assert!(!report.passed);
    let waivers: Vec<_> = report.waivers.iter().map(|it| (&*it.benchmarks, it.expired)).collect();
    assert_eq!(waivers, [("slower", true), ("never", false)]);
}

#[test]
fn later_rules_are_exceptions_of_earlier_ones() {
    let all = |limit| Rule { max_regression: Some(limit), ..Rule::default() };
    let comparison = comparison(vec![
        compared("a", 1e6, 1.08e6, Verdict::Regressed),
        compared("b[x]", 1e6, 1.08e6, Verdict::Regressed),
        compared("c/d", 1e6, 1.08e6, Verdict::Regressed),
    ]);
    let rules = Rules {
        rules: vec![
            all(Limit::Most(0.05)),
            rule("b[x]", Some(Limit::Most(0.1))),
            rule("c*", Some(Limit::Off)),
            // Has no such key, and changes nothing.
            rule("a", None),
        ],
        waivers: Vec::new(),
    };
    let report = judged(&rules, &comparison);
    assert_eq!(
        outcomes(&report),
        [("a", Status::Failed), ("b[x]", Status::Passed), ("c/d", Status::Passed)]
    );
    assert_eq!(rules.smallest_regression(Mode::Walltime), Some(0.05));
    // Without any rule, any loss that is certain is too much.
    assert_eq!(judged(&Rules::default(), &comparison).with(Status::Failed).count(), 3);
}

#[test]
fn doubts_fail_only_if_that_is_wanted() {
    let comparison = comparison(vec![compared("a", 1.0, 2.0, Verdict::Inconclusive)]);
    let rules = Rules::default();
    let with = |strict| judge(&Inputs { comparison: Some(&comparison), strict, ..inputs(&rules) });
    assert!(with(false).passed && !with(true).passed);
}

#[test]
fn a_history_decides_what_two_runs_can_not() {
    let rules = Rules::default();
    let with = |head: f64, points| {
        let comparison = comparison(vec![compared("a", 1e6, head, Verdict::Inconclusive)]);
        let expected = Expected { median: 1e6, low: 0.98e6, high: 1.02e6, points };
        let expectation = Expectation {
            mode: Mode::Walltime,
            uri: "benches/all.rs::a".to_owned(),
            occurrence: 1,
            metric: "median_ns".to_owned(),
            expected,
        };
        let inputs = Inputs {
            comparison: Some(&comparison),
            expectations: &[expectation],
            ..inputs(&rules)
        };
        judge(&inputs).checks[0].status
    };
    assert_eq!(with(1.01e6, 30), Status::Passed);
    assert_eq!(with(1.06e6, 30), Status::Failed);
    assert_eq!(with(1.025e6, 30), Status::Doubtful, "outside, but too little to matter");
    assert_eq!(with(1.03e6, 30), Status::Doubtful, "as much as matters, and no more");
    assert_eq!(with(0.9e6, 30), Status::Doubtful, "better");
    assert_eq!(with(1.06e6, 5), Status::Doubtful, "too few values");
}

fn record(metrics: &[(&str, f64)], outcome: Outcome) -> Record {
    let metric = |value: f64| Metric { value, unit: MetricUnit::Bytes, ..Metric::default() };
    let metrics: BTreeMap<String, Metric> =
        metrics.iter().map(|(key, value)| ((*key).to_owned(), metric(*value))).collect();
    let benchmark = RecordedBenchmark {
        name: "load".to_owned(),
        uri: "load".to_owned(),
        outcome,
        metrics,
        headline: "peak_bytes".to_owned(),
        ..RecordedBenchmark::default()
    };
    Record {
        version: Record::VERSION,
        parts: vec![Part { mode: Mode::Memory, ..Part::default() }],
        benchmarks: vec![benchmark],
        ..Record::default()
    }
}

#[test]
fn budgets_need_no_base() {
    let budgets = [("peak", 100.0 * 1024.0 * 1024.0), ("allocations", 0.0), ("leaked", 0.0)];
    let budgets = budgets.map(|(word, most)| (word, Limit::Most(most)));
    let rules = Rules {
        rules: vec![Rule { budgets: BTreeMap::from(budgets), ..Rule::default() }],
        waivers: Vec::new(),
    };
    let values = [("peak_bytes", 2e8), ("live_at_end_bytes", 0.0)];
    let record = record(&values, Outcome::Complete);
    let head = [Run { id: RecordId::of(b"head"), record: &record }];
    let report = judge(&Inputs { head: &head, ..inputs(&rules) });
    let found: Vec<_> = report.checks.iter().map(|check| (&*check.title, check.status)).collect();
    assert_eq!(
        found,
        [
            ("peak memory", Status::Failed),
            ("allocations", Status::Doubtful),
            ("memory live at the end", Status::Passed),
        ]
    );
    insta::assert_snapshot!(table(&report, &TableStyle { colour: false, width: Some(80) }));
}

#[test]
fn a_benchmark_that_failed_fails_the_gate() {
    let record = record(&[], Outcome::Failed("exit status 1".to_owned()));
    let head = [Run { id: RecordId::of(b"head"), record: &record }];
    let report = judge(&Inputs { head: &head, ..inputs(&Rules::default()) });
    assert_eq!(outcomes(&report), [("load", Status::Failed)]);
    assert_eq!(report.checks[0].reason, "failed: exit status 1");
}

#[test]
fn values_are_read_with_their_units() {
    let read = |word: &str, text: &str| budget(word).unwrap().read(text);
    for (word, text, expected) in [
        ("median", "10 ms", 1e7),
        ("median", "1.5 µs", 1500.0),
        ("median", "1s 500ms", 1.5e9),
        ("median", "0", 0.0),
        ("peak", "100 MB", 104_857_600.0),
        ("peak", "1.5KiB", 1536.0),
        ("peak", "0", 0.0),
        ("leaked", "12", 12.0),
        ("allocations", "5_000", 5000.0),
        ("instructions", "1e9", 1e9),
    ] {
        assert_eq!(read(word, text), Ok(expected), "{word}: {text}");
    }
    for (word, text) in [
        ("median", "10"),
        ("median", "10 MB"),
        ("peak", "10 ms"),
        ("peak", "-1"),
        ("peak", "nan"),
        ("peak", "1,5 MB"),
        ("allocations", "5,000"),
        ("allocations", "many"),
        ("allocations", "inf"),
    ] {
        assert!(read(word, text).is_err(), "{word}: {text}");
    }
}

#[test]
fn days_and_patterns_are_checked() {
    for text in ["2026-12-31", "2028-02-29"] {
        assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
    }
    for text in ["", "tomorrow", "2026-13-01", "2026-02-30", "31.12.2026", "2026-12-31T00:00:00Z"] {
        assert!(text.parse::<Day>().is_err(), "{text}");
    }
    let pattern = Pattern::from("test[?]*");
    assert!(pattern.is_about("test[1]", "x") && !pattern.is_about("test1", "x"));
    let pattern = Pattern::from("parse/*");
    assert!(pattern.is_about("parse/a/b", "x") && pattern.is_about("x", "parse/a"));
    assert!(!pattern.is_about("parse", "x"));
}
