//! Other processes that use a store: this test binary itself, told by a variable what to do.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

use store::{Retention, Store};

use crate::fixture::{Scene, id, import, is_sound, listed, medians, record};

const TASK: &str = "STORE_TEST_TASK";
const FOLDER: &str = "STORE_TEST_FOLDER";

/// A process that does this with the store in this folder: `add FIRST LAST`, `gc KEEP` or `import FILE`.
pub(crate) fn process(task: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "processes::a_process_does_its_task", "--test-threads=1", "--nocapture"])
        .env_clear()
        .env(TASK, task)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Does what [`process`] wants; nothing when it runs as a test of its own.
#[test]
fn a_process_does_its_task() {
    let task = std::env::var(TASK).unwrap_or_default();
    if !task.is_empty() {
        perform(&task, Path::new(&std::env::var_os(FOLDER).unwrap()));
    }
}

/// Does what [`process`] wants in this process.
pub(crate) fn perform(task: &str, folder: &Path) {
    let words: Vec<&str> = task.split(' ').collect();
    let open = || Store::open(folder).unwrap();
    let number = |at: usize| words[at].parse::<u32>().unwrap();
    match words[0] {
        "add" => {
            let store = open();
            for number in number(1)..=number(2) {
                store.add(&record(number)).unwrap();
            }
        }
        "gc" => {
            let per_branch = Some(usize::try_from(number(1)).unwrap());
            open().gc(Retention { per_branch, since_ms: None }).unwrap();
        }
        "import" => {
            let imported = import(&open(), &mut File::open(words[1]).unwrap()).unwrap();
            assert_eq!(imported.all_refused, 0);
        }
        _ => unreachable!("{task}"),
    }
}

#[test]
fn several_processes_add_at_the_same_time() {
    let scene = Scene::new();
    // Each adds some that others add as well; none finds a store, so all make one.
    let tasks = ["add 1 12", "add 9 20", "add 17 28", "add 1 28"];
    let start = |task| process(task, &scene.store()).stderr(Stdio::piped()).spawn().unwrap();
    for process in tasks.map(start) {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let store = scene.open();
    let expected: Vec<u64> = (1..=28).rev().collect();
    assert_eq!(listed(&store), expected);
    assert_eq!(medians(&store).len(), 28);
    is_sound(&scene.store());
}

#[test]
fn a_store_is_read_and_cleaned_while_others_add() {
    let scene = Scene::new();
    drop(scene.with(1..=6));
    let mut adds = process("add 7 30", &scene.store()).spawn().unwrap();
    let store = scene.open();
    let ended = loop {
        assert!(listed_at_all(&store) > 0);
        store.gc(Retention { per_branch: Some(3), since_ms: None }).unwrap();
        if let Some(ended) = adds.try_wait().unwrap() {
            break ended;
        }
    };
    assert!(ended.success());
    assert_eq!(store.gc(Retention { per_branch: Some(3), since_ms: None }).unwrap().kept, 6);
    assert_eq!(listed(&scene.open()), [30, 29, 28, 27, 26, 24]);
    is_sound(&scene.store());
}

fn listed_at_all(store: &Store) -> usize {
    store.entries(&store::Filter::default()).unwrap().len()
}

#[test]
fn a_killed_process_loses_the_running_record_at_most() {
    let scene = Scene::new();
    let mut adds = process("add 1 1000", &scene.store()).spawn().unwrap();
    let last = scene.store().join("records");
    // It is killed in the middle of its work: when some records are there.
    while std::fs::read_dir(&last).map_or(0, Iterator::count) < 20 {
        assert!(adds.try_wait().unwrap().is_none(), "it is not done so soon");
    }
    adds.kill().unwrap();
    adds.wait().unwrap();
    let store = scene.open();
    let times = listed(&store);
    let newest = *times.first().unwrap();
    assert_eq!(times, (1..=newest).rev().collect::<Vec<_>>(), "all before the running one");
    store.add(&record(2000)).unwrap();
    assert_eq!(store.get(id(2000)).unwrap(), record(2000));
    is_sound(&scene.store());
}
