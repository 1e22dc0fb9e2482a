//! Data that a run keeps in its profile folder so that it can be uploaded later: who measured, and which commit.
//!
//! All of it lies in one folder that no archive contains.

use std::{fs, io, path::PathBuf};

use api::{Executor, Instrument, Machine, RunContext, Runner};
use serde::{Deserialize, Serialize};
use system::files::{self, Links};

use runner_shared::{
    profile_dir::{ARCHIVE, MANIFEST, ProfileDir},
    text::shown,
};

use crate::{
    host::{self, Host},
    session::journal,
};

/// No honest one is larger.
const MAX_BYTES: u64 = 1 << 20;
/// The format.
const FORMAT: u32 = 1;

/// The stored data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    format: u32,
    /// The party that measured, and where.
    pub runner: Runner,
    /// A run without benchmarks is fine.
    pub allow_empty: bool,
    /// The commit that was checked out, if that was known.
    pub commit: Option<String>,
    /// The description for the service, when an upload was tried.
    pub run: Option<RunContext>,
    /// The point that the run has reached. Older versions kept only runs that were complete.
    #[serde(default)]
    pub state: State,
    /// The fault of a run that failed, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// The point that a run has reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum State {
    /// It goes on, or was cut short: nobody was there to note its end.
    Begun,
    /// Somebody wanted an end; what was finished by then is whole.
    Interrupted,
    /// Something went wrong: it is not sent.
    Failed,
    /// It has come to its end.
    #[default]
    Complete,
}

/// The reason why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// It can't be read.
    #[error("could not read `{}`", shown(&path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It is of another format.
    #[error("`{}` has a format that this version doesn't know", shown(&path))]
    Format {
        /// The file.
        path: PathBuf,
        /// The problem.
        #[source]
        source: Option<serde_json::Error>,
    },
}

impl Manifest {
    /// The manifest of a run that begins.
    pub(crate) const fn new(runner: Runner, allow_empty: bool, commit: Option<String>) -> Self {
        Self {
            format: FORMAT,
            runner,
            allow_empty,
            commit,
            run: None,
            state: State::Begun,
            failure: None,
        }
    }

    /// The same of a run that has come as far as this.
    pub(crate) fn at(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// The same of a run that has failed for this reason.
    pub(crate) fn failed(self, why: String) -> Self {
        Self { failure: Some(why), ..self.at(State::Failed) }
    }

    /// Keeps it in the profile folder.
    pub(crate) fn save(&self, folder: &ProfileDir) -> io::Result<()> {
        files::create_private_subfolder(&folder.not_archived())?;
        files::replace_private(&folder.file(&MANIFEST), &serde_json::to_vec_pretty(self)?)
    }

    /// Returns what an earlier run has kept; nothing if the folder is of another program.
    pub(crate) fn load(folder: &ProfileDir) -> Result<Option<Self>, ManifestError> {
        let path = folder.file(&MANIFEST);
        let bytes = files::refuse_link(&folder.not_archived());
        let bytes = match bytes.and_then(|()| files::read(&path, Links::Refuse, MAX_BYTES)) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ManifestError::Read { path, source }),
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(manifest) if manifest.format == FORMAT => Ok(Some(manifest)),
            Ok(_) => Err(ManifestError::Format { path, source: None }),
            Err(err) => Err(ManifestError::Format { path, source: Some(err) }),
        }
    }
}

/// Returns who measures here: this program on this machine.
pub(crate) fn runner(
    executor: Executor,
    instruments: Vec<Instrument>,
    exclude_allocations: bool,
) -> Runner {
    let Host { os, os_version, arch, kernel: _, name, user, cpu, memory_gib } = host::read();
    let machine = Machine {
        os,
        os_version,
        arch,
        host: name,
        user,
        cpu_brand: cpu.brand,
        cpu_name: cpu.name,
        cpu_vendor_id: cpu.vendor,
        cpu_cores: cpu.cores.into(),
        total_memory_gb: memory_gib,
        cpu_flags: cpu.flags,
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Runner { version, instruments, executor, exclude_allocations, machine }
}

/// Forgets an earlier run in this folder: what it knew is not true of the next one. Other files beside it are not ours.
pub(crate) fn forget(folder: &ProfileDir) {
    journal::remove(folder);
    for file in [MANIFEST, ARCHIVE] {
        // Where it can't be removed, nothing new can be written either, and that is said.
        drop(files::remove_from_subfolder(&folder.file(&file)));
    }
    // There may be something else in it.
    drop(fs::remove_dir(folder.not_archived()));
}

/// Says how what was finished in this folder can be seen and sent.
pub(crate) fn how_to_go_on(folder: &ProfileDir) -> String {
    let folder = shown(folder);
    format!(
        "finished benchmarks are kept: run `codspeed inspect {folder}` to show them, `codspeed upload {folder}` to \
            upload them"
    )
}

/// Drops an archive that has arrived. What the folder is stays known: the service may not be able to use what it got.
pub(super) fn drop_archive(folder: &ProfileDir) {
    // The next upload replaces what stays.
    drop(files::remove_from_subfolder(&folder.file(&ARCHIVE)));
}
