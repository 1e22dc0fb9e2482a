//! Histories that are known: where changes are found and where not, and how that looks.

use results::TableStyle;
use runner_shared::statistics::Xoshiro256;

use super::*;

/// Values around 1 ms with this relative deviation between runs.
fn noise(seed: u64, count: usize, deviation: f64) -> Vec<f64> {
    let mut random = Xoshiro256::seeded(seed);
    (0..count).map(|_| 1e6 * (deviation * random.normal()).exp()).collect()
}

fn origins(count: u32) -> Origins {
    let origin = |nth: u32| Origin {
        run: RecordId::of(&nth.to_le_bytes()),
        time_ms: 1_790_000_000_000 + 3_600_000 * u64::from(nth),
        commit: Some(format!("{nth:040x}").chars().rev().collect()),
        branch: Some("main".to_owned()),
        fingerprint: "one".to_owned(),
    };
    Origins::new((0..count).map(origin).collect())
}

fn series(values: &[f64]) -> Series {
    let points = (0_u32..).zip(values).map(|(origin, value)| Point {
        origin,
        value: *value,
        interval: Some((value * 0.99, value * 1.01)),
    });
    Series {
        name: "parse".to_owned(),
        uri: "benches/parse.rs::parse".to_owned(),
        occurrence: 1,
        mode: Mode::Walltime,
        metric: "median_ns".to_owned(),
        unit: MetricUnit::Nanoseconds,
        better: Better::Lower,
        points: points.collect(),
    }
}

fn places(values: &[f64]) -> Vec<usize> {
    let origins = origins(u32::try_from(values.len()).unwrap());
    History::of(series(values), &origins).changes.iter().map(|change| change.at).collect()
}

/// Noise of a value with a deviation of 1, or more where it is disturbed.
type Noise = fn(&mut Xoshiro256) -> f64;

const NORMAL: Noise = Xoshiro256::normal;

fn exponential(random: &mut Xoshiro256) -> f64 {
    -random.open_unit().ln()
}

/// One of twenty is disturbed upwards.
fn disturbed(random: &mut Xoshiro256) -> f64 {
    let is_disturbed = random.open_unit() < 0.05;
    let more = if is_disturbed { 8.0 * random.normal().abs() } else { 0.0 };
    random.normal() + more
}

/// Three of ten are of another kind.
fn of_two_kinds(random: &mut Xoshiro256) -> f64 {
    if random.open_unit() < 0.3 { 1.0 } else { 0.0 }
}

/// Returns a history with this noise, and with these steps: a start, an end, and a size in deviations.
fn noisy(seed: u64, count: usize, noise: Noise, steps: &[(usize, usize, f64)]) -> Vec<f64> {
    let mut random = Xoshiro256::seeded(seed);
    let value = |place: usize| {
        let inside = steps.iter().filter(|(start, end, _)| (*start..*end).contains(&place));
        let step: f64 = inside.map(|(_, _, size)| size).sum();
        1e6 * (0.03 * (noise(&mut random) + step)).exp()
    };
    (0..count).map(value).collect()
}

#[test]
fn noise_of_any_shape_shows_hardly_a_change() {
    let mut all = 0;
    for (noise, most) in [(NORMAL, 6), (exponential, 6), (disturbed, 6), (of_two_kinds, 1)] {
        for count in [100, 300, 1000] {
            let has_change = |seed: &u64| {
                !certain::change_points(&noisy(*seed, count, noise, &[]), 0.0).is_empty()
            };
            let found = (0..600).filter(has_change).count();
            assert!(found <= most, "{found} of 600 histories of {count} runs");
            all += found;
        }
    }
    assert!(all <= 27, "{all} of 5400 histories, and of 1800 that hardly vary");
}

/// Returns in how many of 100 histories all ends of a step are found, by 3 runs, and no more than one other place.
fn found_steps(count: usize, noise: Noise, step: (usize, usize, f64)) -> usize {
    let is_found = |seed: &u64| {
        let values = noisy(*seed, count, noise, &[step]);
        let found = certain::change_points(&values, 0.0);
        let ends: Vec<usize> = [step.0, step.1].into_iter().filter(|end| *end < count).collect();
        let is_near = |end: &usize| found.iter().any(|(place, _)| place.abs_diff(*end) <= 3);
        ends.iter().all(is_near) && found.len() <= ends.len() + 1
    };
    (0..100).filter(is_found).count()
}

#[test]
fn steps_of_three_deviations_are_found_soon() {
    for (count, start, lasting, least) in [
        (100, 95, 5, 65),
        (300, 295, 5, 65),
        (100, 47, 5, 50),
        (300, 147, 5, 50),
        (100, 92, 8, 90),
        (100, 47, 8, 85),
        (1000, 547, 8, 85),
        (100, 80, 20, 97),
        (100, 37, 20, 97),
        (1000, 547, 20, 97),
    ] {
        let found = found_steps(count, NORMAL, (start, start + lasting, 3.0));
        assert!(found >= least, "{lasting} runs from {start} of {count}: {found} of 100");
    }
}

