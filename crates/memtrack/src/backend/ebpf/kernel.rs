//! The kernel's program, loaded: settings, the switch, the table of processes.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use libbpf_rs::{
    Link, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, OpenObject, PrintLevel,
    ProgramAttachType, ProgramInput, libbpf_sys,
};
use runner_shared::text::count;

use super::{
    link::{AttachMethod, OWN_PROGRAMS, Programs, copied},
    record::Reader,
    ring::Ring,
};
use crate::backend::{Record, Stacks, Wanted};

/// `bpf/memtrack.bpf.c`, compiled.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memtrack.bpf.o"));

/// Records that are taken at a time, so that nothing else waits for long.
const MOST_AT_ONCE: usize = 16 * 1024;

/// Number of the initial PID namespace (`include/linux/proc_ns.h`).
const INITIAL_NAMESPACE: u64 = 0xefff_fffc;

/// The program in the kernel. Dropping it removes everything but the links to functions.
#[derive(Debug)]
pub(super) struct Kernel {
    /// The programs for functions.
    pub programs: Programs,
    /// Records.
    pub ring: Ring,
    ring_size: u64,
    /// So often somebody had been held back when nobody was any more.
    settled: Cell<u64>,
    reader: RefCell<Reader>,
    events: MapHandle,
    control: MapHandle,
    counters: MapHandle,
    paused: MapHandle,
    tracked: MapHandle,
    object: Object,
    tracepoints: Vec<Link>,
}

/// The counters of the kernel's part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Records that the ring had no room for.
    pub dropped: u64,
    /// Processes that the table had no room for.
    pub untracked: u64,
    /// Calls whose return could not be followed.
    pub unfollowed: u64,
    /// Calls, and ends of processes, whose thread the kernel could not keep in mind.
    pub unkept: u64,
    /// Stops and continuations of processes that could not be noted down, or may not have been seen.
    pub unheld: u64,
    /// Processes whose end the kernel left out.
    pub endless: u64,
    /// Times that the kernel left out both programs that see what processes become, for whatever process.
    pub unseen_programs: u64,
    /// The same of the programs that see system calls, most of which are no mappings.
    pub unseen_calls: u64,
}

impl Counters {
    /// Says all that the user must know of it, besides what every loss means.
    pub(super) fn notes(&self) -> Vec<String> {
        let Self {
            dropped: _,
            untracked: _,
            unfollowed,
            unkept,
            unheld,
            endless,
            unseen_programs,
            unseen_calls,
        } = *self;
        let sentences = [
            (unfollowed, "huge request", "to functions that may throw could not be followed"),
            (
                unkept,
                "call",
                "could not be recorded: the kernel had no room for the state of a thread",
            ),
            (
                endless,
                "process",
                "ended unseen: blocks that were not freed until then count as live",
            ),
            (
                unseen_programs,
                "event",
                "of this machine could not be seen: a process may have become another program without notice",
            ),
            (
                unseen_calls,
                "system call",
                "of this machine could not be seen: some mappings may be missing",
            ),
            (
                unheld,
                "stop",
                "of processes could not be recorded: a process that others had stopped may have been continued",
            ),
        ];
        let told = sentences.into_iter().filter(|(number, ..)| *number > 0);
        told.map(|(number, noun, rest)| format!("{} {rest}", count(number, noun))).collect()
    }
}

impl Kernel {
    /// Loads the program as this method needs it. Nothing is attached yet.
    pub(super) fn load(method: AttachMethod, wanted: Wanted) -> io::Result<Self> {
        libbpf_rs::set_print(Some((PrintLevel::Debug, |_, _| {})));
        let mut open = ObjectBuilder::default().open_memory(OBJECT).map_err(other)?;
        let ring_size = wanted.ring_size;
        configure(&mut open, method, wanted)?;
        let object = open.load().map_err(other)?;
        let map = |name: &str| {
            let found = object.maps().find(|map| map.name() == OsStr::new(name));
            let map = found.ok_or_else(|| io::Error::other(format!("no map `{name}`")))?;
            MapHandle::try_from(&map).map_err(other)
        };
        let program = |name: &str| {
            let found = object.progs().find(|program| program.name() == OsStr::new(name));
            found
                .filter(libbpf_rs::Program::autoload)
                .map(|program| copied(program.as_fd()))
                .transpose()
        };
        let programs = Programs {
            session: program("session")?,
            own: OWN_PROGRAMS
                .iter()
                .filter_map(|(name, _)| program(name).transpose())
                .collect::<io::Result<_>>()?,
            entry: program("entry")?,
            leave: program("leave")?,
        };
        let events = map("events")?;
        let mapped = Ring::map(events.as_fd(), ring_size)?;
        Ok(Self {
            programs,
            ring: mapped,
            ring_size: u64::from(ring_size),
            settled: Cell::new(0),
            reader: RefCell::default(),
            events,
            control: map(".data.control")?,
            counters: map(".data.counters")?,
            paused: map("paused")?,
            tracked: map("tracked")?,
            object,
            tracepoints: Vec::new(),
        })
    }

