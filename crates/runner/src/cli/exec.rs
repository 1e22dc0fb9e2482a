//! Options of `codspeed exec`.

use std::ffi::OsString;

use clap::Args;
use runner_shared::harness;

use super::SharedArgs;

/// Benchmark any command.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExecArgs {
    /// What all commands have.
    #[command(flatten)]
    pub shared: SharedArgs,

    /// Name of the benchmark [default: the words of the command].
    #[arg(long, value_parser = harness::name())]
    pub name: Option<String>,

    /// Compare with this command: both are run in turns and the ratio is judged.
    #[arg(long, value_name = "COMMAND LINE")]
    pub vs: Option<OsString>,

    /// Put the time without preemption into the results instead of the wall time.
    #[arg(long)]
    pub robust: bool,

    /// How long and how often.
    #[command(flatten)]
    pub walltime: harness::WalltimeArgs,

    /// What happens around the rounds.
    #[command(flatten)]
    pub around: harness::RunArgs,

    /// The command to benchmark, after `--`.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  codspeed exec -- sha256sum big.iso
  codspeed exec -- 'sort words.txt | uniq -c'        a single word of shell text is run by sh
  codspeed exec --max-rounds 20 --warmup-time 0 -- ./program --flag
  codspeed exec --prepare 'rm -rf out' -- make
  codspeed exec --vs './old in.txt' -- ./new in.txt
  codspeed exec --export markdown=- -- ./program";
