//! The layout of stores of runs on the disk, for tests that put something else there.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

/// The file of the record of this ID, in the store in this folder.
#[must_use]
pub fn record_file(store: &Path, id: impl Display) -> PathBuf {
    let name = id.to_string();
    let shard = name.get(..2).unwrap_or_default();
    store.join("records").join(shard).join(format!("{name}.zst"))
}

/// The address of the shared store in this folder.
#[must_use]
pub fn folder_address(folder: &Path) -> String {
    format!("file://{}", folder.display())
}
