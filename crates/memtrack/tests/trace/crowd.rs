//! Threads and processes come and go, and no call is lost.

use std::collections::{BTreeSet, HashMap};

use crate::{
    artifact::Kind,
    programs::Programs,
    support::{Traced, Track, Way},
};

#[track_caller]
fn check(way: Way, what: &str, number: usize) -> Traced {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    // What outlives the command is no longer followed; so the command waits for whoever holds its output.
    let line = format!("{} {what} {number} | cat", program.display());
    let traced = Track::by(way).run(&["bash", "-c", &line]).succeeded();
    let expected: usize = traced.stdout.trim().parse().unwrap();
    assert_eq!(traced.pairs(), expected, "{what}");
    assert_eq!(traced.notes(), Vec::<String>::new());
    check_order(&traced);
    traced
}

/// All events are in the order of time, and so those of each thread.
#[track_caller]
fn check_order(traced: &Traced) {
    let late = traced.events.windows(2).filter(|pair| pair[0].timestamp > pair[1].timestamp);
    assert_eq!(late.count(), 0);
}

pub fn threads_that_come_and_go_are_all_counted(way: Way) {
    let traced = check(way, "threads", 2000);
    let threads: BTreeSet<i32> = traced.events.iter().map(|event| event.tid).collect();
    assert!(threads.len() > 2000);
    check(way, "exits", 500);
}

pub fn threads_at_once_are_all_counted(way: Way) {
    check(way, "together", if way == Way::Session { 64 } else { 16 });
}

pub fn threads_forks_and_execs_at_once_are_all_counted(way: Way) {
    check(way, "mixed", 2000);
}

pub fn a_block_passed_between_threads_is_always_live_or_freed(way: Way) {
    let traced = check(way, "pass", 5_000);
    let mut live = BTreeSet::new();
    let passed = traced.events.iter().filter(|event| event.pid != traced.root);
    for event in passed {
        if event.kind == Kind::Free {
            live.remove(&(event.pid, event.addr));
        } else {
            if let Some(old) = event.old_addr {
                live.remove(&(event.pid, old));
            }
            assert!(live.insert((event.pid, event.addr)), "{event:?} twice");
        }
    }
}

pub fn short_lived_processes_are_all_counted(way: Way) {
    check(way, "forks", 1000);
    check(way, "execs", 100);
    check(way, "spawns", 100);
}

pub fn odd_families_are_counted(way: Way) {
    check(way, "daemon", 0);
    check(way, "raw", 0);
    // A child that frees what its parent has allocated frees nothing of its own.
    let traced = check(way, "inherit", 0);
    let mut live: HashMap<(i32, u64), u64> = HashMap::new();
    let mut freed = Vec::new();
    for event in &traced.events {
        match event.kind {
            Kind::Free => freed.extend(live.remove(&(event.pid, event.addr))),
            _ => drop(live.insert((event.pid, event.addr), event.size.unwrap())),
        }
    }
    assert_eq!(freed.iter().filter(|size| **size == 501).count(), 1);
}

pub fn a_process_killed_while_it_allocates_leaves_nothing_behind(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("crowd.c", &[]);
    let traced = Track::by(way).run(&[program.to_str().unwrap(), "killed"]).succeeded();
    assert!(traced.pairs() > 0);
    let balance = |pid: i32| {
        let of_it = traced.events.iter().filter(|event| event.pid == pid);
        of_it.fold(BTreeSet::new(), |mut live, event| {
            if event.kind == Kind::Free {
                live.remove(&event.addr);
            } else {
                live.insert(event.addr);
            }
            live
        })
    };
    let pids: BTreeSet<i32> = traced.events.iter().map(|event| event.pid).collect();
    assert_eq!(pids.len(), 2);
    for pid in pids {
        assert_eq!(balance(pid), BTreeSet::new(), "what it had is released with its end");
    }
}
