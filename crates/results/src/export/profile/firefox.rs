//! The processed format of the Firefox Profiler: one thread per benchmark.
//!
//! The profiler upgrades older versions of its format, so that this one stays readable.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::ProfileExporter;
use crate::{
    callgrind::FastBuild,
    stacks::{Stacks, Unit},
};

/// The version of the format that is written.
const PROCESSED_VERSION: u32 = 46;
/// Version of the format of Gecko that goes with it.
const GECKO_VERSION: u32 = 24;

/// JSON for <https://profiler.firefox.com>.
pub(super) struct Firefox;

impl ProfileExporter for Firefox {
    fn id(&self) -> &'static str {
        "firefox"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let threads: Vec<Value> =
            (1_usize..).zip(benchmarks).map(|(number, stacks)| thread(number, stacks)).collect();
        let file = json!({
            "meta": meta(),
            "libs": [],
            "pages": [],
            "counters": [],
            "profilerOverhead": [],
            "threads": threads,
        });
        let mut out = io::BufWriter::new(out);
        serde_json::to_writer(&mut out, &file)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

fn meta() -> Value {
    json!({
        "version": GECKO_VERSION,
        "preprocessedProfileVersion": PROCESSED_VERSION,
        "product": "codspeed",
        "processType": 0,
        "interval": 1,
        "startTime": 0,
        "stackwalk": 1,
        "debug": false,
        "symbolicated": true,
        "categories": [{"name": "Other", "color": "grey", "subcategories": ["Other"]}],
        "extensions": {"baseURL": [], "id": [], "length": 0, "name": []},
        "markerSchema": [],
        "doesNotUseFrameImplementation": true,
        "sourceCodeIsNotOnSearchfox": true,
        "usesOnlyOneStackType": true,
    })
}

/// The tables of a thread are columns: every one has a `length`.
fn thread(number: usize, stacks: &Stacks) -> Value {
    let mut strings = Strings::default();
    let functions = function_table(stacks, &mut strings);
    let prefixes: Vec<Option<u32>> = stacks.nodes.iter().map(|node| node.parent).collect();
    let frames: Vec<u32> = stacks.nodes.iter().map(|node| node.frame).collect();
    let (samples, weights): (Vec<u32>, Vec<u64>) =
        stacks.weighted().map(|(at, node)| (at, node.weight)).unzip();
    let times: Vec<usize> = (0..samples.len()).collect();
    let weight_type = match stacks.unit {
        Unit::Bytes => "bytes",
        Unit::Instructions | Unit::Nanoseconds | Unit::Count => "samples",
    };
    json!({
        "name": stacks.benchmark,
        "isMainThread": true,
        "pid": number.to_string(),
        "tid": number,
        "processName": stacks.benchmark,
        "processType": "default",
        "processStartupTime": 0,
        "processShutdownTime": null,
        "registerTime": 0,
        "unregisterTime": null,
        "pausedRanges": [],
        "frameTable": frame_table(stacks.frames.len()),
        "funcTable": functions,
        "resourceTable": {"length": 0, "lib": [], "name": [], "host": [], "type": []},
        "nativeSymbols": {
            "length": 0, "address": [], "functionSize": [], "libIndex": [], "name": [],
        },
        "stackTable": {
            "length": stacks.nodes.len(),
            "prefix": prefixes,
            "frame": frames,
            "category": vec![0; stacks.nodes.len()],
            "subcategory": vec![0; stacks.nodes.len()],
        },
        "samples": {
            "length": samples.len(),
            "stack": samples,
            "time": times,
            "weight": weights,
            "weightType": weight_type,
        },
        "markers": {
            "length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [],
            "startTime": [],
        },
        "stringArray": strings.texts,
    })
}

/// One frame per function: lines are not known.
fn frame_table(length: usize) -> Value {
    let unknown = vec![Value::Null; length];
    json!({
        "length": length,
        "address": vec![-1; length],
        "inlineDepth": vec![0; length],
        "category": vec![0; length],
        "subcategory": vec![0; length],
        "func": (0..length).collect::<Vec<_>>(),
        "nativeSymbol": unknown,
        "innerWindowID": unknown,
        "implementation": unknown,
        "optimizations": unknown,
        "line": unknown,
        "column": unknown,
    })
}

fn function_table<'a>(stacks: &'a Stacks, strings: &mut Strings<'a>) -> Value {
    let length = stacks.frames.len();
    let names: Vec<usize> = stacks.frames.iter().map(|frame| strings.number(&frame.name)).collect();
    let files: Vec<usize> = stacks
        .frames
        .iter()
        .map(|frame| {
            strings.number(if frame.file.is_empty() { &frame.object } else { &frame.file })
        })
        .collect();
    json!({
        "length": length,
        "name": names,
        "fileName": files,
        "isJS": vec![false; length],
        "relevantForJS": vec![false; length],
        "resource": vec![-1; length],
        "lineNumber": vec![Value::Null; length],
        "columnNumber": vec![Value::Null; length],
    })
}

/// Every text once.
#[derive(Default)]
struct Strings<'a> {
    numbers: HashMap<&'a str, usize, FastBuild>,
    texts: Vec<&'a str>,
}

impl<'a> Strings<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        let next = self.texts.len();
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }
}
