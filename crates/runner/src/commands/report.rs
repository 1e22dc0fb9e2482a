//! `codspeed report`: a page or a picture of a stored run, and the page of what was just measured.

use std::path::Path;

use report::{Page, Report};
use runner_shared::{
    profile_dir::{LOG, ProfileDir},
    text::{as_text, bytes, one_line, shown},
};
use store::{
    Filter, Record, RecordedBenchmark,
    compare::{Comparison, Run, Settings, compare},
    gate::{GateReport, Pattern},
    history::{History, Origins, Series, of_kept},
};
use system::files::{self, Links};

use super::{
    Context, Recorded, browser, here, kept, preflight,
    shares::Loaded,
    sides::{Sides, is_folder_of_profile, runs, single},
};
use crate::{
    cli::{PictureArgs, PictureCommand, ReportArgs, ReportFileArgs},
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::options::Export,
    ui,
};

/// Earlier runs in the history of a benchmark.
const MOST_RUNS: usize = 300;
/// More of a log is not read.
const MOST_LOG_BYTES: u64 = 8 << 20;

/// Makes a page or a picture.
pub(crate) fn run(args: &ReportArgs, context: &Context) -> Result<ExitKind, CliError> {
    match &args.picture {
        Some(PictureCommand::Flamegraph(args)) => picture(args, &FLAME_GRAPH, context),
        Some(PictureCommand::Memory(args)) => picture(args, &MEMORY, context),
        None => page(args, context),
    }
}

fn page(args: &ReportArgs, context: &Context) -> Result<ExitKind, CliError> {
    let file = Export { format: "report".to_owned(), path: args.output.clone() };
    preflight::check_exports(std::slice::from_ref(&file), context, &here()?)?;
    let log = log_of(&args.run);
    let Some(base) = &args.base else {
        let head = single(&args.run, context)?;
        let what = Content { base: None, gate: None, log, most_bytes: args.max_size };
        what.write(&head, &file, context)?;
        return opened(args.open, &file, context);
    };
    let sides = Sides::find(Some(base), Some(&args.run), context)?;
    let (bases, heads) = (runs(&sides.base), runs(&sides.head));
    let settings =
        Settings { force: args.force, floors: Some(&sides.floors), ..Settings::default() };
    let found = compare(&bases, &heads, &settings);
    let (base, head) = sides.base.last().zip(sides.head.last()).ok_or_else(nothing)?;
    let what = Content { base: Some((base, &found)), gate: None, log, most_bytes: args.max_size };
    what.write(head, &file, context)?;
    opened(args.open, &file, context)
}

fn nothing() -> CliError {
    CliError::new(ExitKind::Usage, "there is no run to report on")
        .hint("run `codspeed store list` to see the stored runs")
}

/// Opens what was written in a browser, if that is wanted.
fn opened(wanted: bool, file: &Export, context: &Context) -> Result<ExitKind, CliError> {
    if wanted && file.path != Path::new("-") {
        browser::open(&as_text(&here()?.join(&file.path)), context);
    }
    Ok(ExitKind::Ok)
}

/// What a page has beside its run.
#[derive(Default)]
pub(super) struct Content<'a> {
    /// The run that it is compared with.
    pub base: Option<(&'a Loaded, &'a Comparison)>,
    pub gate: Option<&'a GateReport>,
    pub log: Option<String>,
    pub most_bytes: usize,
}

