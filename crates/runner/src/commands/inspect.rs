//! `codspeed inspect`: what a run has left, once more.

use std::collections::BTreeSet;

use results::{Allocations, Reading, SimulationReading, hottest_functions};

use super::{Context, outcome};
use crate::{
    cli::InspectArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::walltime,
    report::AnyReport,
    settings::SettingsError,
    ui,
};

/// Reads the folder and shows what is in it.
pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    let InspectArgs { folder, functions, export, exclude_allocations } = args;
    if !folder.is_dir() {
        return Err(SettingsError::NoFolder { path: folder }.into());
    }
    let unreadable = |err| CliError::new(ExitKind::Failed, err);
    let all = BTreeSet::new();
    let SimulationReading { mut report, mut broken } =
        results::read_simulation(&folder, &all).map_err(unreadable)?;
    let report = if report.processes > 0 || !broken.is_empty() {
        if exclude_allocations {
            report.view.allocations = Allocations::Excluded;
        }
        AnyReport::Simulation(report)
    } else {
        let Reading { mut report, broken: times } =
            results::read(&folder, &all).map_err(unreadable)?;
        broken = times;
        walltime::read_profile(&folder, &mut report);
        AnyReport::Walltime(report)
    };
    for warning in report.warnings() {
        context.ui.event(&RunEvent::Warning(warning.clone()));
    }
    outcome::show(&export, &report, context)?;
    if let AnyReport::Simulation(report) = &report
        && !report.benchmarks.is_empty()
    {
        let text = format!("\n{}", hottest_functions(report, functions));
        ui::verdict(&text).map_err(|err| outcome::unwritten(&err))?;
    }
    outcome::show_hottest(&report, functions, usize::MAX)?;
    if let Some(err) = broken.into_iter().find(|err| !outcome::is_empty(err)) {
        return Err(CliError::new(ExitKind::Failed, err));
    }
    if report.benchmarks() == 0 {
        let err = format!("`{}` holds no results", folder.display());
        return Err(CliError::new(ExitKind::Empty, err).hint(
            "the folder of a run is named in its last line, or chosen by `--profile-folder`",
        ));
    }
    Ok(ExitKind::Ok)
}
