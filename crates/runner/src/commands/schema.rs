//! `codspeed schema`: what editors need to know of the project file.

use super::Context;
use crate::{
    error::{CliError, ExitKind},
    settings::project_file,
};

/// Prints the schema.
pub(crate) fn run(context: &Context) -> Result<ExitKind, CliError> {
    let text = format!("{:#}", project_file::schema());
    context.print(&text)?;
    Ok(ExitKind::Ok)
}