impl Content<'_> {
    /// Makes the page of a run, and says where it is.
    pub(super) fn write(
        &self,
        head: &Loaded,
        file: &Export,
        context: &Context,
    ) -> Result<(), CliError> {
        let (origins, series) = past(head, context)?;
        let history = History::of_all(series, &origins);
        let run = |(id, record): &'_ Loaded| (*id, record.clone());
        let ((id, head), base) = (run(head), self.base.map(|(base, _)| run(base)));
        let base = base
            .as_ref()
            .zip(self.base)
            .map(|((id, record), (_, found))| (Run { id: *id, record }, found));
        let report = Report {
            head: Run { id, record: &head },
            base,
            gate: self.gate,
            history: &history,
            log: self.log.as_deref(),
            most_bytes: self.most_bytes,
        };
        let Page { html, left_out } = report::page(&report);
        written(html.as_bytes(), file, context)?;
        for sentence in left_out {
            context.ui.event(&RunEvent::Step(format!("left out of the report: {sentence}")));
        }
        Ok(())
    }
}

fn written(text: &[u8], file: &Export, context: &Context) -> Result<(), CliError> {
    let path = shown(&file.path);
    ui::export_bytes(text, file, &context.ui).map_err(|err| {
        CliError::new(ExitKind::Failed, format!("could not write the report `{path}`: {err}"))
    })?;
    if file.path != Path::new("-") {
        let size = bytes(u64::try_from(text.len()).unwrap_or(u64::MAX));
        context.ui.event(&RunEvent::Step(format!("report written to `{path}` ({size})")));
    }
    Ok(())
}

/// Returns the file for the page of what is about to be measured, if one is wanted. It is checked before hours are spent.
pub(super) fn wanted(args: &ReportFileArgs, context: &Context) -> Result<Option<Export>, CliError> {
    let Some(file) = args.file() else { return Ok(None) };
    refuse_stdout(Some(&file))?;
    preflight::check_exports(std::slice::from_ref(&file), context, &here()?)?;
    kept::check_writable(context)?;
    Ok(Some(file))
}

/// Refuses a page on standard output of commands that show something there.
pub(super) fn refuse_stdout(file: Option<&Export>) -> Result<(), CliError> {
    if file.is_none_or(|file| file.path != Path::new("-")) {
        return Ok(());
    }
    let what = "`--report` needs a file, as standard output shows the results";
    Err(CliError::new(ExitKind::Usage, what))
}

/// The outcome of a command whose report could, or could not be written: what the command itself says counts more.
pub(super) fn and_written(
    ended: Result<ExitKind, CliError>,
    written: Result<(), CliError>,
    context: &Context,
) -> Result<ExitKind, CliError> {
    match (ended, written) {
        (ended, Ok(())) => ended,
        (Ok(ExitKind::Ok), Err(err)) => Err(err),
        (ended, Err(err)) => {
            context.ui.error(&err);
            ended
        }
    }
}

/// Writes the page of the run that was just recorded, if one is wanted.
pub(super) fn of_recorded(file: Option<&Export>, context: &Context) -> Result<(), CliError> {
    let Some(file) = file else { return Ok(()) };
    let recorded = context.recorded.borrow();
    let Some(Recorded { id, kept, .. }) = &*recorded else {
        let what = "there is no report, as no record of the run was stored";
        return Err(CliError::new(ExitKind::Failed, what));
    };
    let head = (*id, kept.store.get(*id)?);
    Content { most_bytes: Report::USUAL_BYTES, ..Content::default() }.write(&head, file, context)
}

/// The values of the benchmarks of a run in runs before it, where there is a store.
fn past((_, record): &Loaded, context: &Context) -> Result<(Origins, Vec<Series>), CliError> {
    let none = || (Origins::default(), Vec::new());
    let kept = match kept::open_quietly(context) {
        Ok(kept) => kept,
        Err(err) if kept::is_none(&err) || kept::is_nowhere(&err) => return Ok(none()),
        Err(err) => return Err(err),
    };
    if record.project.is_empty() {
        return Ok(none());
    }
    let filter = Filter {
        until_ms: Some(record.time_ms),
        newest: Some(MOST_RUNS),
        whole: true,
        ..Filter::of_project(&record.project)
    };
    let is_wanted = |key: &store::BenchmarkKey| {
        let is_it = |of: &RecordedBenchmark| of.uri == key.uri && of.occurrence == key.occurrence;
        record.benchmarks.iter().any(is_it)
    };
    let found = kept.store.series(&filter, None, &is_wanted)?;
    let (origins, mut series) = of_kept(found);
    series.retain(|one| one.points.len() > 1);
    Ok((origins, series))
}

