//! Keeps what a process has counted when it becomes another program: callgrind then writes the file
//! of the process anew, and what was in it would be lost. The same happens when a later process
//! gets the number of an earlier one.
//!
//! A thread copies what is added to the files as soon as it is added. A file that no longer begins
//! with its copy was written anew; its copy gets a name of its own at the end of the run.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::{fd::AsFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        eventfd::EventFd,
        inotify::{AddWatchFlags, InitFlags, Inotify},
    },
};
use runner_shared::profile_dir::{CALLGRIND, EARLIER_CALLGRIND, ProfileDir};
use system::{
    files::{self, Links},
    lines::Lines,
    temporary::{Folder, Kind},
};

/// So many bytes at the end of a copy tell whether the file still begins with it.
const TAIL: usize = 256;
/// What stands in a part of a benchmark, and in that of an announcement of its integration.
const LABEL: &[u8] = b"desc: Trigger: Client Request: ";
const ANNOUNCEMENT: &[u8] = b"desc: Trigger: Client Request: Metadata: ";

/// A thread that looks after the files of a run.
#[derive(Debug)]
pub(crate) struct Keeper {
    stop: Arc<EventFd>,
    thread: JoinHandle<io::Result<Copies>>,
}

impl Keeper {
    /// Begins to look after the files in the profile folder; copies lie in the folder `temporary` meanwhile.
    pub(crate) fn start(folder: &ProfileDir, temporary: &Path) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        inotify.add_watch(folder.path(), AddWatchFlags::IN_CLOSE_WRITE)?;
        let (stop, mut copies) = (Arc::new(EventFd::new()?), Copies::new(folder, temporary)?);
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            loop {
                let stopped = {
                    let is_readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
                    let mut fds = [is_readable(inotify.as_fd()), is_readable(told.as_fd())];
                    poll(&mut fds, PollTimeout::NONE)?;
                    fds.last().and_then(PollFd::any) == Some(true)
                };
                // Also after the end: what was written last has not been looked at yet.
                while let Ok(events) = inotify.read_events() {
                    for event in events {
                        match event.name {
                            Some(name) => copies.look(&name)?,
                            // Too much at once: nobody knows any more what it was.
                            None => copies.look_at_all()?,
                        }
                    }
                }
                if stopped {
                    return Ok(copies);
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Puts what would have been lost beside what has come after it. Returns a sentence for each.
    pub(crate) fn finish(self) -> Vec<String> {
        let failed = |err: &dyn std::fmt::Display| {
            vec![format!(
                "could not watch processes that replace themselves with another program: {err}"
            )]
        };
        if let Err(err) = self.stop.write(1) {
            return failed(&err);
        }
        match self.thread.join() {
            Ok(Ok(copies)) => copies.keep().unwrap_or_else(|err| failed(&err)),
            Ok(Err(err)) => failed(&err),
            Err(_panic) => failed(&"the thread ended early"),
        }
    }
}

/// Copies of the files that processes write.
#[derive(Debug)]
struct Copies {
    folder: ProfileDir,
    scratch: Folder,
    /// By process.
    of: BTreeMap<u32, Mirror>,
    /// Those whose files were written anew, in order.
    lost: Vec<(u32, Mirror)>,
}

/// A copy of a file as it was.
#[derive(Debug)]
struct Mirror {
    path: PathBuf,
    file: File,
    len: u64,
    tail: Vec<u8>,
}

impl Copies {
    fn new(folder: &ProfileDir, temporary: &Path) -> io::Result<Self> {
        let (folder, scratch) = (folder.clone(), Folder::create(temporary, Kind::Copies)?);
        Ok(Self { folder, scratch, of: BTreeMap::new(), lost: Vec::new() })
    }

    fn look_at_all(&mut self) -> io::Result<()> {
        let names: Vec<OsString> =
            fs::read_dir(self.folder.path())?.flatten().map(|entry| entry.file_name()).collect();
        names.iter().try_for_each(|name| self.look(name))
    }

    /// Something was written to the file of this name.
    fn look(&mut self, name: &OsStr) -> io::Result<()> {
        let Some(pid) = process_of(name) else { return Ok(()) };
        let mut file = match files::open(&self.folder.path().join(name), Links::Refuse) {
            Ok(file) => file,
            // Whoever removes it has no use for it.
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(err) => return Err(err),
        };
        if let Some(mirror) = self.of.remove(&pid) {
            if mirror.is_beginning_of(&file)? {
                self.of.insert(pid, mirror);
            } else {
                self.lost.push((pid, mirror));
            }
        }
        let mirror = match self.of.remove(&pid) {
            Some(mirror) => mirror,
            None => Mirror::new(self.scratch.path().join(format!("{pid}.{}", self.lost.len())))?,
        };
        self.of.insert(pid, mirror.extended(&mut file)?);
        Ok(())
    }

    /// Puts what was lost into the profile folder, if benchmarks are in it.
    fn keep(self) -> io::Result<Vec<String>> {
        let mut numbers: BTreeMap<u32, u32> = BTreeMap::new();
        let mut sentences = Vec::new();
        for (pid, mirror) in self.lost {
            if !holds_benchmarks(&mirror.path)? {
                continue;
            }
            let number = numbers.entry(pid).and_modify(|number| *number += 1).or_insert(1);
            let name = EARLIER_CALLGRIND.named(format_args!("{pid}.{number}"));
            let mut from = files::open(&mirror.path, Links::Refuse)?;
            let copied = |to: &mut File| io::copy(&mut from, to).map(drop);
            files::replace_private_by(&self.folder.path().join(&name), copied)?;
            sentences.push(format!(
                "process {pid} executed another program after its benchmarks, or its pid was reused; its counts are \
                    kept in `{name}`"
            ));
        }
        Ok(sentences)
    }
}

impl Mirror {
    fn new(path: PathBuf) -> io::Result<Self> {
        let file = files::create_private(&path)?;
        Ok(Self { path, file, len: 0, tail: Vec::new() })
    }

    fn is_beginning_of(&self, file: &File) -> io::Result<bool> {
        if file.metadata()?.len() < self.len {
            return Ok(false);
        }
        let mut now = vec![0; self.tail.len()];
        let start = self.len.saturating_sub(u64::try_from(now.len()).unwrap_or(0));
        match file.read_exact_at(&mut now, start) {
            Ok(()) => Ok(now == self.tail),
            // It became shorter just now.
            Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(err) => Err(err),
        }
    }

    /// With what the file has more.
    fn extended(mut self, file: &mut File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(self.len))?;
        let mut chunk = vec![0; 64 << 10];
        loop {
            let got = file.read(&mut chunk)?;
            let Some(bytes @ [_, ..]) = chunk.get(..got) else { break };
            self.file.write_all(bytes)?;
            self.len = self.len.saturating_add(u64::try_from(got).unwrap_or(0));
            self.tail.extend_from_slice(bytes);
            self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        }
        Ok(self)
    }
}

/// The process that writes to the file of this name.
fn process_of(name: &OsStr) -> Option<u32> {
    CALLGRIND.number(name.to_str()?)
}

fn holds_benchmarks(path: &Path) -> io::Result<bool> {
    let mut lines = Lines::new(files::open(path, Links::Refuse)?);
    while let Some(line) = lines.next_line()? {
        if line.starts_with(LABEL) && !line.starts_with(ANNOUNCEMENT) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(label: &str) -> String {
        format!("desc: Trigger: {label}\ntotals: 1\n")
    }

    #[test]
    fn a_file_that_is_written_anew_is_kept_if_benchmarks_are_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let path = folder.path().join("7.out");
        let keeper = Keeper::start(&dir, &std::env::temp_dir()).unwrap();
        // A keeper that is stopped looks once more; in between, we look in its place.
        let mut copies = Copies::new(&dir, &std::env::temp_dir()).unwrap();
        let mut write = |text: &str| {
            fs::write(&path, text).unwrap();
            copies.look(OsStr::new("7.out")).unwrap();
        };
        let announced = part("Client Request: Metadata: x 1");
        let first = announced.clone() + &part("Client Request: a");
        let second = announced.clone() + &part("Client Request: b") + &part("Client Request: c");
        write(&announced);
        write(&first);
        write(&second);
        write(&announced);
        // Longer than before, and yet not its continuation.
        write(&part(&"Program termination ".repeat(9)));
        let sentences = copies.keep().unwrap();
        assert_eq!(sentences.len(), 2, "{sentences:?}");
        let kept = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(kept("7.1.out"), first);
        assert_eq!(kept("7.2.out"), second);
        drop(keeper.finish());
    }

    #[test]
    fn files_that_only_grow_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let dir = ProfileDir::new(folder.path());
        let keeper = Keeper::start(&dir, &std::env::temp_dir()).unwrap();
        let path = folder.path().join("7.out");
        for _ in 0..3 {
            let mut file = File::options().create(true).append(true).open(&path).unwrap();
            file.write_all(part("Client Request: a").as_bytes()).unwrap();
            fs::write(folder.path().join("valgrind.7.log"), "x").unwrap();
        }
        assert_eq!(keeper.finish(), [""; 0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
