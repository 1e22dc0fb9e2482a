//! Made-up runs of suites, judged.

use runner_shared::{
    conditions::Conditions, mode::Mode, statistics::Xoshiro256, verdict::JudgedTime,
};

use super::*;
use crate::Verdicts;

fn time(name: &str, wall: u64) -> SuiteReading {
    let value = Value::Time { wall, undisturbed: None, shortest: wall };
    SuiteReading { name: name.to_owned(), uri: format!("file::{name}"), value }
}

fn counts(name: &str, values: &[u64]) -> SuiteReading {
    let value = Value::Counts(values.iter().copied().map(Some).collect());
    SuiteReading { name: name.to_owned(), uri: format!("file::{name}"), value }
}

/// A suite of benchmarks with about the same time, whose times in head are longer by these factors.
fn timed(factors: &[f64], pairs: [u32; 2], noise: f64, seed: u64) -> Suite {
    let mut random = Xoshiro256::seeded(seed);
    let mut suite =
        Suite { mode: Mode::Walltime, threshold: None, at_most: None, seed, runs: Vec::new() };
    for (stage, pairs) in [Stage::First, Stage::Again].into_iter().zip(pairs) {
        for pair in 0..pairs {
            for side in SuiteSide::BOTH {
                let readings = (0_usize..).zip(factors).map(|(index, factor)| {
                    let factor = if side == SuiteSide::Head { *factor } else { 1.0 };
                    let wall = 1e9 * factor * (noise * random.normal()).exp();
                    #[expect(
                        clippy::as_conversions,
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a time near 1e9"
                    )]
                    time(&format!("b{index}"), wall as u64)
                });
                let readings = readings.collect();
                suite.runs.push(SuiteRun { stage, pair, side, readings });
            }
        }
    }
    suite
}

fn verdict_of(found: &SuiteComparison, name: &str) -> SuiteVerdict {
    found.benchmarks.iter().find(|one| one.name == name).unwrap().found.verdict
}

#[test]
fn a_slower_benchmark_is_found_and_confirmed() {
    let mut factors = vec![1.0; 10];
    factors[3] = 1.05;
    let once = timed(&factors, [17, 0], 0.01, 1).judge();
    assert_eq!(verdict_of(&once, "b3"), SuiteVerdict::Inconclusive(Doubt::Unconfirmed));
    assert_eq!((once.suspects(), once.undecided()), (1, 0));
    let found = timed(&factors, [17, 33], 0.01, 1).judge();
    assert_eq!(found.pairs, [17, 33]);
    assert_eq!(found.benchmarks[0].name, "b3");
    assert_eq!(found.benchmarks[0].found.verdict, SuiteVerdict::Regressed);
    assert_eq!(found.with(SuiteVerdict::Unchanged).count(), 9);
    assert_eq!(found.worse_by(0.03).count(), 1);
    assert_eq!(found.worse_by(0.2).count(), 0);
    insta::assert_snapshot!(crate::verdict_table(&found, &crate::TableStyle::default()));
}

#[test]
fn what_was_found_by_chance_is_not_there_again() {
    let lucky = timed(&[1.05], [9, 0], 0.001, 1);
    let same = timed(&[1.0], [9, 17], 0.001, 2);
    let again = same.runs.into_iter().filter(|run| run.stage == Stage::Again);
    let runs = lucky.runs.iter().cloned().chain(again).collect();
    let found = Suite { runs, ..lucky }.judge();
    assert_eq!(verdict_of(&found, "b0"), SuiteVerdict::Inconclusive(Doubt::Contradicted));
    assert_eq!(found.worse_by(0.0).count(), 0);
}

#[test]
fn in_a_large_suite_a_finding_needs_more_pairs() {
    let mut factors = vec![1.0; 40];
    factors[0] = 1.06;
    // Of eight pairs the smallest possible p is 2/256, and 40 benchmarks want 0.05/40.
    let few = timed(&factors, [9, 0], 0.003, 5).judge();
    assert_eq!(verdict_of(&few, "b0"), SuiteVerdict::Inconclusive(Doubt::Chance));
    let more = timed(&factors, [13, 0], 0.003, 5).judge();
    assert_eq!(verdict_of(&more, "b0"), SuiteVerdict::Inconclusive(Doubt::Unconfirmed));
}

