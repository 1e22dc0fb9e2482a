//! `codspeed import`: results of other tools are stored as runs, or written in another format.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use runner_shared::{
    bounds::IMPORT_BYTES,
    fault::{Attempt, explain},
    text::{count, shown},
};
use store::{
    CommitInfo, Record, RecordId, StoreError,
    import::{self, ImportError, Imported, Importer, Origin},
};
use system::files::{self, Links};

use super::{Context, here, kept, preflight, recorded, remote};
use crate::{
    ci,
    cli::{ImportArgs, RememberArgs},
    error::{CliError, ExitKind},
    event::RunEvent,
    recording,
    settings::options::Export,
    ui,
};

/// The name of standard input.
const STDIN: &str = "-";

/// Imports each file; what is wrong with one keeps no other one from being imported.
pub(crate) fn run(args: ImportArgs, context: &Context) -> Result<ExitKind, CliError> {
    let ImportArgs { files, format, commit, branch, remember, export } = args;
    let here = here()?;
    check(&files, &export, context, &here)?;
    let RememberArgs { save_as, label, no_store } = remember;
    let about = About::new(commit, branch, &here, context);
    let origin = Origin {
        name: save_as,
        labels: label.into_iter().collect(),
        project: about.origin.project.clone(),
        ci: about.origin.ci_run(),
        ..Origin::default()
    };
    let kept = if no_store { None } else { Some(kept::open_or_make(context)?) };
    let (mut all, mut ids, mut ended) = (Vec::new(), Vec::new(), ExitKind::Ok);
    for file in &files {
        let imported = one(file, format, &about, origin.clone()).and_then(|mut record| {
            recording::mask(&mut record, &context.ui);
            record.fit();
            let id = kept.as_ref().map(|kept| recorded::add(&kept.store, &record)).transpose();
            let id = id.map_err(|source| ImportFault::Store { path: file.clone(), source })?;
            ids.extend(id);
            tell(file, &record, id, context)?;
            Ok(record)
        });
        match imported {
            Ok(record) => all.extend(record.measured()),
            Err(err) => {
                let err = CliError::from(err);
                context.ui.error(&err);
                if ended == ExitKind::Ok {
                    ended = err.kind;
                }
            }
        }
    }
    if let Some(kept) = &kept {
        remote::share(kept, &ids, context);
    }
    for export in export.iter().filter(|_| !all.is_empty()) {
        ui::export_measured(&all, export, &context.ui).map_err(|err| {
            let what = format!("could not write the export `{}`: {err}", shown(&export.path));
            CliError::new(ExitKind::Failed, what)
        })?;
    }
    Ok(ended)
}

/// The reason why a file is not imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportFault {
    /// It can't be read.
    #[error("could not read `{}`: {}", shown(path), explain(err, Attempt::Read))]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason, which is in the text of this one.
        err: io::Error,
    },
    /// It has no results.
    #[error("could not import `{}`", shown(path))]
    Import {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: ImportError,
    },
    /// They can't be stored.
    #[error("could not store the results of `{}`", shown(path))]
    Store {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: StoreError,
    },
    /// Nobody takes what is said of it.
    #[error(transparent)]
    Output(io::Error),
}

/// Finds what is wrong before anything is read.
fn check(
    files: &[PathBuf],
    export: &[Export],
    context: &Context,
    here: &Path,
) -> Result<(), CliError> {
    if files.iter().filter(|file| file.as_path() == Path::new(STDIN)).count() > 1 {
        return Err(CliError::new(ExitKind::Usage, "standard input (`-`) can be read once"));
    }
    let takes = |id: &str| results::exporter(id).is_some_and(results::Exporter::takes_measured);
    if let Some(export) = export.iter().find(|export| !takes(&export.format)) {
        let what = format!("results of other tools can't be exported as `{}`", export.format);
        let known = results::EXPORTERS.iter().filter(|exporter| exporter.takes_measured());
        let ids: Vec<_> = known.map(|exporter| exporter.id).collect();
        return Err(CliError::new(ExitKind::Usage, what)
            .hint(format!("the formats are {}", ids.join(", "))));
    }
    preflight::check_exports(export, context, here)
}

/// The place where the files are imported, and the words of the user about their commit.
struct About {
    origin: ci::Origin,
    commit: Option<String>,
    branch: Option<String>,
}

impl About {
    fn new(commit: Option<String>, branch: Option<String>, here: &Path, context: &Context) -> Self {
        Self { origin: ci::place(&context.env, here), commit, branch }
    }

    /// Returns the commit of results: the one that the user names, else that of their file, else the one here.
    fn commit_of(&self, of_file: Option<CommitInfo>) -> Option<CommitInfo> {
        let branch = self.branch.clone();
        if let Some(hash) = self.commit.clone() {
            return Some(CommitInfo { hash, branch, dirty: None });
        }
        // Nobody knows whether files have changed since.
        let found = of_file.or_else(|| self.origin.commit_info())?;
        Some(CommitInfo { branch: branch.or(found.branch), ..found })
    }
}

/// Reads a file.
fn one(
    file: &Path,
    format: Option<&'static Importer>,
    about: &About,
    origin: Origin,
) -> Result<Record, ImportFault> {
    let unread = |err| ImportFault::Read { path: file.to_owned(), err };
    let (imported, time) = if file == Path::new(STDIN) {
        let mut bytes = Vec::new();
        io::stdin().take(IMPORT_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
        (import::read(&bytes, format), SystemTime::now())
    } else if file.is_dir() {
        (folder(file, format), SystemTime::now())
    } else {
        let bytes = files::read(file, Links::Follow, IMPORT_BYTES).map_err(unread)?;
        let time = file.metadata().and_then(|data| data.modified()).map_err(unread)?;
        (import::read(&bytes, format), time)
    };
    let refused = |source| ImportFault::Import { path: file.to_owned(), source };
    let mut imported: Imported = imported.map_err(refused)?;
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let commit = about.commit_of(imported.commit.take());
    Ok(imported.into_record(Origin { time_ms, commit, ..origin }))
}

/// Only criterion leaves a folder.
fn folder(path: &Path, format: Option<&'static Importer>) -> Result<Imported, ImportError> {
    match format {
        Some(named) if named.id != "criterion" => Err(ImportError::Folder { format: named.id }),
        Some(_) | None => import::read_folder(path),
    }
}

/// Says what was found, and what the record is called.
fn tell(
    file: &Path,
    record: &Record,
    id: Option<RecordId>,
    context: &Context,
) -> Result<(), ImportFault> {
    let benchmarks = u64::try_from(record.benchmarks.len()).unwrap_or(u64::MAX);
    let benchmarks = count(benchmarks, "benchmark");
    let stored = id.map(|id| format!(", stored as {}", id.short())).unwrap_or_default();
    let name = if file == Path::new(STDIN) { "standard input".into() } else { shown(file) };
    let text = format!("{name}: {benchmarks} of {}{stored}", record.program);
    context.ui.details(&text).map_err(ImportFault::Output)?;
    for warning in record.parts.iter().flat_map(|part| &part.warnings) {
        context.ui.event(&RunEvent::warning(format!("{name}: {warning}")));
    }
    let failed = record.benchmarks.iter().filter(|of| of.metrics.is_empty()).count();
    if failed > 0 {
        let failed = count(u64::try_from(failed).unwrap_or(u64::MAX), "benchmark");
        let text = format!("{name}: {failed} without a result");
        context.ui.event(&RunEvent::warning(text));
    }
    Ok(())
}
