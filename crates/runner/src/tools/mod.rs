//! Finds programs: those of the system, and our own siblings; and what it takes to install one.

pub(crate) mod deb;
pub(crate) mod fetch;

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use runner_shared::env_names::{self, EnvName};

use crate::env::Env;

/// A program of ours that is nowhere.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` was found neither beside `codspeed` nor in PATH")]
pub(crate) struct MissingSibling {
    name: &'static str,
    told: EnvName,
}

impl MissingSibling {
    /// What the user can do.
    pub(crate) fn hint(&self) -> String {
        format!("unpack the whole release, or set {} to its path", self.told.name)
    }
}

/// Where `name` is in `PATH`.
pub(crate) fn find(name: &str, env: &Env) -> Option<PathBuf> {
    find_all(name, env).into_iter().next()
}

/// All programs called `name` in `PATH`, in its order.
pub(crate) fn find_all(name: &str, env: &Env) -> Vec<PathBuf> {
    let folders = env.get(env_names::PATH).unwrap_or(OsStr::new("/usr/bin:/bin"));
    let paths = std::env::split_paths(folders).map(|folder| folder.join(name));
    paths.filter(|path| is_program(path)).collect()
}

/// Our folder for tools that were installed for this user.
pub(crate) fn cache(env: &Env) -> Option<PathBuf> {
    let told = env.get(env_names::XDG_CACHE_HOME).map(PathBuf::from);
    let told = told.filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(env.get(env_names::HOME)?).join(".cache"));
    Some(told.or_else(home)?.join("codspeed"))
}

/// Where our own program `name` is: as told by a variable, beside ourselves, in `PATH`.
pub(crate) fn sibling(
    name: &'static str,
    told: EnvName,
    env: &Env,
) -> Result<PathBuf, MissingSibling> {
    if let Some(path) = env.get(told) {
        // As told, even if it turns out to be wrong: starting it says why.
        return Ok(path.into());
    }
    let own = std::env::current_exe().ok();
    let beside = own.and_then(|own| own.parent().map(|folder| folder.join(name)));
    beside
        .filter(|path| is_program(path))
        .or_else(|| find(name, env))
        .ok_or(MissingSibling { name, told })
}

/// Whether this is a file that can be started.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
