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

/// Returns in how many histories of a single level a change is found, by the noise of a value.
fn false_changes(histories: u64, count: usize, noise: fn(&mut Xoshiro256) -> f64) -> usize {
    let has_change = |seed: &u64| {
        let mut random = Xoshiro256::seeded(*seed);
        let values = (0..count).map(|_| 1e6 * (0.03 * noise(&mut random)).exp());
        !divisive::change_points(&values.collect::<Vec<_>>(), 0.0).is_empty()
    };
    (0..histories).filter(has_change).count()
}

#[test]
fn without_a_change_one_of_a_thousand_shows_one() {
    let found: usize =
        [100, 300, 1000].map(|count| false_changes(1000, count, Xoshiro256::normal)).iter().sum();
    assert!(found <= 3, "{found} of 3000 histories");
}

#[test]
fn skewed_noise_shows_as_many_as_the_readme_says() {
    let exponential: fn(&mut Xoshiro256) -> f64 = |random| -random.open_unit().ln();
    let disturbed: fn(&mut Xoshiro256) -> f64 = |random| {
        let is_disturbed = random.open_unit() < 0.05;
        let more = if is_disturbed { 8.0 * random.normal().abs() } else { 0.0 };
        random.normal() + more
    };
    for (noise, counts) in [(exponential, [5, 10, 25]), (disturbed, [5, 15, 70])] {
        for (count, most) in [100, 300, 1000].into_iter().zip(counts) {
            let found = false_changes(500, count, noise);
            assert!(found <= most, "{found} of 500 histories of {count} runs");
        }
    }
}

#[test]
fn steps_of_three_percent_are_found_in_place() {
    let mut exact = 0;
    for seed in 0..100 {
        let mut values = noise(seed, 80, 0.01);
        values.iter_mut().skip(45).for_each(|value| *value *= 1.03);
        let found = places(&values);
        let near = found.iter().any(|place| place.abs_diff(45) <= 3);
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
