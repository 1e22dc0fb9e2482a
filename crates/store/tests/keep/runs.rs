//! Runs that are kept, listed, read and removed.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt};

use store::{Filter, Mode, Outcome, Part, Place, Record, Retention, Store, StoreError};

use crate::fixture::{Scene, benchmark, id, is_sound, listed, medians, record};

#[test]
fn a_run_is_kept_once_and_read_back() {
    let scene = Scene::new();
    let store = scene.with([1, 2, 2, 1]);
    assert_eq!(store.get(id(1)).unwrap(), record(1));
    assert_eq!(listed(&store), [2, 1]);
    let entry = store.entries(&Filter::default()).unwrap().remove(1);
    assert_eq!((entry.id, entry.branch(), entry.benchmarks), (id(1), Some("main"), 2));
    assert!(matches!(store.get(id(3)), Err(StoreError::Missing { .. })));
    assert_eq!(store.remove(&[id(1), id(3)]).unwrap(), 1);
    assert_eq!(listed(&store), [2]);
    assert_eq!(medians(&store), [2.0]);
    drop(store);
    assert_eq!(listed(&scene.open()), [2]);
    is_sound(&scene.store());
}

#[test]
fn nobody_else_may_read_a_store() {
    let scene = Scene::new();
    let _store = scene.with([1]);
    let mut folders = vec![scene.store()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700, "{folder:?}");
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{path:?}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 4, "record, index, lock and .gitignore: {seen}");
    assert_eq!(std::fs::read(scene.store().join(".gitignore")).unwrap(), b"*\n");
}

#[test]
fn there_is_no_store_before_somebody_makes_one() {
    let scene = Scene::new();
    let error = Store::open_existing(&scene.store(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, StoreError::None { .. }), "{error}");
    assert!(!scene.store().exists());
    std::fs::write(scene.at("file"), "").unwrap();
    assert!(Store::open(&scene.at("file")).is_err());
    std::fs::create_dir_all(scene.at("victim/ab")).unwrap();
    std::fs::create_dir(scene.store()).unwrap();
    std::os::unix::fs::symlink(scene.at("victim"), scene.store().join("records")).unwrap();
    assert!(Store::open(&scene.store()).is_err());
    assert!(Store::open_existing(&scene.store(), &mut |_| {}).is_err());
}