/// The log of a profile folder, if the run is one that has a log.
fn log_of(word: &str) -> Option<String> {
    let folder = is_folder_of_profile(word)?;
    let path = ProfileDir::new(folder).file(&LOG);
    let read = files::read(&path, Links::Refuse, MOST_LOG_BYTES).ok()?;
    Some(String::from_utf8_lossy(&read).into_owned())
}

/// A kind of picture.
struct Picture {
    /// Its name in messages.
    name: &'static str,
    /// The usual name of the file.
    file: &'static str,
    /// Draws it; `None` if the record has nothing to draw.
    draw: fn(&RecordedBenchmark, Option<&RecordedBenchmark>) -> Option<String>,
    /// Said if no benchmark of the run has it.
    hint: &'static str,
}

const FLAME_GRAPH: Picture = Picture {
    name: "flame graph",
    file: "flamegraph.svg",
    draw: |head, base| report::picture(head, base).ok(),
    hint: "simulation mode always records call stacks, walltime mode needs perf, memory mode `--stacks`",
};

const MEMORY: Picture = Picture {
    name: "timeline of memory",
    file: "memory.svg",
    draw: report::memory_picture,
    hint: "`-m memory` records one",
};

fn picture(args: &PictureArgs, kind: &Picture, context: &Context) -> Result<ExitKind, CliError> {
    let path = args.output.clone().unwrap_or_else(|| kind.file.into());
    let file = Export { format: "svg".to_owned(), path };
    preflight::check_exports(std::slice::from_ref(&file), context, &here()?)?;
    let (_, head) = single(&args.run, context)?;
    let base = args.base.as_deref().map(|base| single(base, context)).transpose()?;
    let base = base.as_ref().map(|(_, record)| record);
    let pattern = args.benchmark.as_deref().map(Pattern::from);
    let is_wanted = |of: &&RecordedBenchmark| {
        pattern.as_ref().is_none_or(|pattern| pattern.is_about(&of.name, &of.uri))
    };
    let drawn = head.benchmarks.iter().filter(is_wanted).filter_map(|of| {
        let other = base.and_then(|base| counterpart(of, &head, base));
        Some((of, (kind.draw)(of, other)?))
    });
    let drawn: Vec<(&RecordedBenchmark, String)> = drawn.collect();
    match &*drawn {
        [(_, svg)] => written(svg.as_bytes(), &file, context)?,
        [] => {
            let what = format!("no benchmark of the run that fits has a {}", kind.name);
            return Err(CliError::new(ExitKind::Empty, what).hint(kind.hint));
        }
        several => return Err(ambiguous(several, kind)),
    }
    opened(args.open, &file, context)
}

fn ambiguous(several: &[(&RecordedBenchmark, String)], kind: &Picture) -> CliError {
    const MOST: usize = 8;
    let names = several.iter().map(|(of, _)| format!("`{}`", one_line(&of.name)));
    let mut names: Vec<String> = names.take(MOST).collect();
    if several.len() > MOST {
        names.push("...".to_owned());
    }
    let what = format!("{} benchmarks have a {}: {}", several.len(), kind.name, names.join(", "));
    CliError::new(ExitKind::Usage, what).hint("name one with `--benchmark`")
}

/// The same benchmark in another run.
fn counterpart<'a>(
    of: &RecordedBenchmark,
    head: &Record,
    base: &'a Record,
) -> Option<&'a RecordedBenchmark> {
    let mode = head.mode_of(of);
    base.benchmarks.iter().find(|other| {
        other.uri == of.uri && other.occurrence == of.occurrence && base.mode_of(other) == mode
    })
}
