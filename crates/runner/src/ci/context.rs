//! The description of a job by its provider, as the service is told.

use std::path::PathBuf;

use api::{
    Event, JobReference, RepositoryName, RepositoryProvider, RunContext, RunEnvironment, Secret,
    Sender,
};

use runner_shared::text::as_text;

use super::{
    CiError, Obstacle, Provider,
    git::Repository,
    remote::Remote,
    run_part::{BasePart, PartKey, Suffix},
};
use crate::env::Env;

/// A job, as its provider describes it.
#[derive(Debug, Clone)]
pub(crate) struct CiContext {
    /// The provider.
    pub provider: &'static Provider,
    /// Credentials of an upload.
    pub token: TokenPolicy,
    /// The code comes from a fork: the job has no secrets.
    pub is_fork: bool,
    /// The description for the service, or the obstacle.
    pub identity: Result<Identity, Obstacle>,
    /// Notes for the user about how the job was understood.
    pub notes: Vec<String>,
}

/// Credentials of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenPolicy {
    /// A token that the user gave.
    Static(Secret),
    /// A token that the provider makes for us, right before the upload.
    Oidc {
        /// The place where it is asked for; the audience is to be added.
        url: String,
        /// Our credentials there.
        request: Secret,
        /// Without it the upload fails. Otherwise it goes on without a token, with a warning.
        required: bool,
    },
    /// None: the service looks for the hash in the public log of the job.
    Tokenless,
    /// One is needed, and there is none.
    Missing {
        /// The reason why it is needed.
        reason: String,
        /// The origin of it.
        hint: String,
    },
}

/// Which run it is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// The repository, unless nobody knows: then the service gives a project.
    pub repository: Option<RepositoryName>,
    /// The folder of the repository.
    pub root: PathBuf,
    pub(super) environment: RunEnvironment,
    pub(super) root_text: String,
    pub(super) event: Event,
    pub(super) reference: String,
    pub(super) head_ref: Option<String>,
    pub(super) base_ref: Option<String>,
    pub(super) sender: Option<Sender>,
    pub(super) gh_data: Option<JobReference>,
    pub(super) gl_data: Option<JobReference>,
    pub(super) commit: Commit,
    pub(super) part: Option<BasePart>,
}

/// The source of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Commit {
    /// What is checked out at the time of the upload. Where there is no repository at all, as in a container that
    /// got the files only, what the provider says.
    Checkout {
        /// The provider's word.
        without_repository: Option<String>,
    },
    /// It is given.
    Given(String),
}

/// Returns what stands for a commit where there is none.
pub(super) fn no_commit() -> String {
    "a".repeat(40)
}

/// A text of the provider, if it is a commit.
pub(super) fn commit_like(text: &str) -> Option<String> {
    super::git::commit(text)
}

impl CiContext {
    /// Returns why the run can't be uploaded, if so. It is worth measuring all the same.
    pub(crate) fn obstacle(&self) -> Option<&Obstacle> {
        self.identity.as_ref().err()
    }

    /// The position of this upload among others of its job, where that is counted: its key for a
    /// [`RunIndex`](super::RunIndex).
    pub(crate) fn part_key(&self) -> Option<PartKey<'_>> {
        let identity = self.identity.as_ref().ok()?;
        identity.part.as_ref().and_then(|part| part.key(&identity.root))
    }

    /// All that the service is told, to be called when it is uploaded: the commit is the one that is checked out then.
    ///
    /// `project` is a repository that the service made, for a run that belongs to none or to one that it doesn't know.
    pub(crate) fn run_context(
        &self,
        env: &Env,
        suffix: &Suffix<'_>,
        project: Option<&RepositoryName>,
    ) -> Result<RunContext, CiError> {
        let identity = self.identity.as_ref().map_err(Clone::clone)?;
        identity.run_context(env, suffix, project)
    }
}

impl Identity {
    fn run_context(
        &self,
        env: &Env,
        suffix: &Suffix<'_>,
        project: Option<&RepositoryName>,
    ) -> Result<RunContext, CiError> {
        let is_project = project.is_some_and(|name| name.provider == RepositoryProvider::Project);
        let repository = project.or(self.repository.as_ref()).ok_or(CiError::NoRepository)?;
        // A project of the service has no commits.
        let (reference, commit_hash, head_ref) = if is_project {
            (no_commit(), no_commit(), None)
        } else {
            (self.reference.clone(), self.commit(env)?, self.head_ref.clone())
        };
        let part = self.part.as_ref().and_then(|part| suffix.apply(part));
        Ok(RunContext {
            repository_provider: repository.provider,
            run_environment: self.environment,
            run_part: part,
            commit_hash,
            reference,
            head_ref,
            base_ref: self.base_ref.clone(),
            owner: repository.owner.clone(),
            repository: repository.name.clone(),
            event: self.event,
            sender: self.sender.clone(),
            gh_data: self.gh_data.clone(),
            gl_data: self.gl_data.clone(),
            repository_root_path: self.root_text.clone(),
        })
    }

    fn commit(&self, env: &Env) -> Result<String, CiError> {
        let without_repository = match &self.commit {
            Commit::Given(commit) => return Ok(commit.clone()),
            Commit::Checkout { without_repository } => without_repository,
        };
        let failed = |source| CiError::Commit { root: self.root.clone(), source };
        match (Repository::find(&self.root), without_repository) {
            (Some(repository), _) => Ok(repository.head(env).map_err(failed)?.commit),
            (None, Some(commit)) => Ok(commit.clone()),
            (None, None) => Err(failed(super::git::GitError::None { path: self.root.clone() })),
        }
    }
}

/// The repository that a remote leads to, or the obstacle that the service doesn't know its host.
pub(super) fn known_repository(remote: Remote) -> Result<RepositoryName, Obstacle> {
    let known = "github.com and gitlab.com";
    remote.repository().ok_or(Obstacle::Host { host: remote.host, known })
}

/// The top of the repository around a folder as the wire wants it, with a slash at its end.
pub(super) fn root_above(here: &std::path::Path) -> Option<(PathBuf, String)> {
    let root = Repository::find(here)?.root;
    let text = with_slash(&as_text(&root));
    Some((root, text))
}

/// The same, or the folder itself where there is no repository.
pub(super) fn root_or(here: &std::path::Path) -> (PathBuf, String) {
    root_above(here).unwrap_or_else(|| (here.to_owned(), with_slash(&as_text(here))))
}

/// A path with one slash at its end.
pub(super) fn with_slash(path: &str) -> String {
    format!("{}/", path.trim_end_matches('/'))
}
