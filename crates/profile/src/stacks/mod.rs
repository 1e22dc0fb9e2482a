//! Stacks per benchmark for the local report, from the files of a profile folder alone.
//!
//! Samples are unwound one by one in the order of time and kept as a tree of addresses; names are
//! looked up once per address at the end.

mod address;
mod cfi;
mod demangle;
mod modules;
mod names;
mod piece;
mod registers;
mod sampler;
mod threads;
mod trampolines;
mod tree;
mod unwind;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use runner_shared::{
    artifact::{Artifact, ExecutionTimestamps, read_json},
    bounds::{RESULTS_FILE_BYTES, RESULTS_VALUES_BYTES},
    profile_dir::{OLDER_WALLTIME_METADATA, PERF_DATA, ProfileDir, TIMESTAMPS, WALLTIME_METADATA},
    stacks::{Frame, StackNode, Thread},
};
use system::{
    files::{self, Links},
    threads::start_pool,
};

pub(crate) use self::unwind::unwind_with;
use self::{modules::Modules, names::Names, sampler::Sampler, threads::Role, tree::Forest};
use crate::{
    ProfileError, artifacts::Sources, error::go_on, mapped::Mapped, metadata::Metadata,
    module::DebugRoots, perf::scan, window::Windows,
};

/// The stacks of all benchmarks of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunStacks {
    /// Every function once.
    pub frames: Vec<Frame>,
    /// In the order in which the runner heard of them.
    pub benchmarks: Vec<BenchmarkStacks>,
    /// Bytes of the stack that were copied with each sample; 0 where stacks were taken by frame pointers.
    pub copied: u32,
    /// Nanoseconds that a sample stands for.
    pub period: u64,
    /// Sentences for the user about missing data and the reasons.
    pub warnings: Vec<String>,
}

/// The stacks of one benchmark, as a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BenchmarkStacks {
    /// Identity of the benchmark.
    pub uri: String,
    /// Parents before their children, weighted by nanoseconds, with functions among [`RunStacks::frames`].
    pub nodes: Vec<StackNode>,
    /// Threads with their shares; the weights of all threads together are those of the nodes.
    pub threads: Vec<Thread>,
    /// Path of the program in which most was spent; empty if unknown.
    pub program: Arc<str>,
    /// Nanoseconds in which samples were taken.
    pub duration: u64,
    /// Samples in the benchmark's windows.
    pub samples: u64,
    /// Samples whose stack is known out to its root.
    pub whole: u64,
    /// Samples whose stack breaks off; those of which no stack was recorded are not among them.
    pub truncated: u64,
    /// Those of them that are deeper than what was recorded of them.
    pub beyond_copy: u64,
    /// Those of them that were taken by frame pointers, and lead through functions that keep none.
    pub without_frame_pointers: u64,
}

impl BenchmarkStacks {
    /// Nanoseconds of all samples together.
    pub fn total(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.weight))
    }
}

/// Reads the stacks of a profile folder in which [`crate::write_artifacts`] has written.
///
/// The stacks are cut to the windows of their benchmarks, and to the rounds in them where an
/// integration told of rounds; callers of a `__codspeed_root_frame__` are left out. Inlined
/// functions are shown if the modules are still there and unchanged.
pub fn read_stacks(folder: &ProfileDir) -> Result<RunStacks, ProfileError> {
    read_stacks_from(folder, &Sources::default())
}

/// The same with other folders for debug files.
pub fn read_stacks_from(folder: &ProfileDir, sources: &Sources) -> Result<RunStacks, ProfileError> {
    start_pool();
    let timestamps = read_timestamps(folder)?;
    let windows = Windows::new(&timestamps);
    let metadata = read_metadata(folder)?;
    let mut warnings = Vec::new();
    if metadata.is_none() {
        warnings.push("no integration reported its name: functions have no names".to_owned());
    }
    let metadata = metadata.unwrap_or_default();
    let modules = Modules::new(folder, &metadata);
    let mut sampler = Sampler::new(&windows, &metadata, &modules);
    let summary = scan(&folder.file(&PERF_DATA), &mut sampler)?;
    warnings.extend(summary.warning.clone());
    let mut sampler = sampler.finish(&summary, &mut warnings);
    let roots = DebugRoots(sources.debug_roots.clone());
    let names = Names::of(&sampler.addresses, &sampler.paths, &modules, folder, &roots);
    go_on()?;
    let mut forest = Forest::new(&names);
    let mut benchmarks = Vec::new();
    for (uri, counts) in std::mem::take(&mut sampler.counts).into_iter().enumerate() {
        let (nodes, places) =
            sampler.trees.get(uri).map(|tree| forest.name(tree)).unwrap_or_default();
        benchmarks.push(BenchmarkStacks {
            uri: windows.uris.get(uri).cloned().unwrap_or_default(),
            nodes,
            threads: threads(&sampler, uri, &places),
            program: sampler.program(uri),
            duration: windows.length(uri),
            ..counts
        });
    }
    let Sampler { copied, period, .. } = sampler;
    warnings.extend(modules.into_notes());
    Ok(RunStacks { frames: forest.into_frames(), benchmarks, copied, period, warnings })
}

/// The threads of a benchmark; `places` says where the nodes that they were counted for are now.
fn threads(sampler: &Sampler<'_>, uri: usize, places: &[Option<u32>]) -> Vec<Thread> {
    let roles = sampler.by_thread.get(uri).into_iter().flatten();
    let thread = |(role, weights): (&usize, &HashMap<u32, u64>)| {
        let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
        for (node, weight) in weights {
            let place = usize::try_from(*node).ok().and_then(|node| places.get(node).copied());
            if let Some(place) = place.flatten() {
                let sum = sums.entry(place).or_default();
                *sum = sum.saturating_add(*weight);
            }
        }
        let Role { name, pid, tid } = sampler.threads.roles.get(*role).cloned().unwrap_or_default();
        Thread { name, pid, tid, weights: sums.into_iter().collect() }
    };
    roles.map(thread).collect()
}

fn read_timestamps(folder: &ProfileDir) -> Result<ExecutionTimestamps, ProfileError> {
    let path = folder.file(&TIMESTAMPS);
    match files::read(&path, Links::Refuse, RESULTS_FILE_BYTES) {
        Ok(bytes) => ExecutionTimestamps::decode(&bytes)
            .map_err(|source| ProfileError::Timestamps { path, source }),
        Err(source) => Err(ProfileError::Read { path, source }),
    }
}

/// Reads the metadata under its name, else under the older one. `None` if there is neither.
fn read_metadata(folder: &ProfileDir) -> Result<Option<Metadata>, ProfileError> {
    for name in [WALLTIME_METADATA, OLDER_WALLTIME_METADATA] {
        let path = folder.file(&name);
        let bytes = match files::open(&path, Links::Refuse).and_then(|file| Mapped::file(&file)) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(ProfileError::Read { path, source }),
        };
        return read_json(&bytes, RESULTS_VALUES_BYTES)
            .map(Some)
            .map_err(|source| ProfileError::Metadata { path, source });
    }
    Ok(None)
}
