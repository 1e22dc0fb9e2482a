//! The kernel's program, loaded: settings, the switch, the table of processes.

use std::{
    ffi::OsStr,
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use libbpf_rs::{
    Link, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, OpenObject, PrintLevel,
    ProgramAttachType, ProgramInput,
};

use super::{
    link::{Programs, Rung, copied},
    ring::Ring,
};
use crate::backend::Wanted;

/// `bpf/memtrack.bpf.c`, compiled.
const OBJECT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/memtrack.bpf.o"));

/// Number of the initial PID namespace (`include/linux/proc_ns.h`).
const INITIAL_NAMESPACE: u64 = 0xefff_fffc;

/// The program in the kernel. Dropping it removes everything but the links to functions.
#[derive(Debug)]
pub(super) struct Kernel {
    /// What functions are attached to.
    pub programs: Programs,
    /// Records.
    pub ring: Ring,
    ring_size: u64,
    events: MapHandle,
    control: MapHandle,
    counters: MapHandle,
    paused: MapHandle,
    object: Object,
    tracepoints: Vec<Link>,
}

/// What was counted in the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Records that the ring had no room for.
    pub dropped: u64,
    /// Processes that the table had no room for.
    pub untracked: u64,
    /// Calls whose return could not be followed.
    pub unfollowed: u64,
}

impl Kernel {
    /// Loads the program as this rung needs it. Nothing is attached yet.
    pub(super) fn load(rung: Rung, wanted: Wanted) -> io::Result<Self> {
        libbpf_rs::set_print(Some((PrintLevel::Debug, |_, _| {})));
        let mut open = ObjectBuilder::default().open_memory(OBJECT).map_err(other)?;
        let ring_size = wanted.ring_size;
        configure(&mut open, rung, wanted)?;
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
            entry: program("entry")?,
            leave: program("leave")?,
        };
        let events = map("events")?;
        let mapped = Ring::map(events.as_fd(), ring_size)?;
        Ok(Self {
            programs,
            ring: mapped,
            ring_size: u64::from(ring_size),
            events,
            control: map(".data.control")?,
            counters: map(".data.counters")?,
            paused: map("paused")?,
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

    /// What was counted so far.
    pub(super) fn counters(&self) -> io::Result<Counters> {
        let bytes = lookup(&self.counters, &0_u32.to_ne_bytes())?;
        let mut words =
            bytes.chunks_exact(8).filter_map(|word| word.try_into().ok().map(u64::from_ne_bytes));
        let mut next = || words.next().unwrap_or(0);
        Ok(Counters { dropped: next(), untracked: next(), unfollowed: next() })
    }

    /// Lets processes go on that were stopped because the ring was nearly full, as soon as there is room.
    ///
    /// The room is looked at anew before each: one that goes on may fill the ring at once.
    pub(super) fn resume(&self, regardless: bool) {
        while regardless || self.ring.waiting() < self.ring_size / 4 {
            let Some(key) = self.paused.keys().next() else { return };
            // The entry first: the process may be stopped again at any time after that. If it is gone by now, somebody
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

/// Programs with their tracepoints: the beginning and the end of processes, what they become, and who stops them.
const PROCESS_PROGRAMS: &[(&str, &str)] = &[
    ("forked", "sched_process_fork"),
    ("became", "sched_process_exec"),
    ("ended", "sched_process_exit"),
    ("signalled", "signal_generate"),
];

/// The same for anonymous mappings.
const MAPPING_PROGRAMS: &[(&str, &str)] =
    &[("enter_syscall", "sys_enter"), ("leave_syscall", "sys_exit")];

/// Chooses programs and sizes before loading.
fn configure(open: &mut OpenObject, rung: Rung, wanted: Wanted) -> io::Result<()> {
    for mut program in open.progs_mut() {
        let name = program.name().to_owned();
        let is = |names: &[&str]| names.iter().any(|each| OsStr::new(each) == name);
        if MAPPING_PROGRAMS.iter().any(|(each, _)| OsStr::new(each) == name) {
            program.set_autoload(wanted.mappings);
        } else if is(&["session"]) {
            program.set_autoload(rung == Rung::Session);
        } else if is(&["entry", "leave"]) {
            program.set_autoload(rung != Rung::Session);
            if rung == Rung::PerfEvent {
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
    bytes.extend(u32::from(wanted.stacks).to_ne_bytes());
    bytes.extend(u32::from(wanted.mappings).to_ne_bytes());
    Ok(bytes)
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
