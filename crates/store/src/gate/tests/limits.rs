//! The quantities that limits and waivers are about, and the words of doubts.

use super::*;

#[test]
fn a_limit_is_about_its_own_quantity_alone() {
    let limit = |metric, share| Rule {
        metric: budget(metric),
        max_regression: Some(Limit::Most(share)),
        ..Rule::default()
    };
    let rules = Rules { rules: vec![limit("allocations", 0.0)], waivers: Vec::new() };
    let threshold = |rules: &Rules, mode, key| rules.threshold(mode, "a", "a", key);
    assert_eq!(threshold(&rules, Mode::Memory, "allocations"), Some(0.0));
    assert_eq!(threshold(&rules, Mode::Memory, "peak_bytes"), None);
    assert_eq!(threshold(&rules, Mode::Walltime, "median_ns"), None);
    assert_eq!(rules.smallest_regression(Mode::Memory), Some(0.0));
    assert_eq!(rules.smallest_regression(Mode::Walltime), None);
    let all = Rule { max_regression: Some(Limit::Most(0.0)), ..Rule::default() };
    let rules = Rules { rules: vec![all], waivers: Vec::new() };
    assert_eq!(threshold(&rules, Mode::Walltime, "median_ns"), None, "times always differ");
    assert_eq!(rules.smallest_regression(Mode::Walltime), None);
}

#[test]
fn each_time_stands_for_the_one_that_is_judged() {
    let mut one = compared("a", 1e6, 1.5e6, Verdict::Regressed);
    one.quantities = vec![quantity("robust_median_ns", 1e6, 1.5e6, Verdict::Regressed)];
    let comparison = comparison(vec![one]);
    for metric in ["median", "undisturbed", "processor"] {
        let limit = Limit::Most(0.99);
        let rule = Rule { metric: budget(metric), max_regression: Some(limit), ..Rule::default() };
        let rules = Rules { rules: vec![rule], waivers: Vec::new() };
        assert_eq!(outcomes(&judged(&rules, &comparison)), [("a", Status::Passed)], "{metric}");
        let waiver = Waiver {
            benchmarks: "a".into(),
            mode: None,
            metric: budget(metric),
            reason: "new parser".to_owned(),
            until: today(),
        };
        let rules = Rules { rules: Vec::new(), waivers: vec![waiver] };
        assert_eq!(outcomes(&judged(&rules, &comparison)), [("a", Status::Waived)], "{metric}");
    }
    let compared = BUDGETS.iter().filter(|budget| budget.is_compared()).map(|it| it.word);
    let compared: Vec<_> = compared.collect();
    let times = ["median", "undisturbed", "processor"];
    let counts = ["instructions", "estimated-time", "peak", "allocated", "allocations"];
    assert_eq!(compared, [&times[..], &counts].concat());
}

#[test]
fn the_doubt_that_says_most_is_told() {
    let mut one = compared("a", 1e6, 1.5e6, Verdict::Suspect);
    one.doubts = vec![Doubt::FewRuns, Doubt::FarApart, Doubt::Degraded];
    one.reasons = vec![Reason {
        field: "kernel",
        title: "the kernel",
        effect: Effect::Degrades,
        base: "6.18".to_owned(),
        head: "6.19".to_owned(),
    }];
    let told = |one: &Compared| {
        let report = judged(&Rules::default(), &comparison(vec![one.clone()]));
        report.checks[0].reason.clone()
    };
    assert_eq!(told(&one), "suspect: the kernel differs: `6.18` in base, `6.19` in head");
    one.doubts = vec![Doubt::FewRuns, Doubt::FarApart];
    assert_eq!(told(&one), "suspect: the runs are more than an hour apart");
}

#[test]
fn a_loss_that_equals_the_limit_passes() {
    let rules = |share| Rules {
        rules: vec![rule("a", Some(Limit::Most(share))), rule("nosuch*", Some(Limit::Off))],
        waivers: Vec::new(),
    };
    let comparison = comparison(vec![compared("a", 100_000.0, 105_000.0, Verdict::Regressed)]);
    let report = judged(&rules(0.05), &comparison);
    assert_eq!(outcomes(&report), [("a", Status::Passed)]);
    assert_eq!(report.notes, ["no benchmark is named `nosuch*`, for which there is a limit"]);
    assert_eq!(outcomes(&judged(&rules(0.049), &comparison)), [("a", Status::Failed)]);
}

/// Judges with these limits and waivers; doubts fail.
fn strictly(rules: &Rules, comparison: &Comparison, expectations: &[Expectation]) -> GateReport {
    let inputs = inputs(rules);
    judge(&Inputs { comparison: Some(comparison), expectations, strict: true, ..inputs })
}

