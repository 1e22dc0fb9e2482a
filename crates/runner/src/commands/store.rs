//! `codspeed store`: stored runs are listed, shown, removed, checked, and carried from store to store.

use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use runner_shared::{
    fault::{Attempt, explain},
    text::{count, count_of, shown},
};
use serde_json::json;
use store::{
    CheckReport, Collected, Entry, Filter, Flaw, Imported, Packed, Place, Record, RecordId,
    Retention, Selector, Store, StoreError, listing,
};
use system::files::{self, Links};

use super::{
    Context, here,
    kept::{self, Kept},
    preflight, remote,
};
use crate::{
    cli::{
        StoreArgs, StoreCommand, StoreExportArgs, StoreFilterArgs, StoreGcArgs, StoreListArgs, ago,
    },
    error::{CliError, ExitKind, chain},
    event::RunEvent,
    settings::options::Export,
};

/// Standard input or output instead of a file.
const STREAM: &str = "-";

/// Does what is asked.
pub(crate) fn run(args: StoreArgs, context: &Context) -> Result<ExitKind, CliError> {
    match args.command {
        StoreCommand::List(args) => list(&args, context),
        StoreCommand::Show { run, json } => show(&run, json, context),
        StoreCommand::Rm { runs, json } => remove(&runs, json, context),
        StoreCommand::Gc(args) => gc(&args, context),
        StoreCommand::Check { repair, json } => check(repair, json, context),
        StoreCommand::Export(args) => export(&args, context),
        StoreCommand::Import { files, json } => import(&files, json, context),
        StoreCommand::Push(args) => remote::push(&args, context),
        StoreCommand::Pull(args) => remote::pull(&args, context),
        StoreCommand::Path { json } => path(json, context),
    }
}

fn list(args: &StoreListArgs, context: &Context) -> Result<ExitKind, CliError> {
    let kept = match kept::open(context) {
        Ok(kept) => kept,
        Err(err) if kept::is_none(&err) => {
            if args.json {
                context.print_json(&json!({ "runs": [], "all": 0 }))?;
            } else {
                say(context, kept::NOTHING.to_owned());
            }
            return Ok(ExitKind::Ok);
        }
        Err(err) => return Err(err),
    };
    let mut entries = kept.store.entries(&args.filter.resolve(&kept.project))?;
    let all = entries.len();
    if args.limit > 0 {
        entries.truncate(args.limit);
    }
    if args.json {
        context.print_json(&json!({ "runs": entries, "all": all }))?;
        return Ok(ExitKind::Ok);
    }
    if entries.is_empty() {
        say(context, nothing(args, &kept)?);
        return Ok(ExitKind::Ok);
    }
    context.print_table(|style| listing::table(&entries, args.filter.all_projects, style))?;
    if entries.len() < all {
        say(context, format!("{} of {all} runs; `-n 0` lists all", entries.len()));
    }
    Ok(ExitKind::Ok)
}

/// Says what there is instead of what was asked for.
fn nothing(args: &StoreListArgs, kept: &Kept) -> Result<String, CliError> {
    let StoreFilterArgs { branch, name, label, mode, since, all_projects } = &args.filter;
    let is_filtered =
        branch.is_some() || name.is_some() || label.is_some() || mode.is_some() || since.is_some();
    let others = kept.store.entries(&Filter::default())?;
    let project = shown(&kept.project).into_owned();
    Ok(match (is_filtered, others.len()) {
        (true, 1..) => "no stored run fits these options".to_owned(),
        (false, 1..) if !all_projects => format!(
            "no run of `{project}` is stored; `--all-projects` lists {} of others",
            count_of(&others, "run")
        ),
        (_, _) => kept::NOTHING.to_owned(),
    })
}

fn show(word: &str, wants_json: bool, context: &Context) -> Result<ExitKind, CliError> {
    let (packed, record) = match Selector::parse(word) {
        Selector::Path(path) => read_record(&path)?,
        Selector::Stored(_) => {
            let kept = kept::open(context)?;
            let entry = kept.select(word, context)?;
            kept.store.get_packed(entry.id)?
        }
    };
    if wants_json {
        // The very bytes whose digest is the ID.
        let json = packed.json().map_err(|err| CliError::new(ExitKind::Failed, err))?;
        context.print(&String::from_utf8_lossy(&json))?;
    } else {
        context.print_table(|style| listing::sheet(packed.id, &record, style))?;
    }
    Ok(ExitKind::Ok)
}

/// Reads a file with one record.
pub(super) fn read_record(path: &Path) -> Result<(Packed, Record), CliError> {
    let bytes = files::read(path, Links::Follow, runner_shared::bounds::RECORD_PACKED_BYTES);
    let bytes = bytes.map_err(|err| unreadable(path, &err))?;
    Packed::only(bytes).map_err(|err| {
        let what = format!("`{}` is not a stored run: {}", shown(path), chain(&err));
        CliError { kind: ExitKind::Usage, source: what.into(), ..CliError::from(err) }
    })
}

