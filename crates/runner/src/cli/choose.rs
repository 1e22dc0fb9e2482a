//! Options of `codspeed use`.

use clap::Args;
use runner_shared::mode::Mode;

use super::shared::mode_parser;

/// Choose the modes of `run` and `exec` for this shell.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UseArgs {
    /// The mode, or several separated by commas or spaces: `walltime`, `simulation`, `memory`.
    #[arg(value_name = "MODE", value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true,
          required_unless_present = "clear", conflicts_with = "clear")]
    pub modes: Vec<Mode>,

    /// Clear the choice.
    #[arg(long)]
    pub clear: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed use walltime
  codspeed use simulation,memory
  codspeed use --clear

The choice applies to this shell and everything started from it.
`--mode` and CODSPEED_RUNNER_MODE override it; `codspeed show` shows it.";
