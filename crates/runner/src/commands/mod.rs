//! One module per subcommand: from its arguments to a plan, from the outcome to an exit code.

pub(crate) mod ab;
pub(crate) mod auth;
mod basis;
pub(crate) mod bisect;
mod both;
mod browser;
pub(crate) mod choose;
pub(crate) mod clean;
mod compare;
pub(crate) mod compare_runs;
mod compared;
mod cut;
pub(crate) mod doctor;
pub(crate) mod documents;
mod errors;
pub(crate) mod exec;
mod gate;
pub(crate) mod gate_runs;
pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod isolate;
mod kept;
mod leftovers;
mod measure;
mod notify;
pub(crate) mod old_names;
mod outcome;
mod preflight;
pub(crate) mod profile;
mod recorded;
mod remote;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod setup;
mod shares;
mod sides;
mod sources;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod update;
pub(crate) mod upload;
mod user;

use recorded::Recorded;
pub(crate) use remote::merge_shards;

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeSet,
    path::PathBuf,
};

use ::results::TableStyle;
use ::store::RecordId;
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
    /// The record of what was measured last, and the store that has it.
    pub recorded: RefCell<Option<Recorded>>,
    /// Stored runs of which was said that they can't be read.
    pub unreadable: RefCell<BTreeSet<RecordId>>,
}

impl Context {
    /// Puts into the environment what is said by options and looked for there.
    pub(crate) fn new(env: Env, ui: Ui, signals: Signals, global: GlobalArgs) -> Self {
        let env = match &global.setup_cache_dir {
            Some(folder) => env.with(env_names::SETUP_CACHE_DIR, folder),
            None => env,
        };
        let (run_id, recorded, unreadable) = Default::default();
        Self { env, ui, signals, global, run_id, recorded, unreadable }
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

    /// Prints a table that the user asked for, as it fits.
    fn print_table(&self, draw: impl FnOnce(&TableStyle) -> String) -> Result<(), CliError> {
        self.ui.table(draw).map_err(|err| outcome::unwritten(&err))
    }

    /// Prints JSON that the user asked for.
    fn print_json(&self, value: &serde_json::Value) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value);
        self.print(&text.map_err(|err| CliError::new(ExitKind::Bug, err))?)
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
