//! The report of a gate: shown, written to files, and given to a command of the user.

use runner_shared::text::shown;
use store::gate::{GateReport, annotations, format, markdown};

use super::Context;
use crate::{
    cli::NotifyArgs,
    commands::{notify, outcome::unwritten},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::options::{Export, ReportFormat},
    ui,
};

/// Shows the report to people, and what failed to the CI system.
pub(super) fn show(report: &GateReport, context: &Context) -> Result<(), CliError> {
    context.ui.gated(report).map_err(|err| unwritten(&err))?;
    for found in annotations(report) {
        let store::gate::Annotation { failed, title, text } = found;
        context.ui.event(&RunEvent::Finding { failed, title, text });
    }
    Ok(())
}

/// Writes a file.
pub(super) fn export(
    report: &GateReport,
    export: &Export,
    context: &Context,
) -> Result<(), CliError> {
    let failed = |err: &std::io::Error| {
        let what = format!("could not write the export `{}`: {err}", shown(&export.path));
        CliError::new(ExitKind::Failed, what)
    };
    let Some(format) = format(&export.format) else {
        // The command line takes only formats that there are.
        return Err(CliError::new(ExitKind::Bug, format!("no format `{}`", export.format)));
    };
    let bytes = format.write(report).map_err(|err| failed(&err))?;
    ui::export_bytes(&bytes, export, &context.ui).map_err(|err| failed(&err))
}

/// Gives the report to the command of the user.
pub(super) fn notify(
    args: &NotifyArgs,
    report: &GateReport,
    context: &Context,
) -> Result<(), CliError> {
    let written = |format| match format {
        ReportFormat::Json => Ok(serde_json::to_vec(report)?),
        ReportFormat::Markdown => Ok(markdown(report).into_bytes()),
    };
    notify::tell(args, &written, context)
}

/// Says that it is measured again.
pub(in crate::commands) fn again(context: &Context) {
    context.ui.event(&RunEvent::Step("the gate failed: measuring again".to_owned()));
}
