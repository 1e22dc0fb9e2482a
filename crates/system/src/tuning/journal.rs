//! The journal of changed settings: what each was before, written and synced before it is changed.
//!
//! ```text
//! codspeed-tuning 1 <boot id> <processors>
//! set<TAB>/sys/…/scaling_governor<TAB>powersave<TAB>performance
//!                                      (a second line of the same file: the kernel has made that of it)
//! on                                   all is changed
//! restoring                            the way back has begun
//! back<TAB>/sys/…/scaling_governor     this one is as it was, or not ours any more
//! ```
//!
//! A last line without its end was cut off by a crash: its change was not made. The file lies in `/run`, which lasts
//! as long as the values: until the machine is started again.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};

use super::Tree;
use crate::{
    files::{self, Links},
    processors::{Processors, parse_list, shown_list},
};

/// The journal's place, from the root on.
pub const JOURNAL: &str = "/run/codspeed-tuning.journal";
/// The beginning of its first line.
const HEAD: &str = "codspeed-tuning 1";
/// Changes of the start of the machine, which ends them all.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// Thousands of interrupts take less.
const MOST_BYTES: u64 = 8 << 20;

/// A setting and what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its file, from the root on.
    pub path: String,
    /// The value that it had.
    pub old: String,
    /// The value that it was given.
    pub new: String,
}

/// The progress of the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not to the end: whoever makes them is at it, or was killed.
    Changing,
    /// To the end: all is changed.
    On,
    /// The way back has begun.
    Restoring,
}

/// The contents of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The processors that the machine was tuned for.
    pub processors: Processors,
    /// In the order of the changes; those that are back are left out.
    pub entries: Vec<Entry>,
    /// The progress of the changes.
    pub stage: Stage,
}

/// The journal, which nobody else uses until it is dropped.
#[derive(Debug)]
pub(super) struct Journal {
    file: Flock<File>,
    path: PathBuf,
}

/// The journal, as it was found.
#[derive(Debug)]
pub(super) enum Found {
    /// There is none, or only one of an earlier start of the machine.
    Nothing,
    /// Another process uses it.
    Busy,
    /// Nobody else uses it.
    There(Journal, Told),
}

impl Journal {
    /// Looks for it.
    ///
    /// # Errors
    ///
    /// If it can't be used, or others could have written it (`InvalidData`): it decides what root writes where.
    pub(super) fn find(tree: &Tree) -> io::Result<Found> {
        let path = tree.place(JOURNAL);
        if !files::is_there(&path) {
            return Ok(Found::Nothing);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = match files::open_with(&path, Links::Refuse, &mut options) {
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            other => other?,
        };
        let data = file.metadata()?;
        if data.uid() != geteuid().as_raw() || data.mode() & 0o022 != 0 {
            return Err(invalid("it is not owned by root alone"));
        }
        let Some(mut journal) = Self::lock(file, path)? else { return Ok(Found::Busy) };
        if journal.file.metadata()?.len() > MOST_BYTES {
            // Read in part, it would lose the rest.
            return Err(invalid("it is longer than 8 MiB"));
        }
        let mut text = String::new();
        (&*journal.file).take(MOST_BYTES).read_to_string(&mut text)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let text = text.get(..whole).unwrap_or_default();
        // A line that is cut off would become a part of the next one.
        journal.file.set_len(u64::try_from(whole).unwrap_or(0))?;
        journal.file.seek(SeekFrom::End(0))?;
        if let Some(told) = parse(text, &boot(tree)) {
            return Ok(Found::There(journal, told?));
        }
        journal.remove()?;
        Ok(Found::Nothing)
    }

    /// Begins one; there is none.
    pub(super) fn begin(tree: &Tree, processors: &Processors) -> io::Result<Self> {
        let path = tree.place(JOURNAL);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = files::open_with(&path, Links::Refuse, &mut options)?;
        let journal = Self::lock(file, path)?;
        let mut journal = journal.ok_or_else(|| invalid("it is in use by another process"))?;
        journal.line(&format!("{HEAD} {} {}", boot(tree), shown_list(processors)))?;
        Ok(journal)
    }

    /// `None` if another process has it, or has removed it.
    fn lock(file: File, path: PathBuf) -> io::Result<Option<Self>> {
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
            Err((_, errno)) => return Err(errno.into()),
        };
        let ours = file.metadata()?;
        let is_same = fs::symlink_metadata(&path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()));
        Ok(is_same.then_some(Self { file, path }))
    }

    /// Notes a change that is about to be made.
    pub(super) fn note(&mut self, entry: &Entry) -> io::Result<()> {
        let Entry { path, old, new } = entry;
        let is_plain = |text: &String| !text.contains(['\t', '\n']);
        if ![path, old, new].into_iter().all(is_plain) {
            return Err(invalid("its value is not a single word or list"));
        }
        self.line(&format!("set\t{path}\t{old}\t{new}"))
    }

    /// Notes that a setting is none of ours any more.
    pub(super) fn note_back(&mut self, path: &str) -> io::Result<()> {
        self.line(&format!("back\t{path}"))
    }

    /// Notes how far it has come.
    pub(super) fn note_stage(&mut self, stage: Stage) -> io::Result<()> {
        match stage {
            Stage::Changing => Ok(()),
            Stage::On => self.line("on"),
            Stage::Restoring => self.line("restoring"),
        }
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(format!("{text}\n").as_bytes())?;
        self.file.sync_all()
    }

    /// All is as it was.
    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

