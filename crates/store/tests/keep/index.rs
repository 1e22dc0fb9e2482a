//! The index is made of the records, whatever has become of it.

use std::{fs, path::Path};

use store::{BenchmarkKey, Filter, Flaw, Progress, Record, Rounds, Store};
use test_support::record_file;

use crate::fixture::{Scene, files, id, import, index_of, is_sound, listed, medians, record};

/// Something that happens to an index.
type Harm = (&'static str, fn(&Path));

const HARMS: &[Harm] = &[
    ("it is removed", |index| fs::remove_file(index).unwrap()),
    ("it is empty", |index| fs::write(index, "").unwrap()),
    ("it is something else", |index| fs::write(index, "no database at all".repeat(500)).unwrap()),
    ("half of it is gone", |index| {
        let bytes = fs::read(index).unwrap();
        fs::write(index, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("its middle is noise", |index| {
        let mut bytes = fs::read(index).unwrap();
        bytes[4096..].fill(0xa5);
        fs::write(index, bytes).unwrap();
    }),
    ("it is of another version", |index| {
        let other = rusqlite::Connection::open(index).unwrap();
        other.pragma_update(None, "user_version", 99).unwrap();
    }),
    ("it has a trigger", |index| {
        let other = rusqlite::Connection::open(index).unwrap();
        let trigger = "CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END";
        other.execute(trigger, []).unwrap();
    }),
    ("its values are wrong", |index| {
        let other = rusqlite::Connection::open(index).unwrap();
        other.execute("UPDATE figures SET bytes = x'ffffffffffff'", []).unwrap();
    }),
    ("its table is empty", |index| {
        let other = rusqlite::Connection::open(index).unwrap();
        other.execute("DELETE FROM run", []).unwrap();
    }),
    ("it is a folder's link", |index| {
        fs::remove_file(index).unwrap();
        std::os::unix::fs::symlink("records", index).unwrap();
    }),
    ("an old journal is beside it", |index| {
        let mut name = index.file_name().unwrap().to_owned();
        name.push("-wal");
        fs::write(index.with_file_name(name), vec![7; 9000]).unwrap();
    }),
    ("nobody knows its name", |index| fs::remove_file(index.with_file_name("index")).unwrap()),
    ("its name leads elsewhere", |index| {
        fs::write(index.with_file_name("index"), "../../index-a.db").unwrap();
    }),
];

#[test]
fn a_harmed_index_is_made_anew() {
    for (name, harm) in HARMS {
        let scene = Scene::new();
        drop(scene.with(1..=5));
        harm(&index_of(&scene.store()));
        let store = scene.open();
        assert_eq!(medians(&store), [5.0, 4.0, 3.0, 2.0, 1.0], "{name}");
        assert_eq!(listed(&store), [5, 4, 3, 2, 1], "{name}");
        store.add(&record(6)).unwrap();
        drop(store);
        assert_eq!(medians(&scene.open()).len(), 6, "{name}");
        is_sound(&scene.store());
    }
}

#[test]
fn an_index_that_is_replaced_is_no_trouble_for_others() {
    let scene = Scene::new();
    let first = scene.with(1..=2);
    fs::remove_file(scene.store().join("index")).unwrap();
    // Others make a new one while the first one is open, and write to it.
    let second = scene.open();
    second.add(&record(3)).unwrap();
    first.add(&record(4)).unwrap();
    drop(first);
    second.add(&record(5)).unwrap();
    assert_eq!(listed(&second), [5, 3, 2, 1], "the one that was added elsewhere is listed later");
    drop(second);
    assert_eq!(listed(&scene.open()), [5, 4, 3, 2, 1]);
    is_sound(&scene.store());
}

#[test]
fn a_new_index_tells_how_far_it_is() {
    let scene = Scene::new();
    drop(scene.with(1..=5));
    fs::remove_file(index_of(&scene.store())).unwrap();
    let mut steps = Vec::new();
    let store = Store::open_existing(&scene.store(), &mut |step| steps.push(step)).unwrap();
    assert_eq!(steps.last(), Some(&Progress { done: 5, of: 5 }));
    let mut again = Vec::new();
    drop(store);
    drop(Store::open_existing(&scene.store(), &mut |step| again.push(step)).unwrap());
    assert!(again.is_empty(), "{again:?}");
}

#[test]
fn many_records_of_all_lengths_are_listed_anew() {
    let scene = Scene::new();
    let store = scene.with(1..=150);
    let mut long = record(151);
    let rounds = (0..100_000).map(f64::from).collect();
    long.benchmarks[0].rounds = Some(Rounds { wall_ns: rounds, ..Rounds::default() });
    store.add(&long).unwrap();
    drop(store);
    fs::write(record_file(&scene.store(), id(7)), "damaged").unwrap();
    fs::remove_file(index_of(&scene.store())).unwrap();
    let store = scene.open();
    let expected: Vec<u64> = (1..=151).rev().filter(|time| *time != 7).collect();
    assert_eq!((store.unreadable(), listed(&store)), (1, expected));
    assert_eq!(medians(&store).len(), 150);
    let report = store.check(false, &mut |_| {}).unwrap();
    assert_eq!(report.records, 150);
    assert!(matches!(report.flaws.as_slice(), [Flaw::Damaged { .. }]), "{:?}", report.flaws);
}

#[test]
fn a_benchmark_has_the_name_of_its_newest_record() {
    let scene = Scene::new();
    let store = scene.open();
    let mut ids: Vec<_> = (1..=20_u32)
        .map(|number| {
            let mut named: Record = record((number * 7) % 20);
            named.benchmarks[0].name = format!("name {}", (number * 7) % 20);
            store.add(&named).unwrap()
        })
        .collect();
    let has_its_name = |store: &Store| {
        let history = store.series(&Filter::default(), None, &|_| true).unwrap();
        let names: Vec<_> = history.series.iter().map(|it| it.benchmark.name.as_str()).collect();
        assert_eq!(names, ["name 19", "parse"]);
    };
    has_its_name(&store);
    ids.sort_unstable();
    let mut bytes = Vec::new();
    store.export(&ids, &mut bytes).unwrap();
    drop(store);
    fs::remove_file(index_of(&scene.store())).unwrap();
    has_its_name(&scene.open());
    let other = Scene::new();
    import(&other.open(), &mut bytes.as_slice()).unwrap();
    has_its_name(&other.open());
}

#[test]
fn files_that_come_and_go_are_noticed() {
    let scene = Scene::new();
    drop(scene.with(1..=3));
    let other = Scene::new();
    drop(other.with([7]));
    let come = record_file(&scene.store(), id(7));
    fs::create_dir_all(come.parent().unwrap()).unwrap();
    fs::copy(record_file(&other.store(), id(7)), come).unwrap();
    fs::remove_file(record_file(&scene.store(), id(2))).unwrap();
    let store = scene.open();
    assert_eq!(listed(&store), [7, 3, 1]);
    assert_eq!(medians(&store), [7.0, 3.0, 1.0]);
}

#[test]
fn a_check_moves_damaged_files_aside_and_keeps_all_others() {
    let scene = Scene::new();
    drop(scene.with(1..=4));
    let (folder, all) = (scene.store(), Filter::default());
    let damaged = record_file(&folder, id(1));
    fs::write(&damaged, "damaged").unwrap();
    let wrong = record_file(&folder, id(2));
    fs::copy(record_file(&folder, id(3)), &wrong).unwrap();
    fs::write(folder.join("records/note.txt"), "mine").unwrap();
    fs::remove_file(index_of(&folder)).unwrap();
    let store = scene.open();
    assert_eq!((store.unreadable(), listed(&store)), (2, vec![4, 3]));
    let flaws = |repair: bool| -> Vec<String> {
        let report = store.check(repair, &mut |_| {}).unwrap();
        let name = |flaw: &Flaw| flaw.to_string().replace(folder.to_str().unwrap(), "[store]");
        report.flaws.iter().map(name).collect()
    };
    let before = files(&folder.join("records"));
    assert_eq!(flaws(false).len(), 3);
    assert_eq!(files(&folder.join("records")), before, "a check changes nothing");
    insta::assert_snapshot!(flaws(true).join("\n"));
    assert_eq!(flaws(false), [""; 0]);
    assert_eq!((store.unreadable(), listed(&store)), (0, vec![4, 3]));
    assert_eq!(files(&folder.join("damaged")).len(), 3);
    store.add(&record(1)).unwrap();
    assert_eq!(store.entries(&all).unwrap().len(), 3);
}

#[test]
fn a_damaged_record_is_healed_when_it_comes_again() {
    let scene = Scene::new();
    drop(scene.with([1]));
    fs::write(record_file(&scene.store(), id(1)), "damaged").unwrap();
    fs::remove_file(index_of(&scene.store())).unwrap();
    let store = scene.open();
    assert_eq!(listed(&store), [0; 0]);
    store.add(&record(1)).unwrap();
    assert_eq!(listed(&store), [1]);
    is_sound(&scene.store());
}

#[test]
fn a_record_of_a_newer_version_stays_where_it_is() {
    let scene = Scene::new();
    let store = scene.with([1]);
    let mut newer = record(2);
    newer.version = 2;
    let packed = newer.pack().unwrap();
    let file = record_file(&scene.store(), packed.id);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, &packed.bytes).unwrap();
    drop(store);
    let store = scene.open();
    assert_eq!((store.unreadable(), listed(&store)), (1, vec![1]));
    let report = store.check(true, &mut |_| {}).unwrap();
    assert!(report.flaws.is_empty(), "{:?}", report.flaws);
    assert_eq!((report.newer, report.records), (vec![packed.id], 1));
    assert!(file.exists());
}

#[test]
fn a_record_of_a_later_format_is_newer_and_not_damaged() {
    let scene = Scene::new();
    drop(scene.with([1]));
    let json = br#"{"version":2,"time_ms":"yesterday","parts":{"of":"another shape"}}"#;
    let id = store::RecordId::of(json);
    let file = record_file(&scene.store(), id);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, json).unwrap();
    let store = scene.open();
    let report = store.check(true, &mut |_| {}).unwrap();
    assert_eq!((report.newer, report.flaws.len()), (vec![id], 0));
    assert!(file.exists());
}

/// Takes all rights to a file or folder away, or gives them back.
fn allow(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_cant_be_read_just_now_is_not_damage() {
    // Root may read everything; this thread may not.
    nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
    let scene = Scene::new();
    drop(scene.with(1..=3));
    let (folder, all) = (scene.store(), Filter::default());
    fs::remove_file(index_of(&folder)).unwrap();
    let (file, shard) = (record_file(&folder, id(1)), record_file(&folder, id(2)));
    let shard = shard.parent().unwrap();
    allow(&file, 0);
    allow(shard, 0);
    let store = scene.open();
    assert_eq!((store.unreadable(), listed(&store)), (2, vec![3]));
    let report = store.check(true, &mut |_| {}).unwrap();
    let is_unreadable = |flaw: &Flaw| matches!(flaw, Flaw::Unreadable { .. });
    assert!(report.flaws.iter().all(is_unreadable), "{:?}", report.flaws);
    assert_eq!((report.flaws.len(), report.is_mended), (2, false));
    allow(shard, 0o700);
    allow(&file, 0o600);
    let store = scene.open();
    assert_eq!((store.unreadable(), listed(&store)), (0, vec![3, 2, 1]));
    allow(shard, 0);
    let store = scene.open();
    assert_eq!((store.unreadable(), store.entries(&all).unwrap().len()), (1, 3));
    allow(shard, 0o700);
}

#[test]
fn what_killed_programs_left_is_removed_once_it_is_old() {
    let scene = Scene::new();
    let store = scene.with([1]);
    let fresh = scene.store().join("records/.unfinished-fresh");
    let old = scene.store().join("records/.unfinished-old");
    fs::write(&fresh, "half").unwrap();
    let hours_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(2);
    fs::File::create(&old).unwrap().set_modified(hours_ago).unwrap();
    let report = store.check(false, &mut |_| {}).unwrap();
    assert_eq!(report.flaws.len(), 1, "{:?}", report.flaws);
    store.gc(store::Retention::default()).unwrap();
    assert!(fresh.exists() && !old.exists());
}

#[test]
fn projects_with_the_same_benchmark_do_not_mix() {
    let scene = Scene::new();
    let store = scene.open();
    let of = |project: &str, number: u32, name: &str| {
        let mut record = Record { project: project.to_owned(), ..record(number) };
        record.benchmarks[0].name = name.to_owned();
        record.benchmarks[0].metrics.get_mut("median_ns").unwrap().value = f64::from(number);
        record
    };
    for (project, number, name) in
        [("a", 1, "ours"), ("b", 2, "theirs"), ("a", 3, "ours"), ("b", 9, "renamed")]
    {
        store.add(&of(project, number, name)).unwrap();
    }
    let history = |store: &Store, project: &str| -> Vec<(String, Vec<f64>)> {
        let is_wanted = |key: &BenchmarkKey| key.uri == "suite.py::sort";
        let found = store.series(&Filter::of_project(project), None, &is_wanted).unwrap();
        let series = found.series.into_iter().map(|series| {
            let values = series.points.iter().map(|point| point.value);
            (series.benchmark.name, values.collect())
        });
        series.collect()
    };
    let expect = |store: &Store| {
        assert_eq!(history(store, "a"), [("ours".to_owned(), vec![3.0, 1.0])]);
        assert_eq!(history(store, "b"), [("renamed".to_owned(), vec![9.0, 2.0])]);
    };
    expect(&store);
    let all = store.series(&Filter::default(), None, &|key| key.name == "ours").unwrap();
    assert_eq!(all.series.len(), 1, "only the one of that name");
    drop(store);
    is_sound(&scene.store());
    // The same from an index that is made anew.
    fs::remove_file(scene.store().join("index")).unwrap();
    expect(&scene.open());
}