fn remove(words: &[String], wants_json: bool, context: &Context) -> Result<ExitKind, CliError> {
    let kept = kept::open(context)?;
    let entries = kept.select_all(words, context)?;
    let ids: Vec<RecordId> = entries.iter().map(|entry| entry.id).collect();
    kept.store.remove(&ids)?;
    if wants_json {
        context.print_json(&json!({ "removed": entries }))?;
    } else {
        context.print(&format!("removed: {}", listing::amount(&entries)))?;
    }
    Ok(ExitKind::Ok)
}

fn gc(args: &StoreGcArgs, context: &Context) -> Result<ExitKind, CliError> {
    let kept = kept::open(context)?;
    let retention = Retention { per_branch: args.keep, since_ms: args.newer_than.map(ago) };
    let collected =
        if args.dry_run { kept.store.surplus(retention)? } else { kept.store.gc(retention)? };
    let Collected { removed, kept } = &collected;
    if args.json {
        let all = collected.bytes();
        let json = json!({
            "removed": removed, "bytes": all, "kept": kept, "dry_run": args.dry_run,
        });
        context.print_json(&json)?;
        return Ok(ExitKind::Ok);
    }
    if args.dry_run && !removed.is_empty() {
        context.print_table(|style| listing::table(removed, true, style))?;
    }
    let verb = if args.dry_run { "would be removed" } else { "removed" };
    context.print(&format!("{verb}: {}; kept: {kept}", listing::amount(removed)))?;
    Ok(ExitKind::Ok)
}

fn check(repair: bool, wants_json: bool, context: &Context) -> Result<ExitKind, CliError> {
    let kept = kept::open_quietly(context)?;
    let report = kept.store.check(repair, &mut |step| kept::tell("checking", step, context))?;
    if wants_json {
        let flaws: Vec<String> = report.flaws.iter().map(ToString::to_string).collect();
        let newer: Vec<String> = report.newer.iter().map(ToString::to_string).collect();
        let json = json!({
            "runs": report.records, "newer": newer, "problems": flaws, "repaired": report.is_mended,
        });
        context.print_json(&json)?;
    } else {
        print_check(&report, repair, context)?;
    }
    let is_fine = |flaw: &Flaw| repair && flaw.is_mendable();
    let left = report.flaws.iter().filter(|flaw| !is_fine(flaw)).collect::<Vec<_>>();
    if left.is_empty() {
        return Ok(ExitKind::Ok);
    }
    let what = format!("{} {}", count_of(&left, "problem"), if repair { "left" } else { "found" });
    let err = CliError::new(ExitKind::Failed, what);
    let can_mend = !repair && report.flaws.iter().any(Flaw::is_mendable);
    Err(if can_mend { err.hint("run `codspeed store check --repair`") } else { err })
}

fn print_check(report: &CheckReport, repair: bool, context: &Context) -> Result<(), CliError> {
    for id in &report.newer {
        let text = format!("the run {} needs a newer version of codspeed", id.short());
        context.print(&text)?;
    }
    for flaw in &report.flaws {
        context.print(&flaw.to_string())?;
    }
    let number = u64::try_from(report.records).unwrap_or(u64::MAX);
    let mut text = format!("sound: {}", count(number, "run"));
    if !report.newer.is_empty() {
        text = format!("{text}; of a newer version: {}", count_of(&report.newer, "run"));
    }
    let (mended, left): (Vec<_>, Vec<_>) =
        report.flaws.iter().partition(|flaw| repair && flaw.is_mendable());
    if repair {
        text = format!("{text}; mended: {}", count_of(&mended, "problem"));
    }
    if !repair || !left.is_empty() {
        let verb = if repair { "left" } else { "found" };
        text = format!("{text}; {verb}: {}", count_of(&left, "problem"));
    }
    context.print(&text)
}

