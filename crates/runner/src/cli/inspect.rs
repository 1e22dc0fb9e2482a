//! Options of `codspeed inspect`.

use std::path::PathBuf;

use clap::Args;

use super::{ExportArg, shared::export_parser};

/// Show the results in a profile folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    /// The folder that a run has left.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// How many functions, or places that allocate (memory mode), to show for each benchmark.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub functions: usize,

    /// Write the results to a file as well: as for `codspeed exec`.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser())]
    pub export: Vec<ExportArg>,

    /// Show how each verdict about commands that were compared was reached.
    #[arg(long)]
    pub explain: bool,

    /// Leave out what allocator functions cost (simulation mode).
    #[arg(long)]
    pub exclude_allocations: bool,
}
