//! Options of `codspeed use`.

use clap::Args;
use runner_shared::mode::Mode;

use super::shared::mode_parser;

/// Choose what `run` and `exec` measure.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UseArgs {
    /// The mode, or several with commas or blanks: `walltime`, `simulation`, `memory`.
    #[arg(value_name = "MODE", value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true,
          required_unless_present = "clear", conflicts_with = "clear")]
    pub modes: Vec<Mode>,

    /// Forget what was chosen.
    #[arg(long)]
    pub clear: bool,
}

const EXAMPLES: &str = "\
Examples:
  codspeed use walltime
  codspeed use simulation,memory
  codspeed use --clear

The choice holds for this shell and everything that is started from it.
`--mode` and CODSPEED_RUNNER_MODE win over it; `codspeed show` shows it.";
