//! Options of `codspeed inspect`.

use std::path::PathBuf;

use clap::Args;

use super::shared::{export_formats, export_help, export_parser};
use crate::settings::options::Export;

/// Show the results of an earlier run.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct InspectArgs {
    /// The profile folder of the run, or a stored run: its name, ID, branch or commit, `last` or `last~2`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: PathBuf,

    /// Functions and calls.
    #[command(flatten)]
    pub details: DetailArgs,

    /// Files with the results, besides the table.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser(), help = export_help(), long_help = export_formats(true))]
    pub export: Vec<Export>,

    /// For compared commands: show how each verdict was reached.
    #[arg(long)]
    pub explain: bool,

    /// Leave out the cost of allocator functions (simulation mode).
    #[arg(long)]
    pub exclude_allocations: bool,
}

/// The functions and calls that are shown of each benchmark.
#[derive(Debug, Clone, Args)]
pub(crate) struct DetailArgs {
    /// Number of functions by self and by total, or of allocation sites (memory mode), to show for each benchmark.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub functions: usize,

    /// Show the calls of each benchmark as a tree, instead of functions and allocation sites.
    #[arg(long)]
    pub tree: bool,

    /// Show functions, sites and trees only of benchmarks whose name or identity fits; `*` and `?` are wildcards
    /// (repeatable).
    #[arg(long, value_name = "GLOB")]
    pub benchmark: Vec<String>,

    /// Show all functions on their own: also inlined ones of libraries, closures, and those of interpreters, which count
    /// for the function that uses them otherwise.
    #[arg(long)]
    pub all_frames: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed inspect                                  the last run of this project
  codspeed inspect last~1 --export speedscope=p.json
                                                    the stacks of the one before, for a flame graph
  codspeed inspect --tree --benchmark 'parse*'      which calls lead to the time?
  codspeed exec -m simulation --profile-folder p -- ls; codspeed inspect p
                                                    all that a profile folder has

A stored run has its values and the larger parts of its stacks. Its profile folder has all stacks,
source lines, allocation sites and logs: use `--profile-folder` or `--keep-profile` to keep it.";
