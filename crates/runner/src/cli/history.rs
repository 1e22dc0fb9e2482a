//! Options of `codspeed history`.

use clap::Args;
use runner_shared::mode::Mode;

use super::{shared::mode_parser, store::parse_age};

/// Show how benchmarks changed over the stored runs.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HistoryArgs {
    /// Only benchmarks whose name or identity matches; `*` and `?` are wildcards. If it is a single one, all its values
    /// are shown.
    #[arg(value_name = "BENCHMARK")]
    pub benchmark: Option<String>,

    /// Only runs that started within this time, such as `30d`.
    #[arg(long, value_name = "DURATION", value_parser = parse_age)]
    pub since: Option<u64>,

    /// Only runs of this branch.
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<String>,

    /// Only benchmarks of this mode: `walltime`, `simulation` or `memory`.
    #[arg(short, long, value_parser = mode_parser(), hide_possible_values = true)]
    pub mode: Option<Mode>,

    /// The value to show, by its name in exports, such as `p99_ns` or `peak_bytes` [default: the one that leads, as in
    /// tables].
    #[arg(long, value_name = "KEY")]
    pub metric: Option<String>,

    /// Number of runs to look at, newest first; 0 for all.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 1000)]
    pub limit: usize,

    /// Print JSON for other programs.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,

    /// Print a line of CSV for each value.
    #[arg(long)]
    pub csv: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed history                       all benchmarks: trend, last value, last change
  codspeed history 'parse/*' --branch main --since 90d
  codspeed history parse/small           all values of one benchmark, with its changes
  codspeed history -m memory --metric allocations
  codspeed history --csv > history.csv

Trend is one bar for each run (or several), lowest to highest. A change is a new level that lasts for at least 5 runs:
found from 20 runs on in the same environment, by E-divisive means of ranks. The more runs are looked at, the surer a
change has to be: of 1000 histories of independent noise, of whatever shape, about four show a change. 5 runs prove that
only if at least 21 are before them, and none of these overlaps.
Change is the size of the last one, Since the commit where it began.";
