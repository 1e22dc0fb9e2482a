//! The file format of speedscope: one profile per benchmark, frames in common.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::Serialize;

use super::ProfileExporter;
use crate::{
    callgrind::FastBuild,
    stacks::{Frame, Stacks, Unit},
};

/// JSON by <https://www.speedscope.app/file-format-schema.json>.
pub(super) struct Speedscope;

impl ProfileExporter for Speedscope {
    fn id(&self) -> &'static str {
        "speedscope"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut shared = Shared::default();
        let mut numbers: HashMap<&Frame, usize, FastBuild> = HashMap::default();
        let mut profiles = Vec::new();
        for stacks in benchmarks {
            let mut number = |frame| {
                *numbers.entry(frame).or_insert_with(|| {
                    shared.frames.push(SharedFrame::of(frame));
                    shared.frames.len() - 1
                })
            };
            let mut profile = Profile::new(stacks);
            for (at, node) in stacks.weighted() {
                let frames = stacks.outwards(at).filter_map(|node| stacks.frame(node));
                let mut sample: Vec<usize> = frames.map(&mut number).collect();
                sample.reverse();
                profile.samples.push(sample);
                profile.weights.push(node.weight);
            }
            profiles.push(profile);
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
    profiles: Vec<Profile<'a>>,
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
struct Profile<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    unit: &'static str,
    start_value: u64,
    end_value: u64,
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl<'a> Profile<'a> {
    fn new(stacks: &'a Stacks) -> Self {
        let unit = match stacks.unit {
            Unit::Nanoseconds => "nanoseconds",
            Unit::Bytes => "bytes",
            Unit::Instructions | Unit::Count => "none",
        };
        Self {
            kind: "sampled",
            name: &stacks.benchmark,
            unit,
            start_value: 0,
            end_value: stacks.total(),
            samples: Vec::new(),
            weights: Vec::new(),
        }
    }
}
