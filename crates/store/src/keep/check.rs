//! The check of a store: all files against their names, and the index against all files.

use std::path::PathBuf;

use runner_shared::{fault::chain, text::shown};

use super::{
    Entry, Progress, Store, StoreError,
    index::unused,
    records::{UNFINISHED, remove_file},
};
use crate::{Invalid, RecordId};

/// A fault of a store.
#[derive(Debug)]
pub enum Flaw {
    /// The content of a file is not that of its name.
    Damaged {
        /// The file.
        file: PathBuf,
        /// The reason.
        why: StoreError,
        /// The place that it was moved to.
        moved: Option<PathBuf>,
    },
    /// The system can't read a file or a folder, of which nobody knows whether it is sound: it stays.
    Unreadable {
        /// The reason, which names it.
        why: StoreError,
    },
    /// A file among the records that is none.
    Strange {
        /// The file.
        file: PathBuf,
        /// The place that it was moved to.
        moved: Option<PathBuf>,
    },
    /// The remains of a program that was killed while it wrote.
    Unfinished {
        /// The file.
        file: PathBuf,
    },
    /// The index doesn't say of a record what that says.
    Differs {
        /// Its name.
        id: RecordId,
    },
    /// The index is damaged, in the words of the database.
    Index(String),
}

impl Flaw {
    /// Returns true if a check can mend it.
    pub const fn is_mendable(&self) -> bool {
        !matches!(self, Self::Unreadable { .. })
    }
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moved = |moved: &Option<PathBuf>| {
            moved.as_ref().map(|to| format!("; moved to `{}`", shown(to))).unwrap_or_default()
        };
        match self {
            Self::Damaged { file, why, moved: to } => {
                write!(f, "`{}`: {}{}", shown(file), chain(why), moved(to))
            }
            Self::Unreadable { why } => write!(f, "{why}"),
            Self::Strange { file, moved: to } => {
                write!(f, "`{}` is not a stored run{}", shown(file), moved(to))
            }
            Self::Unfinished { file } => {
                write!(f, "`{}` was left by a program that was killed", shown(file))
            }
            Self::Differs { id } => write!(f, "the index differs from the run {}", id.short()),
            Self::Index(text) => write!(f, "the index is damaged: {text}"),
        }
    }
}

/// The outcome of a check.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// Number of sound records.
    pub records: usize,
    /// Records of a newer version: they stay, are not listed, and nobody knows here whether they are sound.
    pub newer: Vec<RecordId>,
    /// Everything that was found.
    pub flaws: Vec<Flaw>,
    /// True if all of it is mended.
    pub is_mended: bool,
}

impl Store {
    /// Checks all records and the index. To mend, damaged and strange files are moved to the folder `damaged`, what
    /// killed programs left is removed, and an index that differs is made anew; no record is removed.
    ///
    /// # Errors
    ///
    /// If a folder can't be read, or nothing can be mended.
    pub fn check(
        &self,
        mends: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        let listing = self.records.list()?;
        let is_unfinished = |file: &PathBuf| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED))
        };
        for file in listing.strange.into_iter().filter(|file| !is_unfinished(file)) {
            let moved = mends.then(|| self.records.set_aside(&file)).transpose()?;
            report.flaws.push(Flaw::Strange { file, moved });
        }
        let unread = listing.unread.into_iter().map(|(_, why)| Flaw::Unreadable { why });
        report.flaws.extend(unread);
        report.flaws.extend(self.index_flaws()?);
        let of = listing.ids.len();
        for (done, id) in (1..).zip(listing.ids) {
            match self.check_record(id, mends)? {
                Checked::Sound => report.records += 1,
                Checked::Gone => {}
                Checked::Newer => report.newer.push(id),
                Checked::Flawed(flaw) => {
                    report.records += usize::from(matches!(flaw, Flaw::Differs { .. }));
                    report.flaws.push(flaw);
                }
            }
            progress(Progress { done, of });
        }
        report.flaws.extend(self.unfinished()?.into_iter().map(|file| Flaw::Unfinished { file }));
        if mends {
            self.remove_unfinished()?;
            let is_stale =
                |flaw: &Flaw| flaw.is_mendable() && !matches!(flaw, Flaw::Unfinished { .. });
            if report.flaws.iter().any(is_stale) {
                let index = self.index.borrow().renew(&self.folder, &self.records, progress)?;
                let unreadable = index.unreadable().map_err(|err| err.of(&self.folder))?;
                self.unreadable.set(unreadable);
                *self.index.borrow_mut() = index;
            }
        }
        report.is_mended = mends && report.flaws.iter().all(Flaw::is_mendable);
        Ok(report)
    }

    /// Removes what programs left that were killed while they wrote.
    pub(super) fn remove_unfinished(&self) -> Result<(), StoreError> {
        for file in self.unfinished()? {
            remove_file(&file)?;
        }
        Ok(())
    }

    /// Files that nobody uses any more.
    fn unfinished(&self) -> Result<Vec<PathBuf>, StoreError> {
        self.records.unfinished(&|names| unused(&self.folder, names))
    }

    fn index_flaws(&self) -> Result<Vec<Flaw>, StoreError> {
        match self.index.borrow().flaws() {
            Ok(flaws) => Ok(flaws.into_iter().map(Flaw::Index).collect()),
            Err(err) if err.is_damage() => Ok(vec![Flaw::Index(err.to_string())]),
            Err(err) => Err(err.of(&self.folder)),
        }
    }

    fn check_record(&self, id: RecordId, mends: bool) -> Result<Checked, StoreError> {
        let (record, packed) = match self.records.read(id) {
            Ok(read) => read,
            Err(StoreError::Missing { .. }) => return Ok(Checked::Gone),
            Err(StoreError::Damaged { source: Invalid::Version { .. }, .. }) => {
                return Ok(Checked::Newer);
            }
            Err(why) if why.is_of_system() => {
                return Ok(Checked::Flawed(Flaw::Unreadable { why }));
            }
            Err(why) => {
                let file = self.records.path(id);
                let moved = mends.then(|| self.records.set_aside(&file)).transpose()?;
                return Ok(Checked::Flawed(Flaw::Damaged { file, why, moved }));
            }
        };
        let agrees = self.index.borrow().agrees(&Entry::of(&packed, &record), &record);
        match agrees {
            Ok(true) => Ok(Checked::Sound),
            Ok(false) => Ok(Checked::Flawed(Flaw::Differs { id })),
            Err(err) if err.is_damage() => Ok(Checked::Flawed(Flaw::Differs { id })),
            Err(err) => Err(err.of(&self.folder)),
        }
    }
}

/// The outcome of the check of a record.
enum Checked {
    Sound,
    /// Another program has removed it.
    Gone,
    Newer,
    Flawed(Flaw),
}
