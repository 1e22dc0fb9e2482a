//! The processed format of the Firefox Profiler: one process per benchmark, with its threads.
//!
//! The profiler upgrades older versions of its format, so that this one stays readable.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use runner_shared::walltime::as_float;
use serde_json::{Value, json};

use super::ProfileExporter;
use crate::{
    callgrind::FastBuild,
    stacks::{StackNode, Stacks, Thread, Unit},
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

    fn about(&self) -> &'static str {
        "profiler.firefox.com"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut threads = Vec::new();
        for (process, stacks) in (1_usize..).zip(benchmarks) {
            threads.extend(stacks.by_thread().iter().map(|one| thread(process, stacks, one)));
        }
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
fn thread(process: usize, stacks: &Stacks, thread: &Thread) -> Value {
    let mut strings = Strings::default();
    let functions = function_table(stacks, &mut strings);
    let (lines, frames) = lines(stacks);
    let prefixes: Vec<Option<u32>> = stacks.nodes.iter().map(|node| node.parent).collect();
    let name = if thread.name.is_empty() { &stacks.benchmark } else { &thread.name };
    json!({
        "name": name,
        "isMainThread": thread.tid == thread.pid,
        "pid": process.to_string(),
        "tid": if thread.tid == 0 { json!(process) } else { json!(thread.tid) },
        "processName": stacks.benchmark,
        "processType": "default",
        "processStartupTime": 0,
        "processShutdownTime": null,
        "registerTime": 0,
        "unregisterTime": null,
        "pausedRanges": [],
        "frameTable": frame_table(&lines),
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
        "samples": samples(stacks.unit, thread),
        "markers": {
            "length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [],
            "startTime": [],
        },
        "stringArray": strings.texts,
    })
}

/// One sample per stack. Times are given in milliseconds, the only unit of time of the format, one stack after the
/// other; other weights keep their numbers.
fn samples(unit: Unit, thread: &Thread) -> Value {
    let (stacks, weights): (Vec<u32>, Vec<u64>) = thread.weights.iter().copied().unzip();
    let length = stacks.len();
    if unit == Unit::Nanoseconds {
        let mut spent = 0_u64;
        let begins = weights.iter().map(|weight| {
            let begin = spent;
            spent = spent.saturating_add(*weight);
            milliseconds(begin)
        });
        let times: Vec<f64> = begins.collect();
        let weights: Vec<f64> = weights.iter().copied().map(milliseconds).collect();
        return json!({
            "length": length, "stack": stacks, "time": times, "weight": weights,
            "weightType": "tracing-ms",
        });
    }
    let times: Vec<usize> = (0..length).collect();
    let weight_type = if unit == Unit::Bytes { "bytes" } else { "samples" };
    json!({
        "length": length, "stack": stacks, "time": times, "weight": weights,
        "weightType": weight_type,
    })
}

fn milliseconds(nanoseconds: u64) -> f64 {
    as_float(nanoseconds) / 1e6
}

/// Every pair of function and line once, and the place of each node's pair among them.
fn lines(stacks: &Stacks) -> (Vec<(u32, u32)>, Vec<usize>) {
    let mut places: HashMap<(u32, u32), usize, FastBuild> = HashMap::default();
    let mut all = Vec::new();
    let place = |node: &StackNode| {
        let line = (node.frame, node.line);
        *places.entry(line).or_insert_with(|| {
            all.push(line);
            all.len() - 1
        })
    };
    let of_nodes = stacks.nodes.iter().map(place).collect();
    (all, of_nodes)
}

/// One frame per function and line.
fn frame_table(lines: &[(u32, u32)]) -> Value {
    let length = lines.len();
    let unknown = vec![Value::Null; length];
    let line = |(_, line): &(u32, u32)| (*line > 0).then_some(*line);
    json!({
        "length": length,
        "address": vec![-1; length],
        "inlineDepth": vec![0; length],
        "category": vec![0; length],
        "subcategory": vec![0; length],
        "func": lines.iter().map(|(function, _)| *function).collect::<Vec<_>>(),
        "nativeSymbol": unknown,
        "innerWindowID": unknown,
        "implementation": unknown,
        "optimizations": unknown,
        "line": lines.iter().map(line).collect::<Vec<_>>(),
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
