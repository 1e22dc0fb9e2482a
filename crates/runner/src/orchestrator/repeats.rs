//! Files that a comparison of counts keeps beside its results: see [`Repeats`].

use std::{fs, io, path::PathBuf};

use runner_shared::{
    artifact::{Artifact, Repeats},
    harness::Target,
    mode::Mode,
    profile_dir::{ProfileDir, REPEAT, REPEATED_TIMESTAMPS, REPEATS},
    share::Share,
};
use system::files;

use crate::{
    mode::ModeError,
    settings::RunPart,
    workload::{Versus, Workload},
};

/// Removes what an earlier comparison in this folder has left, and notes what this one is about, if it is one.
pub(super) fn begin(part: &RunPart, folder: &ProfileDir) -> Result<(), ModeError> {
    remove(folder)?;
    let Workload::Commands { targets, versus: Some(versus), .. } = &part.workload else {
        return Ok(());
    };
    let Some(base) = targets.first().filter(|_| part.mode != Mode::Walltime) else {
        return Ok(());
    };
    let path = folder.file(&REPEATS);
    let write = || -> io::Result<()> {
        files::create_private_subfolder(&folder.not_archived())?;
        files::replace_private(&path, &asked(base, *versus).encode())
    };
    write().map_err(|source| ModeError::Write { path: path.clone(), source })
}

fn asked(base: &Target, versus: Versus) -> Repeats {
    let Versus { threshold, fails: _, limit, explain: _, seed: _ } = versus;
    Repeats {
        version: Repeats::VERSION,
        base_uri: base.uri(),
        threshold: threshold.map(Share::value),
        at_most: limit.map(Share::value),
    }
}

/// Removes all of an earlier comparison: counts that stay would be read as those of this one.
fn remove(folder: &ProfileDir) -> Result<(), ModeError> {
    let gone = |result: io::Result<()>, path: PathBuf| match result {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ModeError::Remove { path, source })
        }
        Ok(()) | Err(_) => Ok(()),
    };
    for path in [REPEATS, REPEATED_TIMESTAMPS].map(|file| folder.file(&file)) {
        gone(fs::remove_file(&path), path)?;
    }
    let repeats = folder.folder_of(&REPEAT);
    gone(fs::remove_dir_all(&repeats), repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_comparison_goes_or_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        remove(&dir).unwrap();
        fs::create_dir_all(dir.repeat(1)).unwrap();
        remove(&dir).unwrap();
        assert!(!dir.folder_of(&REPEAT).exists());
        // A folder can't be removed as a file, not even by root.
        fs::create_dir(dir.file(&REPEATS)).unwrap();
        remove(&dir).unwrap_err();
    }
}
