//! Settings of the machine that are changed for a while: each value is noted before it is changed, and comes back in
//! reverse order: on demand, or, after a crash, when any of our programs is started as root. What somebody else has
//! changed meanwhile stays.

mod journal;
#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;

use crate::{
    files::{self, Links},
    processors::{Processors, parse_list},
};

pub use journal::{Entry, JOURNAL, Stage, Told};
use journal::{Found, Journal};

/// The files of the kernel, usually below `/`.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The files below this folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the place of a file that is given from the root on.
    #[must_use]
    pub fn place(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Reads a value, without the space around it.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn read(&self, path: &str) -> io::Result<String> {
        files::read_kernel_text(self.place(path)).map(|text| text.trim().to_owned())
    }

    /// Returns the names in a folder, sorted; none if it can't be read.
    #[must_use]
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.place(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Writes a value, at once.
    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = files::open_with(&self.place(path), Links::Follow, options.write(true))?;
        let line = format!("{value}\n");
        file.write_all(line.as_bytes())?;
        // Files of the kernel have no length, and take the line as the value.
        drop(file.set_len(u64::try_from(line.len()).unwrap_or(u64::MAX)));
        Ok(())
    }
}

/// A value that a setting shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its file, from the root on: below `/sys` or `/proc/irq`.
    pub path: String,
    /// The value.
    pub wanted: String,
}

/// The end of an attempt to change a setting, or to bring it back.
#[derive(Debug)]
pub enum Outcome {
    /// It has the value that is wanted, and had this one.
    Changed(String),
    /// It had the value anyway.
    AlreadyThere,
    /// It is as it was.
    Restored(String),
    /// Somebody else has changed it meanwhile; it stays as it is.
    Foreign {
        /// As it is.
        now: String,
        /// As it was before we changed it.
        old: String,
    },
    /// Its file is gone, as that of a device that was taken away: there is nothing to bring back.
    Gone,
    /// The system refuses.
    Failed(io::Error),
}

/// A setting and its outcome.
#[derive(Debug)]
pub struct Row {
    /// Its file.
    pub path: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// The state of the machine's settings.
#[derive(Debug)]
pub enum State {
    /// Nothing is changed.
    Off,
    /// Another process changes them right now.
    Busy,
    /// Something is changed.
    Changed(Told),
}

/// Returns what is changed now.
///
/// # Errors
///
/// If the journal can't be used.
pub fn state(tree: &Tree) -> io::Result<State> {
    Ok(match Journal::find(tree)? {
        Found::Nothing => State::Off,
        Found::Busy => State::Busy,
        Found::There(_, told) => State::Changed(told),
    })
}

/// Changes settings, in this order, for these processors. A setting that is changed already stays; one that can't be
/// changed keeps no other from being changed. Where nothing is changed there is no journal afterwards, unless there was
/// one before.
///
/// # Errors
///
/// If the journal can't be written: then nothing more is changed.
pub fn change(tree: &Tree, processors: &Processors, changes: &[Change]) -> io::Result<Vec<Row>> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let (mut journal, entries, is_new) = match Journal::find(tree)? {
        Found::Nothing => (Journal::begin(tree, processors)?, Vec::new(), true),
        Found::Busy => return Err(io::Error::other("another process uses the journal")),
        Found::There(journal, told) => (journal, told.entries, false),
    };
    let mut rows = Vec::new();
    for Change { path, wanted } in changes {
        let known = entries.iter().find(|entry| entry.path == *path);
        let outcome = match (tree.read(path), known) {
            (Err(err), _) => Outcome::Failed(err),
            (Ok(now), _) if is_same(&now, wanted) => Outcome::AlreadyThere,
            (Ok(now), Some(entry)) => Outcome::Foreign { now, old: entry.old.clone() },
            (Ok(old), None) => change_one(tree, &mut journal, path, old, wanted)?,
        };
        rows.push(Row { path: path.clone(), outcome });
    }
    journal.note_stage(Stage::On)?;
    if is_new && !rows.iter().any(|row| matches!(row.outcome, Outcome::Changed(_))) {
        drop(journal);
        // The kernel may have made something else of a value that it has refused.
        restore(tree)?;
    }
    Ok(rows)
}

fn change_one(
    tree: &Tree,
    journal: &mut Journal,
    path: &str,
    old: String,
    wanted: &str,
) -> io::Result<Outcome> {
    let mut entry = Entry { path: path.to_owned(), old, new: wanted.to_owned() };
    journal.note(&entry)?;
    let Err(err) = set(tree, path, wanted) else { return Ok(Outcome::Changed(entry.old)) };
    match tree.read(path) {
        Ok(now) if is_same(&now, &entry.old) => journal.note_back(path)?,
        // The kernel has made something else of it, which has to come back as well.
        Ok(now) => {
            entry.new = now;
            journal.note(&entry)?;
        }
        Err(_) => {}
    }
    Ok(Outcome::Failed(err))
}