#[test]
fn small_steps_are_found_if_they_last() {
    for (count, start) in [(100, 50), (300, 250), (300, 120), (1000, 547)] {
        let step = (start, start + 50, 1.5);
        let found = [NORMAL, exponential, disturbed].map(|noise| found_steps(count, noise, step));
        let least = [70, 78, 60];
        let is_enough = found.iter().zip(least).all(|(found, least)| *found >= least);
        assert!(is_enough, "50 runs from {start} of {count}: {found:?} of 100");
    }
}

#[test]
fn disturbed_runs_hide_no_step() {
    for (lasting, least) in [(8, 70), (20, 90)] {
        let found = found_steps(300, disturbed, (147, 147 + lasting, 3.0));
        assert!(found >= least, "{lasting} runs: {found} of 100");
    }
}

#[test]
fn five_runs_need_twenty_one_before_them() {
    let found = |before: usize| {
        let values: Vec<f64> = (0_u32..)
            .take(before)
            .map(|nth| 1e6 + f64::from(nth * 8 % 21))
            .chain([2e6; 5])
            .collect();
        places(&values)
    };
    assert_eq!((found(20), found(21)), (vec![], vec![21]));
    // Without any noise it is certain.
    assert_eq!(places(&[vec![1e6; 15], vec![2e6; 5]].concat()), [15]);
}

#[test]
fn levels_that_alternate_are_told_apart() {
    let steps: Vec<_> = (0..50).step_by(2).map(|nth| (20 * nth + 20, 20 * nth + 40, 4.0)).collect();
    let found = places(&noisy(1, 1000, NORMAL, &steps));
    let is_found = |place: &usize| found.iter().any(|found| found.abs_diff(*place) <= 3);
    let missed = (1..50).map(|nth| 20 * nth).filter(|place| !is_found(place)).count();
    assert!(missed <= 2 && found.len() <= 51, "{found:?}");
}

#[test]
fn steps_of_three_percent_are_found_in_place() {
    let mut exact = 0;
    for seed in 0..100 {
        let mut values = noise(seed, 80, 0.01);
        values.iter_mut().skip(45).for_each(|value| *value *= 1.03);
        let found = places(&values);
        let near = found.iter().any(|place| place.abs_diff(45) <= 4);
        assert!(near && found.len() <= 2, "seed {seed}: {found:?}");
        exact += usize::from(found == [45]);
    }
    assert!(exact >= 60, "{exact} of 100 exactly where they are");
}

#[test]
fn several_steps_are_told_apart() {
    let mut values = noise(7, 200, 0.005);
    for (start, factor) in [(40, 1.1), (90, 0.9), (150, 1.05)] {
        values.iter_mut().skip(start).for_each(|value| *value *= factor);
    }
    assert_eq!(places(&values), [40, 90, 150]);
}

#[test]
fn outliers_are_no_levels() {
    for seed in 0..50 {
        let mut values = noise(seed, 100, 0.01);
        for (nth, value) in values.iter_mut().enumerate() {
            if nth % 17 == 5 {
                *value *= 1.5;
            }
        }
        assert!(places(&values).is_empty(), "seed {seed}");
    }
}

#[test]
fn a_slow_drift_becomes_a_few_steps() {
    let mut values = noise(3, 200, 0.005);
    for (nth, value) in (0_u32..).zip(&mut values) {
        *value *= 1.0 + 0.001 * f64::from(nth);
    }
    let found = places(&values).len();
    assert!((2..=12).contains(&found), "{found}");
}

#[test]
fn exact_counts_change_where_they_change() {
    let mut values = vec![12_345.0; 60];
    values.iter_mut().skip(31).for_each(|value| *value = 13_000.0);
    assert_eq!(places(&values), [31]);
    assert!(places(&[0.0; 60]).is_empty());
    let leak: Vec<f64> = (0..60).map(|nth| if nth < 30 { 0.0 } else { 5.0 }).collect();
    let origins = origins(60);
    let history = History::of(series(&leak), &origins);
    assert_eq!(history.last_change().map(|it| (it.at, it.ratio())), Some((30, None)));
}

#[test]
fn small_values_change_like_large_ones() {
    let values = [[0.25; 30], [0.45; 30]].concat();
    assert_eq!(places(&values), [30]);
    let from_none = [[0.0; 30], [0.25; 30]].concat();
    assert_eq!(places(&from_none), [30]);
}

#[test]
fn fewer_than_twenty_values_have_no_changes() {
    let values: Vec<f64> = (0..19).map(|nth| if nth < 10 { 1e6 } else { 2e6 }).collect();
    assert!(places(&values).is_empty());
    assert_eq!(places(&[values, vec![2e6]].concat()), [10]);
}

