//! From a recording to the files of the profile folder.

mod collect;
mod jobs;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::SystemTime,
};

use runner_shared::{
    artifact::ExecutionTimestamps,
    profile_dir::{ProfileDir, WALLTIME_METADATA},
    text::one_line,
};

use system::threads::start_pool;

use self::{
    collect::{Collected, collect},
    jobs::Module,
};
use crate::{
    ProfileError,
    folder::Folder,
    jit::{Harvest, JitDir, JitUnwindForm, harvest},
    metadata::{self, Content, Process, SymbolEntry, UnwindEntry},
    module::{DebugRoots, load_bias},
    replay::Replay,
    snapshot::Snapshot,
    window::Windows,
};

/// The integration that measures whatever a command starts.
pub(crate) const EXEC_HARNESS: &str = "exec-harness";

/// A finished recording.
#[derive(Debug, Clone, Copy)]
pub struct Recording<'a> {
    /// The profile folder: perf's data is there, and artifacts go there.
    pub folder: &'a ProfileDir,
    /// Name and version of the integration that measured. Without one there is no metadata.
    pub integration: Option<(&'a str, &'a str)>,
    /// Processes that said that they run benchmarks.
    pub pids: &'a BTreeSet<i32>,
    /// Which benchmark ran when.
    pub timestamps: &'a ExecutionTimestamps,
    /// Snapshots of the processes by the runner, in the order of time.
    pub snapshots: &'a [Snapshot],
    /// The start of the run: older files of other processes don't count.
    pub started: SystemTime,
    /// The layout of unwind data of generated code.
    pub jit_unwind: JitUnwindForm,
}

/// The places of files of other programs.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The folder in which processes write `perf-<pid>.map` and `jit-<pid>.dump`.
    pub jit: PathBuf,
    /// Folders with debug files, as `/usr/lib/debug`.
    pub debug_roots: Vec<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { jit: PathBuf::from("/tmp"), debug_roots: DebugRoots::default().0 }
    }
}

/// The files and figures of a written profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples in the recording.
    pub samples: u64,
    /// Samples and other records that the kernel had no room for.
    pub lost: u64,
    /// Modules that were mapped while something was measured, each file once.
    pub modules: u64,
    /// `*.symbols.map` files.
    pub symbol_files: u64,
    /// `*.unwind_data` files, those of generated code included.
    pub unwind_files: u64,
    /// Modules with source lines.
    pub debug_infos: u64,
    /// `perf-<pid>.map` files.
    pub perf_maps: u64,
    /// The mappings that the metadata tell of, by process and address.
    pub mappings: Vec<UsedMapping>,
    /// Sentences for the user about missing data and the reasons.
    pub warnings: Vec<String>,
}

/// A piece of a module in a process, as the profile uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedMapping {
    /// The process.
    pub pid: i32,
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Its offset in the file.
    pub offset: u64,
    /// The number to add to an address in the file to get the one in the process.
    pub load_bias: u64,
    /// The module's file.
    pub path: String,
    /// Name of the module's files in the folder.
    pub key: String,
}

impl fmt::Display for UsedMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, start, end, offset, load_bias, path, key } = self;
        let (path, key) = (one_line(path), one_line(key));
        write!(
            f,
            "process {pid}: {start:x}-{end:x} offset {offset:x} load bias {load_bias:x} {path} ({key})"
        )
    }
}

/// Writes all artifacts of a recording but the times of benchmarks.
///
/// A recording that breaks off, or modules that can't be read, cost a warning. Artifacts that
/// are already in the folder are removed first.
pub fn write_artifacts(recording: &Recording<'_>) -> Result<Written, ProfileError> {
    write_artifacts_from(recording, &Sources::default())
}

/// The same with other places to look for files.
pub fn write_artifacts_from(
    recording: &Recording<'_>,
    sources: &Sources,
) -> Result<Written, ProfileError> {
    start_pool();
    let folder = Folder::new(recording.folder);
    folder.remove_artifacts()?;
    let windows = Windows::new(recording.timestamps);
    let collected = collect(recording, Replay::new(tracked(recording)), &windows)?;
    let mut written = collected.written();
    let roots = DebugRoots(sources.debug_roots.clone());
    let modules = jobs::run(&collected, recording, &roots, folder, &mut written.warnings)?;
    let pids: BTreeSet<i32> = match collected.replay.tracked() {
        Some(tracked) => tracked.clone(),
        None => collected.kept.keys().copied().chain(recording.pids.iter().copied()).collect(),
    };
    let jit_dir = JitDir { path: sources.jit.clone(), since: recording.started };
    let mut jit =
        harvest(&jit_dir, pids.into_iter(), folder, recording.jit_unwind, modules.list.len())?;
    written.count(&modules.list, &jit);
    written.warnings.append(&mut jit.warnings);
    if let Some(integration) = recording.integration {
        let processes = processes(&collected, &modules, &jit, &mut written.mappings);
        write_metadata(recording, integration, &processes, modules.list, &jit, folder)?;
    }
    Ok(written)
}

