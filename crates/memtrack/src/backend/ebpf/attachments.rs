//! Attaches to the allocators of the files that were seen, while calls are of interest.

use std::{
    collections::HashSet,
    ffi::CString,
    fmt::Display,
    fs::File,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use memmap2::Mmap;

use runner_shared::text::{as_text, shown};

use super::link::{AttachMethod, Programs, attach};
use crate::{
    backend::Covered,
    discovery::{NotExamined, Probe, examine},
};

/// The marks that tell a file from another: device, inode, size, and the time of its last change.
type Identity = (u64, u64, u64, i64, i64);

/// The files that were seen, and the links to their functions.
#[derive(Debug)]
pub(super) struct Attachments {
    method: AttachMethod,
    programs: Programs,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A probe costs each call of every process of the machine, recorded or not: so there are none while nothing is
    /// recorded.
    rests: bool,
    seen: HashSet<Identity>,
    sites: Vec<Site>,
    notes: Vec<String>,
}

/// A file with allocators.
#[derive(Debug)]
struct Site {
    file: File,
    probes: Vec<Probe>,
    /// None while nothing is recorded.
    links: Vec<OwnedFd>,
    covered: Covered,
}

/// The files and links that are given up at the end.
#[derive(Debug, Default)]
pub(super) struct Detached {
    /// To be closed: that removes the probes.
    pub links: Vec<OwnedFd>,
    /// Files whose allocator was watched.
    pub covered: Vec<Covered>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

impl Attachments {
    /// No file was seen yet.
    pub(super) fn new(method: AttachMethod, programs: Programs) -> Self {
        Self { method, programs, state: Mutex::default() }
    }

    /// Looks at a file, if it was not seen before, and watches its allocators. What can't be watched is remembered as a
    /// note; an error is one of the system, and says that this way of attaching doesn't work.
    pub(super) fn look_at(&self, file: &File, path: &Path) -> io::Result<()> {
        let data = file.metadata()?;
        let identity = (data.dev(), data.ino(), data.size(), data.ctime(), data.ctime_nsec());
        let mut state = self.state();
        if !state.seen.insert(identity) || data.size() == 0 {
            return Ok(());
        }
        #[expect(
            unsafe_code,
            reason = "reading a program into memory would take longer than tracing it"
        )]
        // SAFETY: the bytes are looked at only here. Somebody who changes a program while it is being started could make
        // us see changed bytes, which examining bears, or end it if the file is cut: as it would end the program.
        let bytes = unsafe { Mmap::map(file) }?;
        let examined = match examine(&bytes) {
            Ok(examined) => examined,
            Err(NotExamined::NotElf) => return Ok(()),
            Err(why @ (NotExamined::Short | NotExamined::Foreign | NotExamined::Damaged(_))) => {
                state.notes.push(not_traced(&shown(&path), &why));
                return Ok(());
            }
        };
        if examined.may_hide_one {
            state.notes.push(format!(
                "`{}` is statically linked and has no symbols of a known allocator: its allocations are not seen",
                shown(&path)
            ));
        }
        if examined.probes.is_empty() {
            return Ok(());
        }
        let file = file.try_clone()?;
        let links = if state.rests { Vec::new() } else { self.attach(&file, &examined.probes)? };
        let covered = Covered {
            path: as_text(&path).into_owned(),
            allocators: examined.allocators.iter().map(|&name| name.to_owned()).collect(),
            probes: u32::try_from(examined.probes.len()).unwrap_or(u32::MAX),
        };
        state.sites.push(Site { file, probes: examined.probes, links, covered });
        Ok(())
    }

    /// Attaches to all files that were seen, and from now on to each that is. What can't be watched is remembered as a
    /// note.
    pub(super) fn wake(&self) {
        let mut state = self.state();
        if !std::mem::take(&mut state.rests) {
            return;
        }
        let State { sites, notes, .. } = &mut *state;
        sites.retain_mut(|site| match self.attach(&site.file, &site.probes) {
            Ok(links) => {
                site.links = links;
                true
            }
            Err(err) => {
                notes.push(not_traced(&site.covered.path, &err));
                false
            }
        });
    }

    /// Removes all probes, until [`wake`](Self::wake).
    pub(super) fn rest(&self) {
        let mut state = self.state();
        state.rests = true;
        let links = state.sites.iter_mut().flat_map(|site| std::mem::take(&mut site.links));
        let links = links.collect();
        drop(state);
        close(links);
    }

    /// Returns whether any allocator was found by now.
    pub(super) fn watches(&self) -> bool {
        !self.state().sites.is_empty()
    }

    /// Remembers what the user must know.
    pub(super) fn note(&self, note: String) {
        self.state().notes.push(note);
    }

    /// Takes everything out: nothing is left afterwards.
    pub(super) fn take(&self) -> Detached {
        let State { rests: _, seen: _, sites, notes } = std::mem::take(&mut *self.state());
        let mut detached = Detached { notes, ..Detached::default() };
        for Site { links, covered, .. } in sites {
            detached.links.extend(links);
            detached.covered.push(covered);
        }
        detached
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attach(&self, file: &File, probes: &[Probe]) -> io::Result<Vec<OwnedFd>> {
        // By descriptor: the path may lie in another mount namespace, or be gone.
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        attach(self.method, &self.programs, &path, probes)
    }
}

/// Says of a file that its calls are not seen.
pub(super) fn not_traced(shown: &str, why: &dyn Display) -> String {
    format!("`{shown}` is not traced: {why}")
}

/// Closes all links, each in a thread of its own: the kernel waits for all processors, once per link, and longer than
/// everything else that we do.
pub(super) fn close(mut links: Vec<OwnedFd>) {
    let last = links.pop();
    std::thread::scope(|scope| {
        for chunk in chunks(links) {
            // Without a thread it is closed at once, and takes longer.
            drop(std::thread::Builder::new().spawn_scoped(scope, move || drop(chunk)));
        }
        drop(last);
    });
}

/// At most as many parts as threads are reasonable.
fn chunks(mut links: Vec<OwnedFd>) -> Vec<Vec<OwnedFd>> {
    const MOST_THREADS: usize = 32;
    let each = links.len().div_ceil(MOST_THREADS).max(1);
    let mut chunks = Vec::new();
    while !links.is_empty() {
        let rest = links.split_off(each.min(links.len()));
        chunks.push(std::mem::replace(&mut links, rest));
    }
    chunks
}
