//! The process environment as a value, taken once in `main`: the variables, and whose they are.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use runner_shared::{env_names::EnvName, run_as::RunAs};

/// A snapshot of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    variables: BTreeMap<OsString, OsString>,
    /// Whoever gets the variables runs as this user, if it isn't ours.
    user: Option<RunAs>,
}

impl Env {
    /// Takes all variables.
    pub(crate) fn capture(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Self { variables: variables.collect(), user: None }
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, wanted: EnvName) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(wanted.name)).map(OsString::as_os_str);
        value.filter(|value| !value.is_empty())
    }

    /// The value of a variable that the user names; an empty one counts as unset.
    pub(crate) fn get_named(&self, name: &str) -> Option<&OsStr> {
        let value = self.variables.get(OsStr::new(name)).map(OsString::as_os_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether a variable is there and has no value.
    pub(crate) fn is_empty_text(&self, name: &str) -> bool {
        self.variables.get(OsStr::new(name)).is_some_and(|value| value.is_empty())
    }

    /// The same environment with a variable set that the user names.
    #[must_use]
    pub(crate) fn with_named(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The same environment with a variable set.
    #[must_use]
    pub(crate) fn with(mut self, name: EnvName, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.name.into(), value.into());
        self
    }

    /// The same environment without some variables.
    #[must_use]
    pub(crate) fn without(mut self, names: &[EnvName]) -> Self {
        for name in names {
            self.variables.remove(OsStr::new(name.name));
        }
        self
    }

    /// The same environment with only the variables whose names are wanted.
    #[must_use]
    pub(crate) fn only(mut self, wanted: impl Fn(&[u8]) -> bool) -> Self {
        self.variables.retain(|name, _| wanted(name.as_encoded_bytes()));
        self
    }

    /// The same environment for programs that run as this user.
    #[must_use]
    pub(crate) fn of_user(self, user: RunAs) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The same environment for programs that keep our rights.
    #[must_use]
    pub(crate) fn with_our_rights(self) -> Self {
        Self { user: None, ..self }
    }

    /// Who programs with this environment run as, if not as we do.
    pub(crate) fn user(&self) -> Option<&RunAs> {
        self.user.as_ref()
    }

    /// All variables, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::env_names;

    use super::*;

    #[test]
    fn empty_values_count_as_unset_and_changes_make_a_new_environment() {
        let env = Env::default().with(env_names::TERM, "").with(env_names::TOKEN, "secret");
        assert_eq!(env.get(env_names::TERM), None);
        assert_eq!(env.get(env_names::TOKEN), Some(OsStr::new("secret")));
        assert_eq!(env.clone().without(env_names::SECRETS).get(env_names::TOKEN), None);
        assert_eq!(env.iter().count(), 2);
    }
}
