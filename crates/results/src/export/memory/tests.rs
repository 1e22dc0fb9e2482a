//! A report with two benchmarks in every format: one with stacks that leaks, one of strange looks.

use runner_shared::memory::{
    Event, EventKind, SiteUsage, StackDecoder, StackFrame, StackTable, TracerStats, Usage,
    encode_frame, encode_stack,
};

use super::memory_details;
use crate::export::Listing;
use crate::functions::FrameView;
use crate::{
    export::{
        EXPORTERS, PROFILE_EXPORTERS, TableStyle, exporter, profile_exporter, table as shown,
    },
    memory::{Forest, MemoryReport, MemoryResult, MemoryTrace, resolve},
};

fn table() -> StackTable {
    let mut bytes = Vec::new();
    for name in ["parse", "main", "load", "read_all", "open"] {
        encode_frame(&mut bytes, &StackFrame::new(name, "/usr/bin/demo"));
    }
    for stack in [&[1, 2][..], &[5, 4, 3, 2], &[]] {
        encode_stack(&mut bytes, stack);
    }
    let mut decoder = StackDecoder::default();
    decoder.push(&bytes);
    assert_eq!(decoder.next_event_stack(), Ok(None));
    decoder.finish().0
}

/// Ten blocks of growing size from three places, the odd ones freed at once.
fn leaky() -> MemoryResult {
    let mut usage = Usage::starting_at(1_000_000);
    for nth in 1..=10 {
        let event = |timestamp, kind| Event { pid: 7, tid: 7, timestamp, addr: nth, kind };
        let time = 1_000_000 + nth * 50_000;
        let stack = u32::try_from(nth % 3 + 1).unwrap();
        usage.add_from(&event(time, EventKind::Malloc { size: 20 * nth * nth * nth }), stack);
        if nth % 2 == 1 {
            usage.add_from(&event(time + 10_000, EventKind::Free), 0);
        }
    }
    let mut usage = usage.finish(1_600_000);
    let by_stack = std::mem::take(&mut usage.sites);
    let table = table();
    let resolved =
        resolve("./demo 10", &by_stack, |stack| Some((&table, stack)), &mut Forest::default());
    MemoryResult {
        name: "./demo 10".to_owned(),
        uri: "exec_harness::./demo 10".to_owned(),
        occurrence: 1,
        usage,
        stacks: Some(resolved.stacks),
        sites: resolved.sites,
        notes: Vec::new(),
    }
}

#[test]
fn places_have_source_lines_where_they_are_known() {
    let mut bytes = Vec::new();
    encode_frame(&mut bytes, &StackFrame::new("operator new", "/lib/libstdc++.so.6"));
    for (function, line) in [("maps", 20), ("main", 71), ("main", 72)] {
        let frame = StackFrame {
            file: "/src/places.cpp".to_owned(),
            line,
            ..StackFrame::new(function, "/bin/places")
        };
        encode_frame(&mut bytes, &frame);
    }
    encode_stack(&mut bytes, &[1, 2, 3]);
    encode_stack(&mut bytes, &[2, 4]);
    let mut decoder = StackDecoder::default();
    decoder.push(&bytes);
    assert_eq!(decoder.next_event_stack(), Ok(None));
    let table = decoder.finish().0;
    let usage = SiteUsage { calls: 1, bytes: 10, ..SiteUsage::default() };
    let sites = std::collections::BTreeMap::from([(1, usage), (2, usage)]);
    let resolved = resolve("x", &sites, |stack| Some((&table, stack)), &mut Forest::default());
    let result = MemoryResult { stacks: Some(resolved.stacks), sites: resolved.sites, ..leaky() };
    let report = MemoryReport { benchmarks: vec![result], ..report() };
    for (view, line) in [
        (FrameView::Readable, "  maps (places.cpp:20) < main (places.cpp:71)"),
        (FrameView::Readable, "  maps (places.cpp:20) < main (places.cpp:72)"),
        (
            FrameView::All,
            "operator new (libstdc++.so.6) < maps (places.cpp:20) < main (places.cpp:71)",
        ),
    ] {
        let details = memory_details(&report, Listing { most: 9, view, ..Listing::default() });
        assert!(details.contains(line), "{details}");
    }
}

