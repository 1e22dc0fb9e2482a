//! GitHub Actions.

use std::path::PathBuf;

use api::{Event, JobReference, RepositoryName, RepositoryProvider, RunEnvironment, Sender};
use runner_shared::env_names::{self, EnvName};
use serde_json::Map;

use super::{
    CiContext, CiError, Identity, Obstacle, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    git::Repository,
    json::Object,
    payload::Payload,
    run_part::{BasePart, PartKind},
    variables::{self, Variables},
};

use crate::ui::Surface;

pub(super) const PROVIDER: Provider = Provider {
    id: "github-actions",
    name: NAME,
    uploads: true,
    log: Some(Surface::GitHub),
    keyless: Some(
        "add `permissions: id-token: write` to this workflow to upload without a stored token",
    ),
    base_branch: Some(BASE),
    detect: |env| variables::is_true(env, env_names::GITHUB_ACTIONS),
    context,
};

const NAME: &str = "GitHub Actions";

/// The branch that a pull request is for.
const BASE: EnvName = env_names::GITHUB_BASE_REF;

/// The commit that has to be checked out for the results to belong to the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// Whatever it is: the service knows the event.
    Known,
    /// The commit that the workflow runs for. Such jobs may as well check out something else, which is then not what
    /// the reference says.
    ItsCommit,
    /// Not the commit that the workflow runs for, which is the base, but the pull request.
    ThePullRequest,
}

/// Events, and what they are to the service, which knows the first four. What is not here can't be uploaded.
const EVENTS: &[(&str, Event, About)] = &[
    ("push", Event::Push, About::Known),
    ("pull_request", Event::PullRequest, About::Known),
    ("workflow_dispatch", Event::WorkflowDispatch, About::Known),
    ("schedule", Event::Schedule, About::Known),
    ("pull_request_target", Event::PullRequest, About::ThePullRequest),
    ("pull_request_review", Event::PullRequest, About::Known),
    ("pull_request_review_comment", Event::PullRequest, About::Known),
    ("merge_group", Event::Push, About::ItsCommit),
    ("create", Event::Push, About::ItsCommit),
    ("release", Event::Push, About::ItsCommit),
    ("workflow_call", Event::WorkflowDispatch, About::ItsCommit),
    ("workflow_run", Event::WorkflowDispatch, About::ItsCommit),
    ("repository_dispatch", Event::WorkflowDispatch, About::ItsCommit),
    ("issue_comment", Event::WorkflowDispatch, About::ItsCommit),
];

/// The fields of the event that we need.
struct Occasion {
    event: Event,
    reference: String,
    head_ref: Option<String>,
    base_ref: Option<String>,
    is_fork: bool,
}

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    if situation.repository.is_some() {
        return Err(CiError::RepositoryGiven { provider: NAME });
    }
    let variables = Variables { provider: NAME, env: situation.env };
    let slug = variables.needed(env_names::GITHUB_REPOSITORY)?;
    let repository =
        RepositoryName::parse(slug, RepositoryProvider::GitHub).ok_or(CiError::Value {
            variable: env_names::GITHUB_REPOSITORY,
            expected: "like `owner/name`",
        })?;
    let payload = Payload::read(&variables.path(env_names::GITHUB_EVENT_PATH)?);
    let is_private = payload.as_ref().ok().and_then(Payload::is_private);
    let mut notes = Vec::new();
    let (identity, is_fork) = match occasion(situation, variables, payload)? {
        Ok(occasion) => {
            let is_fork = occasion.is_fork;
            let (name, word) =
                (variables.needed(env_names::GITHUB_EVENT_NAME)?, wire(occasion.event));
            if name != word {
                notes.push(format!("the event `{name}` is reported to CodSpeed as `{word}`"));
            }
            (Ok(identity(situation, variables, repository, occasion)?), is_fork)
        }
        Err(obstacle) => (Err(obstacle), false),
    };
    let token = token(situation, variables, is_fork, is_private)?;
    Ok(CiContext { provider: &PROVIDER, token, is_fork, identity, notes })
}

/// The word of the service.
fn wire(event: Event) -> &'static str {
    match event {
        Event::Push => "push",
        Event::PullRequest => "pull_request",
        Event::WorkflowDispatch => "workflow_dispatch",
        Event::Schedule => "schedule",
        Event::Local => "local",
    }
}

/// Returns what started the workflow, in the words of the service.
fn occasion(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    payload: Result<Payload, CiError>,
) -> Result<Result<Occasion, Obstacle>, CiError> {
    let name = variables.needed(env_names::GITHUB_EVENT_NAME)?;
    let Some((_, event, about)) = EVENTS.iter().find(|(event, ..)| *event == name) else {
        return Ok(Err(Obstacle::Event { event: name.to_owned() }));
    };
    let mut reference = variables.text(env_names::GITHUB_REF)?;
    let mut base_ref = variables.optional(BASE)?.map(str::to_owned);
    let payload = if *about == About::ThePullRequest {
        let payload = payload?;
        reference = format!("refs/pull/{}/merge", payload.pull_request()?);
        base_ref = base_ref.or_else(|| payload.base_ref().map(str::to_owned));
        Ok(payload)
    } else {
        payload
    };
    if let Some(is_its_commit) = checked_out_its_commit(situation, variables)? {
        let wrong = match about {
            About::Known => false,
            About::ItsCommit => !is_its_commit,
            About::ThePullRequest => is_its_commit,
        };
        if wrong {
            return Ok(Err(Obstacle::Checkout { event: name.to_owned(), reference }));
        }
    }
    let (head_ref, is_fork) = if is_pull_request(&reference) {
        let head = payload?.head()?;
        (Some(head.label), head.is_fork)
    } else {
        (None, false)
    };
    Ok(Ok(Occasion { event: *event, reference, head_ref, base_ref, is_fork }))
}

