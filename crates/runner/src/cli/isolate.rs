//! Options of `codspeed isolate`.

use clap::{Args, Subcommand};
use system::processors::{Processors, parse_list};

/// Make a core of this machine calm for measurements, as root.
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
    /// Change the settings, and keep what they were.
    On(IsolateOnArgs),
    /// Bring back all settings, the last change first.
    Off,
    /// Show what is changed, and what could be.
    Status,
}

/// Change the settings.
#[derive(Debug, Args)]
pub(crate) struct IsolateOnArgs {
    /// The processors that shall be calm, as in `3` or `2,3` [default: the last one].
    #[arg(long, value_name = "LIST", value_parser = parse_processors)]
    pub cpu: Option<Processors>,
}

fn parse_processors(text: &str) -> Result<Processors, String> {
    let list = parse_list(text).filter(|list| !list.is_empty());
    list.ok_or_else(|| "give numbers of processors as in `3`, `2,3` or `4-7`".to_owned())
}

const EXAMPLES: &str = "\
Settings: frequency governor `performance`, boost off, interrupts on other processors, the other processors of the \
    core off. What a machine has not, or does not let us write, is told one by one.

The old value of each setting is written to a journal in /run before it is changed. `off` brings all back; after a \
    crash the next start of any program of codspeed as root does. What somebody else has changed meanwhile stays, and \
    is told.

Examples:
  sudo codspeed isolate on
  codspeed exec --pin=3 -- ./program             on the processor that `on` has named
  sudo codspeed isolate off

Exit codes: 0 done, or nothing to do; 1 without root, if none of the changes could be made, or not all be brought back;
2 for a processor that this process may not use.";
