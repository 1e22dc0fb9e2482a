//! The path of a profile folder, and those of the files in it.

use std::{
    ffi::OsStr,
    fmt::Display,
    path::{Path, PathBuf},
};

use super::{NOT_ARCHIVED, PROJECT_FOLDER, ProfileFile, REPEAT, RESULTS};
use crate::mode::{MODES, Mode};

/// A profile folder, by its path. It is made once, where the folder is made or named, and handed on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProfileDir(PathBuf);

impl ProfileDir {
    /// Beginning and end of the name of a folder that a run makes where nobody names one.
    pub const FRESH: (&str, &str) = ("profile.", ".out");
    /// Letters between the two.
    pub const FRESH_LETTERS: usize = 10;

    /// The folder at this path, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns whether a folder that a run makes where nobody names one can have this name.
    pub fn is_fresh(name: &str) -> bool {
        let (start, end) = Self::FRESH;
        let letters = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        letters.is_some_and(|letters| {
            letters.len() == Self::FRESH_LETTERS
                && letters.bytes().all(|it| it.is_ascii_alphanumeric())
        })
    }

    /// The folder that an `exec-harness` which no runner has started writes to, below the current one.
    pub fn of_project() -> Self {
        Self::new(PROJECT_FOLDER)
    }

    /// Returns the name of the folder of part number `nth` of a run with several parts, beside those of the others.
    pub fn part_name(mode: Mode, nth: usize) -> String {
        format!("{mode}-{nth}")
    }

    /// Returns the number of the part whose folder has this name. Older runs named them after executors.
    pub fn part_number(name: &str) -> Option<u64> {
        let (mode, number) = name.rsplit_once('-')?;
        let is_mode = MODES.iter().any(|(_, names)| [names.cli, names.executor].contains(&mode));
        number.parse().ok().filter(|_| is_mode)
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file that is there once.
    pub fn file(&self, file: &ProfileFile) -> PathBuf {
        self.0.join(file.path)
    }

    /// Returns the path of the file with this key, such as the number of a process.
    pub fn file_of(&self, file: &ProfileFile, key: impl Display) -> PathBuf {
        self.folder_of(file).join(file.named(key))
    }

    /// Returns the path of the folder in which files of this kind lie.
    pub fn folder_of(&self, file: &ProfileFile) -> PathBuf {
        file.folder().map_or_else(|| self.0.clone(), |folder| self.0.join(folder))
    }

    /// Returns the path of the folder for results, where integrations and tracers write.
    pub fn results(&self) -> PathBuf {
        self.folder_of(&RESULTS)
    }

    /// Returns the path of the folder that no archive contains.
    pub fn not_archived(&self) -> PathBuf {
        self.0.join(NOT_ARCHIVED)
    }

    /// Returns the folder with the counts of repeat `nth` of commands that are compared, from 1 on.
    #[must_use]
    pub fn repeat(&self, nth: usize) -> Self {
        Self(self.file_of(&REPEAT, nth))
    }
}

impl AsRef<Path> for ProfileDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<OsStr> for ProfileDir {
    fn as_ref(&self) -> &OsStr {
        self.0.as_os_str()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ENVIRONMENT, LOG, ROUND_LOG},
        *,
    };

    #[test]
    fn parts_are_named_after_modes_and_once_after_executors() {
        assert_eq!(ProfileDir::part_name(Mode::Simulation, 3), "simulation-3");
        let numbers = ["simulation-3", "valgrind-12", "simulation-x", "other-1", "memory"]
            .map(ProfileDir::part_number);
        assert_eq!(numbers, [Some(3), Some(12), None, None, None]);
    }

    #[test]
    fn files_lie_where_the_table_says() {
        let dir = ProfileDir::new("/p");
        assert_eq!(dir.file(&LOG), Path::new("/p/runner.log"));
        assert_eq!(dir.file_of(&ENVIRONMENT, 7), Path::new("/p/environment-7.json"));
        assert_eq!(dir.file_of(&ROUND_LOG, 7), Path::new("/p/results/7.RoundLog.msgpack"));
        assert_eq!(dir.folder_of(&LOG).as_os_str(), "/p");
        assert_eq!(dir.repeat(2).file(&LOG), Path::new("/p/.codspeed/repeats/2/runner.log"));
    }
}
