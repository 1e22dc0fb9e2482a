//! Options that only simulation mode looks at.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Args, ValueEnum, builder::BoolishValueParser};
use results::{COST_MODELS, CostModel, cost_model};
use runner_shared::env_names;

/// Where the help lists them: not by `next_help_heading`, which would go on after them.
const HEADING: &str = "Simulation mode";

/// Options of simulation mode.
#[derive(Debug, Clone, PartialEq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SimulationArgs {
    /// The `valgrind` to use [default: the most capable one that `codspeed status` lists].
    #[arg(help_heading = HEADING, long, value_name = "PATH")]
    pub valgrind: Option<PathBuf>,

    /// Fail rather than count with another Valgrind than CodSpeed's.
    #[arg(help_heading = HEADING, long)]
    pub require_fork: bool,

    /// The tool of Valgrind that counts.
    #[arg(help_heading = HEADING, long, value_enum, default_value_t, env = env_names::SIMULATION_TOOL.name, hide = true)]
    pub simulation_tool: SimulationTool,

    /// Count cycles, too, if the Valgrind can do it.
    #[arg(help_heading = HEADING, long, env = env_names::CYCLE_ESTIMATION.name, value_name = "BOOL", num_args = 0..=1,
          require_equals = true, default_value_t = true, default_missing_value = "true",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub cycle_estimation: bool,

    /// Leave out what allocator functions cost.
    #[arg(help_heading = HEADING, long, env = env_names::EXCLUDE_ALLOCATIONS.name, value_name = "BOOL", num_args = 0..=1,
          require_equals = true, default_value_t = false, default_missing_value = "true",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub exclude_allocations: bool,

    /// What turns counts into the estimated time.
    #[arg(help_heading = HEADING, long, value_name = "MODEL", default_value = CostModel::DEFAULT.id, value_parser = parse_model)]
    pub cost_model: &'static CostModel,

    /// Neither count programs whose path fits this pattern nor what they start (repeatable).
    #[arg(help_heading = HEADING, long, value_name = "PATTERN")]
    pub skip_program: Vec<OsString>,

    /// Also trace compilers and small helpers, which are left out otherwise.
    #[arg(help_heading = HEADING, long, hide = true)]
    pub trace_helpers: bool,

    /// Hand on only variables that programs need in general, and those of `--keep-env`.
    #[arg(help_heading = HEADING, long, conflicts_with = "env_passthrough")]
    pub stable_env: bool,

    /// A variable that the benchmark shall see all the same (repeatable).
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    pub keep_env: Vec<OsString>,

    /// Hand on all variables, also the bookkeeping of a CI system.
    #[arg(help_heading = HEADING, long)]
    pub env_passthrough: bool,

    /// Give threads turns of equal length.
    #[arg(help_heading = HEADING, long, env = env_names::FAIR_SCHED.name, value_parser = BoolishValueParser::new(), hide = true)]
    pub experimental_fair_sched: bool,
}

/// The tool of Valgrind that counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulationTool {
    /// Counts per function and call.
    #[default]
    Callgrind,
    /// Writes down every call; only in some builds of the fork.
    Tracegrind,
}

fn parse_model(id: &str) -> Result<&'static CostModel, String> {
    let known = || COST_MODELS.iter().map(|model| model.id).collect::<Vec<_>>().join(", ");
    cost_model(id).ok_or_else(|| format!("the models are {}", known()))
}
