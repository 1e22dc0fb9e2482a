//! Sees the calls from the kernel: a program at the functions of every allocator that the traced processes map.

mod attachments;
mod files;
mod foreign;
mod kernel;
mod link;
mod notify;
mod record;
mod rights;
mod ring;
mod selftest;
mod successor;

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    process::Command,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use attachments::Attachments;
use kernel::Kernel;
pub(crate) use link::ATTACH_METHODS;
pub(crate) use link::AttachMethod;
use nix::poll::PollTimeout;
use notify::{Listener, Offer, Place, Question, Waited};
use successor::Successor;
use system::files::{Links, open, read_kernel_text};

pub(crate) use rights::{HOW_TO_PERMIT, Missing};
pub(crate) use selftest::{COMMAND as SELF_TEST, run as run_self_test};

use runner_shared::text::{as_text, shown};

use super::{Backend, Coverage, Record, Stacks, Wanted};
use crate::maps::{Mapping, Memory, Watcher, identity};

/// Looks at the memory of processes that the tracer has not heard of yet, at most.
const MOST_WAITING: usize = 4096;
/// So many milliseconds after it was asked about, a library is in the memory of its process.
const AFTERWARDS: u8 = 1;

/// The backend in the kernel.
#[derive(Debug)]
pub(crate) struct Ebpf {
    kernel: Kernel,
    method: AttachMethod,
    attachments: Arc<Attachments>,
    /// The way in which new files are noticed, from the preparation of the command on.
    watch: Option<Watch>,
    /// Closed once the command was started.
    offering: Option<OwnedFd>,
    /// Stacks are wanted: their addresses get names.
    names: bool,
    /// What processes have in their memory.
    memories: Option<Receiver<Memory>>,
}

/// The thread that answers the kernel's questions. It ends when its pipe is closed.
#[derive(Debug)]
struct Watch {
    stop: OwnedFd,
    thread: JoinHandle<()>,
}

/// Fails if this way of attaching doesn't work here, or doesn't see each call.
pub(crate) fn try_method(method: AttachMethod, wanted: Wanted) -> io::Result<()> {
    let mut backend = Ebpf::on(method, wanted)?;
    backend.finish(&mut |_| {}).map(drop)
}

impl Ebpf {
    /// Loads the program and attaches it to the C library, in the best way that this kernel and our rights allow and
    /// that proves to be exact, or in the one that is asked for.
    pub(crate) fn new(wanted: Wanted, only: Option<AttachMethod>) -> Result<Self, Missing> {
        let mut reasons = Vec::new();
        for method in
            ATTACH_METHODS.iter().filter(|method| only.is_none_or(|only| only == **method))
        {
            match Self::on(*method, wanted) {
                Ok(backend) => return Ok(backend),
                Err(err) => reasons.push((method.name(), err)),
            }
        }
        Err(Missing::from(reasons))
    }

    /// Loads and attaches in one way, and lets it prove itself.
    fn on(method: AttachMethod, wanted: Wanted) -> io::Result<Self> {
        let usual = Wanted { lossy: false, ring_size: Wanted::default().ring_size, ..wanted };
        if wanted.lossy || wanted.ring_size < usual.ring_size {
            // What may lose calls proves nothing.
            try_method(method, usual)?;
            return Self::attached(method, wanted);
        }
        let mut backend = Self::attached(method, wanted)?;
        backend.prove()?;
        Ok(backend)
    }

    /// Traces a program whose calls are known.
    fn prove(&mut self) -> io::Result<()> {
        if !self.attachments.watches() {
            // A tracer that is statically linked would see nothing of itself.
            return Ok(());
        }
        self.kernel.record(true)?;
        self.kernel.adopt_children()?;
        let child = selftest::start();
        self.kernel.release_children()?;
        let mut tally = selftest::Tally::default();
        selftest::follow(child?, self.kernel.readable(), || {
            Ok(self.kernel.take(&mut |record| tally.take(record)))
        })?;
        self.kernel.record(false)?;
        tally.judge()
    }

