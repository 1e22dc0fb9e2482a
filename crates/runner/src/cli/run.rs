//! Options of `codspeed run`.

use std::ffi::OsString;

use clap::Args;

use super::{InstrumentArgs, SharedArgs, UploadArgs};

/// Run a benchmark suite that has a CodSpeed integration.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RunArgs {
    /// What all commands have.
    #[command(flatten)]
    pub shared: SharedArgs,

    /// Whether, as whom and where results are uploaded.
    #[command(flatten)]
    pub upload: UploadArgs,

    /// What is recorded beside the measurement.
    #[command(flatten)]
    pub instruments: InstrumentArgs,

    /// Run only benchmarks of the project file with this id or name; `*` and `?` stand for any letters (repeatable).
    #[arg(long, value_name = "ID", conflicts_with = "command")]
    pub bench: Vec<String>,

    /// Only list the benchmarks of the project file.
    #[arg(long, conflicts_with = "command")]
    pub list: bool,

    /// The command, after `--`; a single word is shell text [default: the benchmarks of the project file].
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  codspeed run -m walltime -- pytest tests/ --codspeed
  codspeed run -m walltime -- cargo codspeed run
  codspeed run -m walltime                           what `codspeed.yml` lists
  codspeed run -m walltime --bench 'parse-*'         some of it; `--list` shows what there is
  codspeed run -m walltime --export json=out.json -- 'cd bench && npx vitest bench --run'

Times are those that `codspeed exec --help` explains. Undisturbed is known where the integration marks its
rounds and one thread does the work.

The command reads no terminal: its standard input is ours, or nothing when that is a terminal.";
