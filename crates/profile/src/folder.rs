//! The profile folder as a place to write to: every file is there as a whole or not at all.

use std::{
    fmt::Display,
    fs::{self, File},
    io::{self, BufWriter, Write},
};

use runner_shared::profile_dir::{
    OLDER_WALLTIME_METADATA, PERF_MAP, ProfileDir, ProfileFile, SYMBOLS, UNWIND_DATA,
    WALLTIME_METADATA,
};
use system::temporary::NamedFile;

use crate::ProfileError;

/// The folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder<'a> {
    dir: &'a ProfileDir,
}

impl<'a> Folder<'a> {
    pub(crate) const fn new(dir: &'a ProfileDir) -> Self {
        Self { dir }
    }

    /// Writes the file with this key under a temporary name, then gives it its own.
    pub(crate) fn write(
        self,
        kind: &ProfileFile,
        key: impl Display,
        fill: impl FnOnce(&mut BufWriter<NamedFile>) -> io::Result<()>,
    ) -> Result<(), ProfileError> {
        let path = self.dir.file_of(kind, key);
        let written = || {
            let temp = NamedFile::create_in(self.dir.path(), ".unfinished-", 0o600)?;
            let mut out = BufWriter::with_capacity(1 << 16, temp);
            fill(&mut out)?;
            out.flush()?;
            let temp = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            temp.persist(&path)
        };
        written().map_err(|source| ProfileError::Write { path: path.clone(), source })
    }

    /// A file that vanishes with its last use.
    pub(crate) fn scratch(self) -> io::Result<File> {
        tempfile::tempfile_in(self.dir.path())
    }

    /// Removes what an earlier run into the same folder has left of ours: it would be taken for
    /// a part of this one.
    pub(crate) fn remove_artifacts(self) -> Result<(), ProfileError> {
        let removed = || {
            for entry in fs::read_dir(self.dir.path())? {
                let entry = entry?;
                if entry.file_name().to_str().is_some_and(is_artifact) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        removed().map_err(|source| ProfileError::Write { path: self.dir.path().to_owned(), source })
    }
}

/// Returns whether a file of this name is one of ours: of a module, with a key that [`crate::metadata::key`] makes, of
/// generated code, or metadata.
fn is_artifact(name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let key = SYMBOLS.key(name).or_else(|| UNWIND_DATA.key(name));
    let pid = PERF_MAP.key(name);
    [WALLTIME_METADATA, OLDER_WALLTIME_METADATA].iter().any(|file| file.is(name))
        || key.and_then(|key| key.split_once("__")).is_some_and(|(number, _)| is_number(number))
        || pid.is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_are_removed() {
        let ours = [
            "0__a.symbols.map",
            "12__a b.unwind_data",
            "perf-7.map",
            "walltime.metadata",
            "perf.metadata",
        ];
        let others =
            ["perf.pipedata", "a.symbols.map", "x__a.symbols.map", "perf-x.map", "results"];
        let dir = tempfile::tempdir().unwrap();
        let profile = ProfileDir::new(dir.path());
        for name in ours.iter().chain(&others) {
            fs::write(dir.path().join(name), "").unwrap();
        }
        Folder::new(&profile).remove_artifacts().unwrap();
        assert!(ours.iter().all(|name| !dir.path().join(name).exists()));
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
    }

    #[test]
    fn a_file_that_fails_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let profile = ProfileDir::new(dir.path());
        let folder = Folder::new(&profile);
        let failing = folder.write(&SYMBOLS, "a", |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("no space"))
        });
        assert!(failing.is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        folder.write(&SYMBOLS, "a", |out| out.write_all(b"whole")).unwrap();
        assert_eq!(fs::read(profile.file_of(&SYMBOLS, "a")).unwrap(), b"whole");
    }
}
