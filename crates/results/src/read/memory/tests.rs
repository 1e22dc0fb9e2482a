//! Folders as a tracer and the runner leave them, whole and damaged.

use std::fs;

use runner_shared::{
    artifact::Artifact,
    fifo::MarkerType,
    memory::{
        EventCounts, EventKind, StackFrame, TracerStats, encode_event_stack, encode_frame,
        encode_stack,
    },
    text::shown,
};
use tempfile::TempDir;

use super::*;

const ROOT: i32 = 70;

fn malloc(timestamp: u64, pid: i32, addr: u64, size: u64) -> Event {
    Event { pid, tid: pid, timestamp, addr, kind: EventKind::Malloc { size } }
}

fn free(timestamp: u64, pid: i32, addr: u64) -> Event {
    Event { pid, tid: pid, timestamp, addr, kind: EventKind::Free }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn encoded(events: &[Event]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events {
        event.encode(&mut bytes);
    }
    bytes
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folder.0.path().join("results")).unwrap();
        folder
    }

    fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.0.path().join(name), bytes).unwrap();
        self
    }

    fn events(self, events: &[Event]) -> Self {
        self.file("results/70.MemtrackArtifact.msgpack", packed(&encoded(events)))
    }

    /// Spans, and benchmarks with the times at which they were named.
    fn record(self, spans: &[(u64, u64)], uris: &[(u64, &str)]) -> Self {
        let markers = spans.iter().flat_map(|(start, end)| {
            [MarkerType::SampleStart(*start), MarkerType::SampleEnd(*end)]
        });
        let uri_by_ts = uris.iter().map(|(time, uri)| (*time, (*uri).to_owned())).collect();
        let record = ExecutionTimestamps { uri_by_ts, markers: markers.collect() };
        self.file("results/ExecutionTimestamps.msgpack", record.encode())
    }

    fn read(&self) -> MemoryReading {
        read_memory(&ProfileDir::new(self.0.path()), &BTreeSet::new()).unwrap()
    }

    /// Without the path of the folder.
    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", shown(self.0.path())), "")
    }

    fn warnings(&self) -> Vec<String> {
        self.read().report.warnings.iter().map(|text| self.plain(text)).collect()
    }

    /// The only file that is not whole, with the reason.
    fn broken(&self) -> String {
        let [err] = self.read().broken.try_into().unwrap();
        self.plain(&with_causes(&err))
    }
}

fn with_causes(err: &ReadError) -> String {
    super::super::file::with_causes(err)
}

/// Calls, total, peak and leak of each benchmark.
fn figures(report: &MemoryReport) -> Vec<(&str, [u64; 4])> {
    let figures = |of: &MemoryResult| {
        let usage = &of.usage;
        [usage.alloc_calls, usage.total_allocated, usage.peak_memory, usage.leaked_bytes]
    };
    report.benchmarks.iter().map(|of| (of.name.as_str(), figures(of))).collect()
}

/// Two benchmarks; the second one frees a block of the first.
fn two() -> (Vec<Event>, Folder) {
    let events = vec![
        malloc(5, ROOT, 100, 1000),
        malloc(10, ROOT, 200, 10),
        malloc(15, ROOT, 300, 20),
        free(20, ROOT, 200),
        malloc(25, ROOT, 400, 1000),
        free(30, ROOT, 300),
        malloc(31, ROOT, 500, 7),
        free(40, ROOT, 500),
        free(41, ROOT, 400),
    ];
    let folder = Folder::new().record(
        &[(10, 20), (30, 40)],
        &[(22, "tests/a.py::test_a[x]"), (45, "tests/a.py::test_b")],
    );
    (events, folder)
}

const FIGURES_OF_TWO: [(&str, [u64; 4]); 2] =
    [("test_a[x]", [2, 30, 30, 20]), ("test_b", [1, 7, 7, 0])];

#[test]
fn events_are_counted_for_the_benchmark_of_their_window() {
    let (events, folder) = two();
    let folder = folder.events(&events);
    let MemoryReading { report, broken } = folder.read();
    assert_eq!(figures(&report), FIGURES_OF_TWO);
    assert!(broken.is_empty() && report.warnings.is_empty(), "{broken:?} {:?}", report.warnings);
    let trace = MemoryTrace { pid: 70, events: 9, outside: 3, stats: None };
    assert_eq!(report.traces, [trace]);
    assert_eq!(report.benchmarks[0].uri, "tests/a.py::test_a[x]");
    assert_eq!(report.benchmarks[0].usage.timeline.points(), [30]);
    assert_eq!(crate::read(&ProfileDir::new(folder.0.path())).unwrap().report, report.into());
}