#[test]
fn waivers_cover_doubt_where_it_fails() {
    let waiver = Waiver {
        benchmarks: "a*".into(),
        mode: None,
        metric: None,
        reason: "known to be noisy".to_owned(),
        until: today(),
    };
    let rules = Rules { rules: Vec::new(), waivers: vec![waiver] };
    let mut comparison = comparison(vec![compared("a", 1e6, 1.1e6, Verdict::Inconclusive)]);
    let report = strictly(&rules, &comparison, &[]);
    assert_eq!(outcomes(&report), [("a", Status::Waived)]);
    assert!(report.passed && report.waivers.is_empty());
    assert!(report.checks[0].reason.contains("known to be noisy"), "{}", report.checks[0].reason);
    let report = judged(&rules, &comparison);
    assert_eq!(outcomes(&report), [("a", Status::Doubtful)], "nothing fails");
    assert_eq!(report.waivers.len(), 1, "nothing needs it");
    comparison.unmatched = vec![Unmatched {
        mode: Mode::Walltime,
        name: "a2".to_owned(),
        uri: "a2".to_owned(),
        occurrence: 1,
        absence: Absence::UnfinishedInHead,
    }];
    assert!(!strictly(&rules, &comparison, &[]).passed, "what is broken is not waived");
}

#[test]
fn a_suspect_change_within_its_limit_passes() {
    let rules =
        |share| Rules { rules: vec![rule("a", Some(Limit::Most(share)))], ..Rules::default() };
    let suspect = |interval: Option<(f64, f64)>, head, better| {
        let mut one = compared("a", 1e6, head, Verdict::Suspect);
        one.quantities[0].better = better;
        let interval = interval.map(|(low, high)| results::Interval { low, high });
        one.quantities[0].interval = interval;
        comparison(vec![one])
    };
    let (lower, higher) = (Better::Lower, Better::Higher);
    let slower = suspect(Some((1.04, 1.06)), 1.05e6, lower);
    let passed = strictly(&rules(0.06), &slower, &[]);
    assert!(passed.passed);
    assert_eq!(passed.checks[0].reason, "not certain, but within the limit");
    assert!(!strictly(&rules(0.05), &slower, &[]).passed, "it may be more");
    assert!(!strictly(&rules(0.06), &suspect(None, 1.05e6, lower), &[]).passed);
    // 1 / 0.95 is 5.3 % worse.
    let fewer = suspect(Some((0.95, 0.97)), 0.96e6, higher);
    assert!(strictly(&rules(0.06), &fewer, &[]).passed);
    assert!(!strictly(&rules(0.05), &fewer, &[]).passed);
    // What seems better, with an interval and without one.
    for faster in [suspect(Some((0.9, 0.96)), 0.93e6, lower), suspect(None, 0.93e6, lower)] {
        assert!(strictly(&Rules::default(), &faster, &[]).passed);
    }
    let wide = comparison(vec![compared("a", 1e6, 0.93e6, Verdict::Inconclusive)]);
    assert!(!strictly(&Rules::default(), &wide, &[]).passed, "nothing is known of it");
}

#[test]
fn each_measurement_of_an_identity_has_its_own_history() {
    let second = Compared { occurrence: 2, ..compared("a", 1e6, 1.06e6, Verdict::Inconclusive) };
    let comparison = comparison(vec![second]);
    let with = |occurrence| {
        let expectation = Expectation {
            mode: Mode::Walltime,
            uri: "benches/all.rs::a".to_owned(),
            occurrence,
            metric: "median_ns".to_owned(),
            expected: Expected { median: 1e6, low: 0.98e6, high: 1.02e6, points: 30 },
        };
        strictly(&Rules::default(), &comparison, &[expectation]).checks[0].status
    };
    assert_eq!((with(1), with(2)), (Status::Doubtful, Status::Failed));
}

#[test]
fn estimated_time_is_compared_by_its_cycles() {
    let mut one = compared("a", 1e6, 1.5e6, Verdict::Regressed);
    one.mode = Mode::Simulation;
    one.quantities = vec![quantity("estimated_cycles", 1e6, 1.5e6, Verdict::Regressed)];
    let comparison = comparison(vec![one]);
    let limit = |metric, share| Rules {
        rules: vec![Rule {
            metric: budget(metric),
            max_regression: Some(Limit::Most(share)),
            ..Rule::default()
        }],
        waivers: Vec::new(),
    };
    let judged_by = |metric, share| judged(&limit(metric, share), &comparison).passed;
    assert!(judged_by("estimated-time", 0.6) && !judged_by("estimated-time", 0.4));
    assert!(!judged_by("instructions", 0.6));
    // A budget is a time, which these cycles are not.
    let rule = Rule {
        budgets: BTreeMap::from([("estimated-time", Limit::Most(1.0))]),
        max_regression: Some(Limit::Off),
        ..Rule::default()
    };
    let report = judged(&Rules { rules: vec![rule], waivers: Vec::new() }, &comparison);
    assert_eq!(report.checks[0].reason, "estimated time is not known");
}

