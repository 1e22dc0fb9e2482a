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
    pub(super) const PERIOD_TYPE: u64 = 11;
    pub(super) const PERIOD: u64 = 12;
}

impl ProfileExporter for Pprof {
    fn id(&self) -> &'static str {
        "pprof"
    }

    fn write(&self, benchmarks: &[&Stacks], out: &mut dyn Write) -> io::Result<()> {
        let mut profile = Profile::default();
        profile.texts.number("");
        // One file has one type of samples.
        let unit = benchmarks.first().map(|stacks| stacks.unit).unwrap_or_default();
        profile.begin(unit);
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
    objects: Numbers<&'a str>,
}

impl<'a> Profile<'a> {
    fn begin(&mut self, unit: Unit) {
        let (what, unit) = match unit {
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
        self.message.number(field::PERIOD, 1);
    }

    fn add(&mut self, stacks: &'a Stacks) {
        let mut label = Message::default();
        label.number(1, self.texts.number("benchmark"));
        label.number(2, self.texts.number(&stacks.benchmark));
        for (at, node) in stacks.weighted() {
            let frames = stacks.outwards(at).filter_map(|node| stacks.frame(node));
            // Numbers of locations begin at 1; a location is a function, as lines are not known.
            let locations: Vec<u64> =
                frames.map(|frame| self.functions.number(frame).saturating_add(1)).collect();
            let mut sample = Message::default();
            sample.numbers(1, locations);
            // Signed in the format.
            sample.numbers(2, [node.weight.min(i64::MAX.unsigned_abs())]);
            sample.message(3, &label);
            self.message.message(field::SAMPLE, &sample);
        }
    }

    fn end(&mut self) {
        let functions = std::mem::take(&mut self.functions).all;
        for (number, frame) in (1..).zip(functions) {
            let Frame { name, object, file } = frame;
            let mut function = Message::default();
            function.number(1, number);
            function.number(2, self.texts.number(name));
            function.number(3, self.texts.number(name));
            function.number(4, self.texts.number(file));
            self.message.message(field::FUNCTION, &function);

            let mut line = Message::default();
            line.number(1, number);
            let mut location = Message::default();
            location.number(1, number);
            location.number(2, self.objects.number(object).saturating_add(1));
            location.message(4, &line);
            self.message.message(field::LOCATION, &location);
        }
        let objects = std::mem::take(&mut self.objects).all;
        for (number, object) in (1..).zip(objects) {
            let mut mapping = Message::default();
            mapping.number(1, number);
            mapping.number(5, self.texts.number(object));
            // Names are known: nobody needs to look for symbols.
            mapping.number(7, 1);
            self.message.message(field::MAPPING, &mapping);
        }
        for text in &self.texts.all {
            self.message.text(field::STRING_TABLE, text);
        }
    }
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