#[test]
fn runs_are_chosen_by_all_that_is_said() {
    let scene = Scene::new();
    let store = scene.with(1..=4);
    let named = Record {
        name: Some("baseline".to_owned()),
        labels: BTreeMap::from([("os".to_owned(), "linux".to_owned())]),
        parts: vec![Part { mode: Mode::Memory, ..Part::default() }],
        ..record(5)
    };
    store.add(&named).unwrap();
    store.add(&Record { project: "other".to_owned(), ..record(6) }).unwrap();
    store.add(&Record { benchmarks: Vec::new(), ..record(7) }).unwrap();
    let times = |filter: &Filter| -> Vec<u64> {
        store.entries(filter).unwrap().iter().map(|entry| entry.time_ms / 1000).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    let base = Filter::default;
    assert_eq!(times(&base()), [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(times(&Filter::of_project("acme/widgets")), [7, 5, 4, 3, 2, 1]);
    assert_eq!(times(&Filter { branch: text("other"), ..base() }), [6, 3]);
    assert_eq!(times(&Filter { name: text("baseline"), ..base() }), [5]);
    let label = |value: &str| Some(("os".to_owned(), value.to_owned()));
    assert_eq!(times(&Filter { label: label("linux"), ..base() }), [5]);
    assert_eq!(times(&Filter { label: label("linux' OR '1"), ..base() }), [0; 0]);
    assert_eq!(times(&Filter { mode: Some(Mode::Memory), ..base() }), [5]);
    assert_eq!(times(&Filter { since_ms: Some(6000), ..base() }), [7, 6]);
    assert_eq!(times(&Filter { until_ms: Some(3000), newest: Some(2), ..base() }), [3, 2]);
    assert_eq!(times(&Filter { complete: true, newest: Some(2), ..base() }), [6, 5]);
    let hash = record(3).commit.unwrap().hash;
    assert_eq!(times(&Filter { commit: text(&hash[..16]), ..base() }), [3]);
    assert_eq!(times(&Filter { id: text(&id(2).to_string()[..9]), ..base() }), [2]);
    assert_eq!(times(&Filter { id: text("%"), ..base() }), [0; 0]);
}

#[test]
fn values_over_many_runs_are_those_of_the_records() {
    let scene = Scene::new();
    let store = scene.with([1, 2, 3]);
    let mut odd = record(4);
    odd.benchmarks[0].headline = "rounds".to_owned();
    odd.benchmarks[1].outcome = Outcome::Interrupted;
    odd.benchmarks.push(benchmark("new", 9.0));
    store.add(&odd).unwrap();
    let all = store.series(&Filter::default(), None, &|_| true).unwrap();
    let names: Vec<&str> = all.series.iter().map(|it| it.benchmark.name.as_str()).collect();
    assert_eq!(names, ["new", "parse", "sort"]);
    let sort = &all.series[2].points;
    let values: Vec<(u32, &str, f64)> = sort
        .iter()
        .map(|point| (point.run, all.metrics[usize::from(point.metric)].as_str(), point.value))
        .collect();
    let expected =
        [(0, "rounds", 40.0), (1, "median_ns", 3.0), (2, "median_ns", 2.0), (3, "median_ns", 1.0)];
    assert_eq!(values, expected);
    assert_eq!((sort[0].interval(), sort[1].interval()), (None, Some((3.0 * 0.9, 3.0 * 1.1))));
    assert_eq!(all.runs.len(), 4);
    assert_eq!(all.series[1].points.len(), 3, "without the run that was interrupted");
    let main = Filter { branch: Some("main".to_owned()), newest: Some(2), ..Filter::default() };
    let counts = store.series(&main, Some("rounds"), &|it| it.name == "sort").unwrap();
    let values: Vec<f64> = counts.series[0].points.iter().map(|point| point.value).collect();
    assert_eq!(values, [40.0, 20.0]);
    let none = store.series(&main, Some("no such metric"), &|_| true).unwrap();
    assert!(none.series.is_empty() && none.runs.len() == 2);
}

#[test]
fn old_runs_go_by_the_rule() {
    let scene = Scene::new();
    let store = scene.with(1..=8);
    let retention = Retention { per_branch: Some(2), since_ms: None };
    let surplus = store.surplus(retention).unwrap();
    assert_eq!(listed(&store).len(), 8, "nothing is removed yet");
    let collected = store.gc(retention).unwrap();
    assert_eq!(surplus, collected);
    assert_eq!((collected.removed.len(), collected.kept), (4, 4));
    assert!(collected.bytes() > 0);
    assert_eq!(listed(&store), [8, 7, 6, 3]);
    is_sound(&scene.store());
}

#[test]
fn a_place_that_was_found_can_be_opened() {
    let scene = Scene::new();
    let home = scene.at("home");
    let surroundings = store::Surroundings { home: Some(&home), ..store::Surroundings::default() };
    let place = Place::find(&surroundings).unwrap();
    Store::open(place.folder()).unwrap().add(&record(1)).unwrap();
    assert!(home.join(".local/share/codspeed/store/records").is_dir());
}

#[test]
fn a_folder_of_the_user_is_not_hidden_from_git() {
    let scene = Scene::new();
    std::fs::create_dir(scene.store()).unwrap();
    let ignore = scene.store().join(".gitignore");
    std::fs::write(&ignore, "/target\n").unwrap();
    drop(scene.with([1]));
    assert_eq!(std::fs::read_to_string(&ignore).unwrap(), "/target\n");
    std::fs::remove_file(&ignore).unwrap();
    std::fs::remove_dir_all(scene.store().join("records")).unwrap();
    drop(scene.with([1]));
    assert!(!ignore.exists(), "other things are in the folder");
}
