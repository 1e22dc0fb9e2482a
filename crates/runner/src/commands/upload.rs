//! `codspeed upload`: what a run has left, also hours later. And the end of `run` and `exec`, where all parts are sent.

use std::sync::Arc;

use runner_shared::{
    mode::Mode,
    profile_dir::{MANIFEST, ProfileDir},
    text::shown,
};

use super::{
    Context,
    cut::{self, Reached},
    here, inspect, sources,
};
use crate::{
    cli::UploadCommandArgs,
    error::{CliError, ExitKind},
    event::RunEvent,
    settings::SettingsError,
    upload::{self, Gate, Manifest, Part, Sent, Upload},
};

/// A part that was measured well.
#[derive(Debug)]
pub(super) struct Measured {
    /// The profile folder.
    pub folder: ProfileDir,
    /// The manifest of the run.
    pub manifest: Manifest,
    /// The way in which it was measured.
    pub mode: Mode,
}

/// Sends what lies in a folder.
pub(crate) fn run(args: &UploadCommandArgs, context: &Context) -> Result<ExitKind, CliError> {
    let UploadCommandArgs { folder, target } = args;
    if !folder.is_dir() {
        return Err(SettingsError::NoFolder { path: folder.clone() }.into());
    }
    let dir = ProfileDir::new(folder);
    let manifest = Manifest::load(&dir)?.ok_or_else(|| {
        let manifest = dir.file(&MANIFEST);
        let manifest = shown(&manifest);
        let what =
            format!("`{}` is not the profile folder of a run: `{manifest}` is missing", shown(&folder));
        let err = CliError::new(ExitKind::Usage, what);
        let parts = inspect::parts(folder).unwrap_or_default();
        if parts.is_empty() {
            err.hint("use `--profile-folder` or `--keep-profile` to keep the profile folder of a run, which it names then")
        } else {
            let folders = parts.iter().map(|part| shown(&folder.join(part)).into_owned());
            let commands: Vec<_> =
                folders.map(|folder| format!("`codspeed upload {folder}`")).collect();
            err.hint(format!("it contains the parts of a run: {}", commands.join(", ")))
        }
    })?;
    let mode = cut::mode(&manifest);
    let (reached, trouble) = cut::complete(&dir, &manifest);
    if reached == Reached::Running {
        let what = format!("the run of `{}` is still in progress", shown(&folder));
        return Err(CliError::new(ExitKind::Usage, what).hint("upload it after it has finished"));
    }
    if let (Reached::Failure, Some(said)) = (reached, reached.said(&manifest)) {
        return Err(CliError::new(
            ExitKind::Usage,
            format!("`{}` was not uploaded: {said}", shown(&folder)),
        )
        .hint("measure again, or leave out the failing benchmark"));
    }
    for text in reached.said(&manifest).into_iter().chain(trouble) {
        context.ui.event(&RunEvent::warning(text));
    }
    let account = sources::service_account(context)?;
    let here = here()?;
    let upload =
        Upload::asked_for(&target.clone().into(), &account, (&context.env, &here), &context.ui)?;
    let measured = Measured { folder: dir, manifest, mode };
    send_all(&upload, vec![measured], context)
}

/// Sends all parts, one after the other, and shows what the service makes of them. Whatever can't be sent stays where it
/// is, and the error says how to go on.
pub(super) fn send_all(
    upload: &Upload,
    parts: Vec<Measured>,
    context: &Context,
) -> Result<ExitKind, CliError> {
    let _heeding = context.signals.heed(1);
    let http = upload::http(Some(Arc::new(context.signals.clone())))?;
    let folders: Vec<ProfileDir> = parts.iter().map(|part| part.folder.clone()).collect();
    let service = upload.service(&http)?;
    let count = u64::try_from(parts.len()).unwrap_or(u64::MAX);
    let not_sent = |from: usize, err: CliError| {
        let left = folders.iter().skip(from);
        left.fold(err, |err, folder| {
            err.hint(format!(
                "run `codspeed upload {}` to try again; the results are kept",
                shown(&folder)
            ))
        })
    };
    let (env, ui) = (&context.env, &context.ui);
    let project = upload.project(&service, ui).map_err(|err| not_sent(0, err))?;
    let mut last = None;
    ui.event(&RunEvent::GroupStart { title: "uploading the results".to_owned(), opened: false });
    for (index, measured) in parts.into_iter().enumerate() {
        let Measured { folder, manifest, mode } = measured;
        let position = (u64::try_from(index).unwrap_or(u64::MAX), count);
        let part = Part { folder: &folder, manifest, mode, position };
        match upload.send(&http, project.as_ref(), part, (env, ui)) {
            Ok(sent) => last = Some(sent),
            Err(err) => {
                ui.event(&RunEvent::GroupEnd { failed: true });
                return Err(not_sent(index, err));
            }
        }
    }
    ui.event(&RunEvent::GroupEnd { failed: false });
    let Some(sent) = last else {
        return Err(CliError::new(ExitKind::Empty, "there is nothing to upload"));
    };
    let Sent { owner, name, .. } = &sent;
    ui.event(&RunEvent::Step(format!("uploaded to {owner}/{name}")));
    // Nothing else sets it: a command uploads once.
    drop(context.run_id.set(sent.run_id.clone()));
    Ok(match upload.judge(&service, &sent, ui)? {
        Gate::Open => ExitKind::Ok,
        Gate::Regression => ExitKind::Regression,
    })
}
