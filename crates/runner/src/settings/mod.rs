//! Checked settings, independent of their origin.

pub(crate) mod combinations;
mod nearest;
pub(crate) mod options;
pub(crate) mod parameter;
mod plan;
pub(crate) mod project_file;
pub(crate) mod shell_session;
pub(crate) mod targets;
pub(crate) mod user_config;
mod yaml;

pub(crate) use plan::{RunPart, RunPlan, SettingsError, apart, check_stdout};
