//! One module per subcommand: from its arguments to a plan, from the outcome to an exit code.

pub(crate) mod documents;
pub(crate) mod exec;
pub(crate) mod inspect;
mod outcome;
pub(crate) mod run;
pub(crate) mod setup;
pub(crate) mod status;

use std::path::PathBuf;

use crate::{
    env::Env,
    error::{CliError, ExitKind},
    ui::Ui,
};

/// What a command may use.
pub(crate) struct Context {
    /// The process environment.
    pub env: Env,
    /// The user.
    pub ui: Ui,
}

/// The current folder.
fn here() -> Result<PathBuf, CliError> {
    std::env::current_dir().map_err(|err| {
        CliError::new(ExitKind::Failed, format!("could not find out the current folder: {err}"))
    })
}
