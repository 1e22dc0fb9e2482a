//! The stacks of allocations: each one numbered once, named by function, in a file of its own.

use std::{collections::HashMap, io, path::Path, sync::Arc};

use foldhash::fast::FixedState;
use runner_shared::{
    bounds::{self, Allowance, TRACED_STACKS_BYTES, UNWIND_DATA_BYTES, Unit, size},
    memory::encode_event_stack,
    text::count,
};

use super::{
    definitions::{Definitions, ENTRY},
    file::Frames,
};
use crate::{
    backend::{MOST_COPIED, Mapping, STACK_DEPTH, Stack},
    memory::Change,
    symbols::{Found, Function, Symbols},
    unwind::{End, Unwinders, Walk},
};

/// Callers that are missing for so many of 100 allocations are not worth a word.
const FEW_PERCENT: u64 = 5;

/// The reason for which a stack lacks callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// A function without a frame pointer is on the way.
    FramePointer,
    /// It is deeper than the copy.
    Copy,
    /// It is on a stack of its own, of which a page is copied.
    OtherStack,
    /// It is deeper than frame pointers are followed.
    Frames,
    /// Nothing says where the caller of a function is.
    Information,
}

impl Lack {
    const ALL: [Self; 5] =
        [Self::FramePointer, Self::Copy, Self::OtherStack, Self::Frames, Self::Information];
}

/// Number of a stack, and what it lacks.
type Known = (u32, Option<Lack>);

/// A part of the file.
#[derive(Debug)]
enum Part {
    /// The stack of the next event.
    Event(u32),
    /// Definitions of stacks and functions, as bytes.
    Definitions(Vec<u8>),
}

/// Stacks of a run, and the file.
#[derive(Debug)]
pub(super) struct Stacks {
    /// This process is the harness of the benchmark: nothing has to be said about its stacks.
    harness: Option<i32>,
    file: Frames<Part>,
    symbols: Symbols,
    unwinders: Unwinders<Known>,
    /// The copy in hand, unwound.
    walk: Walk,
    /// By the process and the addresses in it, see `key`.
    seen: HashMap<Box<[u64]>, Known, FixedState>,
    /// The key that is looked for. One of its own for each event would have to be allocated, which from the kernel's view
    /// is a call of a function that is probed.
    key: Vec<u64>,
    definitions: Definitions,
    /// Different stacks of all processes.
    seen_ever: usize,
    /// Those of them of which not a single function could be named.
    nameless: usize,
    /// Allocations, and those of them whose callers are missing, by the reason, with a function that has none.
    taken: u64,
    cut: [(Lack, u64, Option<Function>); Lack::ALL.len()],
    /// For what is kept of stacks and functions. What the stacks of a process took is free once it has ended.
    room: Allowance,
}

impl Stacks {
    /// Makes the file; the process `harness` is not a part of the benchmark.
    pub(super) fn create(path: &Path, harness: Option<i32>) -> io::Result<Self> {
        Ok(Self {
            harness,
            file: Frames::create(path, encode)?,
            symbols: Symbols::default(),
            unwinders: Unwinders::default(),
            walk: Walk::default(),
            seen: HashMap::default(),
            key: Vec::new(),
            definitions: Definitions::default(),
            seen_ever: 0,
            nameless: 0,
            taken: 0,
            cut: Lack::ALL.map(|lack| (lack, 0, None)),
            room: Allowance::of(TRACED_STACKS_BYTES),
        })
    }

    /// The number of the stack of a call at this time, 0 for an empty one. Names are looked up the first time, as the
    /// process may be gone later.
    pub(super) fn number(&mut self, pid: i32, timestamp: u64, stack: &Stack<'_>) -> u32 {
        if stack.addresses.is_empty() && stack.registers.ip == 0 {
            return 0;
        }
        match self.symbols.go_to(pid, timestamp) {
            Change::None => {}
            Change::More => self.unwinders.look_again(pid),
            Change::Other => self.forget_stacks(pid),
        }
        let counts = self.harness != Some(pid);
        self.taken += u64::from(counts);
        let is_copy = stack.addresses.is_empty();
        let known = is_copy.then(|| self.unwinders.known(pid, stack)).flatten();
        let (number, lack) = known.unwrap_or_else(|| {
            let mut walk = std::mem::take(&mut self.walk);
            self.unwind(pid, stack, &mut walk);
            let found = self.number_of_walk(pid, &walk);
            if is_copy {
                self.unwinders.learn(pid, stack, &walk, found);
            }
            self.walk = walk;
            found
        });
        if counts && let Some(lack) = lack {
            self.cut.iter_mut().filter(|(it, ..)| *it == lack).for_each(|(_, cut, _)| *cut += 1);
        }
        number
    }

    /// Finds the addresses of a stack, of which a part may be given.
    fn unwind(&mut self, pid: i32, stack: &Stack<'_>, walk: &mut Walk) {
        if stack.copy.is_empty() && !stack.addresses.is_empty() {
            walk.take(stack.addresses);
        } else {
            self.unwinders.walk(pid, stack, &mut self.symbols, walk);
        }
    }

