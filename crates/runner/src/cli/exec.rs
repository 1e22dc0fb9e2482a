//! Options of `codspeed exec`.

use std::{ffi::OsString, str::FromStr};

use clap::Args;
use runner_shared::{
    harness,
    share::{Share, ShareError},
};

use super::{GateRunArgs, ReportFileArgs, SharedArgs, UploadArgs};
use crate::settings::parameter::Parameter;

/// Benchmark any command.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExecArgs {
    /// Options of all measuring commands.
    #[command(flatten)]
    pub shared: SharedArgs,

    /// Options of the upload.
    #[command(flatten)]
    pub upload: UploadArgs,

    /// Name of the benchmark [default: the words of the command].
    #[arg(long, value_parser = harness::name())]
    pub name: Option<String>,

    /// Compare with this command: both are run alternately until the difference is clear (repeatable).
    ///
    /// All commands are compared with the first one. Use `--base` to choose another by its name, its words, or its
    /// number.
    #[arg(long, value_name = "COMMAND LINE")]
    pub vs: Vec<OsString>,

    /// Run each command with each of these values in place of `{NAME}`, and compare all with the first. Repeat for all
    /// combinations.
    ///
    /// `{NAME}` may stand in the commands, in `--name`, and in `--setup`, `--prepare`, `--conclude`, `--cleanup`,
    /// `--input` and `--output`.
    #[arg(short = 'L', long, value_name = "NAME=A,B,C", value_parser = Parameter::list)]
    pub parameter_list: Vec<Parameter>,

    /// Like `-L`, with the numbers of a range, such as `1..8` or `0..1:0.25`, where 0.25 is the step.
    #[arg(long, num_args = 2, value_names = ["NAME", "RANGE"], allow_hyphen_values = true)]
    pub parameter_scan: Vec<String>,

    /// With several commands: the smallest difference that matters [default: 3%; in simulation mode 2% of counts, in
    /// memory mode 1% of allocated bytes and 5% of the peak].
    #[arg(long, value_name = "SHARE")]
    pub threshold: Option<Share>,

    /// With several commands: exit with 6 if one is certainly slower (in memory mode: needs more memory) than the
    /// base, by an estimated share of at least this [default: that of `--threshold`].
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub fail_if_slower: Option<FailureLimit>,

    /// With several commands: show how each verdict was reached, in enough detail to recompute it by hand.
    #[arg(long)]
    pub explain: bool,

    /// Write undisturbed times to the results instead of wall times.
    #[arg(long)]
    pub robust: bool,

    /// Options of the rounds.
    #[command(flatten)]
    pub walltime: harness::WalltimeArgs,

    /// Hooks around the rounds.
    #[command(flatten)]
    pub around: harness::RunArgs,

    /// The report.
    #[command(flatten)]
    pub report: ReportFileArgs,

    /// The command to benchmark, after `--`.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// The limits of the project. Last, as all options behind them would be below their heading.
    #[command(flatten)]
    pub gate: GateRunArgs,
}

/// The share by which a command may not be slower.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FailureLimit {
    /// That of `--threshold`.
    Threshold,
    /// As given.
    Share(Share),
}

impl FailureLimit {
    /// The share; `None` for whatever matters.
    pub(crate) const fn share(self) -> Option<Share> {
        match self {
            Self::Threshold => None,
            Self::Share(share) => Some(share),
        }
    }
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
  codspeed exec --vs ./a --vs ./b --base ./b -- ./c           each compared with ./b
  codspeed exec -L j=1,2,4 -- ./program -j{j}                 three values, compared with the first
  codspeed exec --parameter-scan j 1..8 -- make -j{j}         eight of them
  codspeed exec -m simulation --vs ./old -- ./new             compares instructions; -m memory: bytes
  codspeed exec --counters instructions,branch-misses,page-faults -- ./program
  codspeed exec --export markdown=- -- ./program
  codspeed exec --gate -- ./program                           judges by the limits of `codspeed.yml`

Times in the table:
  Median       wall time of a round, including interference by other programs
  Undisturbed  the same without the time in which other programs had the processor, by kernel timestamps
  Processor    processor time of all threads and children; the sum of User and System
On a noisy machine Undisturbed comes first, and a line below the table explains why.";
