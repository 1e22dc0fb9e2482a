//! The stacks of allocations: each one numbered once, named by function, in a file of its own.

use std::{collections::HashMap, io, path::Path};

use foldhash::fast::FixedState;
use runner_shared::{
    bounds::{self, Allowance, TRACED_STACKS_BYTES, Unit, size},
    memory::{encode_event_stack, encode_frame, encode_stack},
};

use super::file::Frames;
use crate::{
    backend::Mapping,
    symbols::{Function, Symbols},
};

/// Callers that are missing for so many of 100 allocations are not worth a word.
const FEW_PERCENT: u64 = 5;

/// All that belongs to one event: stacks and functions that are new, and the number of its stack.
type Line = (Vec<u8>, Option<u32>);

/// Stacks of a run, and the file.
#[derive(Debug)]
pub(super) struct Stacks {
    /// This process is the harness of the benchmark: nothing has to be said about its stacks.
    harness: Option<i32>,
    file: Frames<Line>,
    symbols: Symbols,
    /// By the process and the addresses in it, see `key`: its number, and whether callers are missing.
    seen: HashMap<Box<[u64]>, (u32, bool), FixedState>,
    /// The key that is looked for. One of its own for each event would have to be allocated, which from the kernel's view
    /// is a call of a function that is probed.
    key: Vec<u64>,
    /// By the numbers of their frames: the same place in two processes is the same.
    numbers: HashMap<Box<[u32]>, u32, FixedState>,
    frames: HashMap<Function, u32, FixedState>,
    /// Different stacks of all processes.
    seen_ever: usize,
    /// Those of them of which not a single function could be named.
    nameless: usize,
    /// Allocations, and those of them whose callers are missing.
    taken: u64,
    cut: u64,
    /// A function that hides its callers.
    hiding: Option<Function>,
    /// The items to be written before the next event.
    definitions: Vec<u8>,
    /// For what is kept of stacks and functions. What the stacks of a process took is free once it has ended.
    room: Allowance,
}

/// Bytes of a stack or a function in the tables besides its numbers and texts.
const ENTRY: u64 = 96;

impl Stacks {
    /// Makes the file; the process `harness` is not a part of the benchmark.
    pub(super) fn create(path: &Path, harness: Option<i32>) -> io::Result<Self> {
        Ok(Self {
            harness,
            file: Frames::create(path, encode)?,
            symbols: Symbols::default(),
            seen: HashMap::default(),
            key: Vec::new(),
            numbers: HashMap::default(),
            frames: HashMap::default(),
            seen_ever: 0,
            nameless: 0,
            taken: 0,
            cut: 0,
            hiding: None,
            definitions: Vec::new(),
            room: Allowance::of(TRACED_STACKS_BYTES),
        })
    }

    /// The number of a stack, 0 for an empty one. Names are looked up the first time, as the process may be gone later.
    pub(super) fn number(&mut self, pid: i32, addresses: &[u64]) -> u32 {
        if addresses.is_empty() {
            return 0;
        }
        self.key.clear();
        self.key.push(process(pid));
        self.key.extend_from_slice(addresses);
        let counts = self.harness != Some(pid);
        self.taken += u64::from(counts);
        if let Some((number, is_cut)) = self.seen.get(self.key.as_slice()) {
            self.cut += u64::from(*is_cut);
            return *number;
        }
        // Both tables.
        if !self.room.take(self.bytes_seen() + ENTRY + 4 * size(addresses.len())) {
            return 0;
        }
        let mut is_cut = false;
        let mut numbered = |address: &u64| {
            let (frame, hides) = self.frame(pid, *address);
            is_cut |= hides;
            frame
        };
        let frames: Box<[u32]> = addresses.iter().map(&mut numbered).collect();
        self.cut += u64::from(is_cut);
        let unknown = self.frames.get(&Function::default()).copied();
        let is_nameless = frames.iter().all(|frame| Some(*frame) == unknown);
        self.seen_ever += usize::from(counts);
        self.nameless += usize::from(counts && is_nameless);
        let next = number_of(self.numbers.len());
        let definitions = &mut self.definitions;
        let number = *self.numbers.entry(frames).or_insert_with_key(|frames| {
            encode_stack(definitions, frames);
            next
        });
        self.seen.insert(Box::from(self.key.as_slice()), (number, is_cut));
        number
    }

