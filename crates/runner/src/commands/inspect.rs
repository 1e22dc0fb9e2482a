//! `codspeed inspect`: what a run has left, once more.

use std::{collections::BTreeSet, path::Path};

use results::{
    Allocations, MemoryReading, ReadError, Reading, SimulationReading, hottest_functions,
    memory_details,
};

use super::{Context, outcome};
use crate::{
    cli::InspectArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::walltime,
    report::AnyReport,
    settings::SettingsError,
};

/// Reads the folder and shows what is in it.
pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    let InspectArgs { folder, functions, export, exclude_allocations } = args;
    if !folder.is_dir() {
        return Err(SettingsError::NoFolder { path: folder }.into());
    }
    let (report, broken) = read(&folder, exclude_allocations)?;
    for warning in report.warnings() {
        context.ui.event(&RunEvent::warning(warning));
    }
    outcome::show(&export, &report, context)?;
    match &report {
        AnyReport::Simulation(report) => show(&hottest_functions(report, functions), context)?,
        AnyReport::Memory(report) => show(&memory_details(report, functions), context)?,
        AnyReport::Walltime(_) => outcome::show_hottest(&report, functions, context)?,
    }
    if let Some(err) = broken.into_iter().next() {
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

fn show(details: &str, context: &Context) -> Result<(), CliError> {
    if details.is_empty() {
        return Ok(());
    }
    context.print(&format!("\n{details}"))
}

/// What is in the folder, by the files that the modes leave.
fn read(folder: &Path, exclude_allocations: bool) -> Result<(AnyReport, Vec<ReadError>), CliError> {
    let unreadable = |err| CliError::new(ExitKind::Failed, err);
    let all = BTreeSet::new();
    let MemoryReading { report, broken } =
        results::read_memory(folder, &all).map_err(unreadable)?;
    if !report.traces.is_empty() {
        return Ok((AnyReport::Memory(report), broken));
    }
    let SimulationReading { mut report, broken } =
        results::read_simulation(folder, &all).map_err(unreadable)?;
    if report.processes > 0 || !broken.is_empty() {
        if exclude_allocations {
            report.view.allocations = Allocations::Excluded;
        }
        return Ok((AnyReport::Simulation(report), broken));
    }
    let Reading { mut report, broken } = results::read(folder, &all).map_err(unreadable)?;
    walltime::read_profile(folder, &mut report);
    Ok((AnyReport::Walltime(report), broken))
}
