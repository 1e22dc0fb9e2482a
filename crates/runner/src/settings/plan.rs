//! The plan of a run, made from the command line and checked before anything happens: each target in each mode is a
//! part that is measured by itself.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use runner_shared::{
    mode::Mode,
    profile_dir::ProfileDir,
    text::{as_text, shown},
};

use super::{
    options::{
        Export, InstrumentOptions, MemoryOptions, PlaceOptions, PythonAllocator, Remember,
        RunOptions, SimulationOptions, StackWalk, UploadOptions, UploadWish,
    },
    targets::PlannedTarget,
};
use crate::workload::{Profiling, Workload};

/// All that shall be measured, in this order: never empty.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunPlan {
    /// Target by target, and each in one mode after the other.
    pub parts: Vec<RunPart>,
    /// The record of the run, if it is kept.
    pub remember: Option<Remember>,
    /// Whether, as whom and where results are sent.
    pub upload: UploadOptions,
    /// Nothing is measured: what lies in the profile folders is sent.
    pub skip_run: bool,
}

/// A measurement: the command, the place, and the use of the results.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is independent of the others")]
pub(crate) struct RunPart {
    /// Its label beside others.
    pub label: String,
    /// The way in which it is measured.
    pub mode: Mode,
    /// The workload.
    pub workload: Workload,
    /// The place where it is run; absolute.
    pub working_directory: PathBuf,
    /// The place where everything is kept; a fresh folder if nobody cares.
    pub profile_folder: Option<PathBuf>,
    /// That folder lies beside those of other parts, within the one that the user has named.
    pub is_beside_others: bool,
    /// That folder stays, also one that nobody has named.
    pub keep_profile: bool,
    /// Files to write besides the table.
    pub exports: Vec<Export>,
    /// Additional data to record.
    pub instruments: InstrumentOptions,
    /// Options of simulation mode.
    pub simulation: SimulationOptions,
    /// The allocator for Python objects, if the user chose one.
    pub python_allocator: Option<PythonAllocator>,
    /// The way in which allocations are traced.
    pub memory: MemoryOptions,
    /// The version of the Go runner, which the benchmark is told.
    pub go_runner_version: Option<String>,
    /// Whether a profile is recorded beside times.
    pub profiling: Profiling,
    /// Processors and addresses of the benchmark.
    pub place: PlaceOptions,
    /// No benchmark is no error.
    pub allow_empty: bool,
    /// Wait for the end of another run.
    pub wait: bool,
}

/// What is measured when nobody says what: what everybody can measure, and understands.
const DEFAULT_MODE: Mode = Mode::Walltime;

/// A plan that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A profile where nothing is profiled.
    #[error("the export `{format}` needs a profile, and none is recorded")]
    NoStacks {
        /// As given.
        format: String,
    },
    /// A size of copies that are not made.
    #[error(
        "`--perf-stack-size` has no effect with `--perf-unwinding-mode fp`, which copies no stacks"
    )]
    NothingIsCopied,
    /// Nothing to run.
    #[error("the benchmark command is blank")]
    BlankCommand,
    /// A folder that is not there.
    #[error("`{}` is not a folder", shown(path))]
    NoFolder {
        /// As given.
        path: PathBuf,
    },
    /// Standard output twice.
    #[error(
        "JSON (`--message-format json`, `--json`) and an export can't both use standard output"
    )]
    OutputTwice,
    /// An export of what may be measured twice.
    #[error(
        "with `--confirm` benchmarks may be measured twice, and standard output (`-`) can hold one export"
    )]
    ConfirmedToStdout,
    /// Two exports to standard output.
    #[error("two exports go to standard output (`-`), which can hold one")]
    TwoToStdout,
    /// An export of several parts to standard output in a format whose files hold one.
    #[error(
        "the run has several parts, and `{format}` is a format for one: standard output can't hold them all"
    )]
    PartsToStdout {
        /// The format.
        format: String,
    },
    /// Two exports to one file.
    #[error("two exports go to `{}`", shown(path))]
    SameExport {
        /// As given.
        path: PathBuf,
    },
}

impl RunPlan {
    /// The same plan for another measurement, of which nothing is sent, and which leaves the folder of the first one alone.
    pub(crate) fn unsent(&self) -> Self {
        let upload = UploadOptions { wish: UploadWish::Never, ..self.upload.clone() };
        let parts = self.parts.iter().cloned();
        let parts = parts.map(|part| RunPart { profile_folder: None, ..part }).collect();
        Self { parts, upload, ..self.clone() }
    }

