//! One module per subcommand: from its arguments to a plan, from the outcome to an exit code.

pub(crate) mod ab;
pub(crate) mod auth;
mod basis;
pub(crate) mod bisect;
pub(crate) mod choose;
mod compare;
mod compared;
mod cut;
pub(crate) mod doctor;
pub(crate) mod documents;
mod errors;
pub(crate) mod exec;
pub(crate) mod inspect;
pub(crate) mod isolate;
mod measure;
pub(crate) mod old_names;
mod outcome;
mod preflight;
pub(crate) mod profile;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod setup;
mod sources;
pub(crate) mod status;
pub(crate) mod update;
pub(crate) mod upload;
mod user;

use std::{cell::OnceCell, path::PathBuf};

use runner_shared::env_names;
use system::signals::Signals;

use crate::{
    cli::{GlobalArgs, SharedArgs},
    env::Env,
    error::{CliError, ExitKind},
    settings::project_file::ProjectConfig,
    ui::Ui,
};

/// The context of a command.
pub(crate) struct Context {
    /// The process environment.
    pub env: Env,
    /// The user.
    pub ui: Ui,
    /// The signals that ask for an end.
    pub signals: Signals,
    /// Options of every command.
    pub global: GlobalArgs,
    /// The id of the run at the service, once results were uploaded.
    pub run_id: OnceCell<String>,
}

impl Context {
    /// Puts into the environment what is said by options and looked for there.
    pub(crate) fn new(env: Env, ui: Ui, signals: Signals, global: GlobalArgs) -> Self {
        let env = match &global.setup_cache_dir {
            Some(folder) => env.with(env_names::SETUP_CACHE_DIR, folder),
            None => env,
        };
        Self { env, ui, signals, global, run_id: OnceCell::new() }
    }

    /// Hides from the benchmark what the command line and the project file say, and masks it in all that is shown.
    fn hide_variables(&mut self, shared: &SharedArgs, project: Option<&ProjectConfig>) {
        let of_project = project.map(|project| project.options.hide_env.as_slice());
        for patterns in [&shared.hide_env, of_project.unwrap_or_default()] {
            self.env.hide(patterns);
        }
        self.ui.keep_secrets_of(&self.env);
    }

    /// Prints what the user asked for.
    fn print(&self, text: &str) -> Result<(), CliError> {
        self.ui.details(text).map_err(|err| outcome::unwritten(&err))
    }

    /// Prints more of it behind an empty line, if there is more.
    fn print_more(&self, text: &str) -> Result<(), CliError> {
        if text.is_empty() { Ok(()) } else { self.print(&format!("\n{text}")) }
    }
}

/// The current folder.
fn here() -> Result<PathBuf, CliError> {
    std::env::current_dir().map_err(|err| {
        CliError::new(ExitKind::Failed, format!("could not determine the current folder: {err}"))
    })
}
