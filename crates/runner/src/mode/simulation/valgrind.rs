//! Finds a Valgrind and what it can do. Versions say whose build it is; what it can do is asked for.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use runner_shared::{env_names, text::shown};

use super::version::Build;
use crate::{
    env::Env,
    process::{AskError, ask},
    settings::options::{SimulationOptions, SimulationTool},
    tools,
};

/// The program in a folder that `codspeed setup` made, beside its tools.
pub(crate) const CACHED_PROGRAM: &str = "valgrind.bin";

/// A Valgrind that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Valgrind {
    /// The program itself, not a shell script around it.
    pub program: PathBuf,
    /// The place where its tools are, if it doesn't know itself.
    pub tools: Option<PathBuf>,
    /// As it says itself, such as `valgrind-3.19.0`.
    pub version: String,
    /// The owner.
    pub build: Build,
    /// What its callgrind understands.
    pub capabilities: Capabilities,
}

/// What differs between builds of Valgrind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// `--obj-skip`: frames of an interpreter are folded into their callers.
    pub obj_skip: bool,
    /// `--cycle-estimation`: cycles are counted, too.
    pub cycle_estimation: bool,
    /// The tool tracegrind is there.
    pub tracegrind: bool,
}

/// There is no Valgrind that can do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValgrindError {
    /// Nowhere.
    #[error("`valgrind` was not found in PATH")]
    Missing,
    /// It is something else.
    #[error("`{}` is not a Valgrind with the tool callgrind", shown(&path))]
    Unusable {
        /// The program.
        path: PathBuf,
    },
    /// It does not say what it is.
    #[error(transparent)]
    Mute(AskError),
    /// Another build was asked for.
    #[error("`--require-fork`: {version} at `{}` is not CodSpeed's fork of Valgrind", shown(&path))]
    NoFork {
        /// The best one that was found.
        version: String,
        /// The program.
        path: PathBuf,
    },
    /// It lacks a tool.
    #[error("{version} at `{}` doesn't include the tool tracegrind; only some builds of CodSpeed's fork do", shown(&path))]
    NoTracegrind {
        /// As it says itself.
        version: String,
        /// The program.
        path: PathBuf,
    },
}

impl Valgrind {
    /// The Valgrind that the user names, or else the best one that there is.
    pub(crate) fn find(options: &SimulationOptions, env: &Env) -> Result<Self, ValgrindError> {
        let told = env.get(env_names::VALGRIND).map(PathBuf::from);
        let found = match options.valgrind.clone().or(told) {
            Some(path) => Self::at(&path, env).map_err(|err| refusal(path, err))?,
            None => Self::best(env)?,
        };
        let (version, path) = (found.version.clone(), found.program.clone());
        if options.require_fork && !found.build.is_fork() {
            return Err(ValgrindError::NoFork { version, path });
        }
        if options.tool == SimulationTool::Tracegrind && !found.capabilities.tracegrind {
            return Err(ValgrindError::NoTracegrind { version, path });
        }
        Ok(found)
    }

    /// All that work, the best one first; of equals the one that is found first.
    pub(crate) fn all(env: &Env) -> Vec<Self> {
        Self::of(places(env), env).0
    }

