//! Variables by which the providers of CI describe a job.

use super::{EnvName, env};

/// Is `true` on Buildkite.
pub const BUILDKITE: EnvName = env("BUILDKITE", "`true` on Buildkite");
/// Number of the pull request, or `false`, or empty.
pub const BUILDKITE_PULL_REQUEST: EnvName =
    env("BUILDKITE_PULL_REQUEST", "number of the pull request, or `false`, or empty");
/// URL of the repository, on Buildkite.
pub const BUILDKITE_REPO: EnvName = env("BUILDKITE_REPO", "URL of the repository, on Buildkite");
/// The branch that is built, on Buildkite.
pub const BUILDKITE_BRANCH: EnvName =
    env("BUILDKITE_BRANCH", "the branch that is built, on Buildkite");
/// The branch that a pull request is for, on Buildkite.
pub const BUILDKITE_BASE_BRANCH: EnvName = env(
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
    "the branch that a pull request is for, on Buildkite",
);
/// The commit, on Buildkite; used where there is no Git repository.
pub const BUILDKITE_COMMIT: EnvName =
    env("BUILDKITE_COMMIT", "the commit, on Buildkite; used where there is no Git repository");
/// Part of the folder of a build on Buildkite.
pub const BUILDKITE_AGENT_NAME: EnvName =
    env("BUILDKITE_AGENT_NAME", "part of the folder of a build on Buildkite");
/// Part of the folder of a build on Buildkite.
pub const BUILDKITE_ORGANIZATION: EnvName =
    env("BUILDKITE_ORGANIZATION_SLUG", "part of the folder of a build on Buildkite");
/// Part of the folder of a build on Buildkite.
pub const BUILDKITE_PIPELINE: EnvName =
    env("BUILDKITE_PIPELINE_SLUG", "part of the folder of a build on Buildkite");
/// Is `true` on CircleCI.
pub const CIRCLECI: EnvName = env("CIRCLECI", "`true` on CircleCI");
/// URL of the repository, on CircleCI.
pub const CIRCLE_REPOSITORY: EnvName =
    env("CIRCLE_REPOSITORY_URL", "URL of the repository, on CircleCI");
/// The branch that is built, on CircleCI.
pub const CIRCLE_BRANCH: EnvName = env("CIRCLE_BRANCH", "the branch that is built, on CircleCI");
/// The tag that is built, on CircleCI.
pub const CIRCLE_TAG: EnvName = env("CIRCLE_TAG", "the tag that is built, on CircleCI");
/// The commit, on CircleCI; used where there is no Git repository.
pub const CIRCLE_COMMIT: EnvName =
    env("CIRCLE_SHA1", "the commit, on CircleCI; used where there is no Git repository");
/// Address of the pull request, on CircleCI.
pub const CIRCLE_PULL_REQUEST: EnvName =
    env("CIRCLE_PULL_REQUEST", "address of the pull request, on CircleCI");
/// Number of the pull request of a fork, on CircleCI.
pub const CIRCLE_PULL_REQUEST_OF_FORK: EnvName =
    env("CIRCLE_PR_NUMBER", "number of the pull request of a fork, on CircleCI");
/// Owner of the fork that a pull request comes from, on CircleCI.
pub const CIRCLE_FORK: EnvName =
    env("CIRCLE_PR_USERNAME", "owner of the fork that a pull request comes from, on CircleCI");
/// Id of the workflow, which all jobs of a run share, on CircleCI.
pub const CIRCLE_WORKFLOW: EnvName =
    env("CIRCLE_WORKFLOW_ID", "id of the workflow, which all jobs of a run share, on CircleCI");
/// Name of the job, on CircleCI.
pub const CIRCLE_JOB: EnvName = env("CIRCLE_JOB", "name of the job, on CircleCI");
/// Number of the job among those that run side by side, on CircleCI.
pub const CIRCLE_NODE: EnvName =
    env("CIRCLE_NODE_INDEX", "number of the job among those that run side by side, on CircleCI");
/// Number of jobs that run side by side, on CircleCI.
pub const CIRCLE_NODES: EnvName =
    env("CIRCLE_NODE_TOTAL", "number of jobs that run side by side, on CircleCI");
/// Is `true` on GitHub Actions.
pub const GITHUB_ACTIONS: EnvName = env("GITHUB_ACTIONS", "`true` on GitHub Actions");
/// Is `owner/name` of the repository, on GitHub.
pub const GITHUB_REPOSITORY: EnvName =
    env("GITHUB_REPOSITORY", "`owner/name` of the repository, on GitHub");
/// File with the event that started the workflow, on GitHub.
pub const GITHUB_EVENT_PATH: EnvName =
    env("GITHUB_EVENT_PATH", "file with the event that started the workflow, on GitHub");
/// Name of the event that started the workflow, on GitHub.
pub const GITHUB_EVENT_NAME: EnvName =
    env("GITHUB_EVENT_NAME", "name of the event that started the workflow, on GitHub");
