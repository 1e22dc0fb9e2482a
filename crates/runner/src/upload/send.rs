//! The steps of one upload: archive, token, what the run is called, and the two requests.

use std::ops::ControlFlow;

use api::{
    Archive, ArchiveError, Event, Http, RepositoryName, RunContext, RunEnvironment, Step,
    Submission, Uploaded,
};
use runner_shared::{
    mode::Mode,
    profile_dir::{ARCHIVE, ProfileDir},
    text::shown,
};
use system::files::create_private_subfolder;

use super::{Manifest, Upload, manifest, refused};
use crate::{
    ci::{CiError, RunIndex, Suffix},
    env::Env,
    error::{CliError, ExitKind},
    event::RunEvent,
    tools::transfer,
    ui::Ui,
};

/// The data of an upload.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The profile folder.
    pub folder: &'a ProfileDir,
    /// The manifest of the measurement.
    pub manifest: Manifest,
    /// The way in which it was measured.
    pub mode: Mode,
    /// Position among the parts of this run, and how many there are.
    pub position: (u64, u64),
}

/// The result of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The id of the run at the service.
    pub run_id: String,
    /// The repository that it belongs to.
    pub owner: String,
    /// Its name.
    pub name: String,
}

impl Upload {
    /// Sends a part. What was made for it stays in the folder until it has arrived.
    pub(crate) fn send(
        &self,
        http: &Http,
        project: Option<&RepositoryName>,
        part: Part<'_>,
        (env, ui): (&Env, &Ui),
    ) -> Result<Sent, CliError> {
        let Part { folder, mut manifest, mode, position } = part;
        warn_of(folder, mode, manifest.allow_empty, ui);
        let archive = pack(folder, &manifest, http, ui)?;
        let index = self.index(http, ui);
        let executor = mode.names().executor;
        let suffix = match self.version {
            api::MetadataVersion::V8 => Suffix::V8 { run_index: index.number() },
            api::MetadataVersion::V10 => Suffix::V10 {
                executor,
                run_index: index.number(),
                part_index: (position.1 > 1).then_some(position.0),
            },
        };
        let run = if let Some(told) = manifest.run.take().filter(|run| self.counts(run)) {
            told
        } else {
            let run = self.job.run_context(env, &suffix, project).map_err(described)?;
            as_measured(run, manifest.commit.as_deref(), ui)
        };
        manifest.run = Some(run.clone());
        keep(&manifest, folder, ui);
        let sent =
            Sent { run_id: String::new(), owner: run.owner.clone(), name: run.repository.clone() };
        let submission = Submission {
            expected_run_parts: (run.event == Event::Local).then_some(position.1),
            run,
            runner: manifest.runner.clone(),
            allow_empty: manifest.allow_empty,
            version: self.version,
        };
        let Uploaded { run_id, status: _ } = self.transfer(http, &archive, &submission, ui)?;
        if let Err(err) = index.commit() {
            ui.event(&RunEvent::warning(format!(
                "could not number this upload, so a later upload of this job may replace it: {err}"
            )));
        }
        manifest::drop_archive(folder);
        Ok(Sent { run_id, ..sent })
    }

    /// Returns what was told of the run when it was measured counts, if that was in a CI job and this is none: only
    /// the job knew.
    fn counts(&self, told: &RunContext) -> bool {
        let in_ci = told.run_environment != RunEnvironment::Local;
        in_ci && !self.job.provider.uploads && !self.named
    }

    fn index(&self, http: &Http, ui: &Ui) -> RunIndex {
        let Some(key) = self.job.part_key() else { return RunIndex::uncounted() };
        let mut said = false;
        let waiting = || {
            if !std::mem::replace(&mut said, true) {
                let text = "another upload of this job is in progress; waiting for it to finish";
                ui.event(&RunEvent::Step(text.to_owned()));
            }
            go_on(http)
        };
        let (index, trouble) = RunIndex::take(&key, waiting);
        // Nothing is sent after an interruption.
        if let Some(err) = trouble.filter(|_| !http.is_stopped()) {
            ui.event(&RunEvent::warning(format!(
                "could not count the uploads of this job, so this one is numbered as the first: {err}"
            )));
        }
        index
    }

