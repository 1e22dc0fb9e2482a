//! The origin of a run, as its record names it: the project, the commit and the job. Any of them may be missing.

use std::path::Path;

use api::Event;
use runner_shared::{env_names, text::as_text};
use store::{CiRun, CommitInfo};
use system::temporary::{Folder, Kind};

use super::{
    detect,
    git::Repository,
    project::{described, name_of},
};
use crate::{
    env::Env,
    process::{self, AskError},
};

/// The origin of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// `owner/name` of the repository, else the path of its main folder or of the current one.
    pub project: String,
    /// The commit that is checked out; `None` outside of a Git repository.
    pub commit: Option<String>,
    /// Its branch, if there is one: at a CI system also of a detached head.
    pub branch: Option<String>,
    /// Files differ from the commit; `None` if nobody could tell, or has asked.
    pub dirty: Option<bool>,
    /// The job; `None` outside of CI systems.
    pub job: Option<Job>,
}

/// A job of a CI system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Id of the provider.
    pub provider: &'static str,
    /// The run that all jobs share.
    pub run: String,
    /// The job with its part of a matrix.
    pub name: String,
    /// Number of the pull request.
    pub pull_request: Option<String>,
}

impl Origin {
    /// Returns the commit as a record has it.
    pub(crate) fn commit_info(&self) -> Option<CommitInfo> {
        let hash = self.commit.clone()?;
        Some(CommitInfo { hash, branch: self.branch.clone(), dirty: self.dirty })
    }

    /// Returns the job as a record has it.
    pub(crate) fn ci_run(&self) -> Option<CiRun> {
        let Job { provider, run, name, pull_request } = self.job.clone()?;
        Some(CiRun { provider: provider.to_owned(), run, job: name, pull_request })
    }
}

/// Looks where a run in this folder comes from, with whether files have changed. What can't be found out is left out.
pub(crate) fn origin(env: &Env, here: &Path) -> Origin {
    let place = place(env, here);
    let dirty = place.commit.is_some().then(|| is_dirty(&Repository::find(here)?, env)).flatten();
    Origin { dirty, ..place }
}

/// Returns the branch that the change of this job is for, if it is for one: as the provider says in a variable, else as far
/// as it tells in other ways.
pub(crate) fn base_branch(env: &Env, here: &Path) -> Option<String> {
    let told = detect(env).ok()?.base_branch.and_then(|name| env.get(name));
    if let Some(branch) = told {
        return Some(as_text(branch).into_owned());
    }
    let identity = described(env, here)?.identity.ok()?;
    // At GitLab each branch is its own base.
    identity.base_ref.filter(|_| identity.event == Event::PullRequest)
}

/// Looks where something in this folder comes from, by files alone: nobody asks git whether they have changed.
pub(crate) fn place(env: &Env, here: &Path) -> Origin {
    let checkout = Repository::find(here);
    let head = checkout.as_ref().and_then(|checkout| checkout.head(env).ok());
    let described = described(env, here);
    let identity = described.as_ref().and_then(|described| described.identity.as_ref().ok());
    let told = identity.and_then(|it| {
        it.head_ref.clone().or_else(|| Some(it.reference.strip_prefix("refs/heads/")?.to_owned()))
    });
    let job = described.as_ref().zip(identity).and_then(|(described, identity)| {
        let part = identity.part.as_ref()?;
        let number = identity.reference.strip_prefix("refs/pull/");
        let number = number.and_then(|rest| rest.split('/').next()).map(str::to_owned);
        // At GitLab a part is told apart by its job, and the service wants no more.
        let pipeline =
            env.get(env_names::GITLAB_PIPELINE_ID).filter(|_| identity.gl_data.is_some());
        let run = pipeline.map_or_else(|| part.run_id.clone(), |it| as_text(it).into_owned());
        let provider = described.provider.id;
        Some(Job { provider, run, name: part.part_id.clone(), pull_request: number })
    });
    let (commit, branch) = head.map(|head| (head.commit, head.branch)).unzip();
    Origin {
        project: name_of(checkout.as_ref(), described.as_ref(), here),
        commit,
        branch: branch.flatten().or(told),
        dirty: None,
        job,
    }
}

/// Asks git whether files of the commit were changed. Others may be anything: results of the last run are among them.
fn is_dirty(checkout: &Repository, env: &Env) -> Option<bool> {
    // Git LFS keeps copies of what it looks at: nothing is written into the repository.
    let scratch = Folder::create(&env.temp_dir(), Kind::Filters).ok()?;
    let storage = format!("lfs.storage={}", as_text(scratch.path().as_os_str()));
    let status = ["status", "--porcelain", "--untracked-files=no"];
    let words = [&["--no-optional-locks", "-c", &storage][..], &status].concat();
    match process::ask(Path::new("git"), &words, env, &checkout.root) {
        Ok(answer) => Some(!answer.trim().is_empty()),
        // Nobody has so much to say about a clean one.
        Err(AskError::Endless { .. }) => Some(true),
        Err(_) => None,
    }
}
