//! The user's own file: profiles, each with a token and addresses of the service.

mod select;
mod shape;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use api::Secret;
use runner_shared::{bounds::SETTINGS_BYTES, env_names, fault::Attempt, text::shown};

pub(crate) use select::{ProfileSource, Selected, UnknownProfile, select};

use system::files::{self, Links};

use super::yaml::{self, Flaw, Node};
use crate::{env::Env, error::explained};

/// The profile that is always there.
pub(crate) const DEFAULT: &str = "default";

/// The account and its service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Of a login.
    pub token: Option<Secret>,
    /// The address to ask; without one, the public service.
    pub api_url: Option<String>,
    /// The address to upload to; without one, the public service.
    pub upload_url: Option<String>,
}

/// The user's file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UserConfigError {
    /// Nobody says where it is.
    #[error("the settings can't be located: neither XDG_CONFIG_HOME nor HOME is set")]
    NoPlace,
    /// It can't be read.
    #[error("could not read `{}`", shown(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It can't be written.
    #[error("could not write `{}`", shown(path))]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// It holds something wrong.
    #[error("{}:{flaw}", shown(path))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The problem and its position.
        flaw: Flaw,
    },
}

/// The user's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserConfig {
    /// The place where they are kept.
    path: Option<PathBuf>,
    /// Other contents of the file: also unknown keys, but no tokens.
    document: Node,
    profiles: BTreeMap<String, Profile>,
    /// The file is broken, so it is kept when a new one is written.
    broken: bool,
}

/// Returns where the file is: `config.yaml`, or `<name>.yaml`.
pub(crate) fn path(env: &Env, name: Option<&str>) -> Option<PathBuf> {
    let told = env.get(env_names::XDG_CONFIG_HOME).map(PathBuf::from);
    let told = told.filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(env.get(env_names::HOME)?).join(".config"));
    let file = format!("{}.yaml", name.unwrap_or("config"));
    Some(told.or_else(home)?.join("codspeed").join(file))
}

impl UserConfig {
    /// Reads the file; without one, there is the default profile. A file of the oldest shape, or one that others may read,
    /// is put in order, unless that is impossible.
    pub(crate) fn load(path: Option<PathBuf>) -> Result<Self, UserConfigError> {
        let Some(path) = path else { return Ok(Self::empty(None)) };
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::empty(Some(path)));
            }
            Err(err) => {
                let source = explained(&err, Attempt::Read);
                return Err(UserConfigError::Read { path, source });
            }
        };
        let wrong = |flaw| UserConfigError::Wrong { path: path.clone(), flaw };
        let mut document = yaml::read(&bytes).map_err(wrong)?;
        let (profiles, migrated) = shape::profiles(&mut document).map_err(wrong)?;
        let config = Self { path: Some(path), document, profiles, broken: false };
        if migrated == shape::Migrated::Yes {
            // In a home that can't be written to, the old shape is read every time.
            drop(config.write());
        }
        Ok(config)
    }

    /// The same for those who write a new file anyway: one that can't be used is kept under another name by then.
    pub(crate) fn load_or_reset(path: Option<PathBuf>) -> (Self, Option<UserConfigError>) {
        match Self::load(path.clone()) {
            Ok(config) => (config, None),
            Err(err) => (Self { broken: true, ..Self::empty(path) }, Some(err)),
        }
    }

    fn empty(path: Option<PathBuf>) -> Self {
        let profiles = BTreeMap::from([(DEFAULT.to_owned(), Profile::default())]);
        Self { path, document: Node::mapping(), profiles, broken: false }
    }

    /// All profiles, by name.
    pub(crate) const fn profiles(&self) -> &BTreeMap<String, Profile> {
        &self.profiles
    }

    /// Adds or replaces a profile. Nothing is written yet.
    pub(crate) fn set(&mut self, name: &str, profile: Profile) {
        self.profiles.insert(name.to_owned(), profile);
    }

    /// Takes a profile away; the default one becomes empty. Nothing is written yet.
    pub(crate) fn remove(&mut self, name: &str) {
        self.profiles.remove(name);
        self.profiles.entry(DEFAULT.to_owned()).or_default();
    }

    /// Writes the file. Returns where a broken one has been kept.
    pub(crate) fn save(&mut self) -> Result<Option<PathBuf>, UserConfigError> {
        let kept = if self.broken { self.keep_broken()? } else { None };
        self.write()?;
        self.broken = false;
        Ok(kept)
    }

    fn write(&self) -> Result<(), UserConfigError> {
        let path = self.path.as_ref().ok_or(UserConfigError::NoPlace)?;
        // What a link leads to is replaced, not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let mut document = self.document.clone();
        shape::put(&mut document, &self.profiles);
        let folder = path.parent().map_or(Ok(()), make_private);
        folder
            .and_then(|()| files::replace_private(&path, yaml::write(&document).as_bytes()))
            .map_err(|err| UserConfigError::Write { path, source: explained(&err, Attempt::Write) })
    }

    fn keep_broken(&self) -> Result<Option<PathBuf>, UserConfigError> {
        let path = self.path.as_ref().ok_or(UserConfigError::NoPlace)?;
        let names = (1..).map(|number| match number {
            1 => path.with_added_extension("broken"),
            number => path.with_added_extension(format!("broken-{number}")),
        });
        let free = names.into_iter().take(1000).find(|path| path.symlink_metadata().is_err());
        let moved = match &free {
            Some(free) => fs::rename(path, free),
            None => Err(io::ErrorKind::AlreadyExists.into()),
        };
        match moved {
            Ok(()) => Ok(free),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(err) => {
                let source = explained(&err, Attempt::Write);
                Err(UserConfigError::Write { path: path.clone(), source })
            }
        }
    }
}

/// Makes a folder for the user alone, or makes an existing one that.
fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    tighten(folder, &folder.metadata()?, 0o700)
}

/// Takes the rights of others away.
fn tighten(path: &Path, data: &fs::Metadata, mode: u32) -> io::Result<()> {
    const OTHERS: u32 = 0o077;
    if data.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, PermissionsExt::from_mode(mode))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = files::open(path, Links::Follow)?;
    // The token is as secret as the file. Somebody else's file stays as it is.
    drop(tighten(path, &file.metadata()?, 0o600));
    files::read_opened(file, SETTINGS_BYTES)
}
