//! Options of `codspeed schema`.

use clap::{Args, ValueEnum};

/// Print a JSON schema.
#[derive(Debug, Clone, Copy, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SchemaArgs {
    /// The subject: `project` (the file `codspeed.yml`, for editors) or `record` (a stored run).
    #[arg(value_name = "WHAT", value_enum, default_value_t, hide_possible_values = true)]
    pub of: SchemaOf,
}

/// A format that has a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaOf {
    /// The project file.
    #[default]
    Project,
    /// The record of a run.
    Record,
}

const EXAMPLES: &str = "\
Examples:
  codspeed schema > codspeed.schema.json         for the editor
  codspeed schema record > record.schema.json    for programs that read records";
