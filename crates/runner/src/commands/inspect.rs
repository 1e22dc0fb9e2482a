//! `codspeed inspect`: what a run has left in a folder or in the store, once more.

use std::{fs, io, os::unix::ffi::OsStrExt, path::Path};

use results::{Allocations, Measured, Reading, Report, Stacks};

use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::ProfileDir,
    text::{as_text, shown},
};
use store::{Selector, listing};

use super::{Context, clean, cut, here, kept, outcome, preflight};
use crate::{
    cli::InspectArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    mode::walltime,
    settings::{SettingsError, apart, check_stdout, options::Export},
    ui,
    upload::Manifest,
};

/// Reads the folder and shows what is in it, and in the folders of its parts.
pub(crate) fn run(args: InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    preflight::check_exports(&args.export, context, &here()?)?;
    if !is_folder(&args.run) {
        return stored(&args, context);
    }
    let parts = parts(&args.run).map_err(|err| {
        let why = explain(&err, Attempt::Read);
        let what = format!("could not list `{}`: {why}", shown(&args.run));
        CliError::new(ExitKind::Failed, what)
    })?;
    check_stdout(&args.export, parts.len() > 1)?;
    if parts.is_empty() {
        return inspect(args, context);
    }
    let noun = if parts.len() == 1 { "part" } else { "parts" };
    context.print(&format!("{} {noun}: {}", parts.len(), parts.join(", ")))?;
    let mut ended = ExitKind::Ok;
    for name in parts {
        context.print(&format!("\n{name}\n"))?;
        let run = args.run.join(&name);
        let part = InspectArgs { run, export: apart(&args.export, &name), ..args.clone() };
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

/// Returns whether a word means a folder: by its slash, or as a run has left it. Any other one may have the name of a
/// stored run, such as that of a branch.
fn is_folder(run: &Path) -> bool {
    let is_path = run.as_os_str().as_bytes().contains(&b'/') || run.file_name().is_none();
    run.is_dir()
        && (is_path
            || clean::holds_profile(run) == Some(true)
            || parts(run).is_ok_and(|parts| !parts.is_empty()))
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
    let InspectArgs { run, functions, export, explain, exclude_allocations } = args;
    let folder = ProfileDir::new(run);
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
            "use `--profile-folder` or `--keep-profile` to keep the profile folder of a run, which it names then",
        ));
    }
    Ok(ExitKind::Ok)
}

/// Shows a stored run, with the functions that its stacks name.
fn stored(args: &InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    let InspectArgs { run, functions, export, explain, exclude_allocations } = args;
    let word = as_text(run);
    let Selector::Stored(_) = Selector::parse(&word) else {
        return Err(SettingsError::NoFolder { path: run.clone() }.into());
    };
    let refused = |option: &str, why: &str| {
        let what = format!("`{option}` is not for stored runs: {why}");
        CliError::new(ExitKind::Usage, what).hint("give a profile folder (`--keep-profile`)")
    };
    if *explain {
        return Err(refused("--explain", "a record has the verdicts, not each step to them"));
    }
    if *exclude_allocations {
        let why = "a record has the counts as they were shown, not those of single functions";
        return Err(refused("--exclude-allocations", why));
    }
    export.iter().try_for_each(check_format)?;
    let kept = kept::open(context)?;
    let entry = kept.select(&word, context).map_err(|err| {
        if run.is_dir() {
            let folder = shown(run);
            err.hint(format!("use `codspeed inspect ./{folder}` if you mean the folder"))
        } else {
            err
        }
    })?;
    let record = kept.store.get(entry.id)?;
    let stacks: Vec<Stacks> = record
        .benchmarks
        .iter()
        .filter_map(|benchmark| Some(benchmark.stacks.as_ref()?.to_results(&benchmark.name)))
        .collect();
    if let Some(export) = export.iter().find(|export| stacks.is_empty() && wants_stacks(export)) {
        let path = shown(&export.path);
        let what = format!("could not write the export `{path}`: the run has no stacks");
        return Err(CliError::new(ExitKind::Failed, what));
    }
    context.print_table(|style| listing::sheet(entry.id, &record, style))?;
    for one in &stacks {
        context.print_more(&results::hottest_functions(one, *functions))?;
    }
    let measured = record.measured();
    export.iter().try_for_each(|export| export_stored(export, &measured, &stacks, context))?;
    Ok(ExitKind::Ok)
}

/// Returns whether an export is made of stacks rather than numbers.
fn wants_stacks(export: &Export) -> bool {
    results::profile_exporter(&export.format).is_some()
}

/// Refuses a format that needs more than a record has.
fn check_format(export: &Export) -> Result<(), CliError> {
    let takes = |exporter: &results::Exporter| exporter.takes_measured();
    if wants_stacks(export) || results::exporter(&export.format).is_some_and(takes) {
        return Ok(());
    }
    let of_numbers = results::EXPORTERS.iter().filter(|it| takes(it)).map(|it| it.id);
    let of_stacks = results::PROFILE_EXPORTERS.iter().map(|it| it.id());
    let formats: Vec<_> = of_numbers.chain(of_stacks).collect();
    let what = format!("a stored run can't be exported as `{}`", export.format);
    Err(CliError::new(ExitKind::Usage, what)
        .hint(format!("the formats of stored runs are {}", formats.join(", ")))
        .hint("use `codspeed store export` for all that is stored, or give a profile folder"))
}

/// Writes the numbers or the stacks of a stored run.
fn export_stored(
    export: &Export,
    measured: &[Measured],
    stacks: &[Stacks],
    context: &Context,
) -> Result<(), CliError> {
    let path = shown(&export.path);
    let written = if wants_stacks(export) {
        ui::export_stacks(&stacks.iter().collect::<Vec<_>>(), export)
    } else {
        ui::export_measured(measured, export, &context.ui)
    };
    written.map_err(|err| {
        let what = format!("could not write the export `{path}`: {err}");
        CliError::new(ExitKind::Failed, what)
    })?;
    context.ui.event(&RunEvent::Debug(format!("wrote `{path}`")));
    Ok(())
}

/// Says if the run has not come to its end. Folders of other versions and programs say nothing about that.
fn tell_how_far(folder: &ProfileDir, context: &Context) {
    let Ok(Some(manifest)) = Manifest::load(folder) else { return };
    let (reached, trouble) = cut::complete(folder, &manifest);
    for text in reached.said(&manifest).into_iter().chain(trouble) {
        context.ui.event(&RunEvent::warning(text));
    }
}