    /// Follows processes from now on, and, if wanted, their mappings.
    pub(super) fn follow(&mut self, wanted: Wanted) -> io::Result<()> {
        let mappings = MAPPING_PROGRAMS.iter().filter(|_| wanted.mappings);
        for (program, tracepoint) in PROCESS_PROGRAMS.iter().chain(mappings) {
            let found = self.object.progs_mut().find(|each| each.name() == OsStr::new(program));
            let program = found.ok_or_else(|| io::Error::other("a program is missing"))?;
            self.tracepoints.push(program.attach_raw_tracepoint(tracepoint).map_err(other)?);
        }
        Ok(())
    }

    /// Makes the processes that this one starts from now on roots of the traced tree.
    pub(super) fn adopt_children(&self) -> io::Result<()> {
        let found = self.object.progs_mut().find(|each| each.name() == OsStr::new("adopt"));
        let program = found.ok_or_else(|| io::Error::other("a program is missing"))?;
        // It is run in the name of this process, and so sees the number that the kernel knows it by.
        program.test_run(ProgramInput::default()).map(drop).map_err(other)
    }

    /// Processes that this one starts are its own affair again.
    pub(super) fn release_children(&self) -> io::Result<()> {
        let [recording, _] = self.control_words()?;
        self.set_control([recording, 0])
    }

    /// Switches the recording of calls. Seen by every processor when this returns.
    pub(super) fn record(&self, on: bool) -> io::Result<()> {
        let [_, spawner] = self.control_words()?;
        self.set_control([u32::from(on), spawner])
    }

    fn control_words(&self) -> io::Result<[u32; 2]> {
        let bytes = lookup(&self.control, &0_u32.to_ne_bytes())?;
        let words: Vec<u32> = bytes
            .chunks_exact(4)
            .filter_map(|word| word.try_into().ok().map(u32::from_ne_bytes))
            .collect();
        match *words {
            [recording, spawner] => Ok([recording, spawner]),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn set_control(&self, words: [u32; 2]) -> io::Result<()> {
        let value: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.control.update(&0_u32.to_ne_bytes(), &value, MapFlags::ANY).map_err(other)
    }

    /// Reads the counters.
    pub(super) fn counters(&self) -> io::Result<Counters> {
        let [dropped, untracked, unfollowed, unkept, unheld, held] = self.counter_words()?;
        // Who was never held by us doesn't go on through us.
        let signals = if held > 0 { self.left_out(&[SIGNAL_PROGRAM])? } else { 0 };
        Ok(Counters {
            dropped,
            untracked,
            unfollowed,
            unkept,
            unheld: unheld + signals,
            endless: if self.left_out(&["ended"])? > 0 { self.endless()? } else { 0 },
            unseen_programs: self.left_out(&["became"])?,
            unseen_calls: self.left_out(&["enter_syscall", "leave_syscall"])?,
        })
    }

    /// `counters` in the kernel's program.
    fn counter_words(&self) -> io::Result<[u64; 6]> {
        let bytes = lookup(&self.counters, &0_u32.to_ne_bytes())?;
        let mut words =
            bytes.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes));
        Ok(std::array::from_fn(|_| words.next().unwrap_or(0)))
    }

