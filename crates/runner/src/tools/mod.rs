//! Finds programs: those of the system, and our own siblings.

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
}

/// Where `name` is in `PATH`.
pub(crate) fn find(name: &str, env: &Env) -> Option<PathBuf> {
    let folders = env.get(env_names::PATH).unwrap_or(OsStr::new("/usr/bin:/bin"));
    std::env::split_paths(folders).map(|folder| folder.join(name)).find(|path| is_program(path))
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
        .ok_or(MissingSibling { name })
}

/// Whether this is a file that can be started.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}