    /// Those of the places that work, and why the first of the others doesn't.
    fn of(places: Vec<PathBuf>, env: &Env) -> (Vec<Self>, Option<ValgrindError>) {
        let (mut found, mut trouble) = (Vec::new(), None);
        for path in places {
            match Self::at(&path, env) {
                Ok(valgrind) => found.push(valgrind),
                Err(err) => drop(trouble.get_or_insert_with(|| refusal(path, err))),
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        found.retain(|one| seen.insert(one.program.clone()));
        found.sort_by_key(|one| std::cmp::Reverse(one.build.rank()));
        (found, trouble)
    }

    fn best(env: &Env) -> Result<Self, ValgrindError> {
        let (found, trouble) = Self::of(places(env), env);
        found.into_iter().next().ok_or(trouble.unwrap_or(ValgrindError::Missing))
    }

    /// The Valgrind at this place, if it is one.
    pub(crate) fn at(path: &Path, env: &Env) -> Result<Self, AskError> {
        let (program, tools) = unwrapped(path).unwrap_or_else(|_| (path.to_owned(), None));
        let env = match &tools {
            Some(tools) => env.clone().with(env_names::VALGRIND_LIB, tools),
            None => env.clone(),
        };
        let ask = |args: &[&str]| ask(&program, args, &env, Path::new("/"));
        let help = ask(&["--tool=callgrind", "--help"])?;
        // Without a tool it would want to start memcheck, which need not be there.
        let version = ask(&["--tool=callgrind", "--version"])?.trim().to_owned();
        let build = Build::parse(&version);
        let capabilities = Capabilities {
            obj_skip: help.contains("--obj-skip"),
            cycle_estimation: help.contains("--cycle-estimation"),
            tracegrind: build.is_fork() && ask(&["--tool=tracegrind", "--help"]).is_ok(),
        };
        Ok(Self { program, tools, version, build, capabilities })
    }

    /// Returns what is not as with the fork, for people; empty for the fork.
    pub(crate) fn limits(&self) -> Vec<&'static str> {
        let Capabilities { obj_skip, cycle_estimation, tracegrind: _ } = self.capabilities;
        let lacks = [
            (obj_skip, "interpreter frames are not folded"),
            (cycle_estimation, "no cycle estimation"),
        ];
        lacks.into_iter().filter(|(has, _)| !has).map(|(_, text)| text).collect()
    }
}

/// The reason why the program at this place is not used.
fn refusal(path: PathBuf, err: AskError) -> ValgrindError {
    match err {
        AskError::Failed { .. } => ValgrindError::Unusable { path },
        AskError::Start(_)
        | AskError::Silent { .. }
        | AskError::Endless { .. }
        | AskError::Interrupted { .. }
        | AskError::Unheard { .. } => ValgrindError::Mute(err),
    }
}

/// Returns where `codspeed setup` puts each version of Valgrind.
pub(crate) fn cache(env: &Env) -> Option<PathBuf> {
    tools::cache(env).map(|cache| cache.join("valgrind"))
}

/// Our own first, the newest name first; then those in `PATH`.
fn places(env: &Env) -> Vec<PathBuf> {
    let entries = cache(env).and_then(|cache| fs::read_dir(cache).ok());
    let folders = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    let mut places: Vec<PathBuf> = folders
        .map(|folder| folder.join(CACHED_PROGRAM))
        .filter(|program| program.is_file())
        .collect();
    places.sort_by(|one, other| other.cmp(one));
    places.extend(tools::find_all("valgrind", env));
    places
}

/// The program and its tools. Distributions put a shell script before the program, which sets
/// variables that the benchmark would see and fails when it is called by a link.
fn unwrapped(path: &Path) -> io::Result<(PathBuf, Option<PathBuf>)> {
    let real = fs::canonicalize(path)?;
    if real.ends_with(CACHED_PROGRAM)
        && let Some(folder) = real.parent()
        && folder.join("default.supp").is_file()
    {
        let folder = folder.to_owned();
        return Ok((real, Some(folder)));
    }
    let mut beside = real.clone().into_os_string();
    beside.push(".bin");
    let beside = PathBuf::from(beside);
    Ok((if beside.is_file() { beside } else { real }, None))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A program that answers like a Valgrind of this version, with these words in its help.
    fn fake(folder: &Path, name: &str, version: &str, help: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join(name);
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in *--version) echo {version};; \
             *callgrind*) echo ' {help}';; *) exit 1;; esac\n"
        );
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn versions(env: &Env) -> Vec<String> {
        Valgrind::all(env).into_iter().map(|one| one.version).collect()
    }

    #[test]
    fn the_fork_is_preferred_and_our_own_copy_among_equals() {
        let dir = tempfile::tempdir().unwrap();
        let in_path = dir.path().join("bin");
        fake(&in_path, "valgrind", "valgrind-3.27.1", "");
        let path = std::env::join_paths([&in_path, Path::new("/bin")]).unwrap();
        let env = Env::default().with(env_names::PATH, path);
        let env = env.with(env_names::XDG_CACHE_HOME, dir.path());
        let own = |version: &str, says: &str| {
            let folder = dir.path().join("codspeed/valgrind").join(version);
            fake(&folder, CACHED_PROGRAM, says, "--obj-skip=");
            fs::write(folder.join("default.supp"), "").unwrap();
        };
        let stock = versions(&env);
        assert_eq!(stock.first().map(String::as_str), Some("valgrind-3.27.1"));
        own("a", "valgrind-3.20.0");
        assert_eq!(versions(&env)[..2], ["valgrind-3.20.0", "valgrind-3.27.1"]);
        own("b", "valgrind-3.26.0.codspeed6");
        let best = Valgrind::best(&env).unwrap();
        assert_eq!(best.version, "valgrind-3.26.0.codspeed6");
        assert!(best.tools.as_deref().is_some_and(|tools| tools.ends_with("valgrind/b")));
        assert_eq!(best.limits(), ["no cycle estimation"]);
    }

    #[test]
    fn what_is_no_valgrind_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let broken = dir.path().join("valgrind");
        symlink("/bin/false", &broken).unwrap();
        let env = Env::default().with(env_names::PATH, dir.path());
        assert!(Valgrind::all(&env).is_empty());
        let err = Valgrind::best(&env).unwrap_err();
        assert!(matches!(err, ValgrindError::Unusable { path } if path == broken));
        fs::remove_file(&broken).unwrap();
        assert!(matches!(Valgrind::best(&env).unwrap_err(), ValgrindError::Missing));
    }

    #[test]
    fn a_script_around_the_program_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("valgrind");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        let (alone, _) = unwrapped(&script).unwrap();
        assert_eq!(alone.file_name(), script.file_name());
        fs::write(folder.path().join("valgrind.bin"), "").unwrap();
        let link = folder.path().join("link");
        symlink(&script, &link).unwrap();
        assert!(unwrapped(&link).unwrap().0.ends_with("valgrind.bin"));
    }
}
