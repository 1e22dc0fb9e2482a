//! From what was typed to what is meant: plain options, of which nothing below the commands knows where they come from.

use super::{
    InstrumentArgs, MemoryArgs, PerfArgs, PlaceArgs, RememberArgs, SharedArgs, SimulationArgs,
    TargetArgs, UploadArgs, perf::Unwinding,
};
use crate::{
    settings::{
        SettingsError,
        options::{
            InstrumentOptions, MemoryOptions, PlaceOptions, Remember, RunOptions,
            SimulationOptions, TargetOptions, UploadOptions, UploadWish, Variables,
        },
    },
    workload::{Profiling, UnwindingMode},
};

/// Resolves the options of a command that measures.
pub(crate) fn resolve(
    shared: SharedArgs,
    upload: UploadArgs,
    instruments: InstrumentArgs,
) -> Result<RunOptions, SettingsError> {
    let SharedArgs {
        mode,
        profile_folder,
        keep_profile,
        remember,
        // Where a target runs is up to it.
        working_directory: _,
        export,
        simulation,
        python_allocator,
        perf,
        place,
        allow_empty,
        no_wait,
        // What is run has that user's environment, without what is hidden.
        run_as: _,
        hide_env: _,
        // The user interface knows already.
        quiet: _,
        verbose: _,
        show_full_output: _,
        message_format: _,
        compat,
        memory,
    } = shared;
    Ok(RunOptions {
        modes: mode,
        profile_folder,
        exports: export,
        profiling: profiling(&perf)?,
        place: place.into(),
        simulation: simulation.into(),
        memory: memory.into(),
        python_allocator,
        instruments: instruments.into(),
        go_runner_version: compat.go_runner_version,
        allow_empty,
        wait: !no_wait,
        keep_profile,
        remember: remember.into(),
        upload: upload.into(),
        skip_run: compat.skip_run,
    })
}

/// Returns what was said last and most clearly.
fn profiling(args: &PerfArgs) -> Result<Profiling, SettingsError> {
    let PerfArgs { no_perf, enable_perf, enable_profiler, perf_unwinding_mode, perf_stack_size } =
        args;
    let wish = enable_perf.or(*enable_profiler);
    if *no_perf || wish == Some(false) {
        return Ok(Profiling::Off);
    }
    let unwinding = match (perf_unwinding_mode, perf_stack_size) {
        (Some(Unwinding::Fp), Some(_)) => return Err(SettingsError::NothingIsCopied),
        (Some(Unwinding::Fp), None) => Some(UnwindingMode::FramePointers),
        (None, None) => None,
        (Some(Unwinding::Dwarf), _) | (None, Some(_)) => {
            Some(UnwindingMode::Dwarf(*perf_stack_size))
        }
    };
    Ok(Profiling::On { insists: wish.is_some(), unwinding })
}

impl From<RememberArgs> for Option<Remember> {
    fn from(args: RememberArgs) -> Self {
        let RememberArgs { save_as, label, no_store } = args;
        (!no_store).then_some(Remember { name: save_as, labels: label })
    }
}

impl From<PlaceArgs> for PlaceOptions {
    fn from(args: PlaceArgs) -> Self {
        let PlaceArgs { pin, no_aslr } = args;
        Self { pin, no_aslr }
    }
}

impl From<MemoryArgs> for MemoryOptions {
    fn from(args: MemoryArgs) -> Self {
        let MemoryArgs { stacks, backend } = args;
        Self { stacks, backend }
    }
}

impl From<InstrumentArgs> for InstrumentOptions {
    fn from(args: InstrumentArgs) -> Self {
        let InstrumentArgs { instruments, mongo_uri_env_name } = args;
        Self { instruments, mongo_uri_env_name }
    }
}

impl From<SimulationArgs> for SimulationOptions {
    fn from(args: SimulationArgs) -> Self {
        let SimulationArgs {
            valgrind,
            require_fork,
            simulation_tool: tool,
            cycle_estimation,
            exclude_allocations,
            cost_model,
            skip_program,
            trace_helpers,
            stable_env,
            keep_env,
            env_passthrough,
            experimental_fair_sched: fair_sched,
        } = args;
        let variables = match (env_passthrough, stable_env) {
            (true, _) => Variables::All,
            (false, true) => Variables::Needed,
            (false, false) => Variables::Lasting,
        };
        Self {
            valgrind,
            require_fork,
            tool,
            cycle_estimation,
            exclude_allocations,
            cost_model,
            skip_program,
            trace_helpers,
            variables,
            keep_env,
            fair_sched,
        }
    }
}

impl From<UploadArgs> for UploadOptions {
    fn from(args: UploadArgs) -> Self {
        let UploadArgs { upload, skip_upload, target } = args;
        let wish = match (skip_upload, upload) {
            (true, _) => UploadWish::Never,
            (false, true) => UploadWish::Always,
            (false, false) => UploadWish::Usual,
        };
        Self { wish, target: target.into() }
    }
}

impl From<TargetArgs> for TargetOptions {
    fn from(args: TargetArgs) -> Self {
        let TargetArgs { token, repository, provider, upload_url, wait, base, metadata_version } =
            args;
        let provider = provider.map(Into::into);
        Self { token, repository, provider, upload_url, wait, base, metadata_version }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_wanted_unless_it_is_refused_in_any_way() {
        let off = PerfArgs { no_perf: true, enable_perf: Some(true), ..PerfArgs::default() };
        assert_eq!(profiling(&off).unwrap(), Profiling::Off);
        let named = PerfArgs { enable_profiler: Some(false), ..PerfArgs::default() };
        assert_eq!(profiling(&named).unwrap(), Profiling::Off);
        let both = PerfArgs { enable_perf: Some(true), ..named };
        assert_eq!(profiling(&both).unwrap(), Profiling::On { insists: true, unwinding: None });
        let usual = profiling(&PerfArgs::default()).unwrap();
        assert_eq!(usual, Profiling::On { insists: false, unwinding: None });
    }

    #[test]
    fn a_size_of_copies_means_copies() {
        let args = |perf_unwinding_mode| PerfArgs {
            perf_unwinding_mode,
            perf_stack_size: Some(64),
            ..PerfArgs::default()
        };
        let copies =
            Profiling::On { insists: false, unwinding: Some(UnwindingMode::Dwarf(Some(64))) };
        assert_eq!(profiling(&args(None)).unwrap(), copies);
        assert_eq!(profiling(&args(Some(Unwinding::Dwarf))).unwrap(), copies);
        let fp = profiling(&args(Some(Unwinding::Fp)));
        assert!(matches!(fp, Err(SettingsError::NothingIsCopied)));
    }

    #[test]
    fn a_refusal_of_an_upload_weighs_more_than_a_wish() {
        let wish = |upload, skip_upload| {
            let target = TargetArgs::default();
            UploadOptions::from(UploadArgs { upload, skip_upload, target }).wish
        };
        assert_eq!(wish(false, false), UploadWish::Usual);
        assert_eq!(wish(true, false), UploadWish::Always);
        assert_eq!(wish(true, true), UploadWish::Never);
    }
}