    fn attached(method: AttachMethod, wanted: Wanted) -> io::Result<Self> {
        let mut kernel = Kernel::load(method, wanted)?;
        kernel.follow(wanted)?;
        let programs = kernel.programs.try_clone()?;
        let attachments = Attachments::new(method, programs);
        for sentence in foreign::watchers() {
            attachments.note(sentence);
        }
        // Whether attaching works is seen by doing it, to what the command will almost certainly use.
        for (path, file) in own_libraries() {
            attachments.look_at(&file, path.as_ref())?;
        }
        let attachments = Arc::new(attachments);
        let names = wanted.stacks != Stacks::None;
        Ok(Self { kernel, method, attachments, watch: None, offering: None, names, memories: None })
    }

    fn watch_files(&mut self, command: &mut Command) -> io::Result<()> {
        let (offer, offering) = Offer::prepare(command, self.names)?;
        let (stopped, stop) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let attachments = Arc::clone(&self.attachments);
        let paused = self.kernel.paused()?;
        let (tell, memories) = sync_channel(MOST_WAITING);
        let mut looks = self.names.then(|| Looks::new(tell));
        self.memories = self.names.then_some(memories);
        let thread = std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            match offer.accept() {
                Ok(listener) => {
                    let successor = Successor::leave_behind(&listener, paused.as_fd());
                    answer(&listener, &stopped, &attachments, looks.as_mut());
                    drop(successor);
                }
                Err(err) => attachments.note(format!(
                    "could not watch for programs and libraries that are loaded ({err}): only the C library of this \
                     system is traced"
                )),
            }
        })?;
        self.watch = Some(Watch { stop, thread });
        self.offering = Some(offering);
        Ok(())
    }
}

/// Answers the kernel's questions until nobody is left to ask, or the pipe is closed.
fn answer(
    listener: &Listener,
    stopped: &OwnedFd,
    attachments: &Attachments,
    mut looks: Option<&mut Looks>,
) {
    loop {
        let limit = looks.as_ref().map_or(PollTimeout::NONE, |looks| looks.limit());
        match listener.wait(stopped.as_fd(), limit) {
            Ok(Waited::Question) => {}
            Ok(Waited::InVain) => {
                if let Some(looks) = &mut looks {
                    looks.look_afterwards();
                }
                continue;
            }
            Ok(Waited::Over) | Err(_) => return,
        }
        let Ok(Some((id, question))) = listener.take() else { continue };
        let asked_about = files::asked_about(question);
        if let Some(looks) = &mut looks {
            looks.look_at(question, &asked_about);
        }
        for mapped in asked_about {
            if let Err(err) = attachments.look_at(&mapped.file, &mapped.path) {
                attachments.note(attachments::not_traced(&shown(&mapped.path), &err));
            }
        }
        if listener.agree(id).is_err() {
            return;
        }
    }
}

/// Looks at the memory of processes while they wait for an answer, and tells what is there: addresses of a process that
/// has ended get names from that.
///
/// Before something is mapped: what was closed before is no longer there, and the new file may get its place. If that is
/// not known yet, the file is there a moment after the answer. Before a program starts, and before a process becomes
/// another one.
#[derive(Debug)]
struct Looks {
    watcher: Watcher,
    tell: SyncSender<Memory>,
    /// Threads that have just mapped something.
    afterwards: Vec<u32>,
}

impl Looks {
    fn new(tell: SyncSender<Memory>) -> Self {
        Self { watcher: Watcher::default(), tell, afterwards: Vec::new() }
    }

    /// The time to wait for the next question.
    fn limit(&self) -> PollTimeout {
        if self.afterwards.is_empty() { PollTimeout::NONE } else { PollTimeout::from(AFTERWARDS) }
    }

