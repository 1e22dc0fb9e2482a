//! Finds programs: those of the system, and our own siblings; and what it takes to install one.

pub(crate) mod deb;
pub(crate) mod fetch;
pub(crate) mod release;
pub(crate) mod transfer;

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use runner_shared::env_names::{self, EnvName};
use system::files::{self, Links};

use crate::env::Env;

/// A program of ours that is nowhere.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` was not found, neither next to `codspeed` nor in PATH")]
pub(crate) struct MissingSibling {
    name: &'static str,
    told: EnvName,
}

impl MissingSibling {
    /// Returns what the user can do.
    pub(crate) fn hint(&self) -> String {
        format!("unpack the complete release, or set {} to its path", self.told.name)
    }
}

/// Returns where `name` is in `PATH`.
pub(crate) fn find(name: impl AsRef<Path>, env: &Env) -> Option<PathBuf> {
    find_all(name, env).into_iter().next()
}

/// All programs called `name` in `PATH`, in its order.
pub(crate) fn find_all(name: impl AsRef<Path>, env: &Env) -> Vec<PathBuf> {
    let folders = env.get(env_names::PATH).unwrap_or(OsStr::new("/usr/bin:/bin"));
    let paths = std::env::split_paths(folders).map(|folder| folder.join(&name));
    paths.filter(|path| is_program(path)).collect()
}

/// Reads the description that the system gives of itself (`os-release(5)`); empty if there is none.
pub(crate) fn os_release() -> String {
    const MOST_BYTES: u64 = 1 << 20;
    let text = files::read(Path::new("/etc/os-release"), Links::Follow, MOST_BYTES);
    String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
}

/// Our folder for tools that were installed for this user.
pub(crate) fn cache(env: &Env) -> Option<PathBuf> {
    let home = || env.get(env_names::HOME).map(PathBuf::from);
    if let Some(told) = env.get(env_names::SETUP_CACHE_DIR).map(Path::new) {
        // A file of settings for CI is read by no shell, so `~` comes as it is.
        return Some(match told.strip_prefix("~") {
            Ok(below) => home()?.join(below),
            Err(_) => told.to_owned(),
        });
    }
    let told = env.get(env_names::XDG_CACHE_HOME).map(PathBuf::from);
    let told = told.filter(|path| path.is_absolute());
    let home = || Some(home()?.join(".cache"));
    Some(told.or_else(home)?.join("codspeed"))
}

/// Returns where our own program `name` is: as told by a variable, beside ourselves, in `PATH`.
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

/// Returns whether this is a file that can be started.
pub(crate) fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_kept_where_the_user_says() {
        let env = Env::default().with(env_names::HOME, "/h");
        assert_eq!(cache(&env).unwrap(), Path::new("/h/.cache/codspeed"));
        let env = env.with(env_names::XDG_CACHE_HOME, "/x");
        assert_eq!(cache(&env).unwrap(), Path::new("/x/codspeed"));
        let told = |folder| cache(&env.clone().with(env_names::SETUP_CACHE_DIR, folder)).unwrap();
        assert_eq!(told("/t"), Path::new("/t"));
        assert_eq!(told("~/t"), Path::new("/h/t"));
        assert_eq!(told("~t"), Path::new("~t"));
    }
}
