//! Finds a Valgrind and what it can do. Versions are shown, not judged: capabilities are asked for.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use runner_shared::env_names;

use crate::{env::Env, process::ask, tools};

/// A Valgrind that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Valgrind {
    /// The program itself, not a shell script around it.
    pub program: PathBuf,
    /// As it says itself, such as `valgrind-3.19.0`.
    pub version: String,
    /// What its callgrind understands.
    pub capabilities: Capabilities,
}

/// What differs between builds of callgrind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// `--obj-skip`: frames of an interpreter are folded into their callers.
    pub obj_skip: bool,
}

/// There is no Valgrind that can do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValgrindError {
    /// Nowhere.
    #[error("`valgrind` was not found in PATH")]
    Missing,
    /// It does not run.
    #[error("`{}` is not a Valgrind with the tool callgrind", path.display())]
    Unusable {
        /// The program.
        path: PathBuf,
    },
}

impl Valgrind {
    /// The Valgrind that a variable names, or the first one in `PATH`.
    pub(crate) fn find(env: &Env) -> Result<Self, ValgrindError> {
        let told = env.get(env_names::VALGRIND).map(PathBuf::from);
        let path = told.or_else(|| tools::find("valgrind", env)).ok_or(ValgrindError::Missing)?;
        let program = unwrapped(&path).unwrap_or_else(|_| path.clone());
        let here = Path::new("/");
        let help = ask(&program, &["--tool=callgrind", "--help"], env, here);
        let version = ask(&program, &["--version"], env, here);
        let (Some(help), Some(version)) = (help, version) else {
            return Err(ValgrindError::Unusable { path });
        };
        let version = version.trim().to_owned();
        Ok(Self { program, version, capabilities: Capabilities::of(&help) })
    }
}

impl Capabilities {
    /// Reads the help text of callgrind.
    fn of(help: &str) -> Self {
        Self { obj_skip: help.contains("--obj-skip") }
    }
}

/// Distributions put a shell script before the program, which sets variables that the benchmark
/// would see and fails when it is called by a link.
fn unwrapped(path: &Path) -> io::Result<PathBuf> {
    let real = fs::canonicalize(path)?;
    let mut beside = real.clone().into_os_string();
    beside.push(".bin");
    let beside = PathBuf::from(beside);
    Ok(if beside.is_file() { beside } else { real })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read_from_the_help_text() {
        assert!(!Capabilities::of("    --fn-skip=<function>      Ignore").obj_skip);
        assert!(Capabilities::of("    --obj-skip=<object>       Fold").obj_skip);
    }

    #[test]
    fn a_script_around_the_program_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("valgrind");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        let alone = unwrapped(&script).unwrap();
        assert_eq!(alone.file_name(), script.file_name());
        fs::write(folder.path().join("valgrind.bin"), "").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&script, &link).unwrap();
        assert!(unwrapped(&link).unwrap().ends_with("valgrind.bin"));
    }
}
