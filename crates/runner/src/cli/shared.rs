//! Options that all commands which measure have in common.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use clap::{
    ArgAction, Args, ValueEnum,
    builder::{OsStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
};
use results::{EXPORTERS, PROFILE_EXPORTERS};
use runner_shared::mode::{MODES, Mode};

use super::{CompatArgs, MemoryArgs, PerfArgs, PlaceArgs, SimulationArgs};

/// Options of every measuring command.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[expect(clippy::doc_markdown, reason = "the help has no backticks around variables")]
pub(crate) struct SharedArgs {
    /// What to measure: `walltime` (real time), `simulation` (instructions, counted by Valgrind) or `memory`
    /// (allocations, seen by a tracer); several with commas, or repeated [env: CODSPEED_RUNNER_MODE] [default: as
    /// chosen by `codspeed use`, else `walltime`].
    #[arg(short, long, value_parser = mode_parser(), value_delimiter = ',', hide_possible_values = true)]
    pub mode: Vec<Mode>,

    /// Keep everything that the run leaves in this folder [default: a fresh one in the temp folder].
    #[arg(long, value_name = "FOLDER")]
    pub profile_folder: Option<PathBuf>,

    /// Run the benchmark in this folder.
    #[arg(long, value_name = "FOLDER")]
    pub working_directory: Option<PathBuf>,

    /// As root: run the benchmark as this user, who gets the files as well; a name or `UID:GID` [default: who called
    /// sudo, doas or pkexec, else root].
    #[arg(long, value_name = "USER")]
    pub run_as: Option<String>,

    /// A variable that the benchmark shall not see, as a token that the job handed on; `*` is any text (with commas, or
    /// repeated) [also: `hide-env` in `codspeed.yml`].
    ///
    /// Its value is masked in all that is shown. The secrets that CI systems put into every job are hidden anyway.
    #[arg(long, value_name = "NAME", value_parser = parse_pattern, value_delimiter = ',')]
    pub hide_env: Vec<String>,

    /// Write the results to a file as well: `json=PATH`, `csv=PATH` or `markdown=PATH`; `-` is standard output.
    ///
    /// Also profiles: `folded=PATH`, `speedscope=PATH`, `firefox=PATH` or
    /// `pprof=PATH`.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = export_parser())]
    pub export: Vec<ExportArg>,

    /// Whether and how a profile is recorded.
    #[command(flatten)]
    pub perf: PerfArgs,

    /// Where the benchmark runs.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Succeed even if the run yields no benchmark.
    #[arg(long)]
    pub allow_empty: bool,

    /// Fail at once when another run is going on, rather than wait for its end.
    #[arg(long)]
    pub no_wait: bool,

    /// Show results, warnings and errors only.
    #[arg(short, long)]
    pub quiet: bool,

    /// Say more: decisions and why they were taken. The same as `CODSPEED_LOG=debug`.
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Show all that the benchmark says, also on a terminal, where else its last lines are shown.
    #[arg(long)]
    pub show_full_output: bool,

    /// What standard output is for: `human`, results for reading, or `json`, one object per line for another program.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    pub message_format: MessageFormat,

    /// What other versions have.
    #[command(flatten)]
    pub compat: CompatArgs,

    /// What Python allocates small objects with in simulation and memory mode: `malloc`, or arenas of its own, where
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

/// Who reads standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MessageFormat {
    /// People.
    #[default]
    Human,
    /// Another program.
    Json,
}

/// One export: format and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExportArg {
    /// Id of an exporter.
    pub format: String,
    /// A path, or `-` for standard output.
    pub path: PathBuf,
}

/// Reads a mode; a slip is answered with the nearest one.
pub(super) fn mode_parser() -> impl TypedValueParser<Value = Mode> {
    let names = MODES.iter().map(|(_, names)| PossibleValue::new(names.cli).aliases(names.aliases));
    PossibleValuesParser::new(names).try_map(|word| Mode::parse(&word))
}

/// Reads an export. Its path may be any.
pub(super) fn export_parser() -> impl TypedValueParser<Value = ExportArg> {
    OsStringValueParser::new().try_map(|word| parse_export(&word))
}

fn parse_export(word: &OsStr) -> Result<ExportArg, String> {
    let ids = || {
        let profiles = PROFILE_EXPORTERS.iter().map(|exporter| exporter.id());
        EXPORTERS.iter().map(|exporter| exporter.id()).chain(profiles)
    };
    let known = || ids().collect::<Vec<_>>().join(", ");
    let split = |at: usize| {
        let (format, path) = word.as_bytes().split_at_checked(at)?;
        Some((str::from_utf8(format).ok()?, OsStr::from_bytes(path.get(1..)?)))
    };
    let equals = word.as_bytes().iter().position(|byte| *byte == b'=');
    let Some((format, path)) = equals.and_then(split).filter(|(_, path)| !path.is_empty()) else {
        return Err(format!(
            "give a format and a path as in `json=results.json`; the formats are {}",
            known()
        ));
    };
    if !ids().any(|id| id == format) {
        return Err(format!("there is no format `{format}`; the formats are {}", known()));
    }
    Ok(ExportArg { format: format.to_owned(), path: path.into() })
}

/// Reads a pattern for the names of variables.
pub(crate) fn parse_pattern(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.contains('=') {
        return Err("give the name of a variable, or a part of it with `*`".to_owned());
    }
    Ok(text.trim().to_owned())
}

/// What Python allocates small objects with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PythonAllocator {
    /// `malloc`: each object is counted.
    Malloc,
    /// What it likes, which are arenas of its own.
    Own,
}
