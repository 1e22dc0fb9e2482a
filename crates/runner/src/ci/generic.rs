//! Any other CI, described by variables of ours. Also for systems that pretend to be GitHub, such as Forgejo, with
//! `CODSPEED_CI_PROVIDER=generic`.
//!
//! The service has no word for such an environment; it is told `LOCAL`, together with the event that really happened.

use api::{Event, RepositoryName, RepositoryProvider, RunEnvironment};
use runner_shared::env_names::{self, EnvName};
use serde_json::Map;

use super::{
    CiContext, CiError, Identity, Obstacle, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    git::Repository,
    local,
    remote::Remote,
    run_part::{BasePart, PartKind},
    variables::Variables,
};

pub(super) const PROVIDER: Provider = Provider {
    id: "generic",
    name: NAME,
    uploads: true,
    log: None,
    keyless: None,
    base_branch: Some(BASE),
    detect: |env| VARIABLES.iter().any(|variable| env.get(*variable).is_some()),
    context,
};

const NAME: &str = "generic CI";

/// The branch that a pull request is for.
const BASE: EnvName = env_names::CI_BASE_REF;

/// Each of them says that this is a job.
const VARIABLES: &[EnvName] = &[
    env_names::CI_REPOSITORY,
    env_names::CI_REF,
    env_names::CI_HEAD_REF,
    BASE,
    env_names::CI_COMMIT,
    env_names::CI_EVENT,
    env_names::CI_RUN_ID,
    env_names::CI_JOB,
    env_names::CI_PART,
];

/// The words for events.
const EVENTS: &[(&str, Event)] = &[
    ("push", Event::Push),
    ("pull_request", Event::PullRequest),
    ("workflow_dispatch", Event::WorkflowDispatch),
    ("schedule", Event::Schedule),
];

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    let variables = Variables { provider: NAME, env: situation.env };
    let checkout = Repository::find(situation.here);
    let mut notes = Vec::new();
    let identity = match repository(situation, variables, checkout.as_ref(), &mut notes)? {
        Ok(name) => Ok(identity(situation, variables, checkout.as_ref(), name)?),
        Err(obstacle) => Err(obstacle),
    };
    let head_ref = variables.optional(env_names::CI_HEAD_REF)?;
    let is_fork = head_ref.is_some_and(|head| head.contains(':'));
    let token = match &situation.token {
        Some(token) => TokenPolicy::Static(token.clone()),
        None => TokenPolicy::Missing {
            reason: "uploading from an unknown CI system needs a token".to_owned(),
            hint: format!("set {} to the repository's token", env_names::TOKEN.name),
        },
    };
    Ok(CiContext { provider: &PROVIDER, token, is_fork, identity, notes })
}

/// The repository by the option of the command line, by its variable, or by the Git remote.
fn repository(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    checkout: Option<&Repository>,
    notes: &mut Vec<String>,
) -> Result<Result<RepositoryName, Obstacle>, CiError> {
    let variable = env_names::CI_REPOSITORY;
    if let Some(name) = &situation.repository {
        return Ok(Ok(name.clone()));
    }
    let Some(text) = variables.optional(variable)? else {
        let found = checkout.and_then(|repository| local::by_remote(repository, notes));
        return found.map(Ok).ok_or(CiError::Missing { provider: NAME, variable });
    };
    if let Some(name) = RepositoryName::parse(text, RepositoryProvider::GitHub) {
        return Ok(Ok(name));
    }
    let expected = "`owner/name` at GitHub, or the URL of a repository";
    let remote = Remote::parse(text).ok_or(CiError::Value { variable, expected })?;
    Ok(context::known_repository(remote))
}

fn identity(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    checkout: Option<&Repository>,
    repository: RepositoryName,
) -> Result<Identity, CiError> {
    let optional = |variable| variables.optional(variable).map(|text| text.map(str::to_owned));
    let base_ref = optional(BASE)?;
    let commit = match variables.optional(env_names::CI_COMMIT)? {
        Some(text) => Commit::Given(context::commit_like(text).ok_or(CiError::Value {
            variable: env_names::CI_COMMIT,
            expected: "a full commit hash",
        })?),
        None => Commit::Checkout { without_repository: None },
    };
    let (root, root_text) = context::root_or(situation.here);
    Ok(Identity {
        repository: Some(repository),
        root,
        root_text,
        environment: RunEnvironment::Local,
        event: event(variables, base_ref.is_some())?,
        reference: reference(situation, variables, checkout)?,
        head_ref: optional(env_names::CI_HEAD_REF)?,
        base_ref,
        sender: None,
        gh_data: None,
        gl_data: None,
        commit,
        part: part(variables)?,
    })
}

fn event(variables: Variables<'_>, has_base: bool) -> Result<Event, CiError> {
    let variable = env_names::CI_EVENT;
    let Some(word) = variables.optional(variable)? else {
        return Ok(if has_base { Event::PullRequest } else { Event::Push });
    };
    let event = EVENTS.iter().find(|(name, _)| *name == word).map(|(_, event)| *event);
    event.ok_or(CiError::Value { variable, expected: "an event that CodSpeed supports" })
}

fn reference(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    checkout: Option<&Repository>,
) -> Result<String, CiError> {
    let variable = env_names::CI_REF;
    if let Some(reference) = variables.optional(variable)? {
        let is_whole = reference.starts_with("refs/");
        return Ok(if is_whole { reference.to_owned() } else { format!("refs/heads/{reference}") });
    }
    let head = checkout.and_then(|repository| repository.head(situation.env).ok());
    let branch = head.and_then(|head| head.branch);
    branch
        .map(|branch| format!("refs/heads/{branch}"))
        .ok_or(CiError::Missing { provider: NAME, variable })
}

/// A part, where it is told which run it belongs to.
fn part(variables: Variables<'_>) -> Result<Option<BasePart>, CiError> {
    let Some(run_id) = variables.optional(env_names::CI_RUN_ID)? else { return Ok(None) };
    let job = variables.optional(env_names::CI_JOB)?.unwrap_or("job").to_owned();
    let part_id = variables.optional(env_names::CI_PART)?.unwrap_or(&job).to_owned();
    let (run_id, metadata, kind) = (run_id.to_owned(), Map::new(), PartKind::Job);
    Ok(Some(BasePart { run_id, part_id, job, metadata, kind }))
}
