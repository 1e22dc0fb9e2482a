//! `codspeed inspect`: what a run has left in a folder or in the store, once more.

use std::{fs, io, os::unix::ffi::OsStrExt, path::Path};

use results::{Allocations, FrameView, Listing, Measured, Reading, Report, Stacks};

use runner_shared::{
    fault::{Attempt, explain},
    profile_dir::ProfileDir,
    text::{as_text, shown},
};
use store::{RecordedBenchmark, Selector, gate::Pattern, listing};

use super::{Context, clean, cut, here, kept, outcome, preflight};
use crate::{
    cli::{DetailArgs, InspectArgs},
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
        let details = Details::of(&args.details, context);
        return inspect(args, &details, context);
    }
    let noun = if parts.len() == 1 { "part" } else { "parts" };
    context.print(&format!("{} {noun}: {}", parts.len(), parts.join(", ")))?;
    let mut ended = ExitKind::Ok;
    for name in parts {
        context.print(&format!("\n{name}\n"))?;
        let run = args.run.join(&name);
        let part = InspectArgs { run, export: apart(&args.export, &name), ..args.clone() };
        let details = Details { must_fit: false, ..Details::of(&args.details, context) };
        // What is wrong with one part keeps no other one from being shown.
        let kind = inspect(part, &details, context).unwrap_or_else(|err| {
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
fn inspect(args: InspectArgs, details: &Details, context: &Context) -> Result<ExitKind, CliError> {
    let InspectArgs { run, export, explain, exclude_allocations, .. } = args;
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
    let is_empty = report.benchmarks().is_empty();
    if !is_empty {
        details.show(report, context)?;
    }
    let (environments, odd) = results::read_environments(&folder);
    for text in odd {
        context.ui.event(&RunEvent::warning(text));
    }
    context.print_more(&results::environment_details(&environments))?;
    if !broken.is_empty() {
        return Err(outcome::unread(broken.len(), &folder));
    }
    if is_empty {
        let err = format!("`{}` contains no results", shown(&folder));
        return Err(CliError::new(ExitKind::Empty, err).hint(
            "use `--profile-folder` or `--keep-profile` to keep the profile folder of a run, which it names then",
        ));
    }
    Ok(ExitKind::Ok)
}

/// Shows a stored run, with the functions that its stacks name.
fn stored(args: &InspectArgs, context: &Context) -> Result<ExitKind, CliError> {
    let details = Details::of(&args.details, context);
    let InspectArgs { run, export, explain, exclude_allocations, .. } = args;
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
    let stacks_of = |benchmark: &RecordedBenchmark| -> Option<(Stacks, bool)> {
        let stacks = benchmark.stacks.as_ref()?.to_results(&benchmark.name);
        Some((stacks, details.is_wanted(&benchmark.name, &benchmark.uri)))
    };
    let (stacks, wanted): (Vec<Stacks>, Vec<bool>) =
        record.benchmarks.iter().filter_map(stacks_of).unzip();
    if let Some(export) = export.iter().find(|export| stacks.is_empty() && wants_stacks(export)) {
        let path = shown(&export.path);
        let what = format!("could not write the export `{path}`: the run has no stacks");
        return Err(CliError::new(ExitKind::Failed, what));
    }
    context.print_table(|style| listing::sheet(entry.id, &record, style))?;
    if details.is_tree && stacks.is_empty() {
        return Err(no_tree("the run has no stacks"));
    }
    details.check(record.benchmarks.iter().map(|of| (of.name.as_str(), of.uri.as_str())))?;
    let mut wanted = wanted.into_iter();
    let shown: Vec<&Stacks> = stacks.iter().filter(|_| wanted.next().unwrap_or(false)).collect();
    details.show_stacks(&shown, context)?;
    let measured = record.measured();
    export.iter().try_for_each(|export| export_stored(export, &measured, &stacks, context))?;
    Ok(ExitKind::Ok)
}

/// The functions and calls that the user asked for.
struct Details {
    listing: Listing,
    is_tree: bool,
    /// Benchmarks of which they are shown; empty for all.
    patterns: Vec<Pattern>,
    /// It is an error if none is such a one.
    must_fit: bool,
}

impl Details {
    fn of(args: &DetailArgs, context: &Context) -> Self {
        let view = if args.all_frames { FrameView::All } else { FrameView::Readable };
        let listing = Listing { most: args.functions, view, width: context.ui.width() };
        let patterns = args.benchmark.iter().map(|text| Pattern::from(text.as_str())).collect();
        Self { listing, is_tree: args.tree, patterns, must_fit: true }
    }

    fn is_wanted(&self, name: &str, uri: &str) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|one| one.is_about(name, uri))
    }

    /// Shows those of a report.
    fn show(&self, mut report: Report, context: &Context) -> Result<(), CliError> {
        if self.is_tree {
            report.stacks().map_err(no_tree)?;
        }
        self.check(report.benchmarks().into_iter().map(|of| (of.name(), of.uri())))?;
        report.keep(|name, uri| self.is_wanted(name, uri));
        if self.is_tree {
            return self.show_stacks(&report.stacks().unwrap_or_default(), context);
        }
        context.print_more(&results::details(&report, self.listing))
    }

    /// Checks that at least one of these benchmarks is wanted.
    fn check<'b>(&self, mut all: impl Iterator<Item = (&'b str, &'b str)>) -> Result<(), CliError> {
        if self.patterns.is_empty()
            || !self.must_fit
            || all.any(|(name, uri)| self.is_wanted(name, uri))
        {
            return Ok(());
        }
        let what = "none of the benchmarks fits `--benchmark`";
        let hint = "`--benchmark` takes a name or an identity, with `*` and `?` as wildcards";
        Err(CliError::new(ExitKind::Empty, what).hint(hint))
    }

    /// Shows those of stacks alone.
    fn show_stacks(&self, stacks: &[&Stacks], context: &Context) -> Result<(), CliError> {
        let shown = if self.is_tree { results::call_tree } else { results::hottest_functions };
        stacks.iter().try_for_each(|one| context.print_more(&shown(one, self.listing)))
    }
}

/// There are no stacks, for this reason.
fn no_tree(why: &str) -> CliError {
    let what = format!("there are no trees of calls: {why}");
    CliError::new(ExitKind::Failed, what).hint(
        "calls are recorded in walltime mode if perf may, in simulation mode, and in memory mode with `--stacks`",
    )
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
