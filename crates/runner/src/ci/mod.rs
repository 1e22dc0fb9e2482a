//! Detection of the CI provider, the repository, the commit, and the credentials of an upload.
//!
//! To add a provider, write a file with its `detect` and `context`, add it to [`PROVIDERS`], and put fixtures into
//! `tests/ci/<id>/`. A provider reads only the environment, the payload of the event, and the repository.

mod buildkite;
mod circleci;
mod context;
mod error;
mod generic;
mod git;
mod github;
mod gitlab;
mod json;
mod local;
mod origin;
mod payload;
mod project;
mod remote;
mod run_index;
mod run_part;
#[cfg(test)]
mod tests;
mod variables;

use std::path::Path;

use api::{RepositoryName, Secret};
use runner_shared::env_names::{self, EnvName};

pub(crate) use context::{CiContext, Identity, TokenPolicy};
pub(crate) use error::{CiError, Obstacle};
pub(crate) use origin::{Origin, base_branch, origin, place};
pub(crate) use project::{Project, project};
pub(crate) use run_index::RunIndex;
pub(crate) use run_part::{PartKey, Suffix};

use crate::{env::Env, ui::Surface};

/// A place where jobs run.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name on the command line, in fixtures and for the style of the log.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// An upload is the default: who set up a job wants its results at the service.
    pub uploads: bool,
    /// The way in which its log is written, where it has a style of its own.
    pub log: Option<Surface>,
    /// The way to upload without a stored token, as a sentence for the user; none where it can't, or needn't be told.
    pub keyless: Option<&'static str>,
    /// The variable with the branch that a change is for; none if there is none.
    base_branch: Option<EnvName>,
    detect: fn(&Env) -> bool,
    context: fn(&Situation<'_>) -> Result<CiContext, CiError>,
}

/// All providers, in the order of detection: what the job says itself (`generic`) comes before those that were not known
/// when it was written. The last one is always there.
pub(crate) const PROVIDERS: &[Provider] = &[
    buildkite::PROVIDER,
    github::PROVIDER,
    gitlab::PROVIDER,
    generic::PROVIDER,
    circleci::PROVIDER,
    local::PROVIDER,
];

/// The inputs of a provider.
#[derive(Debug, Clone)]
pub(crate) struct Situation<'a> {
    /// The environment.
    pub env: &'a Env,
    /// The current folder.
    pub here: &'a Path,
    /// The repository that the user named.
    pub repository: Option<RepositoryName>,
    /// The token that the user gave: by an option, the environment, or a login.
    pub token: Option<Secret>,
}

/// The provider that we run at: the one that the user names, else the first that is detected.
pub(crate) fn detect(env: &Env) -> Result<&'static Provider, CiError> {
    let detected = || PROVIDERS.iter().find(|provider| (provider.detect)(env));
    let found = match variables::optional(env, env_names::CI_PROVIDER)? {
        Some(id) => PROVIDERS.iter().find(|provider| provider.id.eq_ignore_ascii_case(id)),
        None => detected().or(PROVIDERS.last()),
    };
    found.ok_or_else(CiError::unknown_provider)
}

/// The commit that is checked out around a folder, if there is one.
pub(crate) fn checked_out(env: &Env, here: &Path) -> Option<String> {
    let repository = git::Repository::find(here)?;
    repository.head(env).ok().map(|head| head.commit)
}

impl Provider {
    /// Returns what it says about the job that we are.
    pub(crate) fn context(&self, situation: &Situation<'_>) -> Result<CiContext, CiError> {
        (self.context)(situation)
    }
}

/// Reads a Git repository in this folder, for `fuzzing`.
pub(crate) fn fuzz_repository(folder: &Path) {
    if let Some(repository) = git::Repository::find(folder) {
        drop((repository.head_by_files(), repository.remotes()));
    }
}

/// Reads the payload of an event, for `fuzzing`.
pub(crate) fn fuzz_payload(path: &Path) {
    if let Ok(payload) = payload::Payload::read(path) {
        drop((payload.is_private(), payload.pull_request(), payload.base_ref(), payload.head()));
    }
}

/// Reads the address of a repository, for `fuzzing`.
pub(crate) fn fuzz_remote(text: &str) {
    drop(remote::Remote::parse(text).map(|remote| remote.repository()));
}