fn strange() -> MemoryResult {
    MemoryResult {
        name: "a|b\t<i>".to_owned(),
        uri: "x::a|b".to_owned(),
        occurrence: 2,
        usage: Usage::default().finish(0),
        stacks: None,
        sites: Vec::new(),
        notes: vec!["no allocation was seen\u{1b}".to_owned()],
    }
}

fn report() -> MemoryReport {
    let stats = TracerStats {
        tracer: "codspeed-memtrack 5.1.0".to_owned(),
        backend: "ebpf".to_owned(),
        rung: "uprobe.session".to_owned(),
        lost_events: 12_345,
        failed_tracks: 1,
        ..TracerStats::default()
    };
    MemoryReport {
        benchmarks: vec![leaky(), strange()],
        traces: vec![
            MemoryTrace { pid: 7, events: 1234, outside: 5, stats: Some(stats) },
            MemoryTrace { pid: 8, events: 1, outside: 1, stats: None },
        ],
        remarks: vec!["Python keeps arenas of its own".to_owned()],
        warnings: vec!["careful".to_owned()],
        repeated: None,
    }
}

fn memory_table(report: &MemoryReport, style: TableStyle) -> String {
    shown(&report.clone().into(), &style)
}

fn exported(id: &str) -> String {
    let mut out = Vec::new();
    exporter(id).unwrap().write(&report().into(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn table_of_memory() {
    insta::assert_snapshot!(memory_table(&report(), TableStyle::default()));
    let narrow = TableStyle { colour: false, width: Some(50) };
    insta::assert_snapshot!(memory_table(&report(), narrow));
    assert_eq!(memory_table(&MemoryReport::default(), TableStyle::default()), "");
}

#[test]
fn markdown_of_memory() {
    insta::assert_snapshot!(exported("markdown"));
}

#[test]
fn asciidoc_of_memory() {
    insta::assert_snapshot!(exported("asciidoc"));
}

#[test]
fn csv_of_memory() {
    insta::assert_snapshot!(exported("csv"));
}

#[test]
fn json_of_memory() {
    let json: serde_json::Value = serde_json::from_str(&exported("json")).unwrap();
    insta::assert_json_snapshot!(json);
    assert_eq!(exported("json").lines().count(), 1);
}

#[test]
fn details_show_sizes_the_course_and_places() {
    insta::assert_snapshot!(memory_details(&report(), Listing { most: 2, ..Listing::default() }));
}

#[test]
fn every_format_takes_an_empty_report() {
    for exporter in EXPORTERS {
        let mut out = Vec::new();
        exporter.write(&MemoryReport::default().into(), &mut out).unwrap();
        // Of no benchmark there is no line.
        assert!(out.ends_with(b"\n") || exporter.id == "jsonl", "{}", exporter.id);
    }
}

#[test]
fn stacks_are_weighted_by_bytes_in_profiles() {
    let leaky = leaky();
    let stacks = leaky.stacks.as_ref().unwrap();
    let write = |id: &str| {
        let mut out = Vec::new();
        profile_exporter(id).unwrap().write(&[stacks], &mut out).unwrap();
        out
    };
    insta::assert_snapshot!(String::from_utf8(write("folded")).unwrap());
    let scope: serde_json::Value = serde_json::from_slice(&write("speedscope")).unwrap();
    assert_eq!(scope["profiles"][0]["unit"], "bytes");
    assert_eq!(scope["profiles"][0]["endValue"], leaky.usage.total_allocated);
    for exporter in PROFILE_EXPORTERS {
        assert!(!write(exporter.id()).is_empty());
    }
}
