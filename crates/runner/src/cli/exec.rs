//! Options of `codspeed exec`.

use std::{ffi::OsString, str::FromStr};

use clap::Args;
use runner_shared::{
    harness,
    share::{Share, ShareError},
};

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

    /// Compare with this command: both are run in turns, round by round, until it is clear which one is faster. May be
    /// repeated; the first one is what the others are compared with.
    #[arg(long, value_name = "COMMAND LINE")]
    pub vs: Vec<OsString>,

    /// With `--vs`: the smallest difference that matters [default: 3%].
    #[arg(long, value_name = "SHARE", requires = "vs")]
    pub threshold: Option<Share>,

    /// With `--vs`: exit with 6 if the command is slower for certain, and this share or more as estimated [default: that
    /// of `--threshold`].
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, requires = "vs", default_missing_value = "")]
    pub fail_if_slower: Option<FailureLimit>,

    /// Put the undisturbed time into the results instead of the wall time.
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

/// The share by which a command may not be slower.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FailureLimit {
    /// That of `--threshold`.
    Threshold,
    /// As given.
    Share(Share),
}

impl FromStr for FailureLimit {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        if text.is_empty() { Ok(Self::Threshold) } else { text.parse().map(Self::Share) }
    }
}

const EXAMPLES: &str = "\
Examples:
  codspeed exec -- sha256sum big.iso
  codspeed exec -- 'sort words.txt | uniq -c'        a single word of shell text is run by sh
  codspeed exec --max-rounds 20 --warmup-time 0 -- ./program --flag
  codspeed exec --prepare 'rm -rf out' -- make
  codspeed exec --vs './old in.txt' -- ./new in.txt
  codspeed exec --vs ./old --fail-if-slower=5% -- ./new       for scripts: exit code 6 if it is
  codspeed exec --counters instructions,branch-misses,page-faults -- ./program
  codspeed exec --export markdown=- -- ./program

Times in the table:
  Median       wall time of a round, with all that other programs did meanwhile
  Undisturbed  the same by the kernel's stamps, without the time in which others had the processor
  Processor    time on processors, of all threads and children; User and System are its parts
On a noisy machine Undisturbed comes first, and a line below the table says why.";
