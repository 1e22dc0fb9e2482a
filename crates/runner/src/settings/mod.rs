//! What shall be done: checked settings, free of where they came from.

mod plan;

pub(crate) use plan::{PlannedTarget, RunPart, RunPlan, SettingsError};