    /// Times that the kernel left out these programs because it was busy with them on the same processor. For one that is
    /// there twice: times that it left out one of the two, if it left out the other one as well.
    fn left_out(&self, programs: &[&str]) -> io::Result<u64> {
        let mut left_out: BTreeMap<String, u64> = BTreeMap::new();
        for program in self.object.progs().filter(libbpf_rs::Program::autoload) {
            let name = program.name().to_string_lossy().into_owned();
            let name = name.strip_suffix(AGAIN).unwrap_or(&name);
            if programs.contains(&name) {
                let misses = recursion_misses(program.as_fd())?;
                let least = left_out.entry(name.to_owned()).or_insert(misses);
                *least = misses.min(*least);
            }
        }
        Ok(left_out.values().sum())
    }

    /// Processes of the tree that are gone without having been seen to end. In a namespace of its own the tracer can't
    /// tell; then all that are left count.
    fn endless(&self) -> io::Result<u64> {
        let here = fs::metadata("/proc/self/ns/pid")?.ino() == INITIAL_NAMESPACE;
        let is_gone = |key: Vec<u8>| {
            let pid = key.try_into().map_or(0, u32::from_ne_bytes);
            !here || !fs::exists(format!("/proc/{pid}")).unwrap_or(true)
        };
        let gone = self.tracked.keys().filter(|key| is_gone(key.clone())).count();
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }

    /// Hands over what is in the ring, up to a number of records, and lets those go on that wait for room; returns the
    /// number of records.
    pub(super) fn take(&self, take: &mut dyn FnMut(Record<'_>)) -> usize {
        let mut reader = self.reader.take();
        let count = self.ring.consume(MOST_AT_ONCE, &mut |bytes| reader.read(bytes, take));
        self.reader.replace(reader);
        self.resume(false);
        count
    }

    /// Returns whether the calls of some milliseconds fit into the ring.
    pub(super) fn has_room(&self) -> bool {
        const OF_MILLISECONDS: u64 = 1 << 20;
        self.ring.waiting().saturating_add(OF_MILLISECONDS) < self.ring_size
    }

    /// Lets processes go on that were stopped because the ring was nearly full, as soon as there is room.
    ///
    /// The room is looked at anew before each: one that goes on may fill the ring at once. The table is looked at only if
    /// somebody was held back since it was empty: to find nothing in it the kernel goes through all of it.
    pub(super) fn resume(&self, regardless: bool) {
        let held = self.counter_words().map_or(u64::MAX, |[.., held]| held);
        if !regardless && held == self.settled.get() {
            return;
        }
        while regardless || self.ring.waiting() < self.ring_size / 4 {
            let Some(key) = self.paused.keys().next() else {
                self.settled.set(held);
                return;
            };
            // The entry first: the process may be stopped again at any time after that. If it is gone by now,
            // somebody
            // else has stopped or continued the process.
            let Ok(pid) = lookup(&self.paused, &key) else { continue };
            if self.paused.delete(&key).is_err() {
                continue;
            }
            let pid = pid.try_into().map_or(0, i32::from_ne_bytes);
            if pid > 0 {
                // It may have been killed meanwhile.
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGCONT,
                );
            }
        }
    }

    /// Descriptor of the table of processes that are held back.
    pub(super) fn paused(&self) -> io::Result<OwnedFd> {
        copied(self.paused.as_fd())
    }

