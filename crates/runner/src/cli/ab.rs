//! Options of `codspeed ab` and `codspeed bisect`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, value_parser};
use runner_shared::{duration, share::Share};

use super::{FailureLimit, InstrumentArgs, SharedArgs};

/// Compare two states of a Git repository.
#[derive(Debug, Args)]
#[command(after_help = AB_EXAMPLES)]
pub(crate) struct AbArgs {
    /// The state to compare with: a commit, a branch or a tag.
    #[arg(long, value_name = "REVISION")]
    pub base: String,

    /// The state that is compared with it [default: the working tree as it is, with what is not committed].
    #[arg(long, value_name = "REVISION")]
    pub head: Option<String>,

    /// Exit with 6 if a benchmark got slower (or needs more memory) for certain, and by this share or more [default: that
    /// of `--threshold`].
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
}

/// Options for building and comparing two states.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompareArgs {
    /// Shell text that builds a state; run in both, in the folder that stands for the current one (repeatable).
    #[arg(long, value_name = "COMMAND", required_unless_present = "no_build")]
    pub build: Vec<OsString>,

    /// There is nothing to build.
    #[arg(long, conflicts_with = "build")]
    pub no_build: bool,

    /// The command has no integration: measure it as `codspeed exec` does, in walltime mode round by round.
    #[arg(long)]
    pub exec: bool,

    /// The smallest difference that matters [default: 3% of times, 2% of counts in simulation, in memory mode 5% of the
    /// peak and 1% of allocations].
    #[arg(long, value_name = "SHARE")]
    pub threshold: Option<Share>,

    /// Most pairs of runs (walltime); a verdict takes 8.
    #[arg(long, value_name = "COUNT", default_value_t = 24, value_parser = value_parser!(u64).range(8..=1000))]
    pub max_pairs: u64,

    /// Begin no pair that would end after this time. What is not decided by then is inconclusive.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_nanos)]
    pub max_time: Option<u64>,

    /// Show how each verdict was reached, with all times or counts, so that it can be computed once more by hand (`bisect`:
    /// the last one).
    #[arg(long)]
    pub explain: bool,

    /// Keep what is built in this folder, so that the next time is faster [default: a temporary folder].
    #[arg(long, value_name = "FOLDER")]
    pub build_dir: Option<PathBuf>,

    /// Seed of the order in which base and head are run, to repeat it [default: random].
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// The suite, after `--`; a single word is shell text. It is run in the folder that stands for the current one.
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Find the commit that made a benchmark slower.
#[derive(Debug, Args)]
#[command(after_help = BISECT_EXAMPLES)]
pub(crate) struct BisectArgs {
    /// A revision that is fast enough.
    #[arg(long, value_name = "REVISION")]
    pub good: String,

    /// A later revision that is not.
    #[arg(long, value_name = "REVISION", default_value = "HEAD")]
    pub bad: String,

    /// The benchmark that is looked at, by name or identity; `*` and `?` stand for any letters [default: whichever got
    /// slower most].
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
                                      is what I have here slower than `main`?
  codspeed ab -m simulation --base main --head mine --no-build -- pytest --codspeed
                                      two branches, counted instead of timed
  codspeed ab --base HEAD~1 --build 'python -m venv .venv && .venv/bin/pip install -e .' \\
      -- .venv/bin/pytest --codspeed  a package has to be installed in each state
  codspeed ab --base v1.2 --build 'make tool' --exec -- ./tool in.txt
                                      a plain command instead of a suite
  codspeed ab --base main --fail-if-slower=5% --build-dir ~/.cache/ab --build make -- ./suite
                                      for scripts: exit code 6 if something got slower

Exit codes:
  0 compared   1 a build or a suite failed   2 usage   3 missing tool/right   4 no benchmarks
  6 `--fail-if-slower`   130 interrupted: what is known from the pairs so far is shown";

const BISECT_EXAMPLES: &str = "\
Examples:
  codspeed bisect --good v1.2 --build 'cargo codspeed build' -- cargo codspeed run
  codspeed bisect -m simulation --good HEAD~16 --benchmark 'parse*' --no-build \\
      -- pytest --codspeed

Exit codes:
  0 the commit is named   1 nothing got slower, or it can't be told from commits that were skipped
  2 usage   3 missing tool/right   4 no benchmarks
  130 interrupted: the commits that are left are named";