#[test]
fn equal_suites_are_not_called_different() {
    let mut found = 0;
    for seed in 0..20 {
        let judged = timed(&[1.0; 10], [25, 49], 0.03, seed).judge();
        found += judged.with(SuiteVerdict::Regressed).count();
        found += judged.with(SuiteVerdict::Improved).count();
    }
    assert_eq!(found, 0, "of 200");
}

#[test]
fn too_few_pairs_are_no_verdict() {
    let found = timed(&[1.5, 1.0], [4, 0], 0.01, 1).judge();
    assert_eq!(verdict_of(&found, "b0"), SuiteVerdict::Inconclusive(Doubt::Few));
    assert_eq!(found.undecided(), 2);
    assert_eq!(Suite { runs: Vec::new(), ..timed(&[], [0, 0], 0.0, 1) }.judge().benchmarks, []);
}

#[test]
fn many_that_move_alike_have_a_cause_in_common() {
    let mut factors = vec![1.0; 6];
    factors[..3].fill(1.1);
    let found = timed(&factors, [13, 25], 0.01, 1).judge();
    assert_eq!(found.shift, Some(Shift { worse: true, moved: 3, all: 6 }));
    let few = timed(&[1.1, 1.0], [13, 25], 0.01, 1).judge();
    assert_eq!(few.shift, None);
}

#[test]
fn undisturbed_times_are_judged_where_enough_pairs_have_them() {
    // By the wall clock both are the same.
    let mut suite = timed(&[1.0], [13, 25], 0.001, 1);
    for run in &mut suite.runs {
        for reading in &mut run.readings {
            if let Value::Time { wall, undisturbed, .. } = &mut reading.value {
                let more = if run.side == SuiteSide::Head { 20 } else { 0 };
                *undisturbed = Some(*wall / 1000 * (500 + more));
            }
        }
    }
    let judged = |suite: &Suite| {
        let found = suite.judge().benchmarks.remove(0).found;
        let Evidence::Times { time, first, .. } = found.evidence else {
            panic!("these are times");
        };
        (time, (first.ratio.unwrap() * 100.0).round(), first.pairs)
    };
    assert_eq!(judged(&suite), (JudgedTime::Undisturbed, 104.0, 12));
    let forget = |suite: &mut Suite, runs: std::ops::Range<usize>| {
        for run in &mut suite.runs[runs] {
            if let Value::Time { undisturbed, .. } = &mut run.readings[0].value {
                *undisturbed = None;
            }
        }
    };
    // One run of a pair, and the pair is left out.
    forget(&mut suite, 4..5);
    assert_eq!(judged(&suite), (JudgedTime::Undisturbed, 104.0, 11));
    forget(&mut suite, 4..16);
    assert_eq!(judged(&suite), (JudgedTime::Wall, 100.0, 12));
}

#[test]
fn base_and_head_are_shown_of_the_stage_that_the_ratio_is_of() {
    let mut suite = timed(&[1.0], [13, 25], 0.001, 1);
    for run in suite.runs.iter_mut().filter(|run| run.stage == Stage::Again || run.pair == 0) {
        run.readings[0] = time("b0", 7);
    }
    let found = &suite.judge().benchmarks[0].found;
    assert_eq!(found.verdict, SuiteVerdict::Unchanged);
    assert!((found.base / 1e9 - 1.0).abs() < 0.01 && (found.head / 1e9 - 1.0).abs() < 0.01);
}

