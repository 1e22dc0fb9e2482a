//! `codspeed schema`: what editors need to know of the project file.

use super::outcome;
use crate::{
    error::{CliError, ExitKind},
    settings::project_file,
    ui,
};

/// Prints the schema.
pub(crate) fn run() -> Result<ExitKind, CliError> {
    let text = format!("{:#}", project_file::schema());
    ui::verdict(&text).map_err(|err| outcome::unwritten(&err))?;
    Ok(ExitKind::Ok)
}
