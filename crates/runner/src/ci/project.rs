//! The project that a folder belongs to.

use std::path::{Path, PathBuf};

use api::RepositoryName;
use runner_shared::text::as_text;

use super::{Situation, detect, git::Repository, local};
use crate::env::Env;

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Project {
    /// `owner/name` of its repository, as the CI system or the remote says, else the path of its folder.
    pub name: String,
    /// The top of the working tree, if it is in a Git repository.
    pub root: Option<PathBuf>,
}

/// Returns the project that a folder belongs to.
pub(crate) fn project(env: &Env, here: &Path) -> Project {
    let checkout = Repository::find(here);
    let name = by_provider(env, here)
        .or_else(|| checkout.as_ref().and_then(by_remote))
        .unwrap_or_else(|| {
            let root = checkout.as_ref().map_or(here, |checkout| &checkout.root);
            as_text(root).into_owned()
        });
    Project { name, root: checkout.map(|checkout| checkout.root) }
}

/// The repository of the job; nothing on the user's own machine.
fn by_provider(env: &Env, here: &Path) -> Option<String> {
    let provider = detect(env).ok().filter(|provider| provider.id != local::PROVIDER.id)?;
    let situation = Situation { env, here, repository: None, token: None };
    let RepositoryName { owner, name, .. } =
        provider.context(&situation).ok()?.identity.ok()?.repository?;
    Some(format!("{owner}/{name}"))
}

/// The repository that the first remote with a host leads to.
fn by_remote(checkout: &Repository) -> Option<String> {
    let remotes = checkout.remotes().ok()?;
    let remote = remotes.into_iter().find_map(|(_, remote)| remote)?;
    Some(format!("{}/{}", remote.owner, remote.name))
}