/// Runs of a suite in simulation mode: values of base and head for each stage.
fn counted(base: &[&[u64]], head: &[&[u64]], again: bool) -> Suite {
    let mut runs = Vec::new();
    let stages = if again { vec![Stage::First, Stage::Again] } else { vec![Stage::First] };
    for stage in stages {
        for (side, all) in [(SuiteSide::Base, base), (SuiteSide::Head, head)] {
            for (pair, values) in (0..).zip(all) {
                runs.push(SuiteRun { stage, pair, side, readings: vec![counts("b", values)] });
            }
        }
    }
    Suite { mode: Mode::Simulation, threshold: None, at_most: None, seed: 1, runs }
}

#[test]
fn counts_say_which_of_them_moved() {
    let one: &[u64] = &[1_000_000, 1_800_000, 5000, 100, 3];
    let other: &[u64] = &[1_051_000, 1_890_000, 5000, 150, 3];
    let (base, head) = (&[one; 2], &[other; 2]);
    let first = counted(base, head, false).judge();
    assert_eq!((first.suspects(), first.undecided()), (1, 0));
    let found = counted(base, head, true).judge();
    assert_eq!(verdict_of(&found, "b"), SuiteVerdict::Regressed);
    let expected = "`b`: instructions +5.1 % (exact), estimated time +5.0 % (exact), last-level misses +50.0 % (exact)";
    assert_eq!(found.benchmarks[0].sentence(), expected);
    assert_eq!(verdict_of(&counted(head, base, true).judge(), "b"), SuiteVerdict::Improved);
    assert_eq!(verdict_of(&counted(base, base, false).judge(), "b"), SuiteVerdict::Unchanged);
}

#[test]
fn a_better_count_does_not_make_up_for_a_worse_one() {
    let one: &[u64] = &[1_000_000, 1_800_000, 5000, 100, 3];
    let other: &[u64] = &[900_000, 1_980_000, 5000, 100, 3];
    let found = counted(&[one; 2], &[other; 2], true).judge();
    assert_eq!(verdict_of(&found, "b"), SuiteVerdict::Regressed);
    let expected = "`b`: instructions -10.0 % (exact), estimated time +10.0 % (exact)";
    assert_eq!(found.benchmarks[0].sentence(), expected);
    assert_eq!(found.benchmarks[0].found.ratio, Some(1.1));
}

#[test]
fn a_limit_below_the_threshold_makes_smaller_differences_count() {
    let one: &[u64] = &[1_000_000, 1_800_000, 5000, 100, 3];
    let other: &[u64] = &[1_015_000, 1_800_000, 5000, 100, 3];
    let mut suite = counted(&[one; 2], &[other; 2], true);
    assert_eq!(verdict_of(&suite.judge(), "b"), SuiteVerdict::Unchanged);
    suite.at_most = Some(0.01);
    assert_eq!(suite.judge().worse_by(0.01).count(), 1);
    // One that is above the usual changes nothing.
    suite.at_most = Some(0.1);
    assert_eq!(verdict_of(&suite.judge(), "b"), SuiteVerdict::Unchanged);
}

#[test]
fn any_counter_that_got_worse_by_the_share_fails_a_benchmark() {
    let one: &[u64] = &[1_000_000, 1_800_000, 5000, 100, 3];
    let other: &[u64] = &[1_030_000, 2_700_000, 5000, 100, 3];
    let found = counted(&[one; 2], &[other; 2], true).judge();
    assert_eq!(found.worse_by(0.4).count(), 1);
    assert_eq!(found.worse_by(0.6).count(), 0);
}

#[test]
fn a_count_that_repeats_badly_is_no_finding() {
    let base: &[&[u64]] = &[&[1_000_000_000, 1_000_000], &[1_040_000_000, 1_000_000]];
    let head: &[&[u64]] = &[&[1_060_000_000, 1_000_000], &[1_050_000_000, 1_000_000]];
    assert_eq!(verdict_of(&counted(base, head, false).judge(), "b"), SuiteVerdict::Unchanged);
    // A single run of each shows no spread.
    let alone = counted(&base[..1], &head[..1], false).judge();
    assert_eq!(verdict_of(&alone, "b"), SuiteVerdict::Inconclusive(Doubt::Few));
}

