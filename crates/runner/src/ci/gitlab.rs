//! GitLab CI.

use api::{Event, JobReference, RepositoryName, RepositoryProvider, RunEnvironment, Sender};
use runner_shared::{
    env_names::{self, EnvName},
    text::as_text,
};
use serde_json::Map;

use super::{
    CiContext, CiError, Identity, Obstacle, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    run_part::{BasePart, PartKind},
    variables::{self, Variables},
};

use crate::ui::Surface;

pub(super) const PROVIDER: Provider = Provider {
    id: "gitlab-ci",
    name: NAME,
    uploads: true,
    log: Some(Surface::GitLab),
    keyless: None,
    base_branch: Some(BASE),
    detect: |env| variables::is_true(env, env_names::GITLAB_CI),
    context,
};

const NAME: &str = "GitLab CI";

/// The branch that a merge request is for.
const BASE: EnvName = env_names::GITLAB_MR_TARGET;

/// What starts a pipeline, and what that is to the service. A child of a pipeline for a merge request is for that merge
/// request as well: see [`occasion`].
const SOURCES: &[(&str, Event)] = &[
    ("merge_request_event", Event::PullRequest),
    ("push", Event::Push),
    ("webide", Event::Push),
    ("schedule", Event::Schedule),
    ("trigger", Event::WorkflowDispatch),
    ("web", Event::WorkflowDispatch),
    ("api", Event::WorkflowDispatch),
    ("chat", Event::WorkflowDispatch),
    ("pipeline", Event::WorkflowDispatch),
    (CHILD, Event::WorkflowDispatch),
];

const CHILD: &str = "parent_pipeline";

/// The subject of a pipeline.
struct Occasion {
    event: Event,
    reference: String,
    base_ref: String,
    head_ref: Option<String>,
    is_fork: bool,
}

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    if situation.repository.is_some() {
        return Err(CiError::RepositoryGiven { provider: NAME });
    }
    let variables = Variables { provider: NAME, env: situation.env };
    let (identity, is_fork) = match occasion(variables)? {
        Ok(occasion) => {
            let is_fork = occasion.is_fork;
            (Ok(identity(variables, occasion)?), is_fork)
        }
        Err(obstacle) => (Err(obstacle), false),
    };
    // A job that has `id_tokens` hands one on in the variable of the token.
    let token = situation.token.clone().map_or(TokenPolicy::Tokenless, TokenPolicy::Static);
    Ok(CiContext { provider: &PROVIDER, token, is_fork, identity, notes: Vec::new() })
}

fn occasion(variables: Variables<'_>) -> Result<Result<Occasion, Obstacle>, CiError> {
    let source = variables.needed(env_names::GITLAB_SOURCE)?;
    let Some((_, event)) = SOURCES.iter().find(|(name, _)| *name == source) else {
        return Ok(Err(Obstacle::Event { event: source.to_owned() }));
    };
    let is_child_of_request =
        source == CHILD && variables.optional(env_names::GITLAB_MR_IID)?.is_some();
    if *event == Event::PullRequest || is_child_of_request {
        return merge_request(variables).map(Ok);
    }
    let name = variables.text(env_names::GITLAB_REF_NAME)?;
    let reference = match variables.optional(env_names::GITLAB_TAG)? {
        Some(tag) => format!("refs/tags/{tag}"),
        None => format!("refs/heads/{name}"),
    };
    // That a branch is its own base is what the service has always been told.
    Ok(Ok(Occasion { event: *event, reference, base_ref: name, head_ref: None, is_fork: false }))
}

fn merge_request(variables: Variables<'_>) -> Result<Occasion, CiError> {
    let branch = variables.needed(env_names::GITLAB_MR_SOURCE)?;
    let source = variables.needed(env_names::GITLAB_MR_SOURCE_PATH)?;
    let is_fork = source != variables.needed(env_names::GITLAB_PROJECT_PATH)?;
    let owner = source.split('/').next().unwrap_or(source);
    let head_ref = if is_fork { format!("{owner}:{branch}") } else { branch.to_owned() };
    Ok(Occasion {
        event: Event::PullRequest,
        reference: format!("refs/pull/{}/merge", variables.needed(env_names::GITLAB_MR_IID)?),
        base_ref: variables.text(BASE)?,
        head_ref: Some(head_ref),
        is_fork,
    })
}

fn identity(variables: Variables<'_>, occasion: Occasion) -> Result<Identity, CiError> {
    let Occasion { event, reference, base_ref, head_ref, is_fork: _ } = occasion;
    let (run_id, job) =
        (variables.text(env_names::GITLAB_JOB_ID)?, variables.text(env_names::GITLAB_JOB_NAME)?);
    let root = variables.path(env_names::GITLAB_PROJECT_DIR)?;
    let commit = variables.optional(env_names::GITLAB_COMMIT)?.and_then(context::commit_like);
    let part = BasePart {
        run_id: run_id.clone(),
        part_id: job.clone(),
        job: job.clone(),
        metadata: Map::new(),
        kind: PartKind::Job,
    };
    Ok(Identity {
        repository: Some(RepositoryName {
            provider: RepositoryProvider::GitLab,
            owner: variables.text(env_names::GITLAB_NAMESPACE)?,
            name: variables.text(env_names::GITLAB_PROJECT_NAME)?,
        }),
        environment: RunEnvironment::GitLabCi,
        root_text: as_text(&root).into_owned(),
        root,
        event,
        reference,
        head_ref,
        base_ref: Some(base_ref),
        sender: Some(Sender {
            id: variables.text(env_names::GITLAB_USER_ID)?,
            login: variables.text(env_names::GITLAB_USER_LOGIN)?,
        }),
        gh_data: None,
        gl_data: Some(JobReference { run_id, job }),
        commit: Commit::Checkout { without_repository: commit },
        part: Some(part),
    })
}