fn boot(tree: &Tree) -> String {
    tree.read(BOOT).unwrap_or_else(|_| "unknown".to_owned())
}

/// Reads whole lines. `None` for a journal of another start of the machine, and one without its first line: nothing was
/// changed then.
fn parse(text: &str, boot: &str) -> Option<io::Result<Told>> {
    let mut lines = text.lines();
    let head = lines.next()?;
    let Some(head) = head.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix(' ')) else {
        return Some(Err(invalid("it was written by another version of codspeed")));
    };
    let (of_boot, processors) = head.split_once(' ').unwrap_or((head, ""));
    if of_boot != boot {
        return None;
    }
    let processors = parse_list(processors).unwrap_or_default();
    let mut told = Told { processors, entries: Vec::new(), stage: Stage::Changing };
    for line in lines {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["set", path, old, new] if is_setting(path) => {
                let [path, old, new] = [path, old, new].map(str::to_owned);
                match told.entries.iter_mut().find(|entry| entry.path == path) {
                    Some(entry) => entry.new = new,
                    None => told.entries.push(Entry { path, old, new }),
                }
            }
            ["back", path] => told.entries.retain(|entry| entry.path != path),
            ["on"] => told.stage = Stage::On,
            ["restoring"] => told.stage = Stage::Restoring,
            _ => return Some(Err(invalid("it has an invalid line"))),
        }
    }
    Some(Ok(told))
}

/// Only files of the kernel are written.
fn is_setting(path: &str) -> bool {
    let is_below = ["/sys/", "/proc/irq/"].iter().any(|folder| path.starts_with(folder));
    is_below && !path.split('/').any(|part| part == "..")
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "codspeed-tuning 1 b 2-3\nset\t/sys/a\t0\t1\nset\t/proc/irq/b\t0-3\t0\n";

    #[test]
    fn lines_tell_what_was_changed_and_how_far_it_has_come() {
        let told = |text: &str| parse(text, "b").unwrap().unwrap();
        let Told { processors, entries, stage } = told(TEXT);
        assert_eq!((processors, stage), (Processors::from([2, 3]), Stage::Changing));
        let entry = |path: &str, old: &str, new: &str| {
            let [path, old, new] = [path, old, new].map(str::to_owned);
            Entry { path, old, new }
        };
        assert_eq!(entries, [entry("/sys/a", "0", "1"), entry("/proc/irq/b", "0-3", "0")]);
        assert_eq!(told(&format!("{TEXT}on\n")).stage, Stage::On);
        let back = told(&format!("{TEXT}on\nrestoring\nback\t/proc/irq/b\n"));
        assert_eq!((back.stage, back.entries.len()), (Stage::Restoring, 1));
    }

    #[test]
    fn what_is_not_ours_is_not_believed() {
        for odd in ["", "codspeed-tuning 1 another-boot 2\nset\t/sys/a\t0\t1\n"] {
            assert!(parse(odd, "b").is_none(), "{odd}");
        }
        let line = |line: &str| parse(&format!("codspeed-tuning 1 b 2\n{line}\n"), "b").unwrap();
        for odd in ["x", "set\t/sys/a\t0", "set\t/etc/passwd\t0\t1", "set\t/sys/../etc/x\t0\t1"] {
            assert!(line(odd).is_err(), "{odd}");
        }
        assert!(parse("something else\n", "b").unwrap().is_err());
    }
}