    fn transfer(
        &self,
        http: &Http,
        archive: &Archive,
        submission: &Submission,
        ui: &Ui,
    ) -> Result<Uploaded, CliError> {
        let mut watch = |step: Step<'_>| tell(ui, http, &step);
        http.upload(&self.account.upload_url, &self.token, archive, submission, &mut watch)
            .map_err(refused)
    }
}

fn pack(
    folder: &ProfileDir,
    manifest: &Manifest,
    http: &Http,
    ui: &Ui,
) -> Result<Archive, CliError> {
    let to = folder.file(&ARCHIVE);
    let packed = create_private_subfolder(&folder.not_archived())
        .map_err(|source| ArchiveError::Write { path: to.clone(), source })
        .and_then(|()| {
            Archive::pack(folder, manifest.runner.executor, &to, &mut |step| tell(ui, http, &step))
        });
    let kind = |err: &ArchiveError| match err {
        ArchiveError::Cancelled => ExitKind::Interrupted,
        ArchiveError::Read { .. } | ArchiveError::Shrank { .. } | ArchiveError::Write { .. } => {
            ExitKind::Service
        }
    };
    let packed = packed.map_err(|err| CliError::new(kind(&err), err))?;
    for skipped in packed.skipped {
        ui.event(&RunEvent::warning(format!("not uploaded: {skipped}")));
    }
    Ok(packed.archive)
}

/// The job can't be described to the service.
fn described(err: CiError) -> CliError {
    let hint = err.hint();
    hint.into_iter().fold(CliError::new(ExitKind::Service, err), CliError::hint)
}

/// Says what the service would drop without a word.
fn warn_of(folder: &ProfileDir, mode: Mode, allow_empty: bool, ui: &Ui) {
    for concern in results::precheck(folder, mode) {
        if !(allow_empty && concern == results::Concern::NoResults) {
            ui.event(&RunEvent::warning(concern.to_string()));
        }
    }
}

/// The commit that was measured counts, not the one that is checked out by now.
fn as_measured(run: RunContext, measured: Option<&str>, ui: &Ui) -> RunContext {
    let Some(commit) = measured.filter(|commit| *commit != run.commit_hash) else { return run };
    if run.repository_provider == api::RepositoryProvider::Project {
        return run;
    }
    let now = &run.commit_hash;
    ui.event(&RunEvent::Step(format!("measured at commit {commit}; {now} is checked out now")));
    // On the user's machine the commit is the reference as well.
    let reference = if run.reference == *now { commit.to_owned() } else { run.reference };
    RunContext { commit_hash: commit.to_owned(), reference, ..run }
}

fn keep(manifest: &Manifest, folder: &ProfileDir, ui: &Ui) {
    if let Err(err) = manifest.save(folder) {
        ui.event(&RunEvent::warning(format!(
            "could not save the data for a later upload of `{}`: {err}",
            shown(&folder)
        )));
    }
}

/// Returns whether the user wants an end.
fn go_on(http: &Http) -> ControlFlow<()> {
    if http.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Shows a step of long work.
fn tell(ui: &Ui, http: &Http, step: &Step<'_>) -> ControlFlow<()> {
    let progress = |label: &str, done: u64, total: u64| RunEvent::Progress {
        label: label.to_owned(),
        done,
        total: Some(total),
    };
    match step {
        Step::Archived { bytes, total } => ui.event(&progress("archiving", *bytes, *total)),
        Step::Sent { bytes, total } => ui.event(&progress("uploading", *bytes, *total)),
        Step::Tokenless { line } => ui.event(&RunEvent::Step((*line).to_owned())),
        Step::Token { token } => ui.keep_secret((*token).clone()),
        Step::NoToken { error } => {
            let text = format!("uploading without a token: {}", crate::error::chain(error));
            ui.event(&RunEvent::warning(text));
        }
        Step::Registered { run_id } => {
            ui.event(&RunEvent::Debug(format!("run id at the service: {run_id}")));
        }
        Step::Received { .. } | Step::Retry { .. } => {
            // It never wants an end.
            let _goes_on = transfer::tell(ui, step);
        }
        Step::Waiting { so_far: _ } => {}
    }
    go_on(http)
}