/// The processes whose modules count: all for a harness of commands, else those that said that
/// they run benchmarks, and their descendants.
fn tracked(recording: &Recording<'_>) -> Option<BTreeSet<i32>> {
    let is_harness = recording.integration.is_some_and(|(name, _)| name == EXEC_HARNESS);
    (!is_harness && !recording.pids.is_empty()).then(|| recording.pids.clone())
}

impl Written {
    fn count(&mut self, modules: &[Module], jit: &Harvest) {
        let count = |has: fn(&Module) -> bool| {
            crate::bytes::wide(modules.iter().filter(|module| has(module)).count())
        };
        self.modules = crate::bytes::wide(modules.len());
        self.symbol_files = count(|module| module.symbols_end.is_some());
        self.debug_infos = count(|module| module.debug_infos.is_some());
        self.unwind_files =
            count(|module| module.has_unwind).saturating_add(crate::bytes::wide(jit.keys.len()));
        self.perf_maps = jit.maps;
    }
}

/// Returns the metadata of each process, and adds the mappings to `used`.
fn processes(
    collected: &Collected,
    modules: &jobs::Modules,
    jit: &Harvest,
    used: &mut Vec<UsedMapping>,
) -> BTreeMap<i32, Process> {
    let page = page_size();
    let mut processes: BTreeMap<i32, Process> = BTreeMap::new();
    for (pid, mappings) in &collected.kept {
        let process = processes.entry(*pid).or_default();
        for mapping in mappings {
            let Some(module) = modules.of(mapping.file) else { continue };
            let length = mapping.end.saturating_sub(mapping.start);
            let Some(bias) = load_bias(&module.loads, mapping.start, length, mapping.offset, page)
            else {
                continue;
            };
            process.add(module, bias, mapping.start..mapping.end);
            used.push(UsedMapping {
                pid: *pid,
                start: mapping.start,
                end: mapping.end,
                offset: mapping.offset,
                load_bias: bias,
                path: module.key.path.clone(),
                key: module.key.key.clone(),
            });
        }
        process.unwind.sort();
        process.unwind.dedup();
    }
    for (pid, entries) in &jit.entries {
        let process = processes.entry(*pid).or_default();
        process.unwind.extend(entries.iter().cloned());
        process.unwind.sort();
    }
    processes
}

impl Process {
    /// Adds a mapping of a module.
    fn add(&mut self, module: &Module, load_bias: u64, range: std::ops::Range<u64>) {
        if let Some(end) = module.symbols_end {
            self.symbols.insert(SymbolEntry { perf_map_key: module.key.key.clone(), load_bias });
            if is_interpreter(&module.key.path) {
                let end = load_bias.wrapping_add(end);
                self.ignored.insert((module.key.path.clone(), load_bias, end));
            }
        }
        if module.has_unwind {
            self.unwind.push(UnwindEntry {
                unwind_data_key: module.key.key.clone(),
                timestamp: None,
                avma_range: range.into(),
                base_avma: module.base_svma.wrapping_add(load_bias),
            });
        }
    }
}

/// Modules whose frames say nothing about the code of the user: `python3.12`, `libpython3.so`,
/// `node`.
pub fn is_interpreter(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("python")
        || (name.starts_with("libpython") && name.contains(".so"))
        || name == "node"
}

fn write_metadata(
    recording: &Recording<'_>,
    integration: (&str, &str),
    processes: &BTreeMap<i32, Process>,
    modules: Vec<Module>,
    jit: &Harvest,
    folder: Folder<'_>,
) -> Result<(), ProfileError> {
    let mut debug_infos = Vec::new();
    let mut keys = Vec::new();
    for module in modules {
        if module.symbols_end.is_some() || module.has_unwind {
            keys.push(module.key.clone());
        }
        if let Some(found) = module.debug_infos {
            debug_infos.push((module.key, found));
        }
    }
    let names: Vec<metadata::Key> = debug_infos.iter().map(|(key, _)| key.clone()).collect();
    let debug_infos = names
        .iter()
        .zip(debug_infos)
        .map(|(name, (_, infos))| (&*name.key, (&*name.path, infos)))
        .collect();
    let paths = keys.iter().chain(&jit.keys).map(|key| (&*key.key, &*key.path)).collect();
    let timestamps = recording.timestamps;
    let content = Content { integration, timestamps, processes, paths, debug_infos };
    folder.write(&WALLTIME_METADATA, "", |out| content.write(out))
}

/// Bytes of a page of memory.
fn page_size() -> u64 {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    page.ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_by_their_names() {
        let are = ["/usr/bin/python3.12", "/x/libpython3.13.so.1.0", "/opt/node", "/python"];
        assert!(are.iter().all(|path| is_interpreter(path)));
        let are_not =
            ["/usr/lib/libpython.a", "/home/python/app", "/usr/bin/nodejs-x", "/x/cpython"];
        assert!(!are_not.iter().any(|path| is_interpreter(path)));
    }
}
