//! The process environment as a value, taken once in `main`: the variables, and whose they are. Secrets are kept apart:
//! we see them, and no program that gets this environment does.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

use runner_shared::{
    env_names::{self, EnvName},
    run_as::RunAs,
    text::as_text,
};
use wildmatch::WildMatch;
use zeroize::Zeroizing;

/// A snapshot of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Env {
    /// Variables that programs of ours see.
    variables: BTreeMap<OsString, OsString>,
    /// Variables that only we see.
    secrets: BTreeMap<OsString, Hidden>,
    /// Whoever gets the variables runs as this user, if it isn't ours.
    user: Option<RunAs>,
}

/// A value that is overwritten when nobody needs it any more, and that nothing prints.
#[derive(Clone, PartialEq, Eq)]
struct Hidden(Zeroizing<Vec<u8>>);

impl Hidden {
    fn new(value: OsString) -> Self {
        Self(Zeroizing::new(value.into_vec()))
    }

    fn value(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Env {
    /// Takes all variables.
    pub(crate) fn capture(variables: impl Iterator<Item = (OsString, OsString)>) -> Self {
        variables.fold(Self::default(), |env, (name, value)| env.with_any(name, value))
    }

    /// The value of a variable; an empty one counts as unset.
    pub(crate) fn get(&self, wanted: EnvName) -> Option<&OsStr> {
        self.get_named(wanted.name)
    }

    /// The value of a variable that the user names; an empty one counts as unset.
    pub(crate) fn get_named(&self, name: &str) -> Option<&OsStr> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Returns whether a variable is there and has no value.
    pub(crate) fn is_empty_text(&self, name: &str) -> bool {
        self.value(name).is_some_and(OsStr::is_empty)
    }

    /// The same environment with a variable set that the user names.
    #[must_use]
    pub(crate) fn with_named(self, name: &str, value: impl Into<OsString>) -> Self {
        self.with_any(name.into(), value.into())
    }

    /// The same environment with a variable set.
    #[must_use]
    pub(crate) fn with(self, name: EnvName, value: impl Into<OsString>) -> Self {
        self.with_any(name.name.into(), value.into())
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

    /// Makes secrets of the variables whose names fit a pattern: `*` is any text, `?` any character.
    pub(crate) fn hide(&mut self, patterns: &[String]) {
        for pattern in patterns.iter().map(|pattern| WildMatch::new(pattern)) {
            // By the mark of the guard we know what is ours.
            let is_ours = |name: &OsString| name.as_os_str() == env_names::GUARD.name;
            let fits = |name: &OsString, _: &mut OsString| {
                !is_ours(name) && pattern.matches(&as_text(name))
            };
            for (name, value) in self.variables.extract_if(.., fits) {
                self.secrets.insert(name, Hidden::new(value));
            }
        }
    }

    /// The values of all secrets.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &OsStr> {
        self.secrets.values().map(Hidden::value)
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

    /// Returns who programs with this environment run as, if not as we do.
    pub(crate) fn user(&self) -> Option<&RunAs> {
        self.user.as_ref()
    }

    /// The variables that programs see, sorted by name: all but secrets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OsString, &OsString)> {
        self.variables.iter()
    }

    /// All variables, secrets as well: for what we do ourselves.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let seen = self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        seen.chain(self.secrets.iter().map(|(name, hidden)| (name.as_os_str(), hidden.value())))
    }

    /// Returns the folder for temporary files.
    pub(crate) fn temp_dir(&self) -> PathBuf {
        self.get(env_names::TMPDIR).map_or_else(std::env::temp_dir, PathBuf::from)
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        let name = OsStr::new(name);
        let seen = self.variables.get(name).map(OsString::as_os_str);
        seen.or_else(|| self.secrets.get(name).map(Hidden::value))
    }

    fn with_any(mut self, name: OsString, value: OsString) -> Self {
        if env_names::is_secret(&name) {
            self.secrets.insert(name, Hidden::new(value));
        } else {
            self.variables.insert(name, value);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use runner_shared::env_names::{self, SECRETS};

    use super::*;

    #[test]
    fn empty_values_are_unset_and_changes_make_a_new_environment() {
        let env = Env::default().with(env_names::TERM, "").with(env_names::HOME, "/h");
        assert_eq!(env.get(env_names::TERM), None);
        assert!(env.is_empty_text("TERM") && !env.is_empty_text("HOME"));
        assert_eq!(env.clone().without(&[env_names::HOME]).get(env_names::HOME), None);
        assert_eq!(env.iter().count(), 2);
    }

    #[test]
    fn we_see_secrets_and_programs_do_not() {
        let pairs = SECRETS.iter().map(|name| (name.name.into(), "s3cret".into()));
        let env = Env::capture(pairs.chain([("PATH".into(), "/bin".into())]));
        assert_eq!(env.get(env_names::TOKEN), Some(OsStr::new("s3cret")));
        assert_eq!(env.iter().count(), 1);
        assert!(!format!("{env:?}").contains("s3cret"), "{env:?}");
        assert_eq!(env.secrets().count(), SECRETS.len());
    }

    #[test]
    fn what_is_hidden_is_a_secret() {
        let variables = [("NPM_TOKEN", "a"), ("GH_TOKEN", "b"), ("GH_HOST", "c"), ("PATH", "/bin")];
        let pair = |(name, value): (&str, &str)| (name.into(), value.into());
        let mut env = Env::capture(variables.into_iter().map(pair));
        env.hide(&["*_TOKEN", "NPM_*", "GH_HOS?", "NONE"].map(str::to_owned));
        assert_eq!(env.get_named("NPM_TOKEN"), Some(OsStr::new("a")), "we see it");
        assert_eq!(env.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["PATH"]);
    }
}
