//! Options of `codspeed ab` and `codspeed bisect`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, value_parser};
use runner_shared::{duration, share::Share};

use super::{FailureLimit, GateAbArgs, InstrumentArgs, ReportFileArgs, SharedArgs};

/// Compare two states of a Git repository.
#[derive(Debug, Args)]
#[command(after_help = AB_EXAMPLES)]
pub(crate) struct AbArgs {
    /// The state to compare with: a commit, a branch or a tag.
    #[arg(long, value_name = "REVISION")]
    pub base: String,

    /// The state to compare [default: the working tree, with uncommitted changes].
    #[arg(long, value_name = "REVISION")]
    pub head: Option<String>,

    /// Exit with 6 if a benchmark certainly got slower (or needs more memory), by this share or more [default: that of
    /// `--threshold`].
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub fail_if_slower: Option<FailureLimit>,

    /// Options of the builds and of the comparison.
    #[command(flatten)]
    pub compare: CompareArgs,

    /// Options of all commands.
    #[command(flatten)]
    pub shared: SharedArgs,

    /// Records beside the measurement.
    #[command(flatten)]
    pub instruments: InstrumentArgs,

    /// The report.
    #[command(flatten)]
    pub report: ReportFileArgs,

    /// The limits of the project. Last, as all options behind them would be below their heading.
    #[command(flatten)]
    pub gate: GateAbArgs,
}

/// Options for building and comparing two states.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompareArgs {
    /// Shell command that builds a state; run in both, in the counterpart of the current folder (repeatable).
    #[arg(long, value_name = "COMMAND", required_unless_present = "no_build")]
    pub build: Vec<OsString>,

    /// Don't build anything.
    #[arg(long, conflicts_with = "build")]
    pub no_build: bool,

    /// Measure a command without an integration, like `codspeed exec` does (in walltime mode round by round).
    #[arg(long)]
    pub exec: bool,

    /// The smallest difference that matters [default: 3% of times, in simulation mode 2% of counts, in memory mode 5%
    /// of the peak and 1% of allocations].
    #[arg(long, value_name = "SHARE")]
    pub threshold: Option<Share>,

    /// Maximum number of pairs of runs (walltime); a verdict takes 8.
    #[arg(long, value_name = "COUNT", default_value_t = 24, value_parser = value_parser!(u64).range(8..=1000))]
    pub max_pairs: u64,

    /// Start no pair that would end after this time. Benchmarks undecided by then are inconclusive.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_nanos)]
    pub max_time: Option<u64>,

    /// Show how each verdict was reached, with all times or counts, so that it can be recomputed by hand (`bisect`:
    /// the last one).
    #[arg(long)]
    pub explain: bool,

    /// Keep the builds in this folder, to make the next comparison faster [default: a temporary folder].
    #[arg(long, value_name = "FOLDER")]
    pub build_dir: Option<PathBuf>,

    /// Seed for the order in which base and head are run, to repeat it [default: random].
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// The suite, after `--`; a single word is shell text. It is run in the counterpart of the current folder.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Find the commit that made a benchmark slower.
#[derive(Debug, Args)]
#[command(after_help = BISECT_EXAMPLES)]
pub(crate) struct BisectArgs {
    /// A revision that is fast.
    #[arg(long, value_name = "REVISION")]
    pub good: String,

    /// A later revision that is slow.
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    pub bad: String,

    /// The benchmark to look at, by name or identity; `*` and `?` are wildcards [default: the one that got slower
    /// most].
    #[arg(long, value_name = "GLOB")]
    pub benchmark: Option<String>,

    /// Options of the builds and of the comparisons.
    #[command(flatten)]
    pub compare: CompareArgs,

    /// Options of all commands.
    #[command(flatten)]
    pub shared: SharedArgs,
}

const AB_EXAMPLES: &str = "\
Examples:
  codspeed ab --base main --build 'cargo codspeed build' -- cargo codspeed run
                                      is the working tree slower than `main`?
  codspeed ab -m simulation --base main --head mine --no-build -- pytest --codspeed
                                      two branches, by instructions instead of time
  codspeed ab --base HEAD~1 --build 'python -m venv .venv && .venv/bin/pip install -e .' \\
      -- .venv/bin/pytest --codspeed  installs a package in each state
  codspeed ab --base v1.2 --build 'make tool' --exec -- ./tool in.txt
                                      a plain command instead of a suite
  codspeed ab --base main --fail-if-slower=5% --build-dir ~/.cache/ab --build make -- ./suite
                                      for scripts: exit code 6 if a benchmark got slower

Exit codes:
  0 compared   1 a build or a suite failed   2 usage   3 missing tool/permission   4 no benchmarks
  6 `--fail-if-slower`   130 interrupted: the verdicts of the pairs so far are shown";

const BISECT_EXAMPLES: &str = "\
Examples:
  codspeed bisect --good v1.2 --build 'cargo codspeed build' -- cargo codspeed run
  codspeed bisect -m simulation --good HEAD~16 --benchmark 'parse*' --no-build \\
      -- pytest --codspeed

Exit codes:
  0 commit found   1 nothing got slower, or only skipped commits are left
  2 usage   3 missing tool/permission   4 no benchmarks
  130 interrupted: the remaining commits are listed";
