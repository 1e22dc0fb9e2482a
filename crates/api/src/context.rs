//! What a run is called at the service: repository, reference, event and part. Who knows it is the CI provider, or the
//! user; the words are those of the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

/// The provider that hosts a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RepositoryProvider {
    /// github.com.
    #[serde(rename = "GITHUB")]
    GitHub,
    /// gitlab.com.
    #[serde(rename = "GITLAB")]
    GitLab,
    /// The service itself: a project without a repository.
    #[serde(rename = "PROJECT")]
    Project,
}

/// The environment in which the benchmarks ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunEnvironment {
    /// GitHub Actions.
    #[serde(rename = "GITHUB_ACTIONS")]
    GitHubActions,
    /// GitLab CI.
    #[serde(rename = "GITLAB_CI")]
    GitLabCi,
    /// Buildkite.
    #[serde(rename = "BUILDKITE")]
    Buildkite,
    /// Anywhere else.
    #[serde(rename = "LOCAL")]
    Local,
}

/// The event that started the benchmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Commits were pushed.
    #[serde(rename = "push")]
    Push,
    /// A pull or merge request.
    #[serde(rename = "pull_request")]
    PullRequest,
    /// Somebody asked for it.
    #[serde(rename = "workflow_dispatch")]
    WorkflowDispatch,
    /// It was time.
    #[serde(rename = "schedule")]
    Schedule,
    /// On somebody's machine.
    #[serde(rename = "local")]
    Local,
}

/// The party that caused the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Number of the account, as text.
    pub id: String,
    /// Name of the account.
    pub login: String,
}

/// A job of a CI provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobReference {
    /// The run that it belongs to.
    pub run_id: String,
    /// Its name.
    pub job: String,
}

/// One of several uploads that belong to one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunPart {
    /// The id that all parts share.
    pub run_id: String,
    /// Tells the parts of a run from each other.
    pub run_part_id: String,
    /// The job that uploads it.
    pub job_name: String,
    /// Matrix and position; written with sorted keys.
    #[serde(serialize_with = "sorted")]
    pub metadata: Map<String, Value>,
}

/// All that the service is told about where a run comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunContext {
    /// The provider of the repository.
    pub repository_provider: RepositoryProvider,
    /// The environment in which the benchmarks ran.
    pub run_environment: RunEnvironment,
    /// The part of the run, where there are parts.
    pub run_part: Option<RunPart>,
    /// The commit that was measured.
    pub commit_hash: String,
    /// The reference that was checked out, such as `refs/pull/7/merge`.
    pub reference: String,
    /// The branch of a pull request; `owner:branch` in a fork.
    pub head_ref: Option<String>,
    /// The branch that a pull request is for.
    pub base_ref: Option<String>,
    /// The owner of the repository.
    pub owner: String,
    /// Its name.
    pub repository: String,
    /// The event that started the benchmarks.
    pub event: Event,
    /// The user who caused it.
    pub sender: Option<Sender>,
    /// The job at GitHub.
    pub gh_data: Option<JobReference>,
    /// The job at GitLab.
    pub gl_data: Option<JobReference>,
    /// The place where the repository lies on the machine, as the provider spells it.
    pub repository_root_path: String,
}

/// The order of a map's keys depends on how `serde_json` was built.
fn sorted<S: Serializer>(map: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    map.iter().collect::<BTreeMap<_, _>>().serialize(serializer)
}
