//! The project that a folder belongs to.

use std::path::{Path, PathBuf};

use api::RepositoryName;
use runner_shared::text::as_text;

use super::{CiContext, Situation, detect, git::Repository, local};
use crate::env::Env;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// `owner/name` of its repository, as the CI system or the remote says, else the path of its folder, which all working
    /// trees of a repository have in common.
    pub name: String,
    /// The top of the working tree, if it is in a Git repository.
    pub root: Option<PathBuf>,
}

/// Returns the project that a folder belongs to.
pub(crate) fn project(env: &Env, here: &Path) -> Project {
    let checkout = Repository::find(here);
    let name = name_of(checkout.as_ref(), described(env, here).as_ref(), here);
    Project { name, root: checkout.map(|checkout| checkout.root) }
}

/// The name of the project of a folder, by its repository and what the provider says of the job.
pub(super) fn name_of(
    checkout: Option<&Repository>,
    described: Option<&CiContext>,
    here: &Path,
) -> String {
    described.and_then(by_provider).or_else(|| checkout.and_then(by_remote)).unwrap_or_else(|| {
        let home = checkout.map_or_else(|| here.to_owned(), Repository::home);
        as_text(&home).into_owned()
    })
}

/// Returns what the provider says of the job; nothing on the user's own machine.
pub(super) fn described(env: &Env, here: &Path) -> Option<CiContext> {
    let provider = detect(env).ok().filter(|provider| provider.id != local::PROVIDER.id)?;
    provider.context(&Situation { env, here, repository: None, token: None }).ok()
}

/// The repository of the job.
fn by_provider(described: &CiContext) -> Option<String> {
    let RepositoryName { owner, name, .. } =
        described.identity.as_ref().ok()?.repository.as_ref()?;
    Some(format!("{owner}/{name}"))
}

/// The repository that the first remote with a host leads to.
fn by_remote(checkout: &Repository) -> Option<String> {
    let remotes = checkout.remotes().ok()?;
    let remote = remotes.into_iter().find_map(|(_, remote)| remote)?;
    Some(format!("{}/{}", remote.owner, remote.name))
}
