//! What was unpacked from which package: lies beside the files, so that a cache that CI saves and restores brings its own
//! checks. It finds damage; who can write to the cache can write the manifest as well.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use system::files::{self, Links};

use crate::tools::{deb::Package, fetch::Hash};

/// In the folder of the files.
const NAME: &str = "manifest.json";
/// A manifest has a line for each file.
const MOST_BYTES: u64 = 1 << 20;

/// The content of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// The SHA-256 of the package.
    pub(super) package: String,
    /// By its name, the SHA-256 of each file.
    files: BTreeMap<String, String>,
}

impl Manifest {
    /// Describes a package with this hash. Its files lie in one folder.
    pub(super) fn new(package: Hash, content: &Package) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        for file in &content.files {
            let Some(name) = file.path.file_name() else { continue };
            let hash = Hash::of(&file.bytes[..])?;
            files.insert(name.to_string_lossy().into_owned(), hash.to_string());
        }
        Ok(Self { package: package.to_string(), files })
    }

    /// Writes it into the folder.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        files::replace(&folder.join(NAME), text.as_bytes())
    }

    /// The one in a folder, if there is one that makes sense.
    pub(super) fn load(folder: &Path) -> Option<Self> {
        let text = files::read(&folder.join(NAME), Links::Follow, MOST_BYTES).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// The first file that is not as it was.
    pub(super) fn first_damaged(&self, folder: &Path) -> Option<PathBuf> {
        let is_as_it_was = |path: &Path, hash: &String| {
            let found = files::open(path, Links::Follow).and_then(Hash::of);
            found.is_ok_and(|found| found.to_string() == *hash)
        };
        let mut files = self.files.iter().map(|(name, hash)| (folder.join(name), hash));
        files.find(|(path, hash)| !is_as_it_was(path, hash)).map(|(path, _)| path)
    }
}
