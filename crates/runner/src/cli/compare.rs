//! Options of `codspeed compare`.

use clap::Args;
use runner_shared::share::Share;

use super::{
    FailureLimit, NotifyArgs,
    shared::{export_formats, export_help, export_parser},
};
use crate::settings::options::Export;

/// Compare two stored runs, benchmark by benchmark.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct CompareRunsArgs {
    /// The run to compare with: an ID or its beginning, a name, `KEY=VALUE` of a label, `last~2`, a branch, a commit, a
    /// profile folder, or an exported file [default: the newest earlier run that has finished half of the benchmarks of
    /// HEAD, else the one with most of them; one of the same environment first, and of these one that came to its end].
    #[arg(value_name = "BASE")]
    pub base: Option<String>,

    /// The run to compare, in the same words [default: the last run of this project].
    #[arg(value_name = "HEAD")]
    pub head: Option<String>,

    /// Show only benchmarks whose name or identity fits; `*` and `?` are wildcards (repeatable). All are compared, so that
    /// verdicts stay the same; `--fail-if-slower`, `--on-regression` and exit code 4 go by those that are shown.
    #[arg(long, value_name = "GLOB")]
    pub benchmark: Vec<String>,

    /// The smallest difference that matters [default: 3% of times, in simulation mode 2% of counts, in memory mode 5%
    /// of the peak and 1% of allocations].
    #[arg(long, value_name = "SHARE")]
    pub threshold: Option<Share>,

    /// Exit with 6 if a benchmark certainly got slower (or needs more memory), by this share or more [default: that of
    /// `--threshold`].
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub fail_if_slower: Option<FailureLimit>,

    /// Compare even if the environment differs in what matters, such as the processor or the C library.
    #[arg(long)]
    pub force: bool,

    /// Show all benchmarks. Unchanged ones of long suites are only counted otherwise.
    #[arg(long)]
    pub all: bool,

    /// Show how each verdict was reached, in enough detail to recompute it by hand.
    #[arg(long)]
    pub explain: bool,

    /// Print the comparison as JSON, and nothing else.
    #[arg(long, conflicts_with = "explain")]
    pub json: bool,

    /// The command that hears of regressions.
    #[command(flatten)]
    pub notify: NotifyArgs,

    /// Files to write.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser(), help = export_help(), long_help = export_formats(false))]
    pub export: Vec<Export>,
}

const EXAMPLES: &str = "\
Examples:
  codspeed compare                    the last run with the newest earlier one that shares benchmarks
  codspeed compare main               the last run with the newest run of `main`
  codspeed compare last~3 last        the last run with the one three before it
  codspeed compare v1.2 4f1d9c        a tag, and the beginning of an ID
  codspeed compare --fail-if-slower=5% main
                                      for scripts: exit code 6 if a benchmark got slower
  codspeed compare --benchmark 'parse*' --explain main
                                      how was the verdict reached?
  codspeed compare old.json new.json  exported runs, of other machines as well
  codspeed compare --json main | jq '.benchmarks[] | {name, verdict}'

Verdicts:
  regressed, improved  certain, even though both sides were measured at different times
  suspect              a difference that may be noise of the machine: a line below the table has the command
                       that would decide it by measuring both sides in turns (`codspeed ab`, `codspeed exec --vs`)
  inconclusive         the runs are too noisy to say anything
  incomparable         another processor, C library, tool or setting: never a regression; see `--force`

Exit codes:
  0 compared   1 a run can't be read   2 usage   4 no benchmark to compare   6 `--fail-if-slower`";
