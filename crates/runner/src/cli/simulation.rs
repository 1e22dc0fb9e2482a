//! Options that only simulation mode looks at.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgAction, Args, builder::BoolishValueParser};
use results::{COST_MODELS, CostModel, cost_model};
use runner_shared::env_names;

use crate::settings::options::SimulationTool;

/// The heading of the help that lists them: not by `next_help_heading`, which would go on after them.
const HEADING: &str = "Simulation mode";

/// Options of simulation mode.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct SimulationArgs {
    /// Path of the `valgrind` to use [default: the most capable one that `codspeed status` lists].
    #[arg(help_heading = HEADING, long, value_name = "PATH")]
    pub valgrind: Option<PathBuf>,

    /// Fail if CodSpeed's Valgrind is not available.
    #[arg(help_heading = HEADING, long)]
    pub require_fork: bool,

    /// The Valgrind tool that counts.
    #[arg(help_heading = HEADING, long, value_enum, default_value_t, env = env_names::SIMULATION_TOOL.name, hide = true)]
    pub simulation_tool: SimulationTool,

    /// Also count cycles, if this Valgrind supports it.
    #[arg(help_heading = HEADING, long, env = env_names::CYCLE_ESTIMATION.name, value_name = "BOOL", num_args = 0..=1,
          require_equals = true, default_value_t = true, default_missing_value = "true",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub cycle_estimation: bool,

    /// Leave out the cost of allocator functions.
    #[arg(help_heading = HEADING, long, env = env_names::EXCLUDE_ALLOCATIONS.name, value_name = "BOOL", num_args = 0..=1,
          require_equals = true, default_value_t = false, default_missing_value = "true",
          action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    pub exclude_allocations: bool,

    /// The cost model that turns counts into an estimated time.
    #[arg(help_heading = HEADING, long, value_name = "MODEL", default_value = CostModel::DEFAULT.id, value_parser = parse_model)]
    pub cost_model: &'static CostModel,

    /// Don't count programs whose path matches this pattern, nor their child processes (repeatable).
    #[arg(help_heading = HEADING, long, value_name = "PATTERN")]
    pub skip_program: Vec<OsString>,

    /// Also trace compilers and small helper programs, which are left out by default.
    #[arg(help_heading = HEADING, long, hide = true)]
    pub trace_helpers: bool,

    /// Pass on only the variables that programs commonly need, and those of `--keep-env`.
    #[arg(help_heading = HEADING, long, conflicts_with = "env_passthrough")]
    pub stable_env: bool,

    /// A variable to pass on to the benchmark as well (repeatable).
    #[arg(help_heading = HEADING, long, value_name = "NAME")]
    pub keep_env: Vec<OsString>,

    /// Pass on all variables, including those of the CI system.
    #[arg(help_heading = HEADING, long)]
    pub env_passthrough: bool,

    /// Give threads time slices of equal length.
    #[arg(help_heading = HEADING, long, env = env_names::FAIR_SCHED.name, value_parser = BoolishValueParser::new(), hide = true)]
    pub experimental_fair_sched: bool,
}

fn parse_model(id: &str) -> Result<&'static CostModel, String> {
    let known = || COST_MODELS.iter().map(|model| model.id).collect::<Vec<_>>().join(", ");
    cost_model(id).ok_or_else(|| format!("the models are {}", known()))
}
