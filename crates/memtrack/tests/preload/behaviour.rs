//! Programs that do odd things behave as ever, and are counted all the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    process::{Command, Stdio},
};

use memtrack::backend::{
    Backend, Record, Stacks,
    preload::{Options, Preload},
};
use runner_shared::memory::EventKind;

use crate::{
    programs::Programs,
    support::{Kept, prepare, trace, trace_into, trace_with},
};

#[test]
fn only_what_lies_in_a_window_is_recorded() {
    let programs = Programs::new();
    let mut backend = Preload::start(&std::env::temp_dir(), &Options::default()).unwrap();
    let mut command = Command::new(programs.compile("windows.c", &[]));
    prepare(&mut backend, &mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut ask = |word: &[u8; 4]| {
        let mut answer = [0; 4];
        stdin.write_all(word).unwrap();
        stdout.read_exact(&mut answer).unwrap();
    };
    let mut sizes = BTreeMap::new();
    let mut take = |record: Record<'_>| {
        if let Record::Call { event, .. } = record {
            *sizes.entry(event.kind.size()).or_insert(0) += 1;
        }
    };
    for _ in 0..1000 {
        ask(b"out\n");
        backend.record(true).unwrap();
        ask(b"in \n");
        backend.record(false).unwrap();
        backend.drain(&mut take).unwrap();
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let coverage = backend.finish(&mut take).unwrap();
    assert_eq!(coverage.lost, 0);
    assert_eq!(sizes, BTreeMap::from([(None, 3000), (Some(500), 3000)]));
}

#[test]
fn a_burst_is_waited_for_and_not_lost() {
    let programs = Programs::new();
    let pairs = programs.compile("pairs.c", &[]);
    let options = Options { buffer: 1, ..Options::default() };
    for threads in [1, 4, 16] {
        let mut count = 0;
        let mut command = Command::new(&pairs);
        let command = command.args(["100000", &threads.to_string()]);
        let traced = trace_into(&options, command, &mut |record| {
            let in_pair = |size: u64| (16..1024).contains(&size);
            if let Record::Call { event, .. } = record
                && matches!(event.kind, EventKind::Malloc { size } if in_pair(size))
            {
                count += 1;
            }
        });
        traced.succeeded();
        assert!((threads * 100_000..threads * 100_000 + 20).contains(&count), "{count}");
    }
}

#[test]
fn what_the_c_library_takes_it_gives_back() {
    let programs = Programs::new();
    let traced = trace(&mut Command::new(programs.compile("internal.c", &[]))).succeeded();
    let mut live = BTreeSet::new();
    let events = traced.marked();
    assert!(events.len() > 20);
    for event in events {
        match event.kind {
            EventKind::Free => assert!(live.remove(&event.addr), "{event:?}"),
            EventKind::Realloc { old_addr, .. } => {
                assert!(live.remove(&old_addr.unwrap()), "{event:?}");
                live.insert(event.addr);
            }
            _ => assert!(live.insert(event.addr), "{event:?}"),
        }
    }
    assert_eq!(live, BTreeSet::new());
}

#[test]
fn stacks_tell_who_allocates() {
    let programs = Programs::new();
    let program =
        programs.compile("stacks.c", &["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"]);
    let options = Options { stacks: Stacks::FramePointers, ..Options::default() };
    let traced = trace_with(&options, &mut Command::new(program)).succeeded();
    let stacks_of = |wanted: u64| -> Vec<&Vec<u64>> {
        let stacks = traced.records.iter().filter_map(|record| match record {
            Kept::Call { event, stack } if event.kind.size() == Some(wanted) => Some(stack),
            _ => None,
        });
        stacks.collect()
    };
    let (first, second, elsewhere) = (stacks_of(501), stacks_of(502), stacks_of(503));
    assert!(first.len() == 3 && first.windows(2).all(|pair| pair[0] == pair[1]), "{first:?}");
    assert!(second.len() == 3 && elsewhere.len() == 1);
    // leaf, first, second, main ... and leaf, second, main ...
    assert_eq!(first[0][0], second[0][0]);
    assert_ne!(first[0][1], second[0][1]);
    assert_eq!(first[0][3..], second[0][2..], "the same way to main");
    assert_eq!(elsewhere[0], &first[0][..1], "nothing is read outside of the stack of the thread");
    let frees = traced.records.iter().filter_map(|record| match record {
        Kept::Call { event, stack } if event.kind == EventKind::Free => Some(stack.len()),
        _ => None,
    });
    assert_eq!(frees.max(), Some(0));
}

#[test]
fn a_program_whose_tracer_is_gone_goes_on() {
    let programs = Programs::new();
    let options = Options { buffer: 1, ..Options::default() };
    let mut backend = Preload::start(&std::env::temp_dir(), &options).unwrap();
    let mut command = Command::new(programs.compile("pairs.c", &[]));
    prepare(&mut backend, &mut command);
    backend.record(true).unwrap();
    let mut child = command.args(["1000000", "4"]).stdout(Stdio::piped()).spawn().unwrap();
    // The buffer is full before a million pairs are made: the program waits for a tracer that never reads.
    drop(backend);
    assert!(child.wait().unwrap().success());
}

#[test]
fn python_allocates_more_than_it_lets_the_c_library_know() {
    let count = |malloc: Option<&str>| {
        let mut command = Command::new("python3");
        command.args(["-c", "print(len([(i, i) for i in range(30000)]))"]);
        let traced = trace(command.envs(malloc.map(|kind| ("PYTHONMALLOC", kind)))).succeeded();
        assert_eq!(traced.stdout, "30000\n");
        traced.count(|kind| *kind != EventKind::Free)
    };
    let (arenas, all) = (count(None), count(Some("malloc")));
    assert!(all > arenas + 30_000, "{arenas} {all}");
}

mod namespace {
    use super::*;

    #[test]
    fn a_process_in_a_namespace_of_its_own_has_its_number_outside() {
        let programs = Programs::new();
        let program = programs.compile("crowd.c", &[]);
        let unshare = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
        let mut command = Command::new("unshare");
        let traced = trace(command.args(unshare).arg(program).args(["threads", "500"]));
        let traced = traced.succeeded();
        assert_eq!(
            traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 })),
            5000
        );
        let inside: BTreeSet<i32> = traced.events().map(|event| event.pid).collect();
        assert!(inside.len() >= 2 && !inside.contains(&1), "{inside:?}");
    }
}

mod privileged {
    use super::*;

    #[test]
    fn a_command_of_another_user_is_seen_without_any_right() {
        let programs = Programs::new();
        let program = programs.compile("crowd.c", &[]);
        assert!(Command::new("chmod").arg("755").arg(programs.path()).status().unwrap().success());
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"];
        let options = Options { owner: Some((65534, 65534)), ..Options::default() };
        let mut command = Command::new("setpriv");
        let command = command.args(nobody).arg(program).args(["forks", "20"]);
        let traced = trace_with(&options, command).succeeded();
        assert_eq!(traced.count(|kind| matches!(kind, EventKind::Malloc { size: 500..=506 })), 200);
    }
}
