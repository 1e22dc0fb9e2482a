//! `codspeed inspect`: what a run has left, once more.

use std::{fs, io, path::Path};

use results::{Allocations, Reading, Report};

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
    let failed = |err| CliError::new(ExitKind::Failed, err);
    let Reading { mut report, broken } = results::read(&folder).map_err(failed)?;
    match &mut report {
        Report::Walltime(report) => walltime::read_profile(&folder, report),
        Report::Simulation(report) if exclude_allocations => {
            report.view.allocations = Allocations::Excluded;
        }
        Report::Simulation(_) | Report::Memory(_) => {}
    }
    for warning in report.warnings() {
        context.ui.event(&RunEvent::warning(warning));
    }
    outcome::tell_broken(&broken, context);
    outcome::show(&export, &report, context)?;
    if explain {
        context.print_more(&report.explained())?;
    }
    context.print_more(&results::details(&report, functions))?;
    let (environments, odd) = results::read_environments(&folder);
    for text in odd {
        context.ui.event(&RunEvent::warning(text));
    }
    context.print_more(&results::environment_details(&environments))?;
    if !broken.is_empty() {
        return Err(outcome::unread(broken.len(), &folder));
    }
    if report.benchmarks().is_empty() {
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
