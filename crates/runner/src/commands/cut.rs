//! A run that did not come to its end: what it has left is completed, and whoever looks at it is told.

use runner_shared::{
    fault::{Attempt, explain},
    mode::Mode,
    profile_dir::ProfileDir,
};
use system::lock::{FolderLock, LockError};

use crate::{
    error::chain,
    mode::{memory, walltime},
    session::journal,
    upload::{Manifest, State},
};

/// The point that the run of a folder has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Its end.
    End,
    /// Somebody wanted an end.
    Interruption,
    /// It has failed.
    Failure,
    /// It goes on.
    Running,
    /// Nobody was there to end it: it was killed.
    Cut,
}

/// Looks how far the run has come. Returns that, and what has kept the record of a run that was cut short from being
/// completed.
pub(super) fn complete(folder: &ProfileDir, manifest: &Manifest) -> (Reached, Option<String>) {
    match manifest.state {
        State::Complete => return (Reached::End, None),
        State::Interrupted => return (Reached::Interruption, None),
        State::Failed => return (Reached::Failure, None),
        State::Begun => {}
    }
    let failed = |why: String| format!("some of its finished results are unknown: {why}");
    match FolderLock::acquire(folder.path()) {
        Err(LockError::Folder { .. }) => (Reached::Running, None),
        Err(err) => (Reached::Cut, Some(failed(err.to_string()))),
        Ok(_lock) => (Reached::Cut, put_in_place(folder, manifest).err().map(failed)),
    }
}

/// Puts the record that was written while the run went on where it would be.
fn put_in_place(folder: &ProfileDir, manifest: &Manifest) -> Result<(), String> {
    let read = journal::read(folder).map_err(|err| explain(&err, Attempt::Read).to_string())?;
    let Some(record) = read else { return Ok(()) };
    let put = match mode(manifest) {
        Mode::Walltime => walltime::finish(&record, folder),
        Mode::Memory => memory::finish(&record, folder),
        Mode::Simulation => Ok(()),
    };
    put.map_err(|err| chain(&err))?;
    journal::remove(folder);
    Ok(())
}

/// Returns the mode of a run.
pub(super) fn mode(manifest: &Manifest) -> Mode {
    manifest.runner.executor.into()
}

impl Reached {
    /// Returns a sentence for whoever looks at the results; nothing of a run that is complete.
    pub(super) fn said(self, manifest: &Manifest) -> Option<String> {
        let text = match self {
            Self::End => return None,
            Self::Interruption => {
                "the run was interrupted: only the benchmarks finished by then are shown"
            }
            Self::Failure => {
                let why = manifest.failure.as_deref().unwrap_or("the reason is unknown");
                return Some(format!(
                    "the run failed: only the benchmarks finished by then are shown ({why})"
                ));
            }
            Self::Running => {
                "the run is in progress: only the benchmarks finished so far are shown"
            }
            Self::Cut => "the run was killed: only the benchmarks finished by then are shown",
        };
        Some(text.to_owned())
    }
}
