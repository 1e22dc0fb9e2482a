//! Variables with secrets that CI systems put into every job without being asked. They reach neither the benchmark nor
//! any other program that we start, and their values are masked in all that is shown.
//!
//! Variables that a job hands on by hand (`GITHUB_TOKEN`, passwords of databases) are not here: the suite may need them.

use std::ffi::OsStr;

use super::{EnvName, OAUTH_TOKEN, OIDC_REQUEST_TOKEN, OIDC_REQUEST_URL, TOKEN, env};

/// All of them, by system. The source of each group is the page of the system's documentation that lists its variables.
pub const SECRETS: &[EnvName] = &[
    // Ours.
    TOKEN,
    OAUTH_TOKEN,
    // GitHub: docs.github.com/actions/reference/variables, and "OpenID Connect in cloud providers"; Forgejo and Gitea
    // have the same. Toolkit: github.com/actions/toolkit, packages `artifact` and `cache`.
    OIDC_REQUEST_URL,
    OIDC_REQUEST_TOKEN,
    env("ACTIONS_RUNTIME_TOKEN", "GitHub: for artifacts and caches of the job"),
    env("FORGEJO_TOKEN", "Forgejo: for the repository"),
    env("GITEA_TOKEN", "Gitea: for the repository"),
    // GitLab: docs.gitlab.com/ci/variables/predefined_variables.
    env("CI_JOB_TOKEN", "GitLab: for its API"),
    env("CI_BUILD_TOKEN", "GitLab: the older name of `CI_JOB_TOKEN`"),
    env("CI_JOB_JWT", "GitLab: identity of the job"),
    env("CI_JOB_JWT_V1", "GitLab: identity of the job"),
    env("CI_JOB_JWT_V2", "GitLab: identity of the job"),
    env("CI_REPOSITORY_URL", "GitLab: address of the repository with the token of the job"),
    env("CI_REGISTRY_PASSWORD", "GitLab: for its registry of containers"),
    env("CI_DEPLOY_PASSWORD", "GitLab: of a deploy token"),
    env("CI_DEPENDENCY_PROXY_PASSWORD", "GitLab: for the proxy of images"),
    env("CI_RUNNER_SHORT_TOKEN", "GitLab: beginning of the token of the runner"),
    // Buildkite: buildkite.com/docs/pipelines/configure/environment-variables.
    env("BUILDKITE_AGENT_ACCESS_TOKEN", "Buildkite: session of the agent"),
    env("BUILDKITE_AGENT_TOKEN", "Buildkite: registration of the agent"),
    env("BUILDKITE_AGENT_JOB_API_TOKEN", "Buildkite: for the API of the job"),
    // CircleCI: circleci.com/docs/variables.
    env("CIRCLE_OIDC_TOKEN", "CircleCI: identity of the job"),
    env("CIRCLE_OIDC_TOKEN_V2", "CircleCI: identity of the job"),
    // Azure Pipelines: learn.microsoft.com/azure/devops/pipelines/build/variables.
    env("SYSTEM_ACCESSTOKEN", "Azure Pipelines: for its API"),
    // Bitbucket: support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets.
    env("BITBUCKET_STEP_OIDC_TOKEN", "Bitbucket: identity of the step"),
    // Drone and Woodpecker: docs.drone.io/pipeline/environment/reference, woodpecker-ci.org/docs/usage/environment.
    env("DRONE_NETRC_PASSWORD", "Drone: for the repository"),
    env("CI_NETRC_PASSWORD", "Woodpecker, Drone: for the repository"),
    // Jenkins: github.com/jenkinsci/docker-agent, inbound agents. What an agent has, its jobs have.
    env("JENKINS_SECRET", "Jenkins: of the agent"),
    // Semaphore: docs.semaphoreci.com/reference/env-vars.
    env("SEMAPHORE_OIDC_TOKEN", "Semaphore: identity of the job"),
];

/// Returns true if the variable of this name is one of [`SECRETS`], which no program that we start may see.
#[must_use]
pub fn is_secret(name: &OsStr) -> bool {
    SECRETS.iter().any(|secret| name == secret.name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_secret_is_there_twice() {
        let names: BTreeSet<_> = SECRETS.iter().map(|secret| secret.name).collect();
        assert_eq!(names.len(), SECRETS.len());
    }
}
