//! Two benchmarks in every format of profiles.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;
use crate::stacks::{Frame, StackNode, Unit};

fn stacks(benchmark: &str, weights: [u64; 4]) -> Stacks {
    let frame = |name: &str, file: &str| Frame {
        name: name.into(),
        object: "/usr/bin/demo".into(),
        file: file.into(),
    };
    let [main, one, other, deep] = weights;
    let node = |parent, frame, weight| StackNode { parent, frame, weight };
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

#[test]
fn nothing_can_be_written_too() {
    for exporter in PROFILE_EXPORTERS {
        exporter.write(&[], &mut io::sink()).unwrap();
        exporter.write(&[&Stacks::default()], &mut io::sink()).unwrap();
    }
}
