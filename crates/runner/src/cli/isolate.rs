//! Options of `codspeed isolate`.

use clap::{Args, Subcommand};
use system::processors::{Processors, parse_list};

/// Reserve a quiet core for measurements (as root), or restore the settings.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct IsolateArgs {
    /// The verb.
    #[command(subcommand)]
    pub command: IsolateCommand,
}

/// The verbs of `codspeed isolate`.
#[derive(Debug, Subcommand)]
pub(crate) enum IsolateCommand {
    /// Change the settings and save the old ones.
    On(IsolateOnArgs),
    /// Restore all settings, the last change first.
    Off,
    /// Show which settings are changed, and which could be.
    Status,
}

/// Change the settings.
#[derive(Debug, Args)]
pub(crate) struct IsolateOnArgs {
    /// The processors to reserve, such as `3` or `2,3` [default: the last one].
    #[arg(long, value_name = "LIST", value_parser = parse_processors)]
    pub cpu: Option<Processors>,
}

fn parse_processors(text: &str) -> Result<Processors, String> {
    let list = parse_list(text).filter(|list| !list.is_empty());
    list.ok_or_else(|| "expected processor numbers such as `3`, `2,3` or `4-7`".to_owned())
}

const EXAMPLES: &str = "\
Settings: frequency governor `performance`, boost off, interrupts on other processors, the other processors of the \
    core off. Settings that a machine doesn't have or doesn't allow to change are listed.

The old value of each setting is written to a journal in /run before it is changed. `off` restores all of them; after a \
    crash the next start of any codspeed program as root does. Settings that somebody else changed in the meantime are \
    kept \
    is told.

Examples:
  sudo codspeed isolate on
  codspeed exec --pin=3 -- ./program             on the processor that `on` named
  sudo codspeed isolate off

Exit codes: 0 done, or nothing to do; 1 not root, no setting could be changed, or not all could be restored;
2 a processor that this process may not use.";