/// Brings back all that is changed, the last change first. Without a journal there is nothing to do.
///
/// # Errors
///
/// If the journal can't be used.
pub fn restore(tree: &Tree) -> io::Result<Vec<Row>> {
    match Journal::find(tree)? {
        Found::Nothing => Ok(Vec::new()),
        Found::Busy => Err(io::Error::other("another process uses the journal")),
        Found::There(journal, told) => bring_back(tree, journal, told),
    }
}

/// Settings that were brought back when a program was started.
#[derive(Debug)]
pub struct Recovered {
    /// The progress of the changes before.
    pub stage: Stage,
    /// The settings.
    pub rows: Vec<Row>,
}

/// Brings back the changes of a program that was killed before it was done, and those that could not be brought back
/// before, if we are root. Called by all programs when they start. `None` if there was nothing.
pub fn recover(tree: &Tree) -> Option<io::Result<Recovered>> {
    if !geteuid().is_root() {
        return None;
    }
    match Journal::find(tree) {
        Err(err) => Some(Err(err)),
        Ok(Found::Nothing | Found::Busy | Found::There(_, Told { stage: Stage::On, .. })) => None,
        Ok(Found::There(journal, told)) => {
            let stage = told.stage;
            Some(bring_back(tree, journal, told).map(|rows| Recovered { stage, rows }))
        }
    }
}

/// Returns the recovered settings, as lines for people.
#[must_use]
pub fn told(recovered: &io::Result<Recovered>) -> Vec<String> {
    let Recovered { stage, rows } = match recovered {
        Err(err) => {
            return vec![format!(
                "some settings changed by `codspeed isolate` may not be restored: {err}"
            )];
        }
        Ok(recovered) => recovered,
    };
    let before = match stage {
        Stage::Changing | Stage::On => "`codspeed isolate on` was interrupted",
        Stage::Restoring => {
            "an earlier attempt to restore the settings changed by `codspeed isolate` was incomplete"
        }
    };
    let is_failed = |row: &Row| matches!(row.outcome, Outcome::Failed(_));
    let now = if rows.iter().any(is_failed) {
        "not all of its settings could be restored now; the next start as root will try again"
    } else {
        "the other settings are restored"
    };
    std::iter::once(format!("{before}; {now}")).chain(rows.iter().map(Row::shown)).collect()
}

impl Row {
    /// A line for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let Self { path, outcome } = self;
        match outcome {
            Outcome::Changed(old) => format!("{path}: changed, was {old}"),
            Outcome::AlreadyThere => format!("{path}: already set"),
            Outcome::Restored(old) => format!("{path}: restored to {old}"),
            Outcome::Foreign { now, old } => format!(
                "{path}: keeps the value {now} that somebody else set; the original was {old} (to restore it: `echo \
                    {old} > {path}`)"
            ),
            Outcome::Gone => format!("{path}: no longer exists, nothing to restore"),
            Outcome::Failed(err) => format!("{path}: could not be changed: {err}"),
        }
    }
}

fn bring_back(tree: &Tree, mut journal: Journal, told: Told) -> io::Result<Vec<Row>> {
    journal.note_stage(Stage::Restoring)?;
    let mut rows = Vec::new();
    let mut is_all_back = true;
    for Entry { path, old, new } in told.entries.into_iter().rev() {
        let outcome = match tree.read(&path) {
            // A processor or an interrupt may be gone for good.
            Err(err) if err.kind() == io::ErrorKind::NotFound => Outcome::Gone,
            Err(err) => Outcome::Failed(err),
            Ok(now) if is_same(&now, &old) => Outcome::Restored(old),
            Ok(now) if is_same(&now, &new) => match set(tree, &path, &old) {
                Ok(()) => Outcome::Restored(old),
                Err(err) => Outcome::Failed(err),
            },
            Ok(now) => Outcome::Foreign { now, old },
        };
        if matches!(outcome, Outcome::Failed(_)) {
            is_all_back = false;
        } else {
            journal.note_back(&path)?;
        }
        rows.push(Row { path, outcome });
    }
    if is_all_back {
        journal.remove()?;
    }
    Ok(rows)
}

/// Writes a value and looks whether it was taken.
fn set(tree: &Tree, path: &str, value: &str) -> io::Result<()> {
    tree.write(path, value)?;
    let now = tree.read(path)?;
    if is_same(&now, value) {
        return Ok(());
    }
    Err(io::Error::other(format!("the kernel changed `{value}` to `{now}`")))
}

/// The same value: as text, or as lists of processors that the kernel spells in another way.
fn is_same(one: &str, other: &str) -> bool {
    let list = |text: &str| parse_list(text);
    one == other || list(one).is_some_and(|one| list(other) == Some(one))
}
