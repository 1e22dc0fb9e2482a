//! `codspeed report`: a page or a picture of a stored run, and the page of what was just measured.

use std::{
    collections::BTreeSet,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

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
/// Of a longer log, only the end is read.
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
    for input in [Some(&args.run), args.base.as_ref()].into_iter().flatten() {
        if is_same(&args.output, Path::new(input))? {
            let what =
                format!("the report would overwrite `{}`, which it is made of", one_line(input));
            return Err(CliError::new(ExitKind::Usage, what));
        }
    }
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

/// Returns true if both paths are the same file, or would be.
fn is_same(one: &Path, other: &Path) -> Result<bool, CliError> {
    let here = here()?;
    let real = |path: &Path| {
        let path = here.join(path);
        path.canonicalize().unwrap_or(path)
    };
    Ok(real(one) == real(other))
}

/// Opens what was written in a browser, if that is wanted.
fn opened(wanted: bool, file: &Export, context: &Context) -> Result<ExitKind, CliError> {
    if wanted && file.path != Path::new("-") {
        browser::open(&as_text(&here()?.join(&file.path)), context);
    }
    Ok(ExitKind::Ok)
}

/// The content of a page beside its run.
#[derive(Default)]
pub(super) struct Content<'a> {
    /// The run that it is compared with.
    pub base: Option<(&'a Loaded, &'a Comparison)>,
    pub gate: Option<&'a GateReport>,
    pub log: Option<String>,
    pub most_bytes: usize,
}

impl<'a> Content<'a> {
    /// Makes the page of a run, and says where it is.
    pub(super) fn write(
        &self,
        head: &'a Loaded,
        file: &Export,
        context: &Context,
    ) -> Result<(), CliError> {
        let (origins, series) = past(head, context)?;
        let history = History::of_all(series, &origins);
        let run = |(id, record): &'a Loaded| Run { id: *id, record };
        let report = Report {
            head: run(head),
            base: self.base.map(|(base, found)| (run(base), found)),
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
pub(super) fn wanted(
    args: &ReportFileArgs,
    exports: &[Export],
    context: &Context,
) -> Result<Option<Export>, CliError> {
    let Some(file) = args.file() else { return Ok(None) };
    refuse_stdout(Some(&file))?;
    for export in exports {
        if is_same(&export.path, &file.path)? {
            let what = format!("`--report` and `--export` both write `{}`", shown(&file.path));
            return Err(CliError::new(ExitKind::Usage, what));
        }
    }
    preflight::check_exports(std::slice::from_ref(&file), context, &here()?)?;
    kept::check_writable(context)?;
    Ok(Some(file))
}

/// Says that there is no page, as there is nothing to show: an older one may be there.
pub(super) fn tell_of_none(file: &Export, context: &Context) {
    let text =
        format!("no report was written to `{}`: there is nothing to show", shown(&file.path));
    context.ui.event(&RunEvent::warning(text));
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

/// Writes the page of the run that was just recorded, if one is wanted; says that there is none if nothing was recorded.
pub(super) fn of_recorded(file: Option<&Export>, context: &Context) -> Result<(), CliError> {
    let Some(file) = file else { return Ok(()) };
    let recorded = context.recorded.borrow();
    let Some(Recorded { id, kept, .. }) = &*recorded else {
        tell_of_none(file, context);
        return Ok(());
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
    let wanted = record.benchmarks.iter().map(|of| (of.uri.as_str(), of.occurrence));
    let wanted: BTreeSet<(&str, u32)> = wanted.collect();
    let is_wanted =
        |key: &store::BenchmarkKey| wanted.contains(&(key.uri.as_str(), key.occurrence));
    let found = kept.store.series(&filter, None, &is_wanted)?;
    let (origins, mut series) = of_kept(found);
    series.retain(|one| one.points.len() > 1);
    Ok((origins, series))
}

/// The log of a profile folder, if the run is one that has a log.
fn log_of(word: &str) -> Option<String> {
    let folder = is_folder_of_profile(word)?;
    let path = ProfileDir::new(folder).file(&LOG);
    let mut file = files::open(&path, Links::Refuse).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST_LOG_BYTES))).ok()?;
    let mut text = Vec::new();
    file.take(MOST_LOG_BYTES).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
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
    draw: report::flame_picture,
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
