//! Options that all commands which measure have in common.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use clap::{
    ArgAction, Args,
    builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};
use results::{EXPORTERS, PROFILE_EXPORTERS};
use runner_shared::mode::{MODES, Mode};

use super::{CompatArgs, MemoryArgs, PerfArgs, PlaceArgs, RememberArgs, SimulationArgs};
use crate::settings::options::{Export, MessageFormat, PythonAllocator, parse_pattern};

/// Options of every measuring command.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[expect(clippy::doc_markdown, reason = "the help has no backticks around variables")]
pub(crate) struct SharedArgs {
    /// What to measure: `walltime` (real time), `simulation` (instructions, counted by Valgrind) or `memory`
    /// (allocations, recorded by a tracer); comma-separated or repeated [env: CODSPEED_RUNNER_MODE] [default: as
    /// chosen by `codspeed use`, else `walltime`].
    #[arg(short, long, value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true)]
    pub mode: Vec<Mode>,

    /// Write everything that the run produces to this folder [default: a new one in the temp folder].
    #[arg(long, value_name = "FOLDER")]
    pub profile_folder: Option<PathBuf>,

    /// Keep the profile folder, also if it is in the temp folder: otherwise it is removed at the end of a run that went
    /// well, as the record of the run has what `codspeed inspect` and comparisons need.
    #[arg(long)]
    pub keep_profile: bool,

    /// Options of the record.
    #[command(flatten)]
    pub remember: RememberArgs,

    /// Run the benchmark in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub working_directory: Option<PathBuf>,

    /// As root: run the benchmark as this user, who also owns the files; a name or `UID:GID` [default: the user that
    /// called sudo, doas or pkexec, else root].
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,

    /// A variable to hide from the benchmark, such as a token passed on by the job; `*` matches any text
    /// (comma-separated or repeated) [also: `hide-env` in `codspeed.yml`].
    ///
    /// Its value is masked in all output. The secrets that CI systems put into every job are always hidden.
    #[arg(long, value_name = "NAME", value_parser = parse_pattern, value_delimiter = ',')]
    pub hide_env: Vec<String>,

    /// Files with the results, besides the table.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser(), help = export_help(), long_help = export_formats(true))]
    pub export: Vec<Export>,

    /// Options of the profile.
    #[command(flatten)]
    pub perf: PerfArgs,

    /// The place where the benchmark runs.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Succeed even if no benchmark was measured.
    #[arg(long)]
    pub allow_empty: bool,

    /// Fail if another run is in progress instead of waiting for it to finish.
    #[arg(long)]
    pub no_wait: bool,

    /// Show only results, warnings and errors.
    #[arg(short, long)]
    pub quiet: bool,

    /// Show more: decisions and their reasons. Same as `CODSPEED_LOG=debug`.
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Show the benchmark's full output, even on a terminal.
    #[arg(long)]
    pub show_full_output: bool,

    /// Format of standard output: `human` for reading, or `json`, one object per line, for another program.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    pub message_format: MessageFormat,

    /// What other versions have.
    #[command(flatten)]
    pub compat: CompatArgs,

    /// Allocator for small Python objects in simulation and memory mode: `malloc`, or Python's own arenas, where
    /// single objects can't be seen [default: malloc, unless PYTHONMALLOC is set].
    #[arg(long, value_name = "WHAT", value_enum, hide_possible_values = true)]
    pub python_allocator: Option<PythonAllocator>,

    /// What only simulation mode looks at.
    #[command(flatten)]
    pub simulation: SimulationArgs,
    /// What memory mode has besides.
    #[command(flatten)]
    pub memory: MemoryArgs,
}

/// Reads a mode; a slip is answered with the nearest one.
pub(super) fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    let names = MODES.iter().map(|(_, names)| PossibleValue::new(names.cli).aliases(names.aliases));
    PossibleValuesParser::new(names).try_map(|word| Mode::parse(&word))
}

/// The help of `--export`, in short.
pub(super) fn export_help() -> String {
    "Also write the results to a file, such as `json=PATH`; `-` is standard output, which then holds nothing else"
        .to_owned()
}

/// The help of `--export` with all formats, those of stacks if there are any.
pub(super) fn export_formats(has_stacks: bool) -> String {
    let line = |id: &str, about: &str| format!("\n  {id:<23}  {about}");
    let results = EXPORTERS.iter().map(|exporter| line(exporter.id, exporter.about));
    let stacks = PROFILE_EXPORTERS.iter().map(|exporter| line(exporter.id(), exporter.about()));
    let results: String = results.collect();
    let stacks: String = stacks.collect();
    let stacks =
        if has_stacks { format!("\n\nFormats of call stacks:{stacks}") } else { String::new() };
    format!("{} (repeatable).\n\nFormats:{results}{stacks}", export_help())
}

/// Reads an export. Its path may be any.
pub(super) fn export_parser() -> impl TypedValueParser<Value = Export> {
    OsStringValueParser::new().try_map(|word| {
        let profiles = PROFILE_EXPORTERS.iter().map(|exporter| exporter.id());
        let ids: Vec<&str> = EXPORTERS.iter().map(|exporter| exporter.id).chain(profiles).collect();
        parse_export(&word, &ids, "json=results.json")
    })
}

/// Reads an export in one of these formats; its path may be any.
pub(super) fn parse_export(word: &OsStr, ids: &[&str], example: &str) -> Result<Export, String> {
    let known = || ids.join(", ");
    let split = |at: usize| {
        let (format, path) = word.as_bytes().split_at_checked(at)?;
        Some((str::from_utf8(format).ok()?, OsStr::from_bytes(path.get(1..)?)))
    };
    let equals = word.as_bytes().iter().position(|byte| *byte == b'=');
    let Some((format, path)) = equals.and_then(split).filter(|(_, path)| !path.is_empty()) else {
        return Err(format!(
            "expected a format and a path such as `{example}`; the formats are {}",
            known()
        ));
    };
    if !ids.contains(&format) {
        return Err(format!("unknown format `{format}`; the formats are {}", known()));
    }
    Ok(Export { format: format.to_owned(), path: path.into() })
}
