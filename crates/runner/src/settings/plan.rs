//! The plan of one run, made from the command line and checked before anything happens.

use std::path::{Path, PathBuf};

use runner_shared::mode::Mode;

use crate::{
    cli::{ExportArg, InstrumentArgs, MemoryArgs, PythonAllocator, SharedArgs, SimulationArgs},
    workload::Workload,
};

/// What shall be measured, where, and what becomes of the results.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunPlan {
    /// How it is measured.
    pub mode: Mode,
    /// What is run.
    pub workload: Workload,
    /// Where it is run; absolute.
    pub working_directory: PathBuf,
    /// Where everything is kept; a fresh folder if nobody cares.
    pub profile_folder: Option<PathBuf>,
    /// Files to write besides the table.
    pub exports: Vec<ExportArg>,
    /// What is recorded beside the measurement.
    pub instruments: InstrumentArgs,
    /// What only simulation mode looks at.
    pub simulation: SimulationArgs,
    /// What Python allocates with, if the user has said so.
    pub python_allocator: Option<PythonAllocator>,
    /// How allocations are traced.
    pub memory: MemoryArgs,
    /// No benchmark is no error.
    pub allow_empty: bool,
    /// Wait for the end of another run.
    pub wait: bool,
}

/// A plan that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    /// `run` was not told what to measure.
    #[error("no mode was given")]
    NoMode,
    /// `--vs` in another mode.
    #[error("`--vs` compares times and needs mode `walltime`")]
    ComparisonNeedsTime,
    /// A profile where nothing is profiled.
    #[error(
        "the export `{format}` needs mode `simulation` or `memory`: times alone have no stacks"
    )]
    NoStacks {
        /// As given.
        format: String,
    },
    /// Nothing to run.
    #[error("the benchmark command is blank")]
    BlankCommand,
    /// A folder that is not there.
    #[error("`{}` is not a folder", path.display())]
    NoFolder {
        /// As given.
        path: PathBuf,
    },
    /// Two exports to one file.
    #[error("two exports go to `{}`", path.display())]
    SameExport {
        /// As given.
        path: PathBuf,
    },
}

impl RunPlan {
    /// Checks the options that all measuring commands share. `here` is the current folder.
    pub(crate) fn new(
        workload: Workload,
        shared: SharedArgs,
        default_mode: Option<Mode>,
        here: &Path,
    ) -> Result<Self, SettingsError> {
        let SharedArgs {
            mode,
            profile_folder,
            working_directory,
            export,
            simulation,
            python_allocator,
            allow_empty,
            no_wait,
            // The user interface knows already.
            quiet: _,
            // Nothing is uploaded yet, so there is nothing to skip.
            skip_upload: _,
            mut memory,
        } = shared;
        let mode = mode.or(default_mode).ok_or(SettingsError::NoMode)?;
        if mode != Mode::Walltime && matches!(workload, Workload::Commands { interleave: true, .. })
        {
            return Err(SettingsError::ComparisonNeedsTime);
        }
        match &workload {
            Workload::Suite(text) if text.trim().is_empty() => {
                return Err(SettingsError::BlankCommand);
            }
            Workload::Commands { targets, .. }
                if targets.iter().any(|target| {
                    target.command.first().is_none_or(|word| word.trim().is_empty())
                }) =>
            {
                return Err(SettingsError::BlankCommand);
            }
            Workload::Suite(_) | Workload::Commands { .. } => {}
        }
        let working_directory = here.join(working_directory.unwrap_or_default());
        if !working_directory.is_dir() {
            return Err(SettingsError::NoFolder { path: working_directory });
        }
        for (index, one) in export.iter().enumerate() {
            if results::profile_exporter(&one.format).is_some() {
                if mode == Mode::Walltime {
                    return Err(SettingsError::NoStacks { format: one.format.clone() });
                }
                memory.stacks = true;
            }
            if export.iter().skip(index + 1).any(|other| other.path == one.path) {
                return Err(SettingsError::SameExport { path: one.path.clone() });
            }
        }
        Ok(Self {
            mode,
            workload,
            working_directory,
            profile_folder: profile_folder.map(|folder| here.join(folder)),
            exports: export,
            instruments: InstrumentArgs::default(),
            simulation,
            python_allocator,
            memory,
            allow_empty,
            wait: !no_wait,
        })
    }
}
