//! The container, the rows and the sums, by files that are made here.

use rmp_serde::to_vec;

use super::*;

const EVENTS: [&str; 9] = ["seq", "tid", "event", "fn", "obj", "file", "line", "Ir", "Dr"];

fn head() -> Vec<u8> {
    let schemas = [("0", vec!["seq", "tid", "event", "text"]), ("1", EVENTS.to_vec())];
    let schemas: std::collections::BTreeMap<_, _> = schemas.into_iter().collect();
    let mut head = vec![0x85];
    for (key, value) in [
        ("version", to_vec(&3).unwrap()),
        ("format", to_vec("tracegrind-msgpack").unwrap()),
        ("creator", to_vec("tracegrind").unwrap()),
        ("creator_version", to_vec("3.26.0.codspeed6").unwrap()),
        ("event_schemas", to_vec(&schemas).unwrap()),
    ] {
        head.extend(to_vec(key).unwrap());
        head.extend(value);
    }
    head
}

/// A row of entry (1) or exit (2).
fn step(event: i64, name: &str, ir: i64) -> Vec<u8> {
    to_vec(&(0_u64, 1_i32, event, name, "prog", "a.c", 3_i32, ir, ir / 2)).unwrap()
}

fn marker(text: &str) -> Vec<u8> {
    to_vec(&(0_u64, 1_i32, 0, text)).unwrap()
}

fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"TGMP\x03\0\0\0".to_vec();
    for chunk in chunks {
        let packed = lz4_flex::block::compress(chunk);
        for len in [chunk.len(), packed.len()] {
            bytes.extend(u32::try_from(len).unwrap().to_le_bytes());
        }
        bytes.extend(packed);
    }
    bytes.extend([0; 8]);
    bytes
}

fn trace() -> Vec<u8> {
    let first = [
        marker("Metadata: x 1.0"),
        step(1, "main", 0),
        step(1, "work", 10),
        step(1, "work", 20),
        step(2, "work", 4),
        step(2, "work", 30),
    ];
    // A fork, which is only passed over.
    let fork = to_vec(&(0_u64, 1_i32, 5, 77)).unwrap();
    let second = [step(1, "leaf", 2), fork, marker("a.c::b"), step(2, "leaf", 6), marker("odd")];
    file(&[head(), first.concat(), second.concat()])
}

#[test]
fn a_trace_becomes_callgrind_text_with_a_part_for_each_marker() {
    let text = to_callgrind(&trace()[..]).unwrap();
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

#[test]
fn a_trace_is_shown_like_any_other_result() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("12.tgtrace.msgpack.lz4"), trace()).unwrap();
    let dir = runner_shared::profile_dir::ProfileDir::new(dir.path());
    let reading = crate::read_simulation(&dir, &std::collections::BTreeSet::new()).unwrap();
    assert!(reading.broken.is_empty(), "{:?}", reading.broken);
    let report = reading.report;
    assert_eq!(report.tools, ["tracegrind-3.26.0.codspeed6"]);
    let found: Vec<_> = report
        .benchmarks
        .iter()
        .map(|one| (one.uri.as_str(), one.instructions(&report.view), one.stacks.total()))
        .collect();
    assert_eq!(found, [("a.c::b", Some(66), 66), ("odd", Some(6), 6)]);
}

#[test]
fn what_is_cut_or_something_else_is_an_error_at_every_place() {
    let whole = trace();
    assert!(matches!(to_callgrind(&b"TGMP\x04\0\0\0"[..]), Err(TraceError::Unknown)));
    assert!(to_callgrind(&file(&[])[..]).is_err());
    assert!(to_callgrind(&file(&[head(), b"\xff\xff".to_vec()])[..]).is_err());
    for cut in 0..whole.len() {
        assert!(to_callgrind(&whole[..cut]).is_err(), "{cut}");
    }
    for at in 0..whole.len() {
        let mut odd = whole.clone();
        odd[at] ^= 0x55;
        // Either is well; neither a panic nor much memory is.
        drop(to_callgrind(&odd[..]));
    }
}