    fn number_of_walk(&mut self, pid: i32, walk: &Walk) -> Known {
        self.key.clear();
        self.key.push(process(pid));
        self.key.extend_from_slice(&walk.addresses);
        if let Some(known) = self.seen.get(self.key.as_slice()) {
            return *known;
        }
        // Both tables.
        if !self.room.take(self.bytes_seen() + ENTRY + 4 * size(walk.addresses.len())) {
            return (0, None);
        }
        let counts = self.harness != Some(pid);
        let mut lack = None;
        let mut numbered = |(place, address): (usize, &u64)| {
            let Found { place: of_frame, function, hides } = self.symbols.find(pid, *address);
            let is_last = place + 1 == walk.addresses.len();
            let found = match walk.end {
                End::Copy if is_last => Some(Lack::Copy),
                End::Short if is_last => Some(Lack::OtherStack),
                End::Frames if is_last => Some(Lack::Frames),
                End::Lost if is_last => Some(Lack::Information),
                End::Root | End::Copy | End::Short | End::Frames | End::Lost => {
                    (hides && place >= walk.by_frames).then_some(Lack::FramePointer)
                }
            };
            if let Some(found) = found {
                lack = Some(found);
                self.keep_example(found, &function, counts);
            }
            self.definitions.place(of_frame, function, &mut self.room)
        };
        let places: Box<[u32]> = walk.addresses.iter().enumerate().map(&mut numbered).collect();
        let is_nameless = places.iter().all(|place| self.definitions.is_unknown(*place));
        self.seen_ever += usize::from(counts);
        self.nameless += usize::from(counts && is_nameless);
        let number = self.definitions.stack(places);
        self.seen.insert(Box::from(self.key.as_slice()), (number, lack));
        (number, lack)
    }

    /// Keeps the first function that lacks its caller for a reason.
    fn keep_example(&mut self, lack: Lack, function: &Function, counts: bool) {
        let examples =
            self.cut.iter_mut().filter(|(it, _, example)| *it == lack && example.is_none());
        examples.filter(|_| counts).for_each(|(.., example)| *example = Some(function.clone()));
    }

    /// Returns the room that the key in hand takes among the stacks that were seen.
    fn bytes_seen(&self) -> u64 {
        ENTRY + 8 * size(self.key.len())
    }

    /// A process has this in its memory.
    pub(super) fn mapped(&mut self, pid: i32, mapping: &Mapping) {
        self.symbols.mapped(pid, mapping);
    }

    /// A process has all this in its memory at this time.
    pub(super) fn seen(&mut self, pid: i32, timestamp: u64, mappings: &[Arc<Mapping>]) {
        self.symbols.seen(pid, timestamp, mappings);
    }

    /// A process was made at this time.
    pub(super) fn forked(&mut self, parent: i32, child: i32, timestamp: u64) {
        self.symbols.forked(parent, child, timestamp);
    }

    /// A process is gone, or has become another program; its number may be given out again.
    pub(super) fn forget(&mut self, pid: i32, timestamp: u64) {
        self.symbols.forget(pid, timestamp);
        self.forget_stacks(pid);
    }

    /// What is known of the addresses of a process is no longer so.
    fn forget_stacks(&mut self, pid: i32) {
        let mut freed = 0;
        self.seen.retain(|key, _| {
            let stays = key.first() != Some(&process(pid));
            freed += if stays { 0 } else { ENTRY + 8 * size(key.len()) };
            stays
        });
        self.room.give_back(freed);
        self.unwinders.forget(pid);
    }

    /// The next event has this stack.
    pub(super) fn put(&mut self, stack: u32) -> io::Result<()> {
        self.file.put(Part::Event(stack))
    }

    /// Completes the file. Returns what has to be said about it.
    pub(super) fn finish(mut self) -> io::Result<Vec<String>> {
        let file = &mut self.file;
        self.definitions.write(&self.symbols, &mut |bytes| file.put(Part::Definitions(bytes)))?;
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
        let without = self.symbols.left_out();
        let unread = (without > 0).then(|| {
            let most = bounds::shown(UNWIND_DATA_BYTES, Unit::Bytes);
            format!("call frame information of {} could not be kept; that of others takes the {most} that are kept", count(without, "section"))
        });
        let taken = self.taken;
        let cut = self.cut.iter().filter_map(|(lack, cut, example)| {
            missing_callers(*lack, *cut, taken, example.as_ref()?)
        });
        Ok(many.into_iter().chain(unnamed).chain(unread).chain(cut).collect())
    }
}

/// Says that callers are missing, if they are for more than a few allocations.
fn missing_callers(lack: Lack, cut: u64, taken: u64, example: &Function) -> Option<String> {
    let Function { name, module } = example;
    let percent = cut.saturating_mul(100) / taken.max(1);
    let why = match lack {
        Lack::FramePointer => format!(
            "they lead through functions that keep no frame pointers, such as `{name}` in `{module}`: use `--stacks=dwarf`, or build with `-fno-omit-frame-pointer` (C, C++) or `RUSTFLAGS=\"-C force-frame-pointers=yes\"` (Rust)"
        ),
        Lack::Copy => {
            let most = bounds::shown(u64::from(MOST_COPIED), Unit::Bytes);
            format!(
                "they are deeper than the {most} of a stack that are copied; the last function is `{name}` in `{module}`"
            )
        }
        Lack::OtherStack => format!(
            "they are on stacks of coroutines or signal handlers, of which only the page in use is copied; the last function is `{name}` in `{module}`"
        ),
        Lack::Frames => format!(
            "they have more than {STACK_DEPTH} callers, of which `--stacks=fp` takes no more: use `--stacks=dwarf`; the last function is `{name}` in `{module}`"
        ),
        Lack::Information => format!(
            "neither call frame information (`.eh_frame`) nor a frame pointer leads on from functions such as `{name}` in `{module}`"
        ),
    };
    (percent > FEW_PERCENT).then(|| format!("{percent} % of stacks lack callers, because {why}"))
}

fn encode(part: &Part, into: &mut Vec<u8>) {
    match part {
        Part::Event(stack) => encode_event_stack(into, *stack),
        Part::Definitions(bytes) => into.extend_from_slice(bytes),
    }
}

/// The first number of a key.
fn process(pid: i32) -> u64 {
    u64::from(pid.cast_unsigned())
}
