//! CircleCI. Its variables are listed at circleci.com/docs/variables; the service has no word for it and is told `LOCAL`,
//! together with the event that really happened.

use api::{Event, RepositoryName, RunEnvironment};
use runner_shared::env_names;
use serde_json::Map;

use super::{
    CiContext, CiError, Identity, Obstacle, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    git::Repository,
    local,
    remote::Remote,
    run_part::{BasePart, PartKind},
    variables::{self, Variables},
};

pub(super) const PROVIDER: Provider = Provider {
    id: "circleci",
    name: NAME,
    uploads: true,
    log: None,
    keyless: None,
    base_branch: None,
    detect: |env| variables::is_true(env, env_names::CIRCLECI),
    context,
};

const NAME: &str = "CircleCI";

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    let variables = Variables { provider: NAME, env: situation.env };
    let mut notes = Vec::new();
    let identity = match repository(situation, variables, &mut notes)? {
        Ok(name) => Ok(identity(situation, variables, name)?),
        Err(obstacle) => Err(obstacle),
    };
    // Only pull requests of forks have it.
    let is_fork = variables.optional(env_names::CIRCLE_FORK)?.is_some();
    let token = match &situation.token {
        Some(token) => TokenPolicy::Static(token.clone()),
        None => TokenPolicy::Missing {
            reason: "uploading from CircleCI needs a token".to_owned(),
            hint: if is_fork {
                "jobs of forks have no secrets: use `--skip-upload` for them".to_owned()
            } else {
                format!("set {} to the repository's token", env_names::TOKEN.name)
            },
        },
    };
    Ok(CiContext { provider: &PROVIDER, token, is_fork, identity, notes })
}

/// The repository by the option of the command line, by its variable, or, where a project has none, by the Git remote.
fn repository(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    notes: &mut Vec<String>,
) -> Result<Result<RepositoryName, Obstacle>, CiError> {
    if let Some(name) = &situation.repository {
        return Ok(Ok(name.clone()));
    }
    let variable = env_names::CIRCLE_REPOSITORY;
    let Some(text) = variables.optional(variable)? else {
        let checkout = Repository::find(situation.here);
        let found = checkout.and_then(|repository| local::by_remote(&repository, notes));
        return found.map(Ok).ok_or(CiError::Missing { provider: NAME, variable });
    };
    let remote = Remote::parse(text);
    let remote = remote.ok_or(CiError::Value { variable, expected: "the URL of a repository" })?;
    Ok(context::known_repository(remote))
}

fn identity(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    repository: RepositoryName,
) -> Result<Identity, CiError> {
    let (root, root_text) = context::root_or(situation.here);
    let branch = variables.optional(env_names::CIRCLE_BRANCH)?.map(str::to_owned);
    let (event, reference, head_ref) = match (pull_request(variables)?, branch) {
        (Some(number), branch) => {
            let owner = variables.optional(env_names::CIRCLE_FORK)?;
            // The branch of a fork is not told but as `pull/N`.
            let head = branch.filter(|branch| !branch.starts_with("pull/"));
            let head = head.map(|branch| match owner {
                Some(owner) => format!("{owner}:{branch}"),
                None => branch,
            });
            (Event::PullRequest, format!("refs/pull/{number}/merge"), head)
        }
        (None, Some(branch)) => (Event::Push, format!("refs/heads/{branch}"), None),
        (None, None) => {
            let tag = variables.optional(env_names::CIRCLE_TAG)?;
            let variable = env_names::CIRCLE_BRANCH;
            let tag = tag.ok_or(CiError::Missing { provider: NAME, variable })?;
            (Event::Push, format!("refs/tags/{tag}"), None)
        }
    };
    let commit = variables.optional(env_names::CIRCLE_COMMIT)?.and_then(context::commit_like);
    Ok(Identity {
        repository: Some(repository),
        root,
        root_text,
        environment: RunEnvironment::Local,
        event,
        reference,
        head_ref,
        base_ref: None,
        sender: None,
        gh_data: None,
        gl_data: None,
        commit: Commit::Checkout { without_repository: commit },
        part: part(variables)?,
    })
}

/// The number of the pull request: the end of its address, or, for a fork, a variable of its own.
fn pull_request(variables: Variables<'_>) -> Result<Option<u64>, CiError> {
    let address = variables.optional(env_names::CIRCLE_PULL_REQUEST)?;
    let number = address.and_then(|address| address.rsplit('/').next()?.parse().ok());
    let of_fork = variables.optional(env_names::CIRCLE_PULL_REQUEST_OF_FORK)?;
    Ok(number.or_else(|| of_fork?.parse().ok()))
}

/// The job within its workflow, and its number where several of its kind run side by side.
fn part(variables: Variables<'_>) -> Result<Option<BasePart>, CiError> {
    let Some(run_id) = variables.optional(env_names::CIRCLE_WORKFLOW)? else { return Ok(None) };
    let job = variables.optional(env_names::CIRCLE_JOB)?.unwrap_or("job").to_owned();
    let is_alone = variables.optional(env_names::CIRCLE_NODES)?.is_none_or(|nodes| nodes == "1");
    let node = variables.optional(env_names::CIRCLE_NODE)?.filter(|_| !is_alone);
    let part_id = node.map_or_else(|| job.clone(), |node| format!("{job}-{node}"));
    let (run_id, metadata, kind) = (run_id.to_owned(), Map::new(), PartKind::Job);
    Ok(Some(BasePart { run_id, part_id, job, metadata, kind }))
}
