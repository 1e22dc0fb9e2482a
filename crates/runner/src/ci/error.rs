//! Errors in the description of a job, and obstacles to an upload.

use std::{io, path::PathBuf};

use runner_shared::env_names::{self, EnvName};

use runner_shared::text;

use super::{PROVIDERS, git::GitError};

/// The job can't be described.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CiError {
    /// A variable that describes the job is not there.
    #[error("`{}` is not set, but required on {provider}", variable.name)]
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
        /// The expected form.
        expected: &'static str,
    },
    /// The payload of the event can't be read.
    #[error("could not read the event `{}`", text::shown(&path))]
    PayloadRead {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The payload is no JSON.
    #[error("the event `{}` is not valid JSON", text::shown(&path))]
    PayloadParse {
        /// The file.
        path: PathBuf,
        /// The place where it goes wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The payload lacks something.
    #[error("the event `{}` has no `{field}`", text::shown(&path))]
    PayloadField {
        /// The file.
        path: PathBuf,
        /// The missing field.
        field: &'static str,
    },
    /// The user names a repository where the provider knows better.
    #[error("the repository can't be chosen on {provider}: it is determined by the job")]
    RepositoryGiven {
        /// Name of the provider.
        provider: &'static str,
    },
    /// Nobody knows which repository it is.
    #[error("the run doesn't belong to a repository")]
    NoRepository,
    /// The commit can't be found out.
    #[error("could not determine which commit was measured in `{}`", text::shown(&root))]
    Commit {
        /// The folder of the repository.
        root: PathBuf,
        /// The reason why not.
        #[source]
        source: GitError,
    },
    /// The system has no random numbers.
    #[error("could not generate a number for this run")]
    Random(#[source] io::Error),
    /// The run can't be uploaded.
    #[error("this run can't be uploaded")]
    Obstacle(#[from] Obstacle),
}

impl CiError {
    pub(super) fn unknown_provider() -> Self {
        Self::Value { variable: env_names::CI_PROVIDER, expected: "the id of a CI provider" }
    }

    /// Returns what the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { variable, .. } if variable.name.starts_with(env_names::OWN_PREFIX) => {
                format!("set {}: {}", variable.name, variable.meaning)
            }
            Self::Missing { .. } => format!(
                "pass the variables of the job on to `codspeed`, for example with the container's `--env`, or set \
                    {}=local",
                env_names::CI_PROVIDER.name
            ),
            Self::Value { variable, .. } if *variable == env_names::CI_PROVIDER => {
                let ids: Vec<&str> = PROVIDERS.iter().map(|provider| provider.id).collect();
                format!("the ids are {}", ids.join(", "))
            }
            Self::Value { variable, .. } => format!("{}: {}", variable.name, variable.meaning),
            Self::PayloadRead { .. } | Self::PayloadParse { .. } | Self::PayloadField { .. } => {
                format!(
                    "make the file that {} names readable for `codspeed`, unchanged",
                    env_names::GITHUB_EVENT_PATH.name
                )
            }
            Self::RepositoryGiven { .. } => format!(
                "leave out `--repository`, or set {}=generic and describe the job yourself",
                env_names::CI_PROVIDER.name
            ),
            Self::NoRepository => {
                "use `--repository owner/name` to name it, or add a Git remote at GitHub or GitLab"
                    .to_owned()
            }
            Self::Commit { .. } => {
                "check out the repository with its folder `.git` before the benchmark runs"
                    .to_owned()
            }
            Self::Random(_) | Self::Obstacle(_) => return None,
        };
        Some(hint)
    }
}

/// The reason why the results of this job can't be uploaded. It is no fault: they are measured and shown all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Obstacle {
    /// The service has no word for what started the job.
    #[error("CodSpeed doesn't support the event `{event}` that started this job")]
    Event {
        /// The provider's word.
        event: String,
    },
    /// The checked-out commit is not the one of the job.
    #[error("this `{event}` job is for `{reference}`, but a different commit is checked out")]
    Checkout {
        /// The event that started the job.
        event: String,
        /// The reference that it is about.
        reference: String,
    },
    /// The repository lives elsewhere.
    #[error("the repository is at {host}; CodSpeed supports {known} here")]
    Host {
        /// The provider that hosts it.
        host: String,
        /// The place where it should.
        known: &'static str,
    },
}
