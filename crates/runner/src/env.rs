//! The process environment as a value, taken once in `main`.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use runner_shared::env_names::EnvName;

/// A snapshot of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env(BTreeMap<OsString, OsString>);

impl Env {
    /// Takes all variables.
    pub(crate) fn capture(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        Self(variables.collect())
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, wanted: EnvName) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(wanted.name)).map(OsString::as_os_str);
        value.filter(|value| !value.is_empty())
    }

    /// The value of a variable that the user names; an empty one counts as unset.
    pub(crate) fn get_named(&self, name: &str) -> Option<&OsStr> {
        let value = self.0.get(OsStr::new(name)).map(OsString::as_os_str);
        value.filter(|value| !value.is_empty())
    }

    /// Whether a variable is there and has no value.
    pub(crate) fn is_empty_text(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| value.is_empty())
    }

    /// The same environment with a variable set that the user names.
    #[must_use]
    pub(crate) fn with_named(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// The same environment with a variable set.
    #[must_use]
    pub(crate) fn with(mut self, name: EnvName, value: impl Into<OsString>) -> Self {
        self.0.insert(name.name.into(), value.into());
        self
    }

    /// The same environment without some variables.
    #[must_use]
    pub(crate) fn without(mut self, names: &[EnvName]) -> Self {
        for name in names {
            self.0.remove(OsStr::new(name.name));
        }
        self
    }

    /// The same environment with only the variables whose names are wanted.
    #[must_use]
    pub(crate) fn only(mut self, wanted: impl Fn(&[u8]) -> bool) -> Self {
        self.0.retain(|name, _| wanted(name.as_encoded_bytes()));
        self
    }

    /// All variables, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.0.iter()
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
