//! Finds the program of a command, and tells why it can't be started, as far as that shows before it is: the same answer
//! for all that start programs.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use nix::unistd::AccessFlags;

use crate::{
    fault::{Attempt, explain},
    reach::allows,
    text::shown,
};

/// Folders in which programs are looked for where `PATH` is not set.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The reason why a program can't be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Nowhere in `PATH`.
    #[error("`{}` was not found in any folder of PATH", shown(name))]
    NotInPath {
        /// The word as given.
        name: OsString,
    },
    /// A path that doesn't exist.
    #[error("`{}` does not exist", shown(path))]
    Missing {
        /// The path as given.
        path: PathBuf,
    },
    /// A link whose target is not there.
    #[error("`{}` is a link to something that does not exist", shown(path))]
    DeadLink {
        /// The path as given.
        path: PathBuf,
    },
    /// The system doesn't even say whether it is there.
    #[error("`{}` is not accessible: {why}", shown(path))]
    Unreachable {
        /// The path as given, or a folder of `PATH`.
        path: PathBuf,
        /// In words.
        why: String,
    },
    /// Something else than a program.
    #[error("`{}` is {what}, not a program", shown(path))]
    NoFile {
        /// The path as given.
        path: PathBuf,
        /// A folder, or a device.
        what: &'static str,
    },
    /// A program for others.
    #[error("you have no permission to run `{}`", shown(path))]
    Forbidden {
        /// The path that was found.
        path: PathBuf,
    },
    /// A file that nobody may run.
    #[error("`{}` is not executable; run `chmod +x` on it", shown(path))]
    NotExecutable {
        /// The path that was found.
        path: PathBuf,
    },
    /// The word is empty.
    #[error("the name of the program is empty")]
    Empty,
}

impl ProgramError {
    /// Returns whether there is no file of that name at all.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::NotInPath { .. } | Self::Missing { .. } | Self::DeadLink { .. })
    }
}

/// Returns where the program `name` is: itself if it contains a slash, else the first hit in `path_variable`, the value
/// of `PATH`. Relative places are relative to `folder`, in which the program will be started, and are returned as they
/// were given.
///
/// # Errors
///
/// If there is none, or none that may be started.
pub fn find(
    name: &OsStr,
    path_variable: Option<&OsStr>,
    folder: &Path,
) -> Result<PathBuf, ProgramError> {
    if name.is_empty() {
        return Err(ProgramError::Empty);
    }
    if name.as_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return check(&path, folder).map(|()| path);
    }
    let places = path_variable.unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut why_not = None;
    for place in places.as_bytes().split(|byte| *byte == b':') {
        // An empty entry means the working directory.
        let place =
            if place.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(place)) };
        let path = place.join(name);
        match check(&path, folder) {
            Ok(()) => return Ok(path),
            // No program of that name is there.
            Err(ProgramError::Missing { .. } | ProgramError::NoFile { .. }) => {}
            Err(err) => {
                why_not.get_or_insert(err);
            }
        }
    }
    Err(why_not.unwrap_or_else(|| ProgramError::NotInPath { name: name.to_owned() }))
}

/// Says why a file can't be started, as far as that shows before it is.
fn check(path: &Path, folder: &Path) -> Result<(), ProgramError> {
    let (real, path) = (folder.join(path), path.to_owned());
    let data = match real.metadata() {
        Ok(data) => data,
        Err(err) if err.kind() == io::ErrorKind::NotFound => {
            let is_link = real.symlink_metadata().is_ok();
            return Err(if is_link {
                ProgramError::DeadLink { path }
            } else {
                ProgramError::Missing { path }
            });
        }
        Err(err) => {
            let why = explain(&err, Attempt::Read).why;
            return Err(ProgramError::Unreachable { path, why });
        }
    };
    if !data.is_file() {
        let what = if data.is_dir() { "a folder" } else { "a device or a pipe" };
        return Err(ProgramError::NoFile { path, what });
    }
    match allows(&real, AccessFlags::X_OK) {
        Ok(()) => Ok(()),
        Err(_) if data.permissions().mode() & 0o111 == 0 => {
            Err(ProgramError::NotExecutable { path })
        }
        Err(_) => Err(ProgramError::Forbidden { path }),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn file(folder: &Path, name: &str, mode: u32) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    #[test]
    fn programs_are_found_in_path_order_and_folders_are_skipped() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(one.path().join("tool")).unwrap();
        let wanted = file(two.path(), "tool", 0o755);
        let path = std::env::join_paths([one.path(), two.path()]).unwrap();
        let found = find(OsStr::new("tool"), Some(&path), Path::new("/")).unwrap();
        assert_eq!(found, wanted);
        // What is relative is so to the folder of the program, and stays relative.
        let found = find(OsStr::new("tool"), Some(OsStr::new("/nowhere:")), two.path()).unwrap();
        assert_eq!(found, Path::new("./tool"));
        assert_eq!(find(OsStr::new("./tool"), None, two.path()).unwrap(), Path::new("./tool"));
        assert!(find(OsStr::new("./tool"), None, one.path()).is_err());
    }

    #[test]
    fn each_reason_has_its_own_error() {
        let folder = tempfile::tempdir().unwrap();
        let plain = file(folder.path(), "plain", 0o644);
        let path = Some(folder.path().as_os_str());
        let err = |name: &str| find(OsStr::new(name), path, Path::new("/")).unwrap_err();
        assert_eq!(err("nothing"), ProgramError::NotInPath { name: "nothing".into() });
        assert_eq!(err("plain"), ProgramError::NotExecutable { path: plain });
        assert_eq!(err("./no/such"), ProgramError::Missing { path: "./no/such".into() });
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        for (target, link) in [("gone", "dead"), ("round", "round")] {
            symlink(target, at(link)).unwrap();
        }
        for (path, why) in [
            (at(""), "is a folder, not a program"),
            ("/dev/null".to_owned(), "is a device or a pipe, not a program"),
            (at("dead"), "is a link to something that does not exist"),
            (at("round"), "is not accessible: its symbolic links form a loop"),
            (at("plain/x"), "is not accessible: a part of its path is a file, not a folder"),
            (at(&"n".repeat(300)), "is not accessible: its name is too long"),
        ] {
            assert_eq!(err(&path).to_string(), format!("`{path}` {why}"));
        }
        assert_eq!(err(""), ProgramError::Empty);
        let bytes = OsStr::from_bytes(b"./caf\xe9");
        let said = find(bytes, None, folder.path()).unwrap_err().to_string();
        assert_eq!(said, r"`./caf\xe9` does not exist");
    }
}