/// Returns whether the commit that the workflow runs for is checked out, as far as both are known.
fn checked_out_its_commit(
    situation: &Situation<'_>,
    variables: Variables<'_>,
) -> Result<Option<bool>, CiError> {
    let its = variables.optional(env_names::GITHUB_SHA)?.and_then(context::commit_like);
    let head = Repository::find(situation.here).and_then(|it| it.head(situation.env).ok());
    Ok(its.zip(head).map(|(its, head)| head.commit == its))
}

/// `refs/pull/7/merge`.
fn is_pull_request(reference: &str) -> bool {
    let number = reference.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/merge"));
    number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

fn identity(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    repository: RepositoryName,
    occasion: Occasion,
) -> Result<Identity, CiError> {
    let Occasion { event, reference, head_ref, base_ref, is_fork: _ } = occasion;
    let (run_id, job) =
        (variables.text(env_names::GITHUB_RUN_ID)?, variables.text(env_names::GITHUB_JOB)?);
    let sender = Sender {
        id: variables.text(env_names::GITHUB_ACTOR_ID)?,
        login: variables.text(env_names::GITHUB_ACTOR)?,
    };
    let (root, root_text) = if let Some(found) = context::root_above(situation.here) {
        found
    } else {
        let workspace = variables.optional(env_names::GITHUB_WORKSPACE)?;
        let name = &repository.name;
        // Where GitHub's machines have it.
        let usual = || ["/home/runner", "work", name, name].join("/");
        let path = workspace.map_or_else(usual, str::to_owned);
        (PathBuf::from(&path), context::with_slash(&path))
    };
    let commit = variables.optional(env_names::GITHUB_SHA)?.and_then(context::commit_like);
    let part = part(variables, run_id.clone(), job.clone())?;
    Ok(Identity {
        repository: Some(repository),
        root,
        root_text,
        environment: RunEnvironment::GitHubActions,
        event,
        reference,
        head_ref,
        base_ref,
        sender: Some(sender),
        gh_data: Some(JobReference { run_id, job }),
        gl_data: None,
        commit: Commit::Checkout { without_repository: commit },
        part: Some(part),
    })
}

/// The part of a job. Those of a matrix are told from each other by their values and their place in the matrix.
fn part(variables: Variables<'_>, run_id: String, job: String) -> Result<BasePart, CiError> {
    let object =
        |variable: EnvName| variables.optional(variable).map(|text| text.and_then(Object::parse));
    let kind = PartKind::Job;
    let both = object(env_names::GH_MATRIX)?.zip(object(env_names::GH_STRATEGY)?);
    let Some((matrix, mut strategy)) = both else {
        return Ok(BasePart { run_id, part_id: job.clone(), job, metadata: Map::new(), kind });
    };
    // The service has always seen the order that this makes.
    strategy.swap_remove("fail-fast");
    strategy.swap_remove("max-parallel");
    let part_id = format!("{job}-{}-{}", matrix.compact(), strategy.compact());
    let mut metadata = matrix.to_map();
    metadata.extend(strategy.to_map());
    Ok(BasePart { run_id, part_id, job, metadata, kind })
}

fn token(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    is_fork: bool,
    is_private: Option<bool>,
) -> Result<TokenPolicy, CiError> {
    if let Some(token) = &situation.token {
        return Ok(TokenPolicy::Static(token.clone()));
    }
    let request = variables.optional(env_names::OIDC_REQUEST_TOKEN)?.and_then(api::Secret::new);
    let url = variables.optional(env_names::OIDC_REQUEST_URL)?;
    // A repository that doesn't say is treated as private: its results are not published.
    let (is_private, which) = match is_private {
        Some(is_private) => (is_private, "the repository is private"),
        None => (true, "the event doesn't state whether the repository is public"),
    };
    Ok(match (request, url) {
        (Some(request), Some(url)) => {
            TokenPolicy::Oidc { url: url.to_owned(), request, required: is_private }
        }
        (None, _) | (_, None) if is_fork || !is_private => TokenPolicy::Tokenless,
        (None, _) | (_, None) => TokenPolicy::Missing {
            reason: format!(
                "{which}, and the job has no permission to request a token from GitHub"
            ),
            hint: format!(
                "add `permissions: {{ contents: read, id-token: write }}` to the job, or set {}",
                env_names::TOKEN.name
            ),
        },
    })
}