    fn look_at(&mut self, question: Question, files: &[files::Mapped]) {
        let (Question::Map { tid, .. } | Question::Exec { tid, .. } | Question::Start { tid }) =
            question
        else {
            return;
        };
        self.afterwards.retain(|it| *it != tid);
        let mut next = None;
        if let Question::Map { place, .. } = question {
            let code = |(Place { start, end, offset }, file): (Place, &files::Mapped)| Mapping {
                start,
                end,
                offset,
                path: as_text(&file.path).into_owned(),
                identity: identity(&file.file),
            };
            next = place.zip(files.first()).map(code);
            self.afterwards.extend(next.is_none().then_some(tid));
        }
        self.look(tid, next);
    }

    fn look_afterwards(&mut self) {
        for tid in std::mem::take(&mut self.afterwards) {
            self.look(tid, None);
        }
    }

    fn look(&mut self, tid: u32, next: Option<Mapping>) {
        if let Some(memory) = self.watcher.look(tid, next) {
            // Without room its functions have no names, which is said at the end.
            drop(self.tell.try_send(memory));
        }
    }
}

/// The libraries of this process: the C library is among them, unless we are statically linked.
fn own_libraries() -> Vec<(String, File)> {
    let maps = read_kernel_text("/proc/self/maps").unwrap_or_default();
    let mut found: Vec<(String, File)> = Vec::new();
    for line in maps.lines().filter(|line| line.contains("r-xp")) {
        let Some(path) = line.find('/').and_then(|at| line.get(at..)) else { continue };
        let is_library = path.contains(".so");
        if is_library && let Ok(file) = open(std::path::Path::new(path), Links::Follow) {
            found.push((path.to_owned(), file));
        }
    }
    found
}

impl Backend for Ebpf {
    fn name(&self) -> &'static str {
        "ebpf"
    }

    fn method(&self) -> &'static str {
        self.method.name()
    }

    fn prepare(&mut self, command: &mut Command) -> io::Result<()> {
        self.watch_files(command)?;
        self.kernel.adopt_children()
    }

    fn started(&mut self) -> io::Result<()> {
        drop(self.offering.take());
        self.kernel.release_children()
    }

    fn rest(&mut self) {
        self.attachments.rest();
    }

    fn wake(&mut self) {
        self.attachments.wake();
    }

    fn record(&mut self, on: bool) -> io::Result<()> {
        self.kernel.record(on)
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        Some(self.kernel.readable())
    }

    fn has_room(&self) -> bool {
        self.kernel.has_room()
    }

    fn drain(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<usize> {
        let Self { kernel, memories, .. } = self;
        let tell = |take: &mut dyn FnMut(Record<'_>)| {
            let next = || memories.as_ref()?.try_recv().ok();
            while let Some(Memory { pid, timestamp, mappings }) = next() {
                take(Record::Memory { pid, timestamp, mappings: &mappings });
            }
        };
        // Also if there are no calls, so that there is always room.
        tell(take);
        Ok(kernel.take(&mut |record| {
            // What the process of a call has was said before the call.
            tell(take);
            take(record);
        }))
    }

    fn finish(&mut self, take: &mut dyn FnMut(Record<'_>)) -> io::Result<Coverage> {
        self.kernel.record(false)?;
        // Whoever is still there must not wait for us.
        self.kernel.resume(true);
        while self.drain(take)? > 0 {}
        self.kernel.resume(true);
        if let Some(Watch { stop, thread }) = self.watch.take() {
            drop(stop);
            drop(thread.join());
        }
        let attachments::Detached { links, covered, mut notes } = self.attachments.take();
        attachments::close(links);
        let counters = self.kernel.counters()?;
        notes.extend(counters.notes());
        Ok(Coverage {
            lost: counters.dropped + counters.unkept + counters.endless,
            untracked: counters.untracked,
            objects: covered,
            notes,
        })
    }
}
