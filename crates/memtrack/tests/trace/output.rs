//! The files and the words that are left: order, released blocks, stacks, the summary.

use std::fs;

use runner_shared::memory::{StackDecoder, StackFrame};

use crate::{
    artifact::{Event, Kind},
    programs::Programs,
    support::{Traced, Track, Way, line},
    windows::Session,
};

pub fn what_a_process_leaves_is_freed_with_its_end(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("sites.c", &[]);
    let script = format!("{}; true", program.display());
    let own = |traced: &Traced| -> Vec<Event> {
        // Before that it was a part of the shell.
        let first = traced.events.iter().position(|event| event.size == Some(1234)).unwrap();
        let own = |event: &&Event| event.pid == traced.events[first].pid;
        traced.events[first..].iter().filter(own).copied().collect()
    };
    let traced = Track::by(way).run(&["bash", "-c", &script]).succeeded();
    let events = own(&traced);
    let story: Vec<String> = events.iter().map(line).collect();
    let mut expected = ["Malloc 1234", "Malloc 4321", "Free"].repeat(5);
    expected.extend(["Free"; 5]);
    assert_eq!(story, expected);
    let released: Vec<&Event> = events.iter().filter(|event| event.tid == 0).collect();
    assert_eq!(released.len(), 5);
    assert!(released.iter().all(|event| event.timestamp == released[0].timestamp));
    assert!(traced.stats["synthetic_frees"].as_u64().unwrap() >= 5);
    let kept =
        Track::by(way).with(&["--no-release-on-exit"]).run(&["bash", "-c", &script]).succeeded();
    assert_eq!(own(&kept).iter().map(line).collect::<Vec<_>>(), story[..story.len() - 5]);
    assert_eq!(kept.stats["synthetic_frees"], 0);
    assert!(kept.events.iter().all(|event| event.tid > 0));
}

pub fn what_it_amounts_to_is_shown_beside_the_commands_output(way: Way) {
    let programs = Programs::new();
    let program = programs.compile("sites.c", &[]);
    let line = format!("echo begin; exec {}", program.display());
    let shown = |options: &[&str]| {
        let track = Track::with_no_backend().with(way.options()).with(options);
        track.run(&["bash", "-c", &line]).succeeded()
    };
    let table = shown(&[]);
    assert_eq!(table.stdout, "begin\n");
    for word in
        ["MemtrackArtifact.msgpack: ", "peak", "total allocated", "allocations", "live at end"]
    {
        assert!(table.stderr.contains(word), "{}", table.stderr);
    }
    let quiet = shown(&["--quiet"]);
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("begin\n", ""));
    let json = shown(&["--quiet", "--json", "-"]);
    let text = json.stdout.strip_prefix("begin\n").unwrap();
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let allocations = json.events.iter().filter(|event| event.kind != Kind::Free);
    assert_eq!(value["allocations"], allocations.clone().count());
    assert_eq!(value["total_allocated"], allocations.map(|event| event.size.unwrap()).sum::<u64>());
    assert_eq!(value["tracer"]["backend"], json.stats["backend"]);
    assert!(value["peak"].as_u64().unwrap() >= 5 * 1234 + 4321);
}

pub fn stacks_name_the_functions_that_allocate(way: Way) {
    for (option, flag) in [
        ("--stacks", "-fno-omit-frame-pointer"),
        ("--stacks", "-fomit-frame-pointer"),
        ("--stacks=fp", "-fno-omit-frame-pointer"),
    ] {
        let mut session = Session::start_built(Track::by(way).with(&[option]), flag);
        session.ask("enable");
        session.tell("a 1234");
        session.tell("p 9 4321");
        // Names are those of a process that is still there: the answer comes after the events.
        session.ask("ping");
        let traced = session.end();
        let stacks = named_stacks(&traced);
        let mut seen = 0;
        for (event, names) in traced.events.iter().zip(stacks) {
            let expected = match event.size {
                Some(1234) => "keeps_a_block",
                Some(4321) => "makes_pairs",
                _ => continue,
            };
            let at = names.iter().position(|name| *name == expected);
            assert!(at.is_some_and(|at| names[at..].contains(&"main".to_owned())), "{names:?}");
            seen += 1;
        }
        assert_eq!(seen, 10);
        let notes = traced.stats["notes"].to_string();
        assert!(!notes.contains("lack callers"), "{option} {flag}: {notes}");
    }
}

/// For each event the names of the functions that it has gone through, innermost first.
pub fn named_stacks(traced: &Traced) -> Vec<Vec<String>> {
    let names = |frames: Vec<StackFrame>| frames.into_iter().map(|frame| frame.function).collect();
    stacks(traced).into_iter().map(names).collect()
}

/// For each event its frames, innermost first.
pub fn stacks(traced: &Traced) -> Vec<Vec<StackFrame>> {
    let file = traced.folder.path().join(format!("{}.MemtrackStacks.msgpack", traced.root));
    let mut decoder = StackDecoder::default();
    decoder.push(&zstd::decode_all(fs::File::open(file).unwrap()).unwrap());
    let mut stacks = Vec::new();
    while let Some(stack) = decoder.next_event_stack().unwrap() {
        stacks.push(stack);
    }
    let (table, end) = decoder.finish();
    end.unwrap();
    assert_eq!(stacks.len(), traced.events.len(), "one for each event");
    let frame = |frame: &u32| table.frame(*frame).unwrap().clone();
    stacks.iter().map(|stack| table.stack(*stack).iter().map(frame).collect()).collect()
}

/// Also of copies of a process that never were another program.
pub fn programs_that_end_at_once_have_names(way: Way) {
    let programs = Programs::new();
    let flags = ["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"];
    let [sites, crowd] =
        ["sites.c", "crowd.c"].map(|name| programs.compile(name, &flags).display().to_string());
    let line = format!("for i in 1 2 3 4 5 6 7 8 9 10; do {sites}; done; {crowd} forks 20");
    let traced = Track::by(way).with(&["--stacks"]).run(&["bash", "-c", &line]).succeeded();
    let mut seen = [0, 0];
    for (event, names) in traced.events.iter().zip(named_stacks(&traced)) {
        let (at, function) = match event.size {
            Some(1234) => (0, "main"),
            Some(500) if names.iter().any(|name| name == "make") => (1, "main"),
            _ => continue,
        };
        assert!(names.iter().any(|name| name == function), "{names:?}");
        seen[at] += 1;
    }
    assert_eq!(seen, [50, 40]);
}

pub fn python_with_and_without_its_own_allocator(way: Way) {
    let script = "print(len([(at, at) for at in range(50000)]))";
    let count = |allocator: &str| {
        let track = Track::by(way).env("PYTHONMALLOC", allocator);
        let traced = track.run(&["python3", "-c", script]).succeeded();
        assert_eq!(traced.stdout, "50000\n");
        traced.events.iter().filter(|event| event.kind != Kind::Free).count()
    };
    let [own, plain] = ["pymalloc", "malloc"].map(count);
    assert!(plain > 50_000 && plain > 3 * own, "{own} {plain}");
}