/// The reference that the workflow runs for, on GitHub.
pub const GITHUB_REF: EnvName =
    env("GITHUB_REF", "the reference that the workflow runs for, on GitHub");
/// The branch that a pull request is for, on GitHub.
pub const GITHUB_BASE_REF: EnvName =
    env("GITHUB_BASE_REF", "the branch that a pull request is for, on GitHub");
/// The commit that the workflow runs for, on GitHub.
pub const GITHUB_SHA: EnvName =
    env("GITHUB_SHA", "the commit that the workflow runs for, on GitHub");
/// Id of the job, on GitHub.
pub const GITHUB_JOB: EnvName = env("GITHUB_JOB", "id of the job, on GitHub");
/// Number of the workflow run, on GitHub.
pub const GITHUB_RUN_ID: EnvName = env("GITHUB_RUN_ID", "number of the workflow run, on GitHub");
/// The user who started the workflow, on GitHub.
pub const GITHUB_ACTOR: EnvName = env("GITHUB_ACTOR", "who started the workflow, on GitHub");
/// Number of the account that started the workflow, on GitHub.
pub const GITHUB_ACTOR_ID: EnvName =
    env("GITHUB_ACTOR_ID", "number of the account that started the workflow, on GitHub");
/// Folder of the repository, on GitHub.
pub const GITHUB_WORKSPACE: EnvName =
    env("GITHUB_WORKSPACE", "folder of the repository, on GitHub");
/// The `matrix` of the job as JSON, on GitHub.
pub const GH_MATRIX: EnvName = env("GH_MATRIX", "the `matrix` of the job as JSON, on GitHub");
/// The `strategy` of the job as JSON, on GitHub.
pub const GH_STRATEGY: EnvName = env("GH_STRATEGY", "the `strategy` of the job as JSON, on GitHub");
/// Is `true` on GitLab CI.
pub const GITLAB_CI: EnvName = env("GITLAB_CI", "`true` on GitLab CI");
/// Number of the account that started the job, on GitLab.
pub const GITLAB_USER_ID: EnvName =
    env("GITLAB_USER_ID", "number of the account that started the job, on GitLab");
/// The user who started the job, on GitLab.
pub const GITLAB_USER_LOGIN: EnvName = env("GITLAB_USER_LOGIN", "who started the job, on GitLab");
/// The group of the project, on GitLab.
pub const GITLAB_NAMESPACE: EnvName =
    env("CI_PROJECT_NAMESPACE", "the group of the project, on GitLab");
/// The project, on GitLab.
pub const GITLAB_PROJECT_NAME: EnvName = env("CI_PROJECT_NAME", "the project, on GitLab");
/// Group and project, on GitLab.
pub const GITLAB_PROJECT_PATH: EnvName = env("CI_PROJECT_PATH", "group and project, on GitLab");
/// Folder of the repository, on GitLab.
pub const GITLAB_PROJECT_DIR: EnvName =
    env("CI_PROJECT_DIR", "folder of the repository, on GitLab");
/// The kind of event that started the pipeline, on GitLab.
pub const GITLAB_SOURCE: EnvName =
    env("CI_PIPELINE_SOURCE", "what started the pipeline, on GitLab");
/// The branch or tag, on GitLab.
pub const GITLAB_REF_NAME: EnvName = env("CI_COMMIT_REF_NAME", "the branch or tag, on GitLab");
/// The tag, on GitLab.
pub const GITLAB_TAG: EnvName = env("CI_COMMIT_TAG", "the tag, on GitLab");
/// The commit, on GitLab; used where there is no Git repository.
pub const GITLAB_COMMIT: EnvName =
    env("CI_COMMIT_SHA", "the commit, on GitLab; used where there is no Git repository");
/// Number of the job, on GitLab.
pub const GITLAB_JOB_ID: EnvName = env("CI_JOB_ID", "number of the job, on GitLab");
/// Number of the pipeline, on GitLab.
pub const GITLAB_PIPELINE_ID: EnvName =
    env("CI_PIPELINE_ID", "number of the pipeline that all its jobs share, on GitLab");
/// Name of the job, on GitLab.
pub const GITLAB_JOB_NAME: EnvName = env("CI_JOB_NAME", "name of the job, on GitLab");
/// Number of the merge request, on GitLab.
pub const GITLAB_MR_IID: EnvName =
    env("CI_MERGE_REQUEST_IID", "number of the merge request, on GitLab");
/// The branch that a merge request is for, on GitLab.
pub const GITLAB_MR_TARGET: EnvName =
    env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "the branch that a merge request is for, on GitLab");
/// The branch of a merge request, on GitLab.
pub const GITLAB_MR_SOURCE: EnvName =
    env("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "the branch of a merge request, on GitLab");
/// The project of a merge request, on GitLab.
pub const GITLAB_MR_SOURCE_PATH: EnvName =
    env("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "the project of a merge request, on GitLab");