    /// Makes the plan of a command that measures, and checks it. `here` is the current folder.
    pub(crate) fn new(
        targets: Vec<PlannedTarget>,
        options: RunOptions,
        here: &Path,
    ) -> Result<Self, SettingsError> {
        let RunOptions {
            modes,
            profile_folder,
            exports,
            profiling,
            place,
            simulation,
            mut memory,
            python_allocator,
            instruments,
            go_runner_version,
            allow_empty,
            wait,
            keep_profile,
            remember,
            upload,
            skip_run,
        } = options;
        let modes = if modes.is_empty() { vec![DEFAULT_MODE] } else { modes };
        targets.iter().try_for_each(check_target)?;
        // A profile of allocations is made of their stacks.
        let profiles = exports.iter().any(|one| results::profile_exporter(&one.format).is_some());
        memory.stacks = memory.stacks.or(profiles.then_some(StackWalk::Auto));
        let mut parts = Vec::new();
        let several = targets.len() * modes.len() > 1;
        check_stdout(&exports, several)?;
        for PlannedTarget { name: title, workload, working_directory } in targets {
            let title = title.unwrap_or_else(|| workload.label());
            for mode in modes.iter().copied() {
                check_exports(&exports, mode, profiling)?;
                let name = ProfileDir::part_name(mode, parts.len());
                let of_this_part = |folder: PathBuf| {
                    let folder = here.join(folder);
                    if several { folder.join(&name) } else { folder }
                };
                parts.push(RunPart {
                    label: format!("{mode}: {title}"),
                    mode,
                    workload: workload.clone(),
                    working_directory: working_directory.clone(),
                    profile_folder: profile_folder.clone().map(of_this_part),
                    is_beside_others: several,
                    keep_profile,
                    exports: if several { apart(&exports, &name) } else { exports.clone() },
                    instruments: instruments.clone(),
                    simulation: simulation.clone(),
                    python_allocator,
                    memory,
                    go_runner_version: go_runner_version.clone(),
                    profiling,
                    place: place.clone(),
                    allow_empty,
                    wait,
                });
            }
        }
        Ok(Self { parts, remember, upload, skip_run })
    }
}

/// The same exports to files of their own: `out.json` becomes `out.walltime-0.json`.
pub(crate) fn apart(exports: &[Export], name: &str) -> Vec<Export> {
    let apart = |export: &Export| {
        let Export { format, path } = export.clone();
        if path == Path::new("-") {
            return Export { format, path };
        }
        let ending = path.extension().map(OsStr::to_os_string);
        let mut distinct = OsString::from(name);
        if let Some(ending) = ending {
            distinct.push(".");
            distinct.push(ending);
        }
        Export { format, path: path.with_extension(distinct) }
    };
    exports.iter().map(apart).collect()
}

/// Returns whether there is something to run, and a place for it.
fn check_target(target: &PlannedTarget) -> Result<(), SettingsError> {
    let PlannedTarget { name: _, workload, working_directory } = target;
    let is_blank = match workload {
        Workload::Suite(text) => as_text(text).trim().is_empty(),
        Workload::Commands { targets, .. } => targets.iter().any(|target| {
            target.command.first().is_none_or(|word| as_text(word).trim().is_empty())
        }),
    };
    if is_blank {
        return Err(SettingsError::BlankCommand);
    }
    if !working_directory.is_dir() {
        return Err(SettingsError::NoFolder { path: working_directory.clone() });
    }
    Ok(())
}

/// Returns whether there will be something to export, and a file for each.
fn check_exports(
    exports: &[Export],
    mode: Mode,
    profiling: Profiling,
) -> Result<(), SettingsError> {
    let has_stacks = match mode {
        Mode::Simulation | Mode::Memory => true,
        Mode::Walltime => profiling != Profiling::Off,
    };
    for (index, one) in exports.iter().enumerate() {
        if !has_stacks && results::profile_exporter(&one.format).is_some() {
            return Err(SettingsError::NoStacks { format: one.format.clone() });
        }
        if exports.iter().skip(index + 1).any(|other| other.path == one.path) {
            return Err(SettingsError::SameExport { path: one.path.clone() });
        }
    }
    Ok(())
}

/// Returns whether standard output can hold the export that goes there: of several parts only in a format that can be read
/// then. That there is one alone is seen before any command begins.
///
/// # Errors
///
/// [`SettingsError::PartsToStdout`].
pub(crate) fn check_stdout(exports: &[Export], several: bool) -> Result<(), SettingsError> {
    let to_stdout = exports.iter().find(|export| export.path == Path::new("-"));
    match to_stdout.filter(|export| several && !results::is_stream(&export.format)) {
        Some(export) => Err(SettingsError::PartsToStdout { format: export.format.clone() }),
        None => Ok(()),
    }
}
