//! Options of `codspeed inspect`.

use std::path::PathBuf;

use clap::Args;

use super::shared::export_parser;
use crate::settings::options::Export;

/// Show the results of an earlier run.
#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    /// The profile folder of the run.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Number of functions, or of allocation sites (memory mode), to show for each benchmark.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub functions: usize,

    /// Also write the results to a file, as with `codspeed exec`.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser())]
    pub export: Vec<Export>,

    /// For compared commands: show how each verdict was reached.
    #[arg(long)]
    pub explain: bool,

    /// Leave out the cost of allocator functions (simulation mode).
    #[arg(long)]
    pub exclude_allocations: bool,
}