    /// Readable when a process of the tree has ended or become another program; calls don't wake anybody.
    pub(super) fn readable(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

/// Ends the names of programs that are the same as another one; see `TWICE` in the kernel's program.
const AGAIN: &str = "_again";

/// The program that sees all signals of the machine.
const SIGNAL_PROGRAM: &str = "signalled";

/// Programs with their tracepoints: the beginning and the end of processes, what they become, and who stops them.
const PROCESS_PROGRAMS: &[(&str, &str)] = &[
    ("forked", "sched_process_fork"),
    ("forked_again", "sched_process_fork"),
    ("became", "sched_process_exec"),
    ("became_again", "sched_process_exec"),
    ("ended", "sched_process_exit"),
    ("ended_again", "sched_process_exit"),
    (SIGNAL_PROGRAM, "signal_generate"),
];

/// The same for anonymous mappings.
const MAPPING_PROGRAMS: &[(&str, &str)] = &[
    ("enter_syscall", "sys_enter"),
    ("enter_syscall_again", "sys_enter"),
    ("leave_syscall", "sys_exit"),
    ("leave_syscall_again", "sys_exit"),
];

/// Chooses programs and sizes before loading.
fn configure(open: &mut OpenObject, method: AttachMethod, wanted: Wanted) -> io::Result<()> {
    for mut program in open.progs_mut() {
        let name = program.name().to_owned();
        let is = |names: &[&str]| names.iter().any(|each| OsStr::new(each) == name);
        if MAPPING_PROGRAMS.iter().any(|(each, _)| OsStr::new(each) == name) {
            program.set_autoload(wanted.mappings);
        } else if name.as_encoded_bytes().starts_with(b"session") {
            program.set_autoload(method == AttachMethod::Session);
        } else if is(&["entry", "leave"]) {
            program.set_autoload(method != AttachMethod::Session);
            if method == AttachMethod::PerfEvent {
                // For single probes there must be no attach type.
                program.set_attach_type(ProgramAttachType::CgroupInetIngress);
            }
        }
    }
    for mut map in open.maps_mut() {
        if map.name() == OsStr::new("events") {
            map.set_max_entries(wanted.ring_size).map_err(other)?;
        } else if map.name() == OsStr::new(".rodata")
            || map.name().as_encoded_bytes().ends_with(b".rodata")
        {
            let value = map.initial_value_mut().ok_or(io::ErrorKind::InvalidData)?;
            let settings = settings(wanted)?;
            value
                .get_mut(..settings.len())
                .ok_or(io::ErrorKind::InvalidData)?
                .copy_from_slice(&settings);
        }
    }
    Ok(())
}

/// The bytes of `settings` in the kernel's program.
fn settings(wanted: Wanted) -> io::Result<Vec<u8>> {
    let namespace = fs::metadata("/proc/self/ns/pid")?;
    let (dev, ino) = if namespace.ino() == INITIAL_NAMESPACE {
        (0, 0)
    } else {
        (namespace.dev(), namespace.ino())
    };
    // Three quarters: room for what other threads write until they are stopped.
    let pause_at = if wanted.lossy { 0 } else { u64::from(wanted.ring_size) / 4 * 3 };
    let mut bytes = Vec::new();
    for word in [dev, ino, pause_at] {
        bytes.extend(word.to_ne_bytes());
    }
    // `enum stacks` in the kernel's program.
    let stacks: u32 = match wanted.stacks {
        Stacks::None => 0,
        Stacks::FramePointers => 1,
        Stacks::Copies => 2,
    };
    bytes.extend(stacks.to_ne_bytes());
    bytes.extend(u32::from(wanted.mappings).to_ne_bytes());
    Ok(bytes)
}

/// Times that the kernel left a program out.
fn recursion_misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    let mut info = libbpf_sys::bpf_prog_info::default();
    let mut len = u32::try_from(size_of_val(&info)).map_err(io::Error::other)?;
    #[expect(
        unsafe_code,
        reason = "the crate asks for everything at once, of all programs of the machine"
    )]
    // SAFETY: the structure is as long as is said, and asks for nothing that would be written elsewhere.
    let code = unsafe {
        libbpf_sys::bpf_prog_get_info_by_fd(program.as_raw_fd(), &raw mut info, &raw mut len)
    };
    if code == 0 { Ok(info.recursion_misses) } else { Err(io::Error::last_os_error()) }
}

fn lookup(map: &MapHandle, key: &[u8]) -> io::Result<Vec<u8>> {
    let found = map.lookup(key, MapFlags::ANY).map_err(other)?;
    found.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Keeps what kind of error it was, which tells whether a right is missing.
pub(super) fn other(err: libbpf_rs::Error) -> io::Error {
    let of_the_system =
        std::error::Error::source(&err).and_then(|cause| cause.downcast_ref::<io::Error>());
    let kind = if err.kind() == libbpf_rs::ErrorKind::PermissionDenied {
        io::ErrorKind::PermissionDenied
    } else {
        of_the_system.map_or(io::ErrorKind::Other, io::Error::kind)
    };
    io::Error::new(kind, err)
}

#[cfg(test)]
#[path = "kernel_tests.rs"]
mod tests;
