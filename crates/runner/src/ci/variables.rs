//! Reads variables as text, and says which one is wrong.

use std::path::PathBuf;

use runner_shared::env_names::EnvName;

use super::CiError;
use crate::env::Env;

/// The exact word: providers set nothing else.
pub(super) fn is_true(env: &Env, variable: EnvName) -> bool {
    env.get(variable).is_some_and(|value| value == "true")
}

/// A variable; an empty one counts as unset.
pub(super) fn optional(env: &Env, variable: EnvName) -> Result<Option<&str>, CiError> {
    let no_text = || CiError::Value { variable, expected: "UTF-8 text" };
    env.get(variable).map(|value| value.to_str().ok_or_else(no_text)).transpose()
}

/// The variables of one provider.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variables<'a> {
    /// Name of the provider.
    pub provider: &'static str,
    /// The environment.
    pub env: &'a Env,
}

impl<'a> Variables<'a> {
    /// A variable; an empty one counts as unset.
    pub(super) fn optional(self, variable: EnvName) -> Result<Option<&'a str>, CiError> {
        optional(self.env, variable)
    }

    /// A variable that must be there.
    pub(super) fn needed(self, variable: EnvName) -> Result<&'a str, CiError> {
        let missing = || CiError::Missing { provider: self.provider, variable };
        self.optional(variable)?.ok_or_else(missing)
    }

    /// The same as a text of its own.
    pub(super) fn text(self, variable: EnvName) -> Result<String, CiError> {
        self.needed(variable).map(str::to_owned)
    }

    /// A path that must be there.
    pub(super) fn path(self, variable: EnvName) -> Result<PathBuf, CiError> {
        let missing = || CiError::Missing { provider: self.provider, variable };
        self.env.get(variable).map(PathBuf::from).ok_or_else(missing)
    }
}