    /// Returns the room that the key in hand takes among the stacks that were seen.
    fn bytes_seen(&self) -> u64 {
        ENTRY + 8 * size(self.key.len())
    }

    /// The number of a frame, and whether its function hides its callers.
    fn frame(&mut self, pid: i32, address: u64) -> (u32, bool) {
        let (function, hides) = self.symbols.find(pid, address);
        let hides = hides && self.harness != Some(pid);
        if hides && self.hiding.is_none() {
            self.hiding = Some(function.clone());
        }
        if let Some(known) = self.frames.get(&function) {
            return (*known, hides);
        }
        if !self.room.take(ENTRY + size(function.name.len()) + size(function.module.len())) {
            return (0, hides);
        }
        let next = number_of(self.frames.len());
        let definitions = &mut self.definitions;
        let number = *self.frames.entry(function).or_insert_with_key(|function| {
            encode_frame(definitions, &function.name, &function.module);
            next
        });
        (number, hides)
    }

    /// A process has this in its memory.
    pub(super) fn mapped(&mut self, pid: i32, mapping: &Mapping) {
        self.symbols.mapped(pid, mapping);
    }

    /// A process is gone, or has become another program; its number may be given out again.
    pub(super) fn forget(&mut self, pid: i32) {
        let mut freed = 0;
        self.seen.retain(|key, _| {
            let stays = key.first() != Some(&process(pid));
            freed += if stays { 0 } else { ENTRY + 8 * size(key.len()) };
            stays
        });
        self.room.give_back(freed);
        self.symbols.forget(pid);
    }

    /// The next event has this stack.
    pub(super) fn put(&mut self, stack: u32) -> io::Result<()> {
        self.file.put((std::mem::take(&mut self.definitions), Some(stack)))
    }

    /// Completes the file. Returns what has to be said about it.
    pub(super) fn finish(mut self) -> io::Result<Vec<String>> {
        self.file.put((self.definitions, None))?;
        self.file.finish()?;
        let left_out = self.room.left_out();
        let many = (left_out > 0).then(|| {
            let most = bounds::shown(TRACED_STACKS_BYTES, Unit::Bytes);
            format!("stacks and functions that could not be kept: {left_out}; earlier ones take the {most} that are kept")
        });
        let (nameless, all) = (self.nameless, self.seen_ever);
        let unnamed = (nameless * 2 > all).then(|| {
            format!(
                "no names for {nameless} of {all} stacks: their processes ended within milliseconds, before they could be looked at"
            )
        });
        let cut = self.hiding.and_then(|example| missing_callers(self.cut, self.taken, &example));
        Ok(many.into_iter().chain(unnamed).chain(cut).collect())
    }
}

/// Says that callers are missing, if they are for more than a few allocations.
fn missing_callers(cut: u64, taken: u64, example: &Function) -> Option<String> {
    let Function { name, module } = example;
    let percent = cut.saturating_mul(100) / taken.max(1);
    (percent > FEW_PERCENT).then(|| {
        format!(
            "{percent} % of stacks lack callers, because they lead through functions that keep no frame pointers, such as `{name}` in `{module}`: build with `-fno-omit-frame-pointer` (C, C++) or `RUSTFLAGS=\"-C force-frame-pointers=yes\"` (Rust)"
        )
    })
}

fn encode((definitions, number): &Line, into: &mut Vec<u8>) {
    into.extend_from_slice(definitions);
    if let Some(number) = number {
        encode_event_stack(into, *number);
    }
}

/// The first number of a key.
fn process(pid: i32) -> u64 {
    u64::from(pid.cast_unsigned())
}

/// Numbers count from 1.
fn number_of(before: usize) -> u32 {
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}
