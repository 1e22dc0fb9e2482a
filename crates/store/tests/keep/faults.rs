//! A store whose writer is killed, or refused by the system, at any of its calls.
//!
//! The library of `cargo xtask attack faults` stands between a process and the C library, the database included. Each
//! call of each kind is tried: the process is killed there, or the call fails.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use nix::libc;
use store::Store;

use crate::{
    fixture::{Scene, id, is_sound, listed, medians},
    processes::{perform, process},
};

const SOURCE: &str = include_str!("../../../xtask/src/attack/fault.c");

/// Kinds of calls that change something, by their number in `fault.c`, with an error that such a call may have.
const KINDS: &[(&str, usize, i32)] = &[
    ("open", 0, libc::EMFILE),
    ("write", 1, libc::ENOSPC),
    ("mmap", 3, libc::ENOMEM),
    ("rename", 4, libc::EIO),
    ("make", 5, libc::ENOSPC),
    ("sync", 11, libc::EIO),
];
/// Kinds in `fault.c`.
const ALL_KINDS: usize = 12;
/// The error that means: kill it.
const KILL: i32 = 0;

/// The work of a process, and the runs that have to be there afterwards.
struct Task {
    words: String,
    /// Runs that are there before.
    before: BTreeSet<u64>,
    /// Runs that are there once it is done.
    after: BTreeSet<u64>,
}

struct Attack {
    scene: Scene,
    library: PathBuf,
}

impl Attack {
    fn new() -> Self {
        let scene = Scene::new();
        let (source, library) = (scene.at("fault.c"), scene.at("fault.so"));
        fs::write(&source, SOURCE).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
        assert!(compiler.status().unwrap().success(), "a C compiler: `cargo xtask setup`");
        Self { scene, library }
    }

    /// Runs the task on a copy of the store with a fault; returns its end, and whether there was a fault.
    fn run(&self, task: &Task, kind: usize, nth: i64, error: i32) -> (ExitStatus, bool, Vec<u64>) {
        let case = self.scene.at("case");
        drop(fs::remove_dir_all(&case));
        copy(&self.scene.store(), &case);
        let counts = self.scene.at("counts");
        fs::write(&counts, [0; 512]).unwrap();
        let mut command = process(&task.words, &case);
        let program = std::env::current_exe().unwrap();
        let status = command
            .env("LD_PRELOAD", &self.library)
            .env("FAULT_PROGRAM", program.file_name().unwrap())
            .env("FAULT_KIND", kind.to_string())
            .env("FAULT_NTH", nth.to_string())
            .env("FAULT_ERRNO", error.to_string())
            .env("FAULT_COUNT", &counts)
            .status()
            .unwrap();
        let bytes = fs::read(&counts).unwrap();
        let (numbers, _) = bytes.as_chunks::<8>();
        let numbers: Vec<u64> = numbers.iter().map(|it| u64::from_ne_bytes(*it)).collect();
        (status, numbers[0] > 0, numbers[1..=ALL_KINDS].to_vec())
    }

    /// Tries all calls of all kinds, to be killed there and to fail there.
    fn all(&self, task: &Task) {
        let (status, _, calls) = self.run(task, 0, 0, KILL);
        assert!(status.success());
        self.check(task, status, "no fault");
        let mut killed = 0;
        for (name, kind, error) in KINDS {
            assert!(calls[*kind] > 0 || *name == "make", "no call of the kind {name}");
            for nth in 1..=i64::try_from(calls[*kind]).unwrap() {
                for error in [KILL, *error] {
                    let (status, is_fault, _) = self.run(task, *kind, nth, error);
                    let case = format!("{}: {name} {nth}, error {error}", task.words);
                    assert_eq!(status.signal() == Some(9), is_fault && error == KILL, "{case}");
                    killed += u32::from(status.signal() == Some(9));
                    self.check(task, status, &case);
                }
            }
        }
        assert!(killed > 20, "{killed}");
    }

    /// The store opens; all that was there before is still there, and what the process says that it has done is done.
    fn check(&self, task: &Task, status: ExitStatus, case: &str) {
        let folder = self.scene.at("case");
        let store = Store::open(&folder);
        assert!(store.is_ok(), "{case}: {store:?}");
        let store = store.unwrap();
        let there: BTreeSet<u64> = listed(&store).into_iter().collect();
        assert_eq!(medians(&store).len(), there.len(), "{case}");
        assert_eq!(store.unreadable(), 0, "{case}");
        let both: BTreeSet<u64> = task.before.intersection(&task.after).copied().collect();
        let either: BTreeSet<u64> = task.before.union(&task.after).copied().collect();
        assert!(there.is_superset(&both), "{case}: lost {:?}", both.difference(&there));
        assert!(there.is_subset(&either), "{case}: {there:?}");
        if status.success() {
            assert_eq!(there, task.after, "{case}");
        }
        drop(store);
        is_sound(&folder);
        // Somebody tries again.
        perform(&task.words, &folder);
        let again: BTreeSet<u64> = listed(&Store::open(&folder).unwrap()).into_iter().collect();
        assert_eq!(again, task.after, "{case}");
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).into_iter().flatten() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

#[test]
fn a_new_store_bears_a_fault_at_any_call() {
    let attack = Attack::new();
    fs::create_dir(attack.scene.store()).unwrap();
    let words = "add 1 1".to_owned();
    attack.all(&Task { words, before: [].into(), after: [1].into() });
}

#[test]
fn adding_bears_a_fault_at_any_call() {
    let attack = Attack::new();
    drop(attack.scene.with(1..=3));
    let words = "add 4 4".to_owned();
    attack.all(&Task { words, before: (1..=3).collect(), after: (1..=4).collect() });
}

#[test]
fn cleaning_bears_a_fault_at_any_call() {
    let attack = Attack::new();
    drop(attack.scene.with(1..=5));
    let words = "gc 1".to_owned();
    attack.all(&Task { words, before: (1..=5).collect(), after: [3, 5].into() });
}

#[test]
fn importing_bears_a_fault_at_any_call() {
    let attack = Attack::new();
    drop(attack.scene.with(1..=2));
    let other = Scene::new();
    let store = other.with(2..=4);
    let file = attack.scene.at("runs.tar");
    let ids = [2, 3, 4].map(id);
    store.export(&ids, &mut fs::File::create(&file).unwrap()).unwrap();
    let words = format!("import {}", file.to_str().unwrap());
    attack.all(&Task { words, before: (1..=2).collect(), after: (1..=4).collect() });
}

#[test]
fn a_disk_that_is_full_costs_the_running_record_at_most() {
    let attack = Attack::new();
    drop(attack.scene.with(1..=3));
    let words = "add 4 6".to_owned();
    let task = Task { words, before: (1..=3).collect(), after: (1..=6).collect() };
    let (_, _, calls) = attack.run(&task, 0, 0, KILL);
    for (_, kind, error) in KINDS.iter().filter(|(name, ..)| ["write", "make"].contains(name)) {
        for nth in 1..=i64::try_from(calls[*kind]).unwrap() {
            let (status, is_fault, _) = attack.run(&task, *kind, -nth, *error);
            assert!(is_fault, "call {nth} of kind {kind} is made");
            attack.check(&task, status, &format!("full from call {nth} on"));
        }
    }
}
