//! Options of `codspeed import`.

use std::path::PathBuf;

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser},
};
use results::EXPORTERS;
use store::import::{IMPORTERS, Importer, importer};

use super::{
    RememberArgs,
    shared::{export_help, export_parser},
};
use crate::settings::options::Export;

/// Store the results of another tool, such as hyperfine or criterion, as a run.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// Files with results, criterion's folder, or `-` for standard input; each becomes a run of its own.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The format of the files [default: recognised by their content].
    #[arg(long, value_name = "FORMAT", value_parser = importer_parser(), hide_possible_values = true, help = format_help(false), long_help = format_help(true))]
    pub format: Option<&'static Importer>,

    /// The commit that was measured, by its full hash [default: that of the file, else the one that is checked out].
    #[arg(long, value_name = "HASH", value_parser = parse_commit)]
    pub commit: Option<String>,

    /// The branch of that commit [default: that of the file, else the one that is checked out].
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,

    /// Options of the records.
    #[command(flatten)]
    pub remember: RememberArgs,

    /// Files with the results in another format.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser(), help = export_help(), long_help = formats_of_numbers())]
    pub export: Vec<Export>,
}

const EXAMPLES: &str = "\
Examples:
  codspeed import results.json                     from hyperfine, pytest-benchmark, ...
  codspeed import target/criterion                 criterion's folder
  go test -bench . -count 10 | codspeed import -   standard input
  codspeed import --label machine=quiet --commit \"$(git rev-parse v1.2)\" old.json
                                                   results of another commit
  codspeed import --no-store --export bmf=out.json results.json
                                                   convert without storing";

/// The help of `--format`, with all formats if it is `full`.
fn format_help(full: bool) -> String {
    let short = "The format of the files [default: recognised by their content]";
    let line = |one: &Importer| format!("\n  {:<16}  {}", one.id, one.about);
    let lines: String = IMPORTERS.iter().map(line).collect();
    if full { format!("{short}.\n\nFormats:{lines}") } else { short.to_owned() }
}

/// The help of `--export` with the formats that need nothing but numbers.
fn formats_of_numbers() -> String {
    let formats = EXPORTERS.iter().filter(|exporter| exporter.takes_measured());
    let lines = formats.map(|one| format!("\n  {:<23}  {}", one.id, one.about));
    format!("{} (repeatable).\n\nFormats:{}", export_help(), lines.collect::<String>())
}

/// Reads a format; a slip is answered with the nearest one.
fn importer_parser() -> impl TypedValueParser<Value = &'static Importer> {
    let names = IMPORTERS.iter().map(|one| PossibleValue::new(one.id));
    PossibleValuesParser::new(names).try_map(|word| importer(&word).ok_or("unknown format"))
}

/// Reads a full hash.
fn parse_commit(text: &str) -> Result<String, String> {
    let is_hash = matches!(text.len(), 40 | 64) && text.bytes().all(|it| it.is_ascii_hexdigit());
    let expected = || "expected a full hash, as `git rev-parse REVISION` prints it".to_owned();
    is_hash.then(|| text.to_ascii_lowercase()).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_hashes_are_commits() {
        assert_eq!(parse_commit(&"A".repeat(40)), Ok("a".repeat(40)));
        for text in ["", "HEAD", "abc1234", &"g".repeat(40), &"a".repeat(41)] {
            assert!(parse_commit(text).is_err(), "{text}");
        }
    }
}
