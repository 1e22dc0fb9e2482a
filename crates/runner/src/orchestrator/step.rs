//! A program that is no benchmark, run before one: what it says is shown as that of a benchmark is.

use system::signals::Signals;

use super::{
    RunError,
    watch::{before, watch},
};
use crate::{
    event::RunEvent,
    process::{Ended, ToolCommand, kill_descendants},
    session::Served,
    ui::Ui,
};

/// Runs the program to its end, under this title. Its descendants end with it: what is run next is measured.
pub(crate) fn run_step(
    title: &str,
    command: ToolCommand,
    signals: &Signals,
    ui: &Ui,
) -> Result<Ended, RunError> {
    ui.event(&RunEvent::GroupStart { title: title.to_owned(), opened: false });
    ui.event(&RunEvent::Debug(format!("running: {}", command.shown())));
    let before = before();
    let outcome = command
        .spawn()
        .map_err(RunError::from)
        .and_then(|child| watch(child, &before, None, signals, ui));
    kill_descendants(&before);
    let failed = !outcome.as_ref().is_ok_and(super::went_well);
    ui.event(&RunEvent::GroupEnd { failed });
    let Served { ended, interrupted, .. } = outcome?;
    if interrupted { Err(RunError::Interrupted) } else { Ok(ended) }
}
