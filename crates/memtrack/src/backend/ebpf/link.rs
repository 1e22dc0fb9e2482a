//! Attaches the kernel's program to places in files: one system call per file where the kernel can, else one per place.
//!
//! A link is a descriptor; closing the last one of it removes the probes.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
        raw::c_long,
    },
};

use libbpf_rs::libbpf_sys;
use system::{files, perf};

use crate::discovery::Probe;

/// The ways of attaching probes, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum AttachMethod {
    /// Entry and return by one link per file, from Linux 6.13 on.
    Session,
    /// Two links per file, from Linux 6.6 on.
    Multi,
    /// One link per place, from Linux 5.15 on.
    PerfEvent,
}

/// All of them, best first.
pub(crate) const ATTACH_METHODS: &[AttachMethod] =
    &[AttachMethod::Session, AttachMethod::Multi, AttachMethod::PerfEvent];

impl AttachMethod {
    /// Returns its name for the screen.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Session => "uprobe session",
            Self::Multi => "uprobe multi",
            Self::PerfEvent => "uprobe perf event",
        }
    }

    /// The first kernel that knows it.
    pub(crate) const fn since(self) -> &'static str {
        match self {
            Self::Session => "6.13",
            Self::Multi => "6.6",
            Self::PerfEvent => "5.15",
        }
    }
}

/// Programs of the first method that serve functions of one kind only, and the cookie of those: what they don't have to ask
/// the kernel for makes each call cheaper.
pub(super) const OWN_PROGRAMS: [(&str, u64); 2] =
    [("session_malloc", 0x1_0f01), ("session_free", 0xf06)];
/// The number of a function says nothing of its kind.
const KIND: u64 = 0xff_ffff;

/// Descriptors of the loaded programs.
#[derive(Debug)]
pub(super) struct Programs {
    /// Entry and return, on the first method.
    pub session: Option<OwnedFd>,
    /// The same, for the functions of [`OWN_PROGRAMS`].
    pub own: Vec<OwnedFd>,
    /// Entry, on the others.
    pub entry: Option<OwnedFd>,
    /// Return, on the others.
    pub leave: Option<OwnedFd>,
}

impl Programs {
    /// More descriptors of the same programs.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let copy = |fd: &Option<OwnedFd>| fd.as_ref().map(OwnedFd::try_clone).transpose();
        Ok(Self {
            session: copy(&self.session)?,
            own: self.own.iter().map(OwnedFd::try_clone).collect::<io::Result<_>>()?,
            entry: copy(&self.entry)?,
            leave: copy(&self.leave)?,
        })
    }
}

/// Attaches to all places in the file behind `path`.
pub(super) fn attach(
    method: AttachMethod,
    programs: &Programs,
    path: &CString,
    probes: &[Probe],
) -> io::Result<Vec<OwnedFd>> {
    let missing = || io::Error::other("the program was not loaded");
    let returning: Vec<Probe> = probes.iter().filter(|probe| !probe.is_free).copied().collect();
    match method {
        AttachMethod::Session => {
            let usual = programs.session.as_ref().ok_or_else(missing)?;
            let mut parts = vec![(usual, Vec::new())];
            parts.extend(programs.own.iter().map(|program| (program, Vec::new())));
            for probe in probes {
                let own =
                    OWN_PROGRAMS.iter().position(|(_, cookie)| probe.cookie & KIND == *cookie);
                if let Some((_, part)) = parts.get_mut(own.map_or(0, |own| own + 1)) {
                    part.push(*probe);
                }
            }
            parts.retain(|(_, part)| !part.is_empty());
            let attach = |(program, part): &(&OwnedFd, Vec<Probe>)| {
                multi(program, libbpf_sys::BPF_TRACE_UPROBE_SESSION, path, part, false)
            };
            parts.iter().map(attach).collect()
        }
        AttachMethod::Multi | AttachMethod::PerfEvent => {
            let entry = programs.entry.as_ref().ok_or_else(missing)?;
            let leave = programs.leave.as_ref().ok_or_else(missing)?;
            let mut links = Vec::new();
            // The return first: a call that is entered before its return is watched would leave its frame behind.
            for (program, probes, is_return) in [(leave, &*returning, true), (entry, probes, false)]
            {
                if method == AttachMethod::Multi && !probes.is_empty() {
                    let kind = libbpf_sys::BPF_TRACE_UPROBE_MULTI;
                    links.push(multi(program, kind, path, probes, is_return)?);
                } else {
                    for probe in probes {
                        links.push(single(program, path, *probe, is_return)?);
                    }
                }
            }
            Ok(links)
        }
    }
}

/// `union bpf_attr` as far as `BPF_LINK_CREATE` of multi uprobes needs it (`include/uapi/linux/bpf.h`).
#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    prog_fd: u32,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    /// Path, or the cookie of a perf event.
    path: u64,
    offsets: u64,
    ref_ctr_offsets: u64,
    cookies: u64,
    count: u32,
    multi_flags: u32,
    pid: u32,
    reserved: u32,
}

const BPF_LINK_CREATE: c_long = 28;
const MULTI_RETURN: u32 = 1;

fn multi(
    program: &OwnedFd,
    attach_type: u32,
    path: &CString,
    probes: &[Probe],
    is_return: bool,
) -> io::Result<OwnedFd> {
    let offsets: Vec<u64> = probes.iter().map(|probe| probe.offset).collect();
    let cookies: Vec<u64> = probes.iter().map(|probe| probe.cookie).collect();
    let attributes = LinkCreate {
        prog_fd: raw(program),
        attach_type,
        path: address(path.as_ptr()),
        offsets: address(offsets.as_ptr()),
        cookies: address(cookies.as_ptr()),
        count: u32::try_from(probes.len()).map_err(io::Error::other)?,
        multi_flags: if is_return { MULTI_RETURN } else { 0 },
        ..LinkCreate::default()
    };
    link_create(&attributes)
}

fn link_create(attributes: &LinkCreate) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "bpf(2) has no wrapper for this in the crates that we use")]
    // SAFETY: the structure is as long as is said; what its addresses lead to lives until the call returns.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_CREATE,
            std::ptr::from_ref(attributes),
            size_of::<LinkCreate>(),
        )
    };
    owned(fd)
}

const SYSFS_UPROBE: &str = "/sys/bus/event_source/devices/uprobe";

fn single(program: &OwnedFd, path: &CString, probe: Probe, is_return: bool) -> io::Result<OwnedFd> {
    let kind = files::read_kernel_text(format!("{SYSFS_UPROBE}/type"))?;
    let kind = kind.trim().parse().map_err(io::Error::other)?;
    let event = perf::open_uprobe(kind, path, probe.offset, is_return)?;
    let attributes = LinkCreate {
        prog_fd: raw(program),
        target_fd: raw(&event),
        attach_type: libbpf_sys::BPF_PERF_EVENT,
        path: probe.cookie,
        ..LinkCreate::default()
    };
    // The link holds the event.
    link_create(&attributes)
}

/// A copy of a descriptor that outlives the object it belongs to.
pub(super) fn copied(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    fd.try_clone_to_owned()
}

fn raw(fd: &OwnedFd) -> u32 {
    u32::try_from(fd.as_raw_fd()).unwrap_or(u32::MAX)
}

fn address<T>(pointer: *const T) -> u64 {
    u64::try_from(pointer.addr()).unwrap_or(0)
}

fn owned(fd: c_long) -> io::Result<OwnedFd> {
    let Ok(fd @ 0..) = i32::try_from(fd) else {
        return Err(io::Error::last_os_error());
    };
    #[expect(unsafe_code, reason = "a new descriptor is given as a number")]
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