fn export(args: &StoreExportArgs, context: &Context) -> Result<ExitKind, CliError> {
    let is_stream = args.output == Path::new(STREAM);
    if is_stream && args.json {
        let what = "`-o -` and `--json` can't both have standard output";
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("name a file instead of `-`, or leave out `--json`"));
    }
    let file = Export { format: String::new(), path: args.output.clone() };
    preflight::check_exports(&[file], context, &here()?)?;
    let kept = kept::open(context)?;
    let entries: Vec<Entry> = if args.runs.is_empty() {
        kept.store.entries(&args.filter.resolve(&kept.project))?
    } else {
        kept.select_all(&args.runs, context)?
    };
    if entries.is_empty() {
        let what = "there is nothing to export: no stored run fits";
        return Err(CliError::new(ExitKind::Usage, what)
            .hint("run `codspeed store list` to see the stored runs"));
    }
    let mut ids: Vec<RecordId> = entries.iter().map(|entry| entry.id).collect();
    ids.sort_unstable();
    ids.dedup();
    if is_stream {
        let mut stream = io::stdout().lock();
        return match kept.store.export(&ids, &mut stream).and_then(|()| flush(&mut stream)) {
            // `| head` has seen enough.
            Err(StoreError::Export(err)) if err.kind() == io::ErrorKind::BrokenPipe => {
                Ok(ExitKind::Ok)
            }
            other => other.map(|()| ExitKind::Ok).map_err(CliError::from),
        };
    }
    let mut failed = None;
    let written = files::replace_by(&args.output, |file| {
        let mut buffer = io::BufWriter::new(file);
        if let Err(err) = kept.store.export(&ids, &mut buffer) {
            failed = Some(err);
            return Err(io::Error::other("not all runs could be read"));
        }
        buffer.flush()
    });
    if let Some(err) = failed {
        return Err(err.into());
    }
    written.map_err(|err| {
        let why = explain(&err, Attempt::Write);
        CliError::new(ExitKind::Failed, format!("could not write `{}`: {why}", shown(&args.output)))
    })?;
    if args.json {
        let file = shown(&args.output);
        context.print_json(&json!({ "file": file, "runs": entries }))?;
    } else {
        let all = listing::amount(&entries);
        context.print(&format!("exported: {all} to `{}`", shown(&args.output)))?;
    }
    Ok(ExitKind::Ok)
}

fn flush(stream: &mut dyn Write) -> Result<(), StoreError> {
    stream.flush().map_err(StoreError::Export)
}

fn import(paths: &[PathBuf], wants_json: bool, context: &Context) -> Result<ExitKind, CliError> {
    let kept = kept::open_or_make(context)?;
    let mut all = Imported::default();
    let imported = paths.iter().try_for_each(|path| import_file(path, &kept.store, &mut all));
    for refused in &all.refused {
        let text = format!("`{}` was refused: {}", refused.name, refused.why);
        context.ui.event(&RunEvent::warning(text));
    }
    let Imported { added, known, all_refused, .. } = &all;
    let is_nothing = added.is_empty() && *known == 0 && *all_refused == 0;
    if imported.is_err() && is_nothing {
        // There is nothing to say of those before it.
    } else if wants_json {
        let added: Vec<String> = added.iter().map(ToString::to_string).collect();
        let json = json!({ "added": added, "known": known, "refused": all_refused });
        context.print_json(&json)?;
    } else {
        let known = u64::try_from(*known).unwrap_or(u64::MAX);
        let before = if known > 0 { format!("; there before: {known}") } else { String::new() };
        context.print(&format!("imported: {}{before}", count_of(added, "run")))?;
    }
    imported?;
    if *all_refused == 0 {
        return Ok(ExitKind::Ok);
    }
    let refused = count(u64::try_from(*all_refused).unwrap_or(u64::MAX), "entry");
    Err(CliError::new(ExitKind::Failed, format!("{refused} refused; all others are stored")))
}

/// Adds what was stored to `imported`, also if it fails then.
fn import_file(path: &Path, store: &Store, imported: &mut Imported) -> Result<(), CliError> {
    let opened;
    let mut stdin;
    let from: &mut dyn Read = if path == Path::new(STREAM) {
        stdin = io::stdin().lock();
        &mut stdin
    } else {
        let file = files::open(path, Links::Follow).map_err(|err| unreadable(path, &err))?;
        opened = file;
        &mut io::BufReader::new(opened)
    };
    store.import(from, imported).map_err(|err| {
        let what = format!("could not import `{}`: {}", shown(path), chain(&err));
        CliError { source: what.into(), ..CliError::from(err) }
    })
}

fn path(wants_json: bool, context: &Context) -> Result<ExitKind, CliError> {
    let place = kept::place(context)?;
    let (kind, why) = match &place {
        Place::Told(_) => ("environment", "named by CODSPEED_STORE"),
        Place::Project(_) => ("project", "in the project"),
        Place::User(_) => ("user", "among your data; `store: project` in codspeed.yml moves it"),
    };
    let folder = place.folder();
    if wants_json {
        let json = json!({ "path": shown(folder), "place": kind, "exists": folder.is_dir() });
        context.print_json(&json)?;
    } else {
        context.print(&shown(folder))?;
        let state = match folder.metadata() {
            Ok(about) if about.is_dir() => String::new(),
            Ok(_) => "; it is a file, so nothing can be stored there".to_owned(),
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                "; nothing is stored there yet".to_owned()
            }
            Err(err) => format!("; {}", explain(&err, Attempt::Read)),
        };
        say(context, format!("{why}{state}"));
    }
    Ok(ExitKind::Ok)
}

fn unreadable(path: &Path, err: &io::Error) -> CliError {
    let why = explain(err, Attempt::Read);
    CliError::new(ExitKind::Usage, format!("could not read `{}`: {why}", shown(path)))
}

fn say(context: &Context, text: String) {
    context.ui.event(&RunEvent::Step(text));
}
