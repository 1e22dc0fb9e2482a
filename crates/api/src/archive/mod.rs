//! A profile folder as one file: tar, compressed where the service wants that, hashed while it is written.

use std::{
    fs,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use md5::{Digest, Md5};
use runner_shared::{profile_dir::ProfileDir, text::shown};
use serde::Serialize;
use system::files::{self, Links};

mod gzip;
mod listing;
mod pack;
mod sink;
#[cfg(test)]
mod tests;

pub use listing::{Skipped, Why};

use crate::{executor::Executor, watch::Watch};

/// From here on an archive of any executor is compressed.
const COMPRESSED_FROM: u64 = 5 << 30;
/// The first bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// The number of bytes that are read of a file at a time.
const CHUNK: usize = 256 << 10;

/// The way in which an archive is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// As of RFC 1952, in one member.
    Gzip,
}

/// A file that is ready to be sent. It stays where it is until [`Archive::remove`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// The path.
    pub path: PathBuf,
    /// Its length in bytes.
    pub size: u64,
    /// The MD5 of its bytes, in base64 with padding.
    pub md5: String,
    /// The way in which it is compressed, if it is.
    pub encoding: Option<Encoding>,
}

/// The archive of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The file.
    pub archive: Archive,
    /// Files that are not in it, with the reasons.
    pub skipped: Vec<Skipped>,
}

/// The reason why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Something of the folder, or a finished archive, can't be read.
    #[error("could not read `{}`", shown(path))]
    Read {
        /// The path.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A file got shorter while it was read: somebody still writes to it.
    #[error("`{}` was truncated while it was archived", shown(path))]
    Shrank {
        /// The file.
        path: PathBuf,
    },
    /// The archive can't be written.
    #[error("could not write the archive `{}`", shown(path))]
    Write {
        /// The archive.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// The caller wanted an end.
    #[error("stopped")]
    Cancelled,
}

impl Archive {
    /// Archives a folder into the file `to`, which is replaced as a whole, or not at all. It holds what the folder holds,
    /// sorted by name; links to files become files, and what is no file is skipped. The memory it takes doesn't depend
    /// on the size of files.
    pub fn pack(
        folder: &ProfileDir,
        executor: Executor,
        to: &Path,
        watch: &mut Watch<'_>,
    ) -> Result<Packed, ArchiveError> {
        let listing = listing::list(folder.path(), to)?;
        let encoding = encoding_of(executor, listing.total);
        pack::pack(listing, encoding, to, watch)
    }

    /// Takes up an archive that an earlier run has left. Reads all of it.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let failed = |source| ArchiveError::Read { path: path.to_owned(), source };
        let mut file =
            BufReader::with_capacity(CHUNK, files::open(path, Links::Follow).map_err(failed)?);
        let mut start = Vec::new();
        let mut both = file.by_ref().take(2);
        both.read_to_end(&mut start).map_err(failed)?;
        let mut hash = Md5::new();
        hash.update(&start);
        let mut size = u64::try_from(start.len()).unwrap_or_default();
        let mut chunk = vec![0; CHUNK];
        loop {
            let len = file.read(&mut chunk).map_err(failed)?;
            let Some(bytes) = chunk.get(..len).filter(|bytes| !bytes.is_empty()) else { break };
            hash.update(bytes);
            size += u64::try_from(len).unwrap_or_default();
        }
        let encoding = (start == GZIP_MAGIC).then_some(Encoding::Gzip);
        Ok(Self { path: path.to_owned(), size, md5: base64_of(hash), encoding })
    }

    /// Removes the file.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(self.path)
    }
}

fn encoding_of(executor: Executor, total: u64) -> Option<Encoding> {
    match executor {
        Executor::Valgrind => Some(Encoding::Gzip),
        Executor::Walltime | Executor::Memory => {
            (total >= COMPRESSED_FROM).then_some(Encoding::Gzip)
        }
    }
}

fn base64_of(hash: Md5) -> String {
    STANDARD.encode(hash.finalize())
}
