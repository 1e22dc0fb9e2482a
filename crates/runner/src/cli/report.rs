//! Options of `codspeed report`, and of the commands that write a report of what they have done.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::settings::options::Export;

/// Make a report of a stored run: one HTML page.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(crate) struct ReportArgs {
    /// A single picture rather than a page.
    #[command(subcommand)]
    pub picture: Option<PictureCommand>,

    /// The run: an ID or its beginning, a name, `last~2`, a branch, a commit, a profile folder, or an exported file.
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,

    /// The run to compare with, in the same words.
    #[arg(long, value_name = "RUN")]
    pub base: Option<String>,

    /// Compare even if the environment differs in what matters, such as the processor or the C library.
    #[arg(long, requires = "base")]
    pub force: bool,

    /// The file to write; `-` is standard output.
    #[arg(short, long, value_name = "PATH", default_value = "report.html")]
    pub output: PathBuf,

    /// The most that the page may take: what has no room is left out, the last benchmarks of its table first, and the page
    /// says so.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "5MB")]
    pub max_size: usize,

    /// Open it in a browser.
    #[arg(long)]
    pub open: bool,
}

/// A single picture.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PictureCommand {
    /// Write the flame graph of a benchmark as an SVG file; with `--base` that of the difference.
    Flamegraph(PictureArgs),
    /// Write the live memory of a benchmark over the time as an SVG file (memory mode).
    Memory(PictureArgs),
}

/// Options of a picture.
#[derive(Debug, Clone, Args)]
pub(crate) struct PictureArgs {
    /// The run, in the words of `codspeed report`.
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,

    /// The benchmark, by its name or identity; `*` and `?` are wildcards. Needed if several have such a picture.
    #[arg(long, value_name = "GLOB")]
    pub benchmark: Option<String>,

    /// The run to compare with, in the same words.
    #[arg(long, value_name = "RUN")]
    pub base: Option<String>,

    /// The file to write; `-` is standard output [default: `flamegraph.svg` or `memory.svg`].
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// Open it in a browser.
    #[arg(long)]
    pub open: bool,
}

/// The report of a command that measures or judges.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ReportFileArgs {
    /// Also write a report: one HTML page with verdicts, charts and flame graphs, as `codspeed report` does.
    #[arg(help_heading = "Record", long, value_name = "PATH", conflicts_with = "no_store")]
    pub report: Option<PathBuf>,
}

impl ReportArgs {
    /// Returns true if the page or the picture goes to standard output.
    pub(super) fn wants_output(&self) -> bool {
        let output = match &self.picture {
            None => Some(&self.output),
            Some(PictureCommand::Flamegraph(args) | PictureCommand::Memory(args)) => {
                args.output.as_ref()
            }
        };
        output.is_some_and(|path| path == Path::new("-"))
    }
}

impl ReportFileArgs {
    /// Returns the file as exports have it.
    pub(crate) fn file(&self) -> Option<Export> {
        let path = self.report.clone()?;
        Some(Export { format: "report".to_owned(), path })
    }
}

/// Reads a size such as `5MB` or `800KB`: of a page that somebody can open.
fn parse_size(text: &str) -> Result<usize, String> {
    const UNITS: &[(&str, usize)] = &[("KB", 1_000), ("MB", 1_000_000), ("B", 1)];
    const SPAN: std::ops::RangeInclusive<usize> = 100_000..=100_000_000;
    let upper = text.trim().to_ascii_uppercase();
    let unit = UNITS.iter().find_map(|(unit, size)| Some((upper.strip_suffix(unit)?, *size)));
    let (number, size) = unit.ok_or("expected a size such as `5MB` or `800KB`")?;
    let number: Option<usize> = number.trim().parse().ok();
    let number =
        number.filter(|number| *number > 0).ok_or("expected a whole number with `KB` or `MB`")?;
    let bytes = number.checked_mul(size).filter(|bytes| SPAN.contains(bytes));
    bytes.ok_or_else(|| "a page has between 100KB and 100MB".to_owned())
}

const EXAMPLES: &str = "\
Examples:
  codspeed report --open                      the last run
  codspeed report --base main                 what changed since the newest run of `main`, and where
  codspeed report --base before after -o change.html
                                              two runs by their names
  codspeed report profile.out -o out.html     a profile folder
  codspeed report flamegraph --benchmark 'parse*' -o parse.svg
  codspeed exec --report report.html -- ./program
                                              a report of what was just measured

The page is one file: it loads nothing, opens offline, and its tables and charts need no script. It has the
verdicts, each benchmark with its rounds, memory over time, flame graphs (of the difference with --base:
red is more, blue is less, grey may be noise), its history, and the environment.
A run that is named `flamegraph` or `memory` is found by its ID.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_a_page() {
        assert_eq!(parse_size("5MB"), Ok(5_000_000));
        assert_eq!(parse_size(" 800 kb"), Ok(800_000));
        for odd in ["", "5", "MB", "-1MB", "1GB", "1KB", "101MB", "99999999999999999999MB", "1.5MB"]
        {
            assert!(parse_size(odd).is_err(), "{odd}");
        }
    }
}
