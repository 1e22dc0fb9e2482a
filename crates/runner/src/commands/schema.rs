//! `codspeed schema`: what editors need to know of the project file, and other programs of records.

use store::Record;

use super::Context;
use crate::{
    cli::{SchemaArgs, SchemaOf},
    error::{CliError, ExitKind},
    settings::project_file,
};

/// Prints the schema.
pub(crate) fn run(args: SchemaArgs, context: &Context) -> Result<ExitKind, CliError> {
    let text = match args.of {
        SchemaOf::Project => format!("{:#}", project_file::schema()),
        SchemaOf::Record => format!("{:#}", Record::schema().to_value()),
    };
    context.print(&text)?;
    Ok(ExitKind::Ok)
}
