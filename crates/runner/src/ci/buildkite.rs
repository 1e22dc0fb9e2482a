//! Buildkite, with a repository at GitHub.

use std::path::PathBuf;

use api::{Event, RepositoryName, RepositoryProvider, RunEnvironment};
use runner_shared::env_names::{self, EnvName};

use super::{
    CiContext, CiError, Identity, Obstacle, Provider, Situation, TokenPolicy,
    context::{self, Commit},
    remote::Remote,
    variables::{self, Variables},
};

use crate::ui::Surface;

pub(super) const PROVIDER: Provider = Provider {
    id: "buildkite",
    name: NAME,
    uploads: true,
    log: Some(Surface::Buildkite),
    keyless: None,
    base_branch: Some(BASE),
    detect: |env| variables::is_true(env, env_names::BUILDKITE),
    context,
};

const NAME: &str = "Buildkite";

/// The branch that a pull request is for.
const BASE: EnvName = env_names::BUILDKITE_BASE_BRANCH;

fn context(situation: &Situation<'_>) -> Result<CiContext, CiError> {
    if situation.repository.is_some() {
        return Err(CiError::RepositoryGiven { provider: NAME });
    }
    let variables = Variables { provider: NAME, env: situation.env };
    let url = variables.needed(env_names::BUILDKITE_REPO)?;
    let remote = Remote::parse(url).ok_or(CiError::Value {
        variable: env_names::BUILDKITE_REPO,
        expected: "the URL of a repository",
    })?;
    let at_github = remote.repository().filter(|it| it.provider == RepositoryProvider::GitHub);
    let identity = match at_github {
        Some(repository) => Ok(identity(situation, variables, repository)?),
        None => Err(Obstacle::Host { host: remote.host, known: "github.com" }),
    };
    let token = match &situation.token {
        Some(token) => TokenPolicy::Static(token.clone()),
        None => TokenPolicy::Missing {
            reason: "uploading from Buildkite needs a token".to_owned(),
            hint: format!("set {} to the repository's token", env_names::TOKEN.name),
        },
    };
    Ok(CiContext { provider: &PROVIDER, token, is_fork: false, identity, notes: Vec::new() })
}

fn identity(
    situation: &Situation<'_>,
    variables: Variables<'_>,
    repository: RepositoryName,
) -> Result<Identity, CiError> {
    let branch = variables.text(env_names::BUILDKITE_BRANCH)?;
    let number = variables.optional(env_names::BUILDKITE_PULL_REQUEST)?.map(str::parse::<u64>);
    let (event, reference, base_ref, head_ref) = match number {
        Some(Ok(number)) => {
            let base = variables.optional(BASE)?.map(str::to_owned);
            (Event::PullRequest, format!("refs/pull/{number}/merge"), base, Some(branch))
        }
        // The word `false`, or nothing.
        Some(Err(_)) | None => (Event::Push, format!("refs/heads/{branch}"), None, None),
    };
    let (root, root_text) = if let Some(found) = context::root_above(situation.here) {
        found
    } else {
        let part = |variable| variables.optional(variable).map(Option::unwrap_or_default);
        let (agent, organization, pipeline) = (
            part(env_names::BUILDKITE_AGENT_NAME)?,
            part(env_names::BUILDKITE_ORGANIZATION)?,
            part(env_names::BUILDKITE_PIPELINE)?,
        );
        let path = format!("/buildkite/builds/{agent}/{organization}/{pipeline}");
        (PathBuf::from(&path), context::with_slash(&path))
    };
    let commit = variables.optional(env_names::BUILDKITE_COMMIT)?.and_then(context::commit_like);
    Ok(Identity {
        repository: Some(repository),
        root,
        root_text,
        environment: RunEnvironment::Buildkite,
        event,
        reference,
        head_ref,
        base_ref,
        sender: None,
        gh_data: None,
        gl_data: None,
        commit: Commit::Checkout { without_repository: commit },
        part: None,
    })
}
