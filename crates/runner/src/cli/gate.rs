//! Options of `codspeed gate`, and those of other commands that judge by it.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{
    Args,
    builder::{OsStringValueParser, TypedValueParser},
};
use store::gate::FORMATS;

use super::shared::parse_export;
use crate::settings::options::{Export, ReportFormat};

/// Judge a stored run by the limits of `codspeed.yml`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct GateArgs {
    /// The run to judge: an ID, a name, a label `key=value`, a branch or commit, `last~1`, or a file of
    /// `codspeed store export`.
    #[arg(value_name = "RUN", default_value = "last", conflicts_with = "untrusted")]
    pub head: String,

    /// The run to compare with, in the same words [default: that of `codspeed.yml`, else the newest comparable run of the
    /// base branch, else the run before].
    #[arg(long, value_name = "RUN")]
    pub base: Option<String>,

    /// Judge the record in this file, which a stranger may have made: it is checked, and nothing in it is run.
    #[arg(long, value_name = "FILE")]
    pub untrusted: Option<PathBuf>,

    /// Measure again if something fails, with the command after `--`: a check fails only if it does so both times.
    #[arg(long, requires = "command", conflicts_with = "untrusted")]
    pub confirm: bool,

    /// The consequences of a failure.
    #[command(flatten)]
    pub outcome: GateOutcomeArgs,

    /// Also write the report to a file (repeatable): `json=PATH`, `markdown=PATH`, `junit=PATH`, `gitlab-metrics=PATH`,
    /// `gitlab-codequality=PATH` or `badge=PATH`; `-` is standard output.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = gate_export_parser())]
    pub export: Vec<Export>,

    /// Also write a report: one HTML page with verdicts, charts and flame graphs, as `codspeed report` does.
    #[arg(long, value_name = "PATH")]
    pub report: Option<PathBuf>,

    /// The command that measures again.
    #[arg(last = true, value_name = "COMMAND", requires = "confirm")]
    pub command: Vec<OsString>,
}

/// The consequences of a failed gate.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GateOutcomeArgs {
    /// Also fail on what is not certain: inconclusive, suspect and incomparable benchmarks.
    #[arg(long)]
    pub strict: bool,

    /// Exit with 0 even if the gate fails.
    #[arg(long)]
    pub warn_only: bool,

    /// The command that hears of it.
    #[command(flatten)]
    pub notify: NotifyArgs,
}

/// A command that is told of regressions.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct NotifyArgs {
    /// Shell command to run if something got worse; it gets the report on standard input and has a minute.
    #[arg(long, value_name = "COMMAND")]
    pub on_regression: Option<OsString>,

    /// Format of that report: `json` or `markdown`.
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        requires = "on_regression"
    )]
    pub report_format: ReportFormat,
}

/// The gate of a command that measures.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct GateRunArgs {
    /// Judge the results by the limits in `codspeed.yml`, compared with this stored run [default: as `codspeed gate`
    /// chooses it]; exit code 6 if one is exceeded.
    #[arg(long, value_name = "RUN", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with_all = ["no_store", "skip_run"])]
    pub gate: Option<String>,

    /// Run everything again if the gate fails: a check fails only if it does so both times.
    #[arg(long, requires = "gate")]
    pub confirm: bool,

    /// Also write the gate's report to a file, as with `codspeed gate --export`.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = gate_export_parser(), requires = "gate")]
    pub gate_export: Vec<Export>,

    /// The consequences of a failure.
    #[command(flatten)]
    pub outcome: GateOutcomeArgs,
}

/// The gate of `codspeed ab`, which has its base, and looks twice at what fails.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Gate")]
pub(crate) struct GateAbArgs {
    /// Judge the results by the limits in `codspeed.yml`; exit code 6 if one is exceeded.
    #[arg(long)]
    pub gate: bool,

    /// Also write the gate's report to a file, as with `codspeed gate --export`.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = gate_export_parser(), requires = "gate")]
    pub gate_export: Vec<Export>,

    /// The consequences of a failure.
    #[command(flatten)]
    pub outcome: GateOutcomeArgs,
}

/// Reads an export of a report.
fn gate_export_parser() -> impl TypedValueParser<Value = Export> {
    OsStringValueParser::new().try_map(|word| parse(&word))
}

fn parse(word: &OsStr) -> Result<Export, String> {
    let ids: Vec<&str> = FORMATS.iter().map(|format| format.id).collect();
    parse_export(word, &ids, "markdown=gate.md")
}

const EXAMPLES: &str = "\
Examples:
  codspeed gate                              the last run against the base branch
  codspeed gate --base main --strict         what is not certain fails, too
  codspeed gate --export markdown=gate.md --export junit=gate.xml
  codspeed gate --confirm -- cargo codspeed run
                                             measure again before it fails
  codspeed gate --untrusted run.tar --base base.tar --export markdown=comment.md
                                             in a trusted job, for the run of a fork
  codspeed gate --on-regression 'curl -sd @- https://example.org/hook'

Limits in `codspeed.yml`; without any, each certain regression fails:
  gate:
    limits:
      - max-regression: 5%
      - benchmarks: 'parse/*'
        peak: 100 MB
        allocations: 0
    waivers:
      - benchmarks: 'json/*'
        reason: 'new parser, see #12'
        until: 2026-12-31

At GitHub the report is added to the page of the job, and what failed is shown beside the changes.

Exit codes:
  0 passed, or `--warn-only`   1 a file or a command failed   2 usage, or no such run   6 failed";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_formats_of_the_gate() {
        let parsed = |word: &str| parse(OsStr::new(word)).map(|it| (it.format, it.path));
        assert_eq!(parsed("junit=a=b"), Ok(("junit".to_owned(), "a=b".into())));
        assert!(parsed("csv=x").unwrap_err().starts_with("unknown format `csv`"));
        assert!(parsed("markdown").unwrap_err().contains("such as `markdown=gate.md`"));
        assert!(parsed("json=").is_err());
    }

    #[test]
    fn the_help_lists_all_formats() {
        let help = <GateArgs as Args>::augment_args(clap::Command::new("gate"));
        let export = help.get_arguments().find(|arg| arg.get_id() == "export").unwrap();
        let text = export.get_help().unwrap().to_string();
        for format in FORMATS {
            assert!(text.contains(&format!("`{}=PATH`", format.id)), "{}", format.id);
        }
    }
}
