//! The file format of speedscope: one profile per benchmark and thread, frames in common.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;

use super::ProfileExporter;
use crate::{
    callgrind::FastBuild,
    stacks::{Frame, Stacks, Thread, Unit},
};

/// JSON by <https://www.speedscope.app/file-format-schema.json>.
pub(super) struct Speedscope;

impl ProfileExporter for Speedscope {
    fn id(&self) -> &'static str {
        "speedscope"
    }

    fn about(&self) -> &'static str {
        "speedscope.app"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut shared = Shared::default();
        let mut numbers: HashMap<&Frame, usize, FastBuild> = HashMap::default();
        let mut profiles = Vec::new();
        let plain: Vec<Stacks> = benchmarks.iter().map(|stacks| stacks.without_lines()).collect();
        for stacks in &plain {
            let mut number = |frame| {
                *numbers.entry(frame).or_insert_with(|| {
                    shared.frames.push(SharedFrame::of(frame));
                    shared.frames.len() - 1
                })
            };
            let threads = stacks.by_thread();
            for thread in threads.iter() {
                let mut profile = Profile::new(stacks, thread, threads.len() > 1);
                for (at, weight) in &thread.weights {
                    let frames = stacks.outwards(*at).filter_map(|node| stacks.frame(node));
                    let mut sample: Vec<usize> = frames.map(&mut number).collect();
                    sample.reverse();
                    profile.samples.push(sample);
                    profile.weights.push(*weight);
                }
                profiles.push(profile);
            }
        }
        let file = File {
            schema: "https://www.speedscope.app/file-format-schema.json",
            exporter: "codspeed",
            shared,
            profiles,
        };
        let mut out = io::BufWriter::new(out);
        serde_json::to_writer(&mut out, &file)?;
        out.write_all(b"\n")?;
        out.flush()
    }
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    exporter: &'static str,
    shared: Shared<'a>,
    profiles: Vec<Profile>,
}

#[derive(Default, Serialize)]
struct Shared<'a> {
    frames: Vec<SharedFrame<'a>>,
}

#[derive(Serialize)]
struct SharedFrame<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
}

impl<'a> SharedFrame<'a> {
    fn of(frame: &'a Frame) -> Self {
        let Frame { name, object, file } = frame;
        let place = if file.is_empty() { object } else { file };
        Self { name, file: (!place.is_empty()).then_some(place) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(rename = "type")]
    kind: &'static str,
    name: String,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl Profile {
    fn new(stacks: &Stacks, thread: &Thread, is_one_of_several: bool) -> Self {
        let unit = match stacks.unit {
            Unit::Nanoseconds => "nanoseconds",
            Unit::Bytes => "bytes",
            Unit::Instructions | Unit::Count => "none",
        };
        let benchmark = &stacks.benchmark;
        let name = if is_one_of_several {
            format!("{benchmark} ({}, thread {})", thread.name, thread.tid)
        } else {
            benchmark.clone()
        };
        let total = thread.weights.iter().fold(0, |sum: u64, (_, one)| sum.saturating_add(*one));
        Self {
            kind: "sampled",
            name,
            unit,
            start_value: 0,
            end_value: total,
            samples: Vec::new(),
            weights: Vec::new(),
        }
    }
}