#[test]
fn limits_of_new_benchmarks_are_not_idle() {
    let single = |name: &str, absence| Unmatched {
        mode: Mode::Walltime,
        name: name.to_owned(),
        uri: name.to_owned(),
        occurrence: 1,
        absence,
    };
    let mut comparison = comparison(vec![compared("a", 1e6, 1e6, Verdict::Unchanged)]);
    comparison.unmatched = vec![single("new", Absence::New), single("old", Absence::Removed)];
    let most = Some(Limit::Most(0.05));
    let rules = Rules { rules: vec![rule("new", most), rule("old", most)], waivers: Vec::new() };
    let notes = judged(&rules, &comparison).notes;
    assert_eq!(notes, ["no benchmark is named `old`, for which there is a limit"]);
}

#[test]
fn a_waiver_of_one_time_is_none_of_a_budget_of_another() {
    let record = |key: &str| {
        let mut record = record(&[(key, 2.0)], Outcome::Complete);
        record.parts[0].mode = Mode::Walltime;
        record
    };
    let status = |budget_of: &'static str, key: &str, waived: &str| {
        let budgets = BTreeMap::from([(budget_of, Limit::Most(1.0))]);
        let waiver = Waiver {
            benchmarks: "load".into(),
            mode: None,
            metric: budget(waived),
            reason: "new parser".to_owned(),
            until: today(),
        };
        let rules =
            Rules { rules: vec![Rule { budgets, ..Rule::default() }], waivers: vec![waiver] };
        let record = record(key);
        let head = [Run { id: RecordId::of(b"head"), record: &record }];
        judge(&Inputs { head: &head, ..inputs(&rules) }).checks[0].status
    };
    assert_eq!(status("median", "median_ns", "processor"), Status::Failed);
    assert_eq!(status("median", "median_ns", "median"), Status::Waived);
    assert_eq!(status("p99", "p99_ns", "p99"), Status::Waived);
}

#[test]
fn each_quantity_in_doubt_is_within_its_own_limit() {
    let with = |lead, other: (f64, Verdict)| {
        let mut one = compared("a", 1e6, 0.9e6, lead);
        one.mode = Mode::Memory;
        one.quantities = vec![
            quantity("peak_bytes", 1e6, 0.9e6, lead),
            quantity("total_bytes", 1e6, other.0, other.1),
            quantity("allocations", 10.0, 10.0, Verdict::Unchanged),
        ];
        comparison(vec![one])
    };
    let metrics = |report: &GateReport| {
        let all = report.checks.iter().map(|check| (check.metric.clone(), check.status));
        all.collect::<Vec<_>>()
    };
    let rules = Rules::default();
    let worse = with(Verdict::Suspect, (1.5e6, Verdict::Suspect));
    let total = |status| [("total_bytes".to_owned(), status)];
    assert_eq!(metrics(&strictly(&rules, &worse, &[])), total(Status::Doubtful));
    assert_eq!(metrics(&judged(&rules, &worse)), total(Status::Doubtful));
    let both_better = with(Verdict::Suspect, (0.8e6, Verdict::Suspect));
    assert!(strictly(&rules, &both_better, &[]).passed);
    let unknown = with(Verdict::Suspect, (0.8e6, Verdict::Inconclusive));
    assert!(!strictly(&rules, &unknown, &[]).passed, "nothing is known of it");
    // A history of the first one says nothing of the second one.
    let expectation = Expectation {
        mode: Mode::Memory,
        uri: "benches/all.rs::a".to_owned(),
        occurrence: 1,
        metric: "peak_bytes".to_owned(),
        expected: Expected { median: 0.9e6, low: 0.8e6, high: 1e6, points: 30 },
    };
    let report = strictly(&rules, &worse, std::slice::from_ref(&expectation));
    assert_eq!(metrics(&report), total(Status::Doubtful));
    // Nor does a loss that is permitted.
    let mut permitted = with(Verdict::Regressed, (1.5e6, Verdict::Suspect));
    permitted.benchmarks[0].quantities[0].head = 1.01e6;
    permitted.benchmarks[0].quantities[0].ratio = Some(1.01);
    let most = |share| Rules { rules: vec![rule("a", Some(Limit::Most(share)))], ..rules.clone() };
    let report = strictly(&most(0.02), &permitted, &[]);
    assert_eq!(metrics(&report), total(Status::Doubtful));
    assert!(report.checks[0].reason.starts_with("suspect: "), "{}", report.checks[0].reason);
}
