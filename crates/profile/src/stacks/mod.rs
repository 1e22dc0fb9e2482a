//! Stacks per benchmark for the local report, from the files of a profile folder alone.
//!
//! Samples are unwound one by one in the order of time and kept as a tree of addresses; names are
//! looked up once per address at the end.

mod cfi;
mod demangle;
mod modules;
mod names;
mod registers;
mod sampler;
mod tree;
mod unwind;

use std::{fs, path::Path, sync::Arc};

use runner_shared::artifact::{
    Artifact, ExecutionTimestamps, OLDER_WALLTIME_METADATA, WALLTIME_METADATA,
};

pub(crate) use self::unwind::unwind_with;
use self::{modules::Modules, names::Names, sampler::Sampler, tree::Forest};
use crate::{
    ProfileError,
    artifacts::{PERF_DATA, Sources},
    mapped::Mapped,
    metadata::Metadata,
    module::DebugRoots,
    perf::scan,
    window::Windows,
};

/// The stacks of all benchmarks of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stacks {
    /// Every function once.
    pub frames: Vec<Frame>,
    /// In the order in which the runner heard of them.
    pub benchmarks: Vec<BenchmarkStacks>,
    /// Bytes of the stack that were copied with each sample; 0 where stacks were taken by frame pointers.
    pub copied: u32,
    /// What is missing and why, as sentences for the user.
    pub warnings: Vec<String>,
}

/// The stacks of one benchmark, as a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BenchmarkStacks {
    /// Identity of the benchmark.
    pub uri: String,
    /// Parents before their children.
    pub nodes: Vec<StackNode>,
    /// Samples in the benchmark's windows.
    pub samples: u64,
    /// Samples whose stack is known out to its root.
    pub whole: u64,
    /// Samples whose stack breaks off.
    pub truncated: u64,
    /// Those of them that are deeper than what was recorded of them.
    pub beyond_copy: u64,
    /// Those of them that were taken by frame pointers, and lead through functions that keep none.
    pub without_frame_pointers: u64,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Its name as the source has it; the module in brackets if it has no name.
    pub name: Arc<str>,
    /// Path of its program or library; empty if unknown.
    pub module: Arc<str>,
    /// Its source file; empty if unknown.
    pub file: Arc<str>,
}

/// One stack: the function, and by its parents who called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackNode {
    /// Place of the caller in [`BenchmarkStacks::nodes`]; `None` for an outermost function.
    pub parent: Option<u32>,
    /// Place of the function in [`Stacks::frames`].
    pub frame: u32,
    /// Nanoseconds in the function itself when called this way.
    pub weight: u64,
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
pub fn read_stacks(folder: &Path) -> Result<Stacks, ProfileError> {
    read_stacks_from(folder, &Sources::default())
}

/// The same with other folders for debug files.
pub fn read_stacks_from(folder: &Path, sources: &Sources) -> Result<Stacks, ProfileError> {
    let timestamps = read_timestamps(folder)?;
    let windows = Windows::new(&timestamps);
    let metadata = read_metadata(folder)?;
    let mut warnings = Vec::new();
    if metadata.is_none() {
        warnings.push("no integration told its name: functions have no names".to_owned());
    }
    let metadata = metadata.unwrap_or_default();
    let modules = Modules::new(folder, &metadata);
    let mut sampler = Sampler::new(&windows, &metadata, &modules);
    let summary = scan(&folder.join(PERF_DATA), &mut sampler)?;
    warnings.extend(summary.warning.clone());
    let Sampler { trees, addresses, paths, counts, copied, .. } =
        sampler.finish(&summary, &mut warnings);
    let roots = DebugRoots(sources.debug_roots.clone());
    let names = Names::of(&addresses, &paths, &modules, folder, &roots);
    let mut forest = Forest::new(&names);
    let benchmarks = windows
        .uris
        .iter()
        .zip(trees)
        .zip(counts)
        .map(|((uri, tree), counts)| BenchmarkStacks {
            uri: uri.clone(),
            nodes: forest.name(&tree),
            ..counts
        })
        .collect();
    Ok(Stacks { frames: forest.into_frames(), benchmarks, copied, warnings })
}

fn read_timestamps(folder: &Path) -> Result<ExecutionTimestamps, ProfileError> {
    let path = folder.join(ExecutionTimestamps::file_name(None));
    match fs::read(&path) {
        Ok(bytes) => ExecutionTimestamps::decode(&bytes)
            .map_err(|source| ProfileError::Timestamps { path, source }),
        Err(source) => Err(ProfileError::Read { path, source }),
    }
}

/// Reads the metadata under its name, else under the older one. `None` if there is neither.
fn read_metadata(folder: &Path) -> Result<Option<Metadata>, ProfileError> {
    for name in [WALLTIME_METADATA, OLDER_WALLTIME_METADATA] {
        let path = folder.join(name);
        let bytes = match fs::File::open(&path).and_then(|file| Mapped::file(&file)) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => continue,
            Err(source) => return Err(ProfileError::Read { path, source }),
        };
        return serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| ProfileError::Metadata { path, source });
    }
    Ok(None)
}