#[test]
fn other_machines_have_histories_of_their_own() {
    // Every other run was on a machine that is twice as fast.
    let mut all = origins(80).all;
    all.iter_mut().step_by(2).for_each(|it| "other".clone_into(&mut it.fingerprint));
    let origins = Origins::new(all);
    let mut one = series(&noise(5, 80, 0.01));
    one.points.iter_mut().step_by(2).for_each(|point| point.value *= 0.5);
    let mut changed = one.clone();
    let history = History::of(one, &origins);
    assert!(history.changes.is_empty() && history.is_scattered());
    assert_eq!(history.current().len(), 40);
    // 40 values of each; both became slower at the same commit.
    changed.points.iter_mut().skip(40).for_each(|point| point.value *= 1.1);
    let places: Vec<_> = History::of(changed, &origins).changes.iter().map(|it| it.at).collect();
    assert_eq!(places, [40, 41]);
}

#[test]
fn ten_thousand_values_have_the_steps_they_have() {
    let mut values = noise(11, 10_000, 0.01);
    for start in [2_500, 5_000, 7_500] {
        values.iter_mut().skip(start).for_each(|value| *value *= 1.05);
    }
    let found = places(&values);
    for step in [2_500, 5_000, 7_500] {
        assert!(found.iter().any(|place| place.abs_diff(step) <= 2), "{found:?}");
    }
    assert!(found.len() <= 9, "{found:?}");
}

#[test]
fn the_same_values_have_the_same_history() {
    let (values, origins) = (noise(2, 300, 0.02), origins(300));
    let of = || History::of(series(&values), &origins);
    assert_eq!(of(), of());
}

#[test]
fn odd_values_are_no_trouble() {
    let values: Vec<f64> = (0..100)
        .map(|nth| match nth % 5 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -1.0,
            3 => 0.0,
            _ => f64::MAX,
        })
        .collect();
    let origins = origins(100);
    let history = History::of(series(&values), &origins);
    let _text = listing(&history, &TableStyle::default());
    assert!(json_of(&[history]).is_object());
}

fn json_of(histories: &[History<'_>]) -> serde_json::Value {
    let mut bytes = Vec::new();
    json(histories, &mut bytes).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[test]
fn each_value_is_a_line_of_the_json() {
    let origins = known_origins();
    let mut bytes = Vec::new();
    json(&known(&origins), &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let lines = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("{\"run\":"), lines("{\"name\":")), (30 + 3 + 30, 3), "{text}");
    assert!(text.ends_with("]}\n"), "{text}");
}

/// One that got slower, one that got faster, and one that was measured in two environments.
fn known(origins: &Origins) -> Vec<History<'_>> {
    let step: Vec<f64> = (0..30).map(|nth| if nth < 20 { 1e6 } else { 1.031e6 }).collect();
    let better: Vec<f64> = (0..30).map(|nth| if nth < 25 { 2e6 } else { 1e6 }).collect();
    let mut faster = series(&better);
    "fast | \u{1b}[31m".clone_into(&mut faster.name);
    let mut young = series(&[5e3, 5e3, 5.1e3]);
    "young".clone_into(&mut young.name);
    [faster, young, series(&step)].map(|series| History::of(series, origins)).into()
}

fn known_origins() -> Origins {
    let mut all = origins(30).all;
    "other".clone_into(&mut all[0].fingerprint);
    Origins::new(all)
}

#[test]
fn table_of_histories() {
    let origins = known_origins();
    let style = TableStyle { colour: false, width: Some(80) };
    insta::assert_snapshot!(table(&known(&origins), &style));
    assert_eq!(table(&[], &style), "");
}

#[test]
fn repeated_measurements_are_told_apart() {
    let origins = origins(3);
    let again = Series { occurrence: 2, ..series(&[5e3, 5e3, 5.1e3]) };
    let histories = [series(&[5e3, 5e3, 5.1e3]), again].map(|it| History::of(it, &origins));
    let table = table(&histories, &TableStyle { colour: false, width: Some(80) });
    assert!(table.contains(" parse ") && table.contains(" parse (no. 2) "), "{table}");
    let listing = listing(&histories[1], &TableStyle::default());
    assert!(listing.starts_with("parse (no. 2) (walltime, median_ns)"), "{listing}");
    let json = json_of(&histories);
    let numbers = [0, 1].map(|nth| json["histories"][nth]["occurrence"].as_u64());
    assert_eq!(numbers, [Some(1), Some(2)]);
    let mut lines = Vec::new();
    csv(&histories, &mut lines).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    assert_eq!(lines.lines().filter(|line| line.ends_with(",2")).count(), 3, "{lines}");
}

#[test]
fn listing_of_one_benchmark() {
    let (one, two) = (origins(30), known_origins());
    insta::assert_snapshot!(listing(&known(&one)[2], &TableStyle::default()));
    let young = &known(&two)[1];
    insta::assert_snapshot!("listing_of_two_environments", listing(young, &TableStyle::default()));
}

#[test]
fn exports_of_histories() {
    let origins = known_origins();
    let young = &known(&origins)[1..2];
    insta::assert_json_snapshot!(json_of(young));
    let mut lines = Vec::new();
    csv(young, &mut lines).unwrap();
    insta::assert_snapshot!("csv_of_histories", String::from_utf8(lines).unwrap());
}
