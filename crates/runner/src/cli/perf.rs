//! Options that decide whether and how a profile is recorded.

use clap::{Args, ValueEnum, builder::BoolishValueParser, value_parser};
use runner_shared::env_names;

use crate::workload::MOST_STACK_BYTES;

/// Options of the profiler.
#[derive(Debug, Default, Args)]
pub(crate) struct PerfArgs {
    /// Measure times only, without a profile (walltime mode).
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

    /// How perf records stacks: `fp` (frame pointers) or `dwarf` (copies of the stack) [default: `fp` for Go
    /// programs].
    #[arg(
        long, env = env_names::PERF_UNWINDING_MODE.name, value_name = "MODE", value_enum, hide_possible_values = true,
    )]
    pub perf_unwinding_mode: Option<Unwinding>,

    /// Bytes of the stack to copy with each sample, up to 65528 [default: 32768].
    #[arg(
        long, env = env_names::PERF_STACK_SIZE.name, value_name = "BYTES",
        value_parser = value_parser!(u32).range(8..=i64::from(MOST_STACK_BYTES)),
    )]
    pub perf_stack_size: Option<u32>,
}

/// The words for how stacks are taken.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Unwinding {
    Fp,
    Dwarf,
}