#[test]
fn allocations_of_other_processes_in_a_window_are_reported() {
    let (mut events, folder) = two();
    events.extend([
        malloc(12, 71, 100, 3000),
        free(13, 71, 100),
        malloc(14, 72, 100, 72),
        malloc(25, 71, 100, 5),
        free(35, 71, 100),
        malloc(36, 73, 100, 1),
    ]);
    events.sort_by_key(|event| event.timestamp);
    let folder = folder.events(&events);
    let (server, idle) = ((71, "server".to_owned()), (74, "idle".to_owned()));
    let beside: Beside = [(10, [server.clone(), idle].into()), (30, [server].into())].into();
    let MemoryReading { report, .. } =
        read_fresh_memory(&ProfileDir::new(folder.0.path()), &BTreeSet::new(), &beside).unwrap();
    let notes: Vec<&[String]> = report.benchmarks.iter().map(|of| &of.notes[..]).collect();
    let said = "at least 1 of its calls, for 2.9 KB, were made by other processes that it had not started: `server` \
        (process 71); stop background processes to measure it alone";
    assert_eq!(notes, [&[said.to_owned()][..], &[]]);
    // They count, as they do for the service.
    assert_eq!(figures(&report), figures(&folder.read().report));
}

#[test]
fn frames_files_and_order_do_not_change_the_result() {
    let (mut events, folder) = two();
    events.swap(1, 2);
    events.swap(3, 4);
    let frames = events.chunks(2).flat_map(|chunk| packed(&encoded(chunk))).collect::<Vec<u8>>();
    let folder = folder.file("results/70.MemtrackArtifact.msgpack", frames);
    assert_eq!(figures(&folder.read().report), FIGURES_OF_TWO);

    let (events, folder) = two();
    let folder = folder
        .events(&events[..5])
        .file("results/9.MemtrackArtifact.msgpack", packed(&encoded(&events[5..])));
    let report = folder.read().report;
    assert_eq!(figures(&report), FIGURES_OF_TWO);
    assert_eq!(report.traces.iter().map(|trace| trace.events).collect::<Vec<_>>(), [5, 4]);
}

#[test]
fn a_damaged_file_is_named_and_what_was_read_is_used() {
    let (events, _) = two();
    let whole = packed(&encoded(&events));
    let (_, folder) = two();
    let cut = folder.file("results/70.MemtrackArtifact.msgpack", &whole[..whole.len() - 3]);
    assert!(cut.broken().contains("is truncated"), "{}", cut.broken());

    let (_, folder) = two();
    let frames = [packed(&encoded(&events[..4])), b"nonsense".to_vec()].concat();
    let garbage = folder.file("results/70.MemtrackArtifact.msgpack", frames);
    assert_eq!(figures(&garbage.read().report)[0], FIGURES_OF_TWO[0]);
    assert_eq!(garbage.read().report.benchmarks[1].usage.alloc_calls, 0);
    insta::assert_snapshot!(garbage.broken());

    let (_, folder) = two();
    let mut bytes = encoded(&events);
    bytes.truncate(bytes.len() - 1);
    let torn = folder.file("results/70.MemtrackArtifact.msgpack", packed(&bytes));
    assert_eq!(torn.read().report.traces[0].events, 8);
    insta::assert_snapshot!(torn.broken());

    let (_, folder) = two();
    let empty = folder.file("results/70.MemtrackArtifact.msgpack", b"");
    assert!(empty.broken().contains("the file is empty"), "{}", empty.broken());
    let (_, folder) = two();
    let nothing = folder.file("results/70.MemtrackArtifact.msgpack", packed(b""));
    let MemoryReading { report, broken } = nothing.read();
    assert!(broken.is_empty(), "an empty frame is a whole file");
    assert!(report.benchmarks[0].notes[0].starts_with("no allocations were seen"));
    let (_, folder) = two();
    assert!(folder.broken().contains("contains no events"));
}

#[test]
fn fewer_events_than_the_tracer_wrote_are_a_damage() {
    let (events, folder) = two();
    let mut written = EventCounts::default();
    for event in &events {
        written.add(event.kind);
    }
    let stats = TracerStats {
        events: EventCounts { free: written.free + 2, ..written },
        lost_events: 3,
        warnings: vec!["3 events were lost".to_owned()],
        notes: vec!["Python keeps arenas".to_owned()],
        ..TracerStats::default()
    };
    let name = "results/70.MemtrackStats.json";
    let folder = folder.events(&events).file(name, serde_json::to_vec(&stats).unwrap());
    assert!(folder.broken().ends_with("it contains 9 of 11 events"), "{}", folder.broken());
    let report = folder.read().report;
    assert_eq!(report.warnings, ["3 events were lost"]);
    assert_eq!(report.remarks, ["Python keeps arenas"]);
    assert_eq!(report.traces[0].stats, Some(stats));
    let folder = folder.file(name, "{");
    assert!(folder.warnings()[0].contains("was left out: EOF"), "{:?}", folder.warnings());
    assert_eq!(figures(&folder.read().report), FIGURES_OF_TWO);
}

#[test]
fn what_the_harness_allocates_is_not_part_of_its_command() {
    let record = |folder: Folder, uri| folder.record(&[(10, 20)], &[(22, uri)]);
    let events = [malloc(11, ROOT, 1, 1000), malloc(12, 71, 1, 5)];
    let folder = record(Folder::new().events(&events), "exec_harness::./a b");
    assert_eq!(figures(&folder.read().report), [("./a b", [1, 5, 5, 5])]);
    let folder = record(Folder::new().events(&events), "x::y");
    assert_eq!(figures(&folder.read().report), [("y", [2, 1005, 1005, 1005])]);
}

