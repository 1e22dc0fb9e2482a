//! Two benchmarks in every format of profiles.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;
use crate::stacks::{Frame, StackNode, Thread, Unit};

fn stacks(benchmark: &str, weights: [u64; 4]) -> Stacks {
    let frame = |name: &str, file: &str| Frame {
        name: name.into(),
        object: "/usr/bin/demo".into(),
        file: file.into(),
    };
    let [main, one, other, deep] = weights;
    let node = |parent, frame, weight| StackNode { parent, frame, weight, ..StackNode::default() };
    Stacks {
        benchmark: benchmark.to_owned(),
        unit: Unit::Instructions,
        frames: vec![frame("main", "main.c"), frame("f(int;\n)", ""), frame("malloc", "")],
        nodes: vec![
            node(None, 0, main),
            node(Some(0), 1, one),
            node(Some(0), 2, other),
            node(Some(1), 2, deep),
        ],
        ..Stacks::default()
    }
}

fn both() -> [Stacks; 2] {
    [stacks("first;one", [1, 0, 3, 40]), stacks("second", [0, 0, 0, u64::MAX / 4])]
}

fn exported(id: &str) -> Vec<u8> {
    let both = both();
    let mut out = Vec::new();
    profile_exporter(id).unwrap().write(&both.each_ref(), &mut out).unwrap();
    out
}

fn json(id: &str) -> serde_json::Value {
    serde_json::from_slice(&exported(id)).unwrap()
}

#[test]
fn formats_have_names_of_their_own() {
    let ids: Vec<&str> = PROFILE_EXPORTERS.iter().map(|exporter| exporter.id()).collect();
    assert_eq!(ids, ["folded", "speedscope", "firefox", "pprof"]);
    assert!(profile_exporter("svg").is_none());
}

#[test]
fn folded_stacks_are_lines() {
    insta::assert_snapshot!(String::from_utf8(exported("folded")).unwrap());
}

#[test]
fn speedscope_of_two_benchmarks() {
    insta::assert_json_snapshot!(json("speedscope"));
}

#[test]
fn firefox_of_two_benchmarks() {
    let file = json("firefox");
    let threads = file["threads"].as_array().unwrap();
    assert_eq!(threads.len(), 2);
    for thread in threads {
        for (name, table) in thread.as_object().unwrap() {
            let Some(length) = table.get("length").and_then(serde_json::Value::as_u64) else {
                continue;
            };
            for (column, values) in table.as_object().unwrap() {
                if let Some(values) = values.as_array() {
                    assert_eq!(u64::try_from(values.len()).unwrap(), length, "{name}.{column}");
                }
            }
        }
    }
    insta::assert_json_snapshot!(threads[0]);
}

/// The fields of a message: number and value, or number and bytes.
fn fields(mut bytes: &[u8]) -> Vec<(u64, u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let mut value = 0;
        for shift in (0..).step_by(7) {
            let (first, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                break;
            }
        }
        value
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = varint(&mut bytes);
        let text = if tag & 7 == 2 {
            let (text, rest) = bytes.split_at(usize::try_from(value).unwrap());
            bytes = rest;
            text
        } else {
            &[]
        };
        fields.push((tag >> 3, value, text));
    }
    fields
}

#[test]
fn pprof_of_two_benchmarks() {
    let mut bytes = Vec::new();
    GzDecoder::new(exported("pprof").as_slice()).read_to_end(&mut bytes).unwrap();
    let all = fields(&bytes);
    let of = |number| all.iter().filter(move |field| field.0 == number).map(|field| field.2);
    let texts: Vec<&str> = of(6).map(|text| str::from_utf8(text).unwrap()).collect();
    let text = |message: &[u8], number: u64| {
        let field = fields(message).into_iter().find(|field| field.0 == number);
        texts[field.map_or(0, |field| usize::try_from(field.1).unwrap())]
    };
    assert_eq!(texts[0], "");
    assert_eq!(
        of(1).map(|message| (text(message, 1), text(message, 2))).next().unwrap(),
        ("instructions", "count")
    );
    let functions: Vec<_> = of(5).map(|message| (text(message, 2), text(message, 4))).collect();
    // Equal functions of both benchmarks are one.
    assert_eq!(functions, [("main", "main.c"), ("malloc", ""), ("f(int;\n)", "")]);
    assert_eq!((of(3).count(), of(4).count()), (1, 3));
    let samples: Vec<_> = of(2)
        .map(|sample| {
            let parts = fields(sample);
            let packed = |at: usize| parts[at].2.to_vec();
            (packed(0), text(parts[2].2, 2))
        })
        .collect();
    let expected = [
        (vec![1], "first;one"),
        (vec![2, 1], "first;one"),
        (vec![2, 3, 1], "first;one"),
        (vec![2, 3, 1], "second"),
    ];
    assert_eq!(samples, expected);
}

