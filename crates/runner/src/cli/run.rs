//! Options of `codspeed run`.

use std::ffi::OsString;

use clap::Args;

use super::{GateRunArgs, InstrumentArgs, ReportFileArgs, SharedArgs, UploadArgs};

/// Run a benchmark suite that has a CodSpeed integration.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// Options of all measuring commands.
    #[command(flatten)]
    pub shared: SharedArgs,

    /// Options of the upload.
    #[command(flatten)]
    pub upload: UploadArgs,

    /// Additional data to record.
    #[command(flatten)]
    pub instruments: InstrumentArgs,

    /// Run only benchmarks of the project file with this id or name; `*` and `?` are wildcards (repeatable).
    #[arg(long, value_name = "ID", conflicts_with = "command")]
    pub bench: Vec<String>,

    /// List the benchmarks of the project file and exit.
    #[arg(long, conflicts_with = "command")]
    pub list: bool,

    /// The report.
    #[command(flatten)]
    pub report: ReportFileArgs,

    /// The command, after `--`; a single word is shell text [default: the benchmarks of the project file].
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// The limits of the project. Last, as all options behind them would be below their heading.
    #[command(flatten)]
    pub gate: GateRunArgs,
}

const EXAMPLES: &str = "\
Examples:
  codspeed run -m walltime -- pytest tests/ --codspeed
  codspeed run -m walltime -- cargo codspeed run
  codspeed run -m walltime                           what `codspeed.yml` lists
  codspeed run -m walltime --bench 'parse-*'         some of it; `--list` shows what there is
  codspeed run -m walltime --export json=out.json -- 'cd bench && npx vitest bench --run'

See `codspeed exec --help` for the times. Undisturbed is available where the integration marks its
rounds and one thread does the work.

The command can't read from a terminal: it inherits standard input, or gets none if that is a terminal.";
