//! Finds the project file: in this folder or one above it, but never outside of the repository.

use std::path::{Path, PathBuf};

/// Names of the file; of several in one folder the first one wins.
pub(super) const NAMES: [&str; 4] =
    ["codspeed.yaml", "codspeed.yml", ".codspeed.yaml", ".codspeed.yml"];

/// The nearest project file.
pub(super) fn discover(here: &Path) -> Option<PathBuf> {
    let files = folders(here).into_iter().flat_map(|folder| NAMES.map(|name| folder.join(name)));
    // A link that leads nowhere is found: reading it says so.
    files.into_iter().find(|path| path.symlink_metadata().is_ok() && !path.is_dir())
}

/// The folders to look at: up to the root of the repository; without one, only this folder.
fn folders(here: &Path) -> Vec<&Path> {
    let root = here.ancestors().position(|folder| folder.join(".git").symlink_metadata().is_ok());
    here.ancestors().take(root.unwrap_or(0) + 1).collect()
}