/// Two threads of a program, with lines; the loader comes first in the stacks.
fn timed() -> Stacks {
    let frame = |name: &str, object: &str| Frame {
        name: name.into(),
        object: object.into(),
        file: "demo.c".into(),
    };
    let node = |parent, frame, line, weight| StackNode {
        parent,
        frame,
        line,
        weight,
        ..StackNode::default()
    };
    let thread = |name: &str, tid, weights: &[(u32, u64)]| Thread {
        name: name.to_owned(),
        pid: 70,
        tid,
        weights: weights.to_vec(),
    };
    Stacks {
        benchmark: "demo".to_owned(),
        unit: Unit::Nanoseconds,
        frames: vec![frame("start", "/lib/ld.so"), frame("work", "/usr/bin/demo")],
        nodes: vec![
            node(None, 0, 0, 0),
            node(Some(0), 1, 10, 3_000_000),
            node(Some(0), 1, 11, 500_000),
        ],
        threads: vec![
            thread("demo", 70, &[(1, 2_000_000), (2, 500_000)]),
            thread("worker", 71, &[(1, 1_000_000)]),
        ],
        program: "/usr/bin/demo".into(),
        duration: 4_000_000,
        period: 1_003_009,
    }
}

fn exported_times(id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    profile_exporter(id).unwrap().write(&[&timed()], &mut out).unwrap();
    out
}

#[test]
fn firefox_has_the_threads_and_milliseconds() {
    let file: serde_json::Value = serde_json::from_slice(&exported_times("firefox")).unwrap();
    let threads = file["threads"].as_array().unwrap();
    let of = |thread: &serde_json::Value| {
        let samples = &thread["samples"];
        serde_json::json!([
            thread["name"],
            thread["pid"],
            thread["tid"],
            thread["isMainThread"],
            samples["weight"],
            samples["time"],
            samples["weightType"]
        ])
    };
    let shown: Vec<serde_json::Value> = threads.iter().map(of).collect();
    let expected = serde_json::json!([
        ["demo", "1", 70, true, [2.0, 0.5], [0.0, 2.0], "tracing-ms"],
        ["worker", "1", 71, false, [1.0], [0.0], "tracing-ms"],
    ]);
    assert_eq!(serde_json::Value::from(shown), expected);
    let table = &threads[0]["frameTable"];
    assert_eq!(table["line"], serde_json::json!([null, 10, 11]));
    assert_eq!(table["func"], serde_json::json!([0, 1, 1]));
    assert_eq!(threads[0]["stackTable"]["frame"], serde_json::json!([0, 1, 2]));
}

#[test]
fn speedscope_has_a_profile_for_each_thread() {
    let file: serde_json::Value = serde_json::from_slice(&exported_times("speedscope")).unwrap();
    let of = |one: &serde_json::Value| {
        serde_json::json!([one["name"], one["endValue"], one["samples"], one["weights"]])
    };
    let shown: Vec<_> = file["profiles"].as_array().unwrap().iter().map(of).collect();
    // Lines are not told apart; frames are numbered from the innermost one out.
    let expected = serde_json::json!([
        ["demo (demo, thread 70)", 2_500_000, [[1, 0]], [2_500_000]],
        ["demo (worker, thread 71)", 1_000_000, [[1, 0]], [1_000_000]],
    ]);
    assert_eq!(serde_json::Value::from(shown), expected);
    let folded = String::from_utf8(exported_times("folded")).unwrap();
    assert_eq!(folded, "demo;start;work 3500000\n");
}

#[test]
fn pprof_has_the_program_first_and_lines() {
    let mut bytes = Vec::new();
    GzDecoder::new(exported_times("pprof").as_slice()).read_to_end(&mut bytes).unwrap();
    let all = fields(&bytes);
    let of = |number| all.iter().filter(move |field| field.0 == number);
    let texts: Vec<&str> = of(6).map(|field| str::from_utf8(field.2).unwrap()).collect();
    let number = |message: &[u8], number: u64| {
        fields(message).into_iter().find(|field| field.0 == number).map_or(0, |field| field.1)
    };
    let text = |message: &[u8], field| texts[usize::try_from(number(message, field)).unwrap()];
    let mappings: Vec<_> = of(3).map(|field| (number(field.2, 1), text(field.2, 5))).collect();
    assert_eq!(mappings, [(1, "/usr/bin/demo"), (2, "/lib/ld.so")]);
    let value = |field| of(field).next().unwrap().1;
    assert_eq!((value(12), value(10)), (1_003_009, 4_000_000));
    let kind = of(11).next().unwrap().2;
    assert_eq!((text(kind, 1), text(kind, 2)), ("cpu", "nanoseconds"));
    let lines: Vec<_> = of(4)
        .map(|location| {
            let line = fields(location.2).into_iter().find(|field| field.0 == 4).unwrap().2;
            (number(location.2, 2), number(line, 1), number(line, 2))
        })
        .collect();
    // Mapping, function and line.
    assert_eq!(lines, [(1, 1, 10), (2, 2, 0), (1, 1, 11)]);
    let threads: Vec<_> = of(2)
        .map(|sample| {
            let labels: Vec<_> = fields(sample.2).into_iter().filter(|one| one.0 == 3).collect();
            (text(labels[0].2, 2), text(labels[1].2, 1), text(labels[1].2, 2))
        })
        .collect();
    let thread = |name| ("demo", "thread", name);
    assert_eq!(threads, [thread("demo"), thread("demo"), thread("worker")]);
}

#[test]
fn nothing_can_be_written_too() {
    for exporter in PROFILE_EXPORTERS {
        exporter.write(&[], &mut io::sink()).unwrap();
        exporter.write(&[&Stacks::default()], &mut io::sink()).unwrap();
    }
}
