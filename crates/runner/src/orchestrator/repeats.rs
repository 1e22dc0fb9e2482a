//! What a comparison of counts keeps beside its results: see [`Repeats`].

use std::{fs, io, path::Path};

use runner_shared::{
    artifact::{Artifact, Repeats},
    harness::Target,
    mode::Mode,
    share::Share,
};
use system::files;

use crate::{
    mode::ModeError,
    settings::RunPart,
    workload::{Versus, Workload},
};

/// Removes what an earlier comparison in this folder has left, and notes what this one is about, if it is one.
pub(super) fn begin(part: &RunPart, folder: &Path) -> Result<(), ModeError> {
    remove(folder);
    let Workload::Commands { targets, versus: Some(versus), .. } = &part.workload else {
        return Ok(());
    };
    let Some(base) = targets.first().filter(|_| part.mode != Mode::Walltime) else {
        return Ok(());
    };
    let path = Repeats::path(folder);
    let write = || -> io::Result<()> {
        path.parent().map_or(Ok(()), files::create_private_subfolder)?;
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

/// What can't be removed can't be replaced either, and that is said.
fn remove(folder: &Path) {
    for path in [Repeats::path(folder), Repeats::timestamps(folder)] {
        drop(fs::remove_file(path));
    }
    drop(fs::remove_dir_all(Repeats::folder(folder)));
}
