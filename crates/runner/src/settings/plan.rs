//! The plan of one run, made from the command line and checked before anything happens.

use std::path::{Path, PathBuf};

use runner_shared::mode::Mode;

use crate::{
    cli::{
        ExportArg, InstrumentArgs, MemoryArgs, MessageFormat, PerfArgs, PythonAllocator,
        SharedArgs, SimulationArgs,
    },
    workload::{Profiling, UnwindingMode, Workload},
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
    /// Whether a profile is recorded beside times.
    pub profiling: Profiling,
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
    #[error("the export `{format}` needs a profile: times alone have no stacks")]
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
    /// Standard output twice.
    #[error("both `--message-format json` and an export want standard output")]
    OutputTwice,
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
            perf,
            allow_empty,
            no_wait,
            // The user interface knows already.
            quiet: _,
            verbose: _,
            show_full_output: _,
            message_format,
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
        let profiling = profiling(&perf);
        let working_directory = here.join(working_directory.unwrap_or_default());
        if !working_directory.is_dir() {
            return Err(SettingsError::NoFolder { path: working_directory });
        }
        check_exports(&export, mode, profiling, message_format)?;
        // A profile of allocations is made of their stacks.
        let profiles = export.iter().any(|one| results::profile_exporter(&one.format).is_some());
        memory.stacks |= profiles;
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
            profiling,
            allow_empty,
            wait: !no_wait,
        })
    }
}

/// Whether there will be something to export, and a file for each.
fn check_exports(
    exports: &[ExportArg],
    mode: Mode,
    profiling: Profiling,
    message_format: MessageFormat,
) -> Result<(), SettingsError> {
    let is_data = message_format == MessageFormat::Json;
    if is_data && exports.iter().any(|export| export.path == Path::new("-")) {
        return Err(SettingsError::OutputTwice);
    }
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

/// What was said last and most clearly.
fn profiling(args: &PerfArgs) -> Profiling {
    let PerfArgs { no_perf, enable_perf, enable_profiler, perf_unwinding_mode } = args;
    let wish = enable_perf.or(*enable_profiler);
    if *no_perf || wish == Some(false) {
        return Profiling::Off;
    }
    // The command line takes no other word.
    let unwinding = perf_unwinding_mode.as_deref().map(|mode| match mode {
        "fp" => UnwindingMode::FramePointers,
        _ => UnwindingMode::Dwarf,
    });
    Profiling::On { insists: wish.is_some(), unwinding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_wanted_unless_it_is_refused_in_any_way() {
        let off = PerfArgs { no_perf: true, enable_perf: Some(true), ..PerfArgs::default() };
        assert_eq!(profiling(&off), Profiling::Off);
        let named = PerfArgs { enable_profiler: Some(false), ..PerfArgs::default() };
        assert_eq!(profiling(&named), Profiling::Off);
        let both = PerfArgs { enable_perf: Some(true), ..named };
        assert_eq!(profiling(&both), Profiling::On { insists: true, unwinding: None });
        let usual = profiling(&PerfArgs::default());
        assert_eq!(usual, Profiling::On { insists: false, unwinding: None });
    }
}
