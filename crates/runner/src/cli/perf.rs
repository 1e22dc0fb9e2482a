//! Options that decide whether and how a profile is recorded.

use clap::{
    Args,
    builder::{BoolishValueParser, PossibleValuesParser},
};
use runner_shared::env_names;

/// Options of the profiler.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PerfArgs {
    /// Record no profile beside the times (walltime mode).
    #[arg(long)]
    pub no_perf: bool,

    /// Record a profile, or not.
    #[arg(
        long, env = env_names::PERF_ENABLED.name, value_name = "BOOL", hide = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub enable_perf: Option<bool>,

    /// Another name of the same.
    #[arg(
        long, env = env_names::PROFILER_ENABLED.name, value_name = "BOOL", hide = true,
        num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
    )]
    pub enable_profiler: Option<bool>,

    /// How perf takes stacks: `fp` (frame pointers) or `dwarf` [default: as suits the language].
    #[arg(
        long, env = env_names::PERF_UNWINDING_MODE.name, value_name = "MODE", hide_possible_values = true,
        value_parser = PossibleValuesParser::new(["fp", "dwarf"]),
    )]
    pub perf_unwinding_mode: Option<String>,
}
