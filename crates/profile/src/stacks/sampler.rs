//! Takes the samples of benchmarks out of a recording, unwound.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use runner_shared::text::count;

use super::{
    BenchmarkStacks,
    address::Address,
    modules::Modules,
    threads::Threads,
    tree::{Interner, Tree},
    unwind::{End, OWN_ARCH, Unwinders, Walk},
};
use crate::{
    metadata::Metadata,
    perf::{Attr, Event, Mmap, Sample, Summary, Visitor},
    replay::{MappedFile, Replay, is_file},
    window::Windows,
};

/// Code of the kernel has addresses from here on.
const KERNEL: u64 = 1 << 63;

/// Hears of a recording, and keeps stacks.
pub(super) struct Sampler<'a> {
    windows: &'a Windows,
    modules: &'a Modules<'a>,
    /// Processes whose samples count; `None`: all.
    pids: Option<BTreeSet<i32>>,
    replay: Replay,
    unwinders: Unwinders<'a>,
    walk: Walk,
    /// The event whose samples count: the first that isn't only there for mappings.
    attr: Option<usize>,
    /// Bytes of the stack that were copied with each sample; 0 without copies.
    pub(super) copied: u32,
    /// Nanoseconds that a sample stands for.
    pub(super) period: u64,
    pub(super) threads: Threads,
    programs: Programs,
    /// The integration is a harness that starts programs; what it does itself is none of them.
    is_harness: bool,
    /// By benchmark: what was spent in each node, by the role of the thread; and by program.
    pub(super) by_thread: Vec<BTreeMap<usize, HashMap<u32, u64>>>,
    by_program: Vec<BTreeMap<Arc<str>, u64>>,
    /// By benchmark.
    pub(super) trees: Vec<Tree>,
    pub(super) counts: Vec<BenchmarkStacks>,
    numbers: Interner<Address>,
    pub(super) addresses: Vec<Address>,
    /// Paths of files by their numbers.
    pub(super) paths: Vec<Arc<str>>,
}

impl<'a> Sampler<'a> {
    pub(super) fn new(windows: &'a Windows, metadata: &Metadata, modules: &'a Modules<'a>) -> Self {
        let is_harness =
            metadata.integration.as_ref().is_some_and(|(name, _)| name == crate::EXEC_HARNESS);
        let pids: BTreeSet<i32> =
            metadata.unwind.keys().chain(metadata.symbols.keys()).copied().collect();
        let count = windows.uris.len();
        Self {
            windows,
            modules,
            pids: (!is_harness && !pids.is_empty()).then_some(pids),
            replay: Replay::new(None),
            unwinders: Unwinders::new(),
            walk: Walk::default(),
            attr: None,
            copied: 0,
            period: 0,
            threads: Threads::default(),
            programs: Programs::default(),
            is_harness,
            by_thread: vec![BTreeMap::new(); count],
            by_program: vec![BTreeMap::new(); count],
            trees: std::iter::repeat_with(Tree::default).take(count).collect(),
            counts: vec![BenchmarkStacks::default(); count],
            numbers: Interner::new(),
            addresses: Vec::new(),
            paths: Vec::new(),
        }
    }

    /// The scan is over.
    pub(super) fn finish(mut self, summary: &Summary, warnings: &mut Vec<String>) -> Self {
        if summary.lost > 0 {
            warnings.push(format!("perf lost {}", count(summary.lost, "record")));
        }
        let is_own = summary.arch.is_empty() || summary.arch == OWN_ARCH;
        if !is_own {
            warnings
                .push(format!("recorded on {}: stacks can be unwound only there", summary.arch));
        }
        let numbers = std::mem::replace(&mut self.numbers, Interner::new());
        self.addresses = numbers.into_values();
        self.paths = self.replay.files.iter().map(|file| Arc::clone(&file.path)).collect();
        self
    }

    fn sample(&mut self, time: u64, attr: &Attr, body: &[u8]) {
        let Some(uri) = self.windows.uri_at(time) else { return };
        let Some(sample) = Sample::parse(body, attr) else { return };
        if self.pids.as_ref().is_some_and(|pids| !pids.contains(&sample.pid)) {
            return;
        }
        if self.is_harness && self.programs.is_harness(sample.pid) {
            return;
        }
        self.copied = attr.stack_user;
        let mut walk = std::mem::take(&mut self.walk);
        self.unwinders.walk(&sample, &self.replay, self.modules, &mut walk);
        let mut node = None;
        for address in walk.addresses.iter().rev() {
            node = self.push(uri, node, sample.pid, *address);
        }
        if sample.ip >= KERNEL && walk.addresses.last() != Some(&sample.ip) {
            node = self.push(uri, node, sample.pid, sample.ip);
        }
        self.period = attr.weight_ns(sample.period);
        if let Some(node) = node {
            self.add(uri, node, &sample);
        }
        if let Some(counts) = self.counts.get_mut(uri) {
            counts.samples = counts.samples.saturating_add(1);
            // A process that becomes another program just then has no stack that could break off.
            let has_stack = attr.stack_user == 0 || !sample.stack.is_empty();
            let count = match walk.end {
                End::Root => Some(&mut counts.whole),
                End::Copy | End::NoFramePointer | End::Broken => {
                    has_stack.then_some(&mut counts.truncated)
                }
            };
            if let Some(count) = count {
                *count = count.saturating_add(1);
            }
            let reason = match walk.end {
                End::Copy => Some(&mut counts.beyond_copy),
                End::NoFramePointer => Some(&mut counts.without_frame_pointers),
                End::Root | End::Broken => None,
            };
            if let Some(count) = reason {
                *count = count.saturating_add(1);
            }
        }
        self.walk = walk;
    }

