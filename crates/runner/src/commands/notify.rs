//! Tells a command of the user of regressions: it gets the report on its standard input.

use std::io;

use runner_shared::text::one_line;

use super::{Context, here};
use crate::{
    cli::NotifyArgs,
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    process::feed,
    settings::options::ReportFormat,
};

/// Lines of its output that are shown.
const MOST_LINES: usize = 20;

/// Runs the command, if there is one. That it fails is a warning: the report is what counts.
pub(super) fn tell(
    args: &NotifyArgs,
    written: &dyn Fn(ReportFormat) -> io::Result<Vec<u8>>,
    context: &Context,
) -> Result<(), CliError> {
    let Some(command) = &args.on_regression else { return Ok(()) };
    let report = written(args.report_format).map_err(|err| {
        CliError::new(ExitKind::Bug, format!("could not write the report: {err}"))
    })?;
    match feed(command, &context.ui.masked(&report), &context.env, &here()?) {
        Ok(said) => {
            let lines = said.lines().filter(|line| !line.trim().is_empty()).take(MOST_LINES);
            for line in lines {
                let text = format!("`--on-regression`: {}", one_line(line));
                context.ui.event(&RunEvent::Step(text));
            }
        }
        Err(err) => {
            let why = chain(&err);
            let text = format!("the command of `--on-regression` did not take the report: {why}");
            context.ui.event(&RunEvent::warning(text));
        }
    }
    Ok(())
}
