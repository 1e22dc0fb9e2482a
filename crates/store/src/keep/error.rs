//! The errors of a store.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use nix::errno::Errno;
use runner_shared::{
    fault::{Attempt, explain},
    text::shown,
};
use rusqlite::ErrorCode;

use crate::{Invalid, RecordId};

/// The reason why a store can't do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no store in the folder.
    #[error("there is no store in `{}`", shown(folder))]
    None {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder can't be used.
    #[error("could not {} `{}`: {}", verb(*attempt), shown(path), explain(err, *attempt))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation that was tried.
        attempt: Attempt,
        /// The error of the system, which is in the text of this one.
        err: io::Error,
    },
    /// The index can't be used.
    #[error("the index of the store in `{}` can't be used", shown(folder))]
    Index {
        /// The folder of the store.
        folder: PathBuf,
        /// The reason.
        #[source]
        source: IndexError,
    },
    /// A record is kept, but not in the index yet.
    #[error("the run {} is stored, but not listed yet: the next `codspeed` command lists it", id.short())]
    Unlisted {
        /// Its name.
        id: RecordId,
        /// The reason.
        #[source]
        source: Box<StoreError>,
    },
    /// There is no record of this name.
    #[error("there is no stored run {}", id.short())]
    Missing {
        /// The name.
        id: RecordId,
    },
    /// A record is not what it was, or of a newer version.
    #[error("the stored run {} can't be read", id.short())]
    Damaged {
        /// Its name.
        id: RecordId,
        /// The reason.
        #[source]
        source: Invalid,
    },
    /// The record is not valid.
    #[error("this is no record of a run, or not a valid one")]
    Record(#[source] Invalid),
    /// A file is no archive of records, or no longer one. What the library says of it is about its format, and may quote
    /// what is in it.
    #[error("this is not an export of stored runs, or it is damaged")]
    Archive,
    /// The only entry of an archive is no record.
    #[error("there is no stored run in it: {why}")]
    Refused {
        /// The reason.
        why: String,
    },
    /// An archive has more records than the one that is wanted.
    #[error("there are several runs in it")]
    Several,
    /// An export can't be read.
    #[error("could not read the export: {}", explain(.0, Attempt::Read))]
    Unread(io::Error),
    /// An export can't be written.
    #[error("could not write the export: {}", explain(.0, Attempt::Write))]
    Export(io::Error),
    /// An archive has more than is taken.
    #[error("an export has at most {most} entries")]
    Many {
        /// The bound.
        most: usize,
    },
}

impl StoreError {
    /// Returns whether the index has to be made anew.
    pub(super) fn is_index_damage(&self) -> bool {
        matches!(self, Self::Index { source, .. } if source.is_damage())
    }

    /// Returns true if the system could not read a file, which may be sound: what is wrong may pass.
    pub(super) fn is_of_system(&self) -> bool {
        // A socket and a link are no records, whatever the system says of them.
        const STRANGE: [Errno; 3] = [Errno::ENXIO, Errno::ELOOP, Errno::EISDIR];
        let Self::Io { err, .. } = self else { return false };
        err.raw_os_error().is_some_and(|code| !STRANGE.contains(&Errno::from_raw(code)))
    }

    /// An error of the system about a file.
    pub(super) fn io(path: &Path, attempt: Attempt) -> impl FnOnce(io::Error) -> Self + '_ {
        move |err| Self::Io { path: path.to_owned(), attempt, err }
    }

    /// An error of reading an archive: of the system, or of the format.
    pub(super) fn of_archive(err: &io::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(err);
        while let Some(one) = cause {
            let number = one.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
            if let Some(number) = number {
                return Self::Unread(io::Error::from_raw_os_error(number));
            }
            cause = one.source();
        }
        Self::Archive
    }
}

const fn verb(attempt: Attempt) -> &'static str {
    match attempt {
        Attempt::Start => "start",
        Attempt::Read => "read",
        Attempt::Write => "write",
    }
}

/// The reason why the index could not answer.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database says so.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// A value in it can't be.
    #[error("the index is damaged")]
    Damage,
}

impl IndexError {
    /// Returns whether the index has to be made anew.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) => {
                // Of code `Unknown`: a table or a column is not there. Moved: another one has taken its place.
                let is_moved = failure.extended_code == rusqlite::ffi::SQLITE_READONLY_DBMOVED;
                is_moved
                    || matches!(
                        failure.code,
                        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
                    )
            }
            // Values that can't be.
            Self::Damage | Self::Sqlite(_) => true,
        }
    }

    /// Returns true if its file can't be written to, or not be opened.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let Self::Sqlite(rusqlite::Error::SqliteFailure(failure, _)) = self else { return false };
        matches!(
            failure.code,
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied
        ) && !self.is_damage()
    }

    /// The error of a store in this folder.
    pub(super) fn of(self, folder: &Path) -> StoreError {
        StoreError::Index { folder: folder.to_owned(), source: self }
    }
}
