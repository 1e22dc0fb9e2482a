//! `codspeed inspect`: what a run has left, once more.

use std::{collections::BTreeSet, fs, io, path::Path};

use results::{
    Allocations, MemoryReading, ReadError, Reading, SimulationReading, hottest_functions,
    memory_details,
};

use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::ProfileDir,
    text::shown,
};

use super::{Context, cut, here, outcome, preflight};
use crate::{
    cli::InspectArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::walltime,
    report::AnyReport,
    settings::{SettingsError, apart},
    upload::Manifest,
};

/// Reads the folder and shows what is in it, and in the folders of its parts.
pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    if !args.folder.is_dir() {
        return Err(SettingsError::NoFolder { path: args.folder }.into());
    }
    preflight::check_exports(&args.export, context, &here()?)?;
    let parts = parts(&args.folder).map_err(|err| {
        let why = explain(&err, Attempt::Read);
        let what = format!("could not list `{}`: {why}", shown(&args.folder));
        CliError::new(ExitKind::Failed, what)
    })?;
    if parts.is_empty() {
        return inspect(args, context);
    }
    let noun = if parts.len() == 1 { "part" } else { "parts" };
    context.print(&format!("{} {noun}: {}", parts.len(), parts.join(", ")))?;
    let mut ended = ExitKind::Ok;
    for name in parts {
        context.print(&format!("\n{name}\n"))?;
        let folder = args.folder.join(&name);
        let part = InspectArgs { folder, export: apart(&args.export, &name), ..args.clone() };
        // What is wrong with one part keeps no other one from being shown.
        let kind = inspect(part, context).unwrap_or_else(|err| {
            context.ui.error(&err);
            err.kind
        });
        if ended == ExitKind::Ok {
            ended = kind;
        }
    }
    Ok(ended)
}

/// Returns the folders of the parts of a run, in their order.
pub(super) fn parts(folder: &Path) -> io::Result<Vec<String>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if let Some(position) =
            ProfileDir::part_number(&name).filter(|_| entry.file_type().is_ok_and(|of| of.is_dir()))
        {
            parts.push((position, name));
        }
    }
    parts.sort();
    Ok(parts.into_iter().map(|(_, name)| name).collect())
}

/// Shows what is in one folder.
fn inspect(args: InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    let InspectArgs { folder, functions, export, explain, exclude_allocations } = args;
    let folder = ProfileDir::new(folder);
    tell_how_far(&folder, context);
    let (report, broken) = read(&folder, exclude_allocations)?;
    for warning in report.warnings() {
        context.ui.event(&RunEvent::warning(warning));
    }
    outcome::tell_broken(&broken, context);
    outcome::show(&export, &report, context)?;
    if explain {
        outcome::explain(&report, context)?;
    }
    match &report {
        AnyReport::Simulation(report) => show(&hottest_functions(report, functions), context)?,
        AnyReport::Memory(report) => show(&memory_details(report, functions), context)?,
        AnyReport::Walltime(_) => outcome::show_hottest(&report, functions, context)?,
    }
    let (environments, odd) = results::read_environments(&folder);
    for text in odd {
        context.ui.event(&RunEvent::warning(text));
    }
    show(&results::environment_details(&environments), context)?;
    if !broken.is_empty() {
        return Err(outcome::unread(broken.len(), &folder));
    }
    if report.benchmarks() == 0 {
        let err = format!("`{}` contains no results", shown(&folder));
        return Err(CliError::new(ExitKind::Empty, err).hint(
            "a run names its profile folder in its last line; use `--profile-folder` to choose it",
        ));
    }
    Ok(ExitKind::Ok)
}

/// Says if the run has not come to its end. Folders of other versions and programs say nothing about that.
fn tell_how_far(folder: &ProfileDir, context: &Context) {
    let Ok(Some(manifest)) = Manifest::load(folder) else { return };
    let (reached, trouble) = cut::complete(folder, &manifest);
    for text in reached.said(&manifest).into_iter().chain(trouble) {
        context.ui.event(&RunEvent::warning(text));
    }
}

fn show(details: &str, context: &Context) -> Result<(), CliError> {
    if details.is_empty() {
        return Ok(());
    }
    context.print(&format!("\n{details}"))
}

/// Returns what is in the folder, by the files that the modes leave.
fn read(
    folder: &ProfileDir,
    exclude_allocations: bool,
) -> Result<(AnyReport, Vec<ReadError>), CliError> {
    let unreadable = |err| CliError::new(ExitKind::Failed, err);
    let all = BTreeSet::new();
    let MemoryReading { report, broken } =
        results::read_memory(folder, &all).map_err(unreadable)?;
    if !report.traces.is_empty() {
        return Ok((AnyReport::Memory(report), broken));
    }
    let SimulationReading { mut report, broken } =
        results::read_simulation(folder, &all).map_err(unreadable)?;
    // A warning is about a file with a name that only this mode gives.
    if report.processes > 0 || !broken.is_empty() || !report.warnings.is_empty() {
        if exclude_allocations {
            report.view.allocations = Allocations::Excluded;
        }
        return Ok((AnyReport::Simulation(report), broken));
    }
    let Reading { mut report, broken } = results::read(folder, &all).map_err(unreadable)?;
    walltime::read_profile(folder, &mut report);
    Ok((AnyReport::Walltime(report), broken))
}