    /// Adds a sample to its stack, its thread and its program.
    fn add(&mut self, uri: usize, node: u32, sample: &Sample<'_>) {
        let weight = self.period;
        let plus = |sum: &mut u64| *sum = sum.saturating_add(weight);
        if let Some(tree) = self.trees.get_mut(uri) {
            tree.add(node, weight);
        }
        let role = self.threads.role(sample.pid, sample.tid);
        if let Some(by_thread) = self.by_thread.get_mut(uri) {
            plus(by_thread.entry(role).or_default().entry(node).or_default());
        }
        let program = self.programs.of(sample.pid);
        if let (Some(by_program), Some(program)) = (self.by_program.get_mut(uri), program) {
            plus(by_program.entry(program).or_default());
        }
    }

    /// Path of the program in which a benchmark spent most; empty if that is not known.
    pub(super) fn program(&self, uri: usize) -> Arc<str> {
        let programs = self.by_program.get(uri).into_iter().flatten();
        let most = programs.max_by_key(|(_, weight)| **weight);
        most.map(|(path, _)| Arc::clone(path)).unwrap_or_default()
    }

    /// The node of an address below another one.
    fn push(&mut self, uri: usize, node: Option<u32>, pid: i32, address: u64) -> Option<u32> {
        let number = self.numbers.number(&self.locate(pid, address));
        self.trees.get_mut(uri)?.child(node, number).or(node)
    }

    fn locate(&self, pid: i32, address: u64) -> Address {
        if address >= KERNEL {
            return Address::Kernel;
        }
        let mapping = self.replay.space(pid).and_then(|space| space.at(address));
        let file = mapping.and_then(|mapping| usize::try_from(mapping.file).ok());
        let file = file.and_then(|place| self.replay.files.get(place));
        let located = match (mapping, file) {
            (Some(mapping), Some(MappedFile { path, .. })) => {
                self.modules.locate(pid, path, mapping)
            }
            _ => self.modules.locate_address(pid, address),
        };
        match (located, mapping) {
            (Some(located), _) => {
                let svma = address.wrapping_sub(located.load_bias);
                Address::Module { key: located.key.into(), svma }
            }
            (None, Some(mapping)) => Address::File(mapping.file),
            (None, None) => Address::Nowhere { pid, address },
        }
    }
}

impl Visitor for Sampler<'_> {
    fn wants_sample(&self, time: u64) -> bool {
        self.windows.uri_at(time).is_some()
    }

    fn event(&mut self, time: u64, event: Event, attrs: &[Attr]) {
        self.threads.event(&event);
        self.programs.event(&event);
        match &event {
            Event::Sample { attr, body } => {
                let first = *self.attr.get_or_insert_with(|| {
                    attrs.iter().position(|attr| !attr.is_dummy()).unwrap_or(0)
                });
                if *attr == first
                    && let Some(attr) = attrs.get(*attr)
                {
                    self.sample(time, attr, body);
                }
            }
            Event::Mmap(mmap) => {
                let space = self.replay.space(mmap.pid);
                let is_code = mmap.code.is_some()
                    || space.is_some_and(|space| space.is_used(mmap.start, mmap.end));
                if is_code {
                    self.unwinders.forget(mmap.pid);
                }
                self.replay.event(time, &event, |_| ());
            }
            Event::Rename { .. } => {}
            Event::Exec { pid, .. } | Event::Exit { pid, .. } | Event::Fork { pid, .. } => {
                self.replay.event(time, &event, |_| ());
                let is_thread = matches!(event, Event::Fork { parent, .. } if parent == *pid);
                // The first thread may end before the others: the process is still there then.
                let goes_on =
                    matches!(event, Event::Exit { .. }) && self.replay.space(*pid).is_some();
                if !is_thread && !goes_on {
                    self.unwinders.forget(*pid);
                }
            }
        }
    }
}

/// Which program each process runs.
#[derive(Debug, Default)]
struct Programs {
    /// The path, once it is known: the kernel maps the program before anything else.
    by_pid: HashMap<i32, Option<Arc<str>>>,
}

impl Programs {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Exec { pid, .. } => {
                self.by_pid.insert(*pid, None);
            }
            Event::Fork { pid, parent, .. } if pid != parent => {
                let program = self.by_pid.get(parent).cloned().flatten();
                self.by_pid.insert(*pid, program);
            }
            Event::Mmap(Mmap { pid, code: Some(path), .. }) if is_file(path) => {
                let program = self.by_pid.entry(*pid).or_default();
                program.get_or_insert_with(|| path.as_str().into());
            }
            Event::Exit { pid, tid } if pid == tid => {
                self.by_pid.remove(pid);
            }
            Event::Fork { .. }
            | Event::Mmap(_)
            | Event::Exit { .. }
            | Event::Rename { .. }
            | Event::Sample { .. } => {}
        }
    }

    fn is_harness(&self, pid: i32) -> bool {
        let path = self.by_pid.get(&pid).and_then(Option::as_deref);
        path.is_some_and(|path| path.rsplit('/').next() == Some(crate::EXEC_HARNESS))
    }

    fn of(&self, pid: i32) -> Option<Arc<str>> {
        self.by_pid.get(&pid).cloned().flatten()
    }
}
