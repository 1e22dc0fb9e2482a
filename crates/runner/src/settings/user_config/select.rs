//! Which profile is used: the one that was asked for, that of the shell, or the default one.

use std::fmt;

use super::{DEFAULT, Profile, UserConfig};
use crate::settings::{nearest::nearest, yaml::excerpt};

/// The profile that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    /// Its name.
    pub name: String,
    /// The party that chose it.
    pub source: ProfileSource,
    /// The profile.
    pub profile: Profile,
}

/// The party that chose a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProfileSource {
    /// The command line, or the environment.
    Told,
    /// `codspeed profile use`, in this shell.
    Shell,
    /// Nobody.
    Default,
}

/// A profile that there is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnknownProfile {
    /// As it was given.
    pub name: String,
    /// Those that there are.
    pub known: Vec<String>,
    /// The party that chose it.
    pub source: ProfileSource,
}

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no profile `{}`", excerpt(&self.name))?;
        if let Some(name) = nearest(&self.name, self.known.iter().map(String::as_str)) {
            return write!(f, "; did you mean `{name}`?");
        }
        let known: Vec<_> = self.known.iter().map(|name| format!("`{name}`")).collect();
        write!(f, "; available: {}", known.join(", "))
    }
}

impl std::error::Error for UnknownProfile {}

impl UnknownProfile {
    /// Returns what the user can do.
    pub(crate) const fn hint(&self) -> &'static str {
        match self.source {
            ProfileSource::Shell => {
                "this shell uses it: run `codspeed profile use default` to go back"
            }
            ProfileSource::Told | ProfileSource::Default => {
                "run `codspeed profile set NAME` to create one"
            }
        }
    }
}

/// Chooses the profile. `told` by the command line or the environment, `shell` by what this shell remembers.
pub(crate) fn select(
    told: Option<&str>,
    shell: Option<&str>,
    config: &UserConfig,
) -> Result<Selected, UnknownProfile> {
    let (name, source) = match (told, shell) {
        (Some(name), _) => (name, ProfileSource::Told),
        (None, Some(name)) => (name, ProfileSource::Shell),
        (None, None) => (DEFAULT, ProfileSource::Default),
    };
    match config.profiles().get(name) {
        Some(profile) => Ok(Selected { name: name.to_owned(), source, profile: profile.clone() }),
        None => Err(UnknownProfile {
            name: name.to_owned(),
            known: config.profiles().keys().cloned().collect(),
            source,
        }),
    }
}
