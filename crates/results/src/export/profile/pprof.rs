//! The format of pprof: a gzipped protocol buffer, the benchmark as a label of its samples.

use std::{
    collections::HashMap,
    io::{self, Write},
};

use flate2::{Compression, write::GzEncoder};

use super::{ProfileExporter, protobuf::Message};
use crate::{
    callgrind::FastBuild,
    stacks::{Frame, Stacks, Unit},
};

/// Readable by `go tool pprof` and everything that speaks its format.
pub(super) struct Pprof;

/// Fields of the message `Profile`.
mod field {
    pub(super) const SAMPLE_TYPE: u64 = 1;
    pub(super) const SAMPLE: u64 = 2;
    pub(super) const MAPPING: u64 = 3;
    pub(super) const LOCATION: u64 = 4;
    pub(super) const FUNCTION: u64 = 5;
    pub(super) const STRING_TABLE: u64 = 6;
    pub(super) const DURATION_NANOS: u64 = 10;
    pub(super) const PERIOD_TYPE: u64 = 11;
    pub(super) const PERIOD: u64 = 12;
}

impl ProfileExporter for Pprof {
    fn id(&self) -> &'static str {
        "pprof"
    }

    fn about(&self) -> &'static str {
        "`go tool pprof`"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut profile = Profile::default();
        profile.texts.number("");
        // One file has one type of samples.
        profile.begin(benchmarks);
        for stacks in benchmarks {
            profile.add(stacks);
        }
        profile.end();
        let mut gzip = GzEncoder::new(out, Compression::default());
        gzip.write_all(profile.message.encoded())?;
        gzip.finish()?.flush()
    }
}

#[derive(Default)]
struct Profile<'a> {
    message: Message,
    texts: Numbers<&'a str>,
    functions: Numbers<&'a Frame>,
    /// Functions by their numbers, with lines.
    locations: Numbers<(u64, u32)>,
    objects: Numbers<&'a str>,
}

impl<'a> Profile<'a> {
    fn begin(&mut self, benchmarks: &[&'a Stacks]) {
        let first = benchmarks.first();
        let (what, unit) = match first.map(|stacks| stacks.unit).unwrap_or_default() {
            Unit::Instructions => ("instructions", "count"),
            Unit::Nanoseconds => ("cpu", "nanoseconds"),
            Unit::Bytes => ("space", "bytes"),
            Unit::Count => ("samples", "count"),
        };
        let mut value_type = Message::default();
        value_type.number(1, self.texts.number(what));
        value_type.number(2, self.texts.number(unit));
        self.message.message(field::SAMPLE_TYPE, &value_type);
        self.message.message(field::PERIOD_TYPE, &value_type);
        self.message.number(field::PERIOD, first.map_or(1, |stacks| stacks.period.max(1)));
        let duration = benchmarks.iter().fold(0_u64, |sum, one| sum.saturating_add(one.duration));
        self.message.number(field::DURATION_NANOS, duration.min(i64::MAX.unsigned_abs()));
        // Readers take the first mapping for the program.
        if let Some(program) = benchmarks.iter().find_map(|stacks| program(stacks)) {
            self.objects.number(program);
        }
    }

    fn add(&mut self, stacks: &'a Stacks) {
        for (place, thread) in stacks.by_thread().iter().enumerate() {
            let mut labels = vec![self.label("benchmark", &stacks.benchmark)];
            if let Some(thread) = stacks.threads.get(place).filter(|_| stacks.threads.len() > 1) {
                labels.push(self.label("thread", &thread.name));
            }
            for (at, weight) in &thread.weights {
                let mut sample = Message::default();
                sample.numbers(1, self.locations_of(stacks, *at));
                // Signed in the format.
                sample.numbers(2, [(*weight).min(i64::MAX.unsigned_abs())]);
                for label in &labels {
                    sample.message(3, label);
                }
                self.message.message(field::SAMPLE, &sample);
            }
        }
    }

    fn label(&mut self, key: &'static str, value: &'a str) -> Message {
        let mut label = Message::default();
        label.number(1, self.texts.number(key));
        label.number(2, self.texts.number(value));
        label
    }

    /// The numbers of the locations from a node out: they begin at 1.
    fn locations_of(&mut self, stacks: &'a Stacks, node: u32) -> Vec<u64> {
        let nodes = stacks.outwards(node);
        let known = nodes.filter_map(|node| Some((stacks.frame(node)?, node.line)));
        let number = |(frame, line)| {
            let function = self.functions.number(frame);
            self.locations.number((function, line)).saturating_add(1)
        };
        known.map(number).collect()
    }

    fn end(&mut self) {
        let functions = std::mem::take(&mut self.functions).all;
        for (number, Frame { name, file, .. }) in (1..).zip(&functions) {
            let mut function = Message::default();
            function.number(1, number);
            function.number(2, self.texts.number(name));
            function.number(3, self.texts.number(name));
            function.number(4, self.texts.number(file));
            self.message.message(field::FUNCTION, &function);
        }
        for (number, (function, line)) in (1..).zip(std::mem::take(&mut self.locations).all) {
            let frame = usize::try_from(function).ok().and_then(|place| functions.get(place));
            let object = frame.map_or("", |frame| &*frame.object);
            let mut place = Message::default();
            place.number(1, function.saturating_add(1));
            place.number(2, u64::from(line));
            let mut location = Message::default();
            location.number(1, number);
            location.number(2, self.objects.number(object).saturating_add(1));
            location.message(4, &place);
            self.message.message(field::LOCATION, &location);
        }
        let objects = std::mem::take(&mut self.objects).all;
        for (number, object) in (1..).zip(objects) {
            let mut mapping = Message::default();
            mapping.number(1, number);
            mapping.number(5, self.texts.number(object));
            // Names, files and lines are known, as far as anybody knows them: nobody needs to look for symbols.
            for known in 7..=9 {
                mapping.number(known, 1);
            }
            self.message.message(field::MAPPING, &mapping);
        }
        for text in &self.texts.all {
            self.message.text(field::STRING_TABLE, text);
        }
    }
}

/// The program of a benchmark, or else what has a function that programs begin with.
fn program(stacks: &Stacks) -> Option<&str> {
    if !stacks.program.is_empty() {
        return Some(&stacks.program);
    }
    let begins = |frame: &&Frame| &*frame.name == "main" && !frame.object.is_empty();
    stacks.frames.iter().find(begins).map(|frame| &*frame.object)
}

/// Numbers things from 0 in the order of their first appearance.
struct Numbers<T> {
    numbers: HashMap<T, u64, FastBuild>,
    all: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { numbers: HashMap::default(), all: Vec::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbers<T> {
    fn number(&mut self, thing: T) -> u64 {
        let next = u64::try_from(self.all.len()).unwrap_or(u64::MAX);
        let number = *self.numbers.entry(thing).or_insert(next);
        if number == next {
            self.all.push(thing);
        }
        number
    }
}
