//! What can be wrong with the description of a job, and why a run can't be uploaded although all is well with it.

use std::{io, path::PathBuf};

use runner_shared::env_names::{self, EnvName};

use runner_shared::text;

use super::{PROVIDERS, git::GitError};

/// The job can't be described.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CiError {
    /// A variable that describes the job is not there.
    #[error("`{}` is not set, and a job on {provider} needs it", variable.name)]
    Missing {
        /// Name of the provider.
        provider: &'static str,
        /// The variable.
        variable: EnvName,
    },
    /// A variable has a value that makes no sense. It is not shown: URLs may hold a password.
    #[error("the value of `{}` is not {expected}", variable.name)]
    Value {
        /// The variable.
        variable: EnvName,
        /// What it should be.
        expected: &'static str,
    },
    /// The payload of the event can't be read.
    #[error("could not read the event `{}`", text::shown(&path))]
    PayloadRead {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The payload is no JSON.
    #[error("the event `{}` is no JSON", text::shown(&path))]
    PayloadParse {
        /// The file.
        path: PathBuf,
        /// Where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The payload lacks something.
    #[error("the event `{}` has no `{field}`", text::shown(&path))]
    PayloadField {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        field: &'static str,
    },
    /// The user names a repository where the provider knows better.
    #[error("the repository can't be chosen on {provider}: the job tells which one it is")]
    RepositoryGiven {
        /// Name of the provider.
        provider: &'static str,
    },
    /// Nobody knows which repository it is.
    #[error("the run belongs to no repository")]
    NoRepository,
    /// The commit can't be found out.
    #[error("could not find out which commit was measured in `{}`", text::shown(&root))]
    Commit {
        /// The folder of the repository.
        root: PathBuf,
        /// Why not.
        #[source]
        source: GitError,
    },
    /// The system has no random numbers.
    #[error("could not make a number for this run")]
    Random(#[source] io::Error),
    /// The run can't be uploaded.
    #[error("this run can't be uploaded")]
    Obstacle(#[from] Obstacle),
}

impl CiError {
    pub(super) fn unknown_provider() -> Self {
        Self::Value { variable: env_names::CI_PROVIDER, expected: "the id of a CI provider" }
    }

    /// What the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { variable, .. } if variable.name.starts_with(env_names::OWN_PREFIX) => {
                format!("set {}: {}", variable.name, variable.meaning)
            }
            Self::Missing { .. } => format!(
                "hand the variables of the job on to `codspeed`, for example with `--env` of the container; or set {}=local",
                env_names::CI_PROVIDER.name
            ),
            Self::Value { variable, .. } if *variable == env_names::CI_PROVIDER => {
                let ids: Vec<&str> = PROVIDERS.iter().map(|provider| provider.id).collect();
                format!("the ids are {}", ids.join(", "))
            }
            Self::Value { variable, .. } => format!("{}: {}", variable.name, variable.meaning),
            Self::PayloadRead { .. } | Self::PayloadParse { .. } | Self::PayloadField { .. } => {
                format!(
                    "make the file of {} visible to `codspeed`, as it is",
                    env_names::GITHUB_EVENT_PATH.name
                )
            }
            Self::RepositoryGiven { .. } => format!(
                "leave `--repository` out; or describe the job yourself with {}=generic",
                env_names::CI_PROVIDER.name
            ),
            Self::NoRepository => {
                "name it with `--repository owner/name`, or add a Git remote at GitHub or GitLab"
                    .to_owned()
            }
            Self::Commit { .. } => {
                "check the repository out with its folder `.git`, before the benchmark runs"
                    .to_owned()
            }
            Self::Random(_) | Self::Obstacle(_) => return None,
        };
        Some(hint)
    }
}

/// Why the results of this job can't be uploaded. It is no fault: they are measured and shown all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// The service has no word for what started the job.
    #[error("CodSpeed has no event like `{event}`, which started this job")]
    Event {
        /// The provider's word.
        event: String,
    },
    /// What is checked out is not what the job runs for.
    #[error(
        "a job for `{event}` that is about `{reference}` must measure it, and another commit is checked out"
    )]
    Checkout {
        /// What started the job.
        event: String,
        /// What it is about.
        reference: String,
    },
    /// The repository lives elsewhere.
    #[error("the repository is at {host}, and CodSpeed knows {known} here")]
    Host {
        /// Where it lives.
        host: String,
        /// Where it should.
        known: &'static str,
    },
}