#[test]
fn moved_benchmarks_are_matched_by_name_and_the_rest_listed() {
    let mut suite = timed(&[1.0, 1.0], [9, 0], 0.001, 1);
    for run in suite.runs.iter_mut().filter(|run| run.side == SuiteSide::Head) {
        run.readings[0].uri = "other::b0".to_owned();
        run.readings[1] = time("new", 5);
        // The same identity twice: the first with the first, the second with the second.
        run.readings.push(time("twice", 10));
        run.readings.push(time("twice", 20));
    }
    for run in suite.runs.iter_mut().filter(|run| run.side == SuiteSide::Base) {
        run.readings.push(time("twice", 10));
        run.readings.push(time("twice", 20));
    }
    let found = suite.judge();
    let names: Vec<&str> = found.benchmarks.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["b0", "twice", "twice"]);
    assert_eq!(found.benchmarks[0].uri, "other::b0");
    let one_sided: Vec<_> =
        found.one_sided.iter().map(|one| (one.name.as_str(), one.side)).collect();
    assert_eq!(one_sided, [("b1", SuiteSide::Base), ("new", SuiteSide::Head)]);
    assert!(found.benchmarks[1..].iter().all(|one| one.found.verdict == SuiteVerdict::Unchanged));
}

#[test]
fn exports_hold_all_that_it_takes_to_judge_once_more() {
    let mut factors = vec![1.0; 3];
    factors[1] = 1.2;
    let found = timed(&factors, [9, 17], 0.01, 3).judge();
    let written = |format| {
        let mut bytes = Vec::new();
        crate::exporter(format).unwrap().write_verdicts(&found, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&written("json")).unwrap();
    let first = &json["benchmarks"][0];
    assert_eq!((&first["name"], &first["verdict"]), (&"b1".into(), &"regressed".into()));
    assert_eq!((&first["seed"], &first["again"]["pairs"]), (&3.into(), &16.into()));
    assert_eq!((&first["time"], &first["threshold"]), (&"wall".into(), &0.03.into()));
    assert_eq!(found.objects().unwrap()[0], *first);
    insta::assert_snapshot!([written("markdown"), written("csv")].join("\n"));
    insta::assert_snapshot!(written("asciidoc"));
    let junit = written("junit");
    assert!(junit.contains("tests=\"3\" skipped=\"0\" errors=\"0\" failures=\"1\""), "{junit}");
    assert!(junit.contains("type=\"regressed\"") && junit.contains("message=\"`b1`: +"), "{junit}");
    let bmf: serde_json::Value = serde_json::from_str(&written("bmf")).unwrap();
    assert_eq!(bmf["b1"]["latency"]["value"].as_f64(), Some(found.benchmarks[0].found.head / 1e3));
    let line: serde_json::Value =
        serde_json::from_str(written("jsonl").lines().next().unwrap()).unwrap();
    assert_eq!((&line["event"], &line["comparison"]), (&"compared".into(), first));
    assert!(written("openmetrics").contains("codspeed_base_seconds{benchmark=\"b1\","));
}

#[test]
fn inconclusive_typical_times_fall_back_to_the_shortest_rounds() {
    let mut factors = vec![1.0; 4];
    factors[1] = 1.06;
    let quiet = timed(&factors, [37, 73], 0.01, 1);
    // Every run takes up to twice as long, but for its shortest round.
    let mut random = Xoshiro256::seeded(2);
    let mut noisy = quiet.clone();
    for reading in noisy.runs.iter_mut().flat_map(|run| &mut run.readings) {
        if let Value::Time { wall, .. } = &mut reading.value {
            let [more, _] = random.two_below(1000);
            *wall += *wall / 1000 * u64::from(more);
        }
    }
    let times = |found: &SuiteComparison| {
        let times = found.benchmarks.iter().map(|one| match one.found.evidence {
            Evidence::Times { time, .. } => time,
            Evidence::Counts(_) => panic!("these are times"),
        });
        times.collect::<Vec<JudgedTime>>()
    };
    let found = quiet.judge();
    assert_eq!(times(&found), [JudgedTime::Wall; 4]);
    let found = noisy.judge();
    assert_eq!(times(&found), [JudgedTime::Shortest; 4]);
    assert_eq!(verdict_of(&found, "b1"), SuiteVerdict::Regressed);
    assert_eq!(found.with(SuiteVerdict::Unchanged).count(), 3);
    insta::assert_snapshot!(crate::verdict_table(&found, &crate::TableStyle::default()));
}

#[test]
fn shortest_rounds_that_contradict_typical_ones_are_not_used() {
    // Head is slower by half and more in each pair, by an amount that nobody can tell; its shortest rounds are not.
    let mut suite = timed(&[1.5], [17, 33], 0.2, 1);
    for run in &mut suite.runs {
        for reading in &mut run.readings {
            if let Value::Time { shortest, .. } = &mut reading.value {
                *shortest = 1_000_000_000 + u64::from(run.pair);
            }
        }
    }
    let found = suite.judge();
    assert_ne!(verdict_of(&found, "b0"), SuiteVerdict::Unchanged);
}

#[test]
fn the_arithmetic_of_times_has_all_pairs_and_both_stages() {
    let suite = timed(&[1.0, 1.2], [9, 17], 0.01, 3);
    insta::assert_snapshot!(suite.explain(&suite.judge()));
}

#[test]
fn the_arithmetic_of_counts_has_those_of_all_runs() {
    let one: &[u64] = &[1_000_000, 1_800_000];
    let other: &[u64] = &[1_051_000, 1_800_000];
    let odd: &[u64] = &[1_051_100, 1_800_000];
    let suite = counted(&[one; 2], &[other, odd], true);
    insta::assert_snapshot!(suite.explain(&suite.judge()));
}

#[test]
fn benchmarks_of_the_same_uri_are_explained_by_their_own_times() {
    let mut suite = timed(&[1.0, 1.2], [9, 17], 0.01, 3);
    for reading in suite.runs.iter_mut().flat_map(|run| &mut run.readings) {
        reading.uri = "file::same".to_owned();
    }
    let once = timed(&[1.0, 1.2], [9, 17], 0.01, 3);
    assert_eq!(suite.explain(&suite.judge()), once.explain(&once.judge()));
}

#[test]
fn conditions_are_in_all_exports_where_they_are_not_as_usual() {
    let suite = timed(&[1.0], [9, 0], 0.01, 3);
    let conditions = Conditions { version: 1, processors: vec![2, 3], fixed_addresses: true };
    let usual = suite.judge();
    let found = SuiteComparison { conditions, ..suite.judge() };
    let written = |found: &SuiteComparison, format| {
        let mut bytes = Vec::new();
        crate::exporter(format).unwrap().write_verdicts(found, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&written(&found, "json")).unwrap();
    let expected = serde_json::json!({"version": 1, "processors": [2, 3], "fixed_addresses": true});
    assert_eq!(json["conditions"], expected);
    assert_eq!(found.objects().unwrap()[0]["conditions"], expected);
    assert!(!written(&usual, "json").contains("conditions"));
    assert!(usual.objects().unwrap()[0].get("conditions").is_none());
    assert!(written(&found, "csv").ends_with(",2 3,true\n"));
    assert!(written(&usual, "csv").ends_with(",,false\n"));
    for shown in
        [written(&found, "markdown"), crate::verdict_table(&found, &crate::TableStyle::default())]
    {
        assert!(shown.contains("Measured on processors 2, 3"), "{shown}");
    }
}

#[test]
fn tiny_differences_of_repeats_are_not_shown_as_zero() {
    let one: &[u64] = &[1_000_000, 1_800_000];
    let other: &[u64] = &[1_051_000, 1_800_000];
    let odd: &[u64] = &[1_051_001, 1_800_000];
    let table = crate::verdict_table(
        &counted(&[one; 2], &[other, odd], true).judge(),
        &crate::TableStyle::default(),
    );
    assert!(table.contains("+5.1 % (repeats differ by less than 0.01 %)"), "{table}");
}