#[test]
fn windows_and_benchmarks_without_each_other_are_named() {
    let folder = Folder::new()
        .events(&[malloc(11, ROOT, 1, 5)])
        .record(&[(10, 20), (30, 40)], &[(5, "early"), (22, "a"), (23, "twice"), (45, "a")]);
    let report = folder.read().report;
    assert_eq!(report.benchmarks.iter().map(|of| of.occurrence).collect::<Vec<_>>(), [1, 2]);
    insta::assert_snapshot!(folder.warnings().join("\n"));
    let markers =
        vec![MarkerType::SampleStart(1), MarkerType::SampleEnd(2), MarkerType::SampleStart(3)];
    let record = ExecutionTimestamps { uri_by_ts: Vec::new(), markers };
    let folder = Folder::new().events(&[]).file("ExecutionTimestamps.msgpack", record.encode());
    insta::assert_snapshot!(folder.warnings().join("\n"));
}

#[test]
fn a_trace_without_a_conversation_is_one_result() {
    let (events, _) = two();
    let folder = Folder::new().file("70.MemtrackArtifact.msgpack", packed(&encoded(&events)));
    let report = folder.read().report;
    assert_eq!(figures(&report), [("the whole trace", [5, 2037, 2020, 1000])]);
    assert_eq!(
        report.benchmarks[0].usage.timeline.points(),
        [2020],
        "from the first to the last event"
    );
    assert_eq!(Folder::new().read().report, MemoryReport::default());
    let only_record = Folder::new().record(&[], &[]);
    assert!(only_record.read().broken.is_empty());
}

/// The stacks of `two`: each allocation comes from `f` or `g` of `main`.
fn stacks() -> Vec<u8> {
    let mut bytes = Vec::new();
    for stack in [1, 1, 2, 0, 1] {
        encode_event_stack(&mut bytes, stack);
    }
    encode_stack(&mut bytes, &[1, 2]);
    encode_stack(&mut bytes, &[3, 2]);
    for stack in [0, 2, 0, 0] {
        encode_event_stack(&mut bytes, stack);
    }
    for name in ["f", "main", "g"] {
        encode_frame(&mut bytes, &StackFrame::new(name, "/bin/x"));
    }
    bytes
}

fn sites(report: &MemoryReport) -> Vec<String> {
    let shown = |of: &MemoryResult| {
        let stacks = of.stacks.as_ref().unwrap();
        let site = |site: &crate::MemorySite| {
            let names: Vec<_> = stacks
                .outwards(site.node)
                .map(|node| stacks.frame(node).unwrap().name.to_string())
                .collect();
            format!("{} {} {}", names.join("<"), site.usage.bytes, site.usage.leaked_bytes)
        };
        of.sites.iter().map(site).collect::<Vec<_>>()
    };
    report.benchmarks.iter().flat_map(shown).collect()
}

#[test]
fn stacks_are_those_of_their_events_and_named_at_the_end() {
    let (events, folder) = two();
    let name = "results/70.MemtrackStacks.msgpack";
    let folder = folder.events(&events).file(name, packed(&stacks()));
    assert_eq!(folder.warnings(), Vec::<String>::new());
    assert_eq!(sites(&folder.read().report), ["f<main 10 0", "g<main 20 20", "g<main 7 0"]);
    // A second trace has numbers of its own.
    let folder =
        folder.file("results/9.MemtrackArtifact.msgpack", packed(&encoded(&[malloc(12, 9, 1, 3)])));
    let mut other = Vec::new();
    encode_event_stack(&mut other, 1);
    encode_stack(&mut other, &[1]);
    encode_frame(&mut other, &StackFrame::new("other", ""));
    let folder = folder.file("results/9.MemtrackStacks.msgpack", packed(&other));
    let expected = ["f<main 10 0", "g<main 20 20", "other 3 3", "g<main 7 0"];
    let mut found = sites(&folder.read().report);
    found[..3].sort();
    assert_eq!(found, expected);
}

#[test]
fn a_damaged_file_of_stacks_is_a_warning() {
    let (events, folder) = two();
    let name = "results/70.MemtrackStacks.msgpack";
    let folder = folder.events(&events);
    let warning = |folder: Folder, bytes: &[u8]| {
        let folder = folder.file(name, bytes);
        assert_eq!(figures(&folder.read().report), FIGURES_OF_TWO);
        let [warning] = folder.warnings().try_into().unwrap();
        (folder, warning)
    };
    let (folder, short) = warning(folder, &packed(&stacks()[..6]));
    let (folder, torn) = warning(folder, &packed(&[&stacks()[..], b"\x92\x01"].concat()));
    let (folder, long) = warning(folder, &packed(&[&stacks()[..], b"\x01"].concat()));
    let (folder, cut) = warning(folder, b"");
    let (_, bad) = warning(folder, &packed(b"\xc1"));
    insta::assert_snapshot!([short, torn, long, cut, bad].join("\n"));
}
