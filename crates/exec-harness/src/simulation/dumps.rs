//! The files that Valgrind writes into the profile folder, one per process image, and which of
//! them are new.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::{self, BufWriter},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::unistd::Pid;
use runner_shared::profile_dir::{BECAME, CALLGRIND, PACKED_TRACEGRIND, ProfileDir, TRACEGRIND};
use system::files::{self, Links};

use super::parts::{Parts, relabel};

/// The content of the file of a process, as far as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dump {
    /// Callgrind's text.
    Parts(Parts),
    /// Tracegrind's packed stream, which is not looked into.
    Trace,
}

/// A file, as long as nobody writes it anew.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    inode: u64,
    len: u64,
    modified: (i64, i64),
}

/// The folder, and what was in it at some time.
#[derive(Debug)]
pub(crate) struct Dumps {
    folder: ProfileDir,
    before: BTreeMap<PathBuf, Identity>,
}

impl Dumps {
    /// Notes what is there.
    pub(crate) fn note(folder: &ProfileDir) -> io::Result<Self> {
        let folder = folder.clone();
        let before = list(&folder)?.into_iter().map(|(_, path, seen)| (path, seen)).collect();
        Ok(Self { folder, before })
    }

    /// Returns the files written since, by process.
    fn new_files(&self) -> io::Result<BTreeMap<Pid, PathBuf>> {
        let files = list(&self.folder)?.into_iter();
        let new = files.filter(|(_, path, seen)| self.before.get(path) != Some(seen));
        Ok(new.map(|(pid, path, _)| (pid, path)).collect())
    }

    /// Reads what came since, but for the files of processes that are `not_ours`.
    pub(crate) fn read_new(
        &self,
        uri: &str,
        not_ours: impl Fn(Pid) -> bool,
    ) -> io::Result<BTreeMap<Pid, Dump>> {
        let mut dumps = BTreeMap::new();
        for (pid, path) in self.new_files()? {
            if not_ours(pid) {
                continue;
            }
            let name = path.file_name().and_then(OsStr::to_str);
            let dump = if name.is_some_and(|name| CALLGRIND.is(name)) {
                Dump::Parts(Parts::read(files::open(&path, Links::Refuse)?, uri)?)
            } else {
                Dump::Trace
            };
            dumps.insert(pid, dump);
        }
        Ok(dumps)
    }

    /// Gives the URI to the last part of a process that ended without one.
    pub(crate) fn relabel(&self, pid: Pid, uri: &str) -> io::Result<()> {
        let path = self.folder.file_of(&CALLGRIND, pid);
        let from = files::open(&path, Links::Refuse)?;
        files::replace_private_by(&path, |to| relabel(from, BufWriter::new(to), uri))
    }

    /// Notes beside the count of a process that it is only that of the program which the process became last; without
    /// one, that it is not so.
    pub(crate) fn note_became(&self, pid: Pid, program: Option<&str>) -> io::Result<()> {
        let path = self.folder.file_of(&BECAME, pid);
        match program {
            Some(program) => files::replace_private(&path, program.as_bytes()),
            None => match fs::remove_file(path) {
                Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }

    /// Moves what came since into another profile folder, which is made if need be.
    pub(crate) fn put_aside(
        &self,
        to: &ProfileDir,
        not_ours: impl Fn(Pid) -> bool,
    ) -> io::Result<()> {
        let to = to.path();
        for part in
            [to.parent().and_then(Path::parent), to.parent(), Some(to)].into_iter().flatten()
        {
            files::create_private_subfolder(part)?;
        }
        for (pid, path) in self.new_files()? {
            if let Some(name) = path.file_name().filter(|_| !not_ours(pid)) {
                fs::rename(&path, to.join(name))?;
            }
        }
        Ok(())
    }

    /// Removes what came since: what a failed benchmark left must not look like its result.
    pub(crate) fn remove_new(&self, not_ours: impl Fn(Pid) -> bool) -> io::Result<()> {
        for (pid, path) in self.new_files()? {
            if !not_ours(pid) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

fn list(folder: &ProfileDir) -> io::Result<Vec<(Pid, PathBuf, Identity)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.path())? {
        let entry = entry?;
        let Some(pid) = entry.file_name().to_str().and_then(process_of) else { continue };
        // A file may vanish between the two calls, when somebody else tidies up.
        let Ok(data) = entry.metadata() else { continue };
        let modified = (data.mtime(), data.mtime_nsec());
        files.push((pid, entry.path(), Identity { inode: data.ino(), len: data.len(), modified }));
    }
    Ok(files)
}

/// The process that wrote the file of this name.
fn process_of(name: &str) -> Option<Pid> {
    let kinds = [CALLGRIND, TRACEGRIND, PACKED_TRACEGRIND];
    let pid: i32 = kinds.iter().find_map(|kind| kind.number(name))?;
    (pid > 0).then(|| Pid::from_raw(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_processes_count() {
        let raw = |name| process_of(name).map(Pid::as_raw);
        assert_eq!(raw("12.out"), Some(12));
        assert_eq!(raw("12.tgtrace"), Some(12));
        assert_eq!(raw("12.tgtrace.msgpack.lz4"), Some(12));
        assert_eq!(raw("valgrind.12.log"), None);
        assert_eq!(raw("perf-12.map"), None);
        assert_eq!(raw("-3.out"), None);
        assert_eq!(raw(".out"), None);
    }

    #[test]
    fn new_and_overwritten_files_are_new_and_only_ours_are_touched() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        for name in ["1.out", "2.out", "notes.out"] {
            write(name, "old");
        }
        let dumps = Dumps::note(&ProfileDir::new(folder.path())).unwrap();
        write("2.out", "overwritten");
        write("3.out", "cmd: new\n");
        write("4.tgtrace", "");
        write("5.out", "of somebody else");
        let not_ours = |pid: Pid| pid.as_raw() == 5;
        let found: Vec<_> = dumps.read_new("u", not_ours).unwrap().into_iter().collect();
        let parts = |command: &str| {
            let command = command.to_owned();
            Dump::Parts(Parts { command, cut_off: true, ..Parts::default() })
        };
        let expected = [(2, parts("")), (3, parts("new")), (4, Dump::Trace)]
            .map(|(pid, dump)| (Pid::from_raw(pid), dump));
        assert_eq!(found, expected);
        dumps.remove_new(not_ours).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1.out", "5.out", "notes.out"]);
    }

    #[test]
    fn what_is_put_aside_is_not_there_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let names = |folder: &Path| {
            let entries = fs::read_dir(folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        fs::write(folder.path().join("1.out"), "old").unwrap();
        let dumps = Dumps::note(&ProfileDir::new(folder.path())).unwrap();
        for name in ["2.out", "3.out"] {
            fs::write(folder.path().join(name), "new").unwrap();
        }
        let aside = folder.path().join("a/b/c");
        dumps.put_aside(&ProfileDir::new(&aside), |pid| pid.as_raw() == 3).unwrap();
        assert_eq!(names(folder.path()), ["1.out", "3.out", "a"]);
        assert_eq!(names(&aside), ["2.out"]);
    }

    #[test]
    fn a_relabelled_file_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7.out");
        let dumps = Dumps::note(&ProfileDir::new(folder.path())).unwrap();
        fs::write(&path, "desc: Trigger: Program termination\ntotals: 5\n").unwrap();
        dumps.relabel(Pid::from_raw(7), "a b").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "desc: Trigger: Client Request: a b\ntotals: 5\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
