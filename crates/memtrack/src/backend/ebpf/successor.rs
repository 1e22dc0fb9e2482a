//! A small process that stays behind for those that outlive the trace.
//!
//! The filter of `notify` can't be taken from a process again, and without anybody to answer its questions a daemon that
//! outlives the command could start no program and load no library. So this process holds the listener as well. It sleeps
//! until the tracer is gone, however it went, lets processes go on that are still held back, and agrees to everything
//! until nobody is left who could ask.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use libc::c_long;
use nix::{errno::Errno, unistd::pipe2};

use super::notify::Listener;

/// The numbers of its three descriptors, behind standard input, output and error.
const GONE: RawFd = 3;
const QUESTIONS: RawFd = 4;
const PAUSED: RawFd = 5;
/// Higher than anything that lies in the way of these.
const ASIDE: RawFd = 64;

/// The tracer's side of the successor, which sleeps as long as this lives.
#[derive(Debug)]
pub(super) struct Successor {
    _present: OwnedFd,
}

impl Successor {
    /// Leaves it behind. `paused` is the table of processes that are held back.
    #[expect(unsafe_code, reason = "only a fork can outlive us with our descriptors")]
    pub(super) fn leave_behind(listener: &Listener, paused: BorrowedFd<'_>) -> io::Result<Self> {
        let (gone, present) = pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        let kept = [gone.as_raw_fd(), listener.raw(), paused.as_raw_fd()];
        // SAFETY: the child makes only system calls, allocates nothing, and never returns.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => succeed(kept),
            _ => Ok(Self { _present: present }),
        }
    }
}

/// Is the successor, from its beginning to its end.
#[expect(unsafe_code, reason = "nothing but system calls may be used behind a fork")]
fn succeed(kept: [RawFd; 3]) -> ! {
    // SAFETY: numbers only.
    unsafe { libc::setsid() };
    keep_only(kept);
    let mut byte = [0_u8; 1];
    // SAFETY: one byte of room. The other end is never written to: this returns when it is closed.
    while unsafe { libc::read(GONE, byte.as_mut_ptr().cast(), 1) } < 0
        && Errno::last() == Errno::EINTR
    {}
    resume_all();
    answer_all();
    // SAFETY: nothing of ours is to be cleaned up; handlers of the tracer must not run here.
    unsafe { libc::_exit(0) }
}

/// Closes everything else: links would keep probes alive, pipes their readers waiting.
#[expect(unsafe_code, reason = "nothing but system calls may be used behind a fork")]
fn keep_only(kept: [RawFd; 3]) {
    let mut aside = kept;
    for fd in &mut aside {
        // SAFETY: numbers only.
        *fd = unsafe { libc::fcntl(*fd, libc::F_DUPFD, ASIDE) };
    }
    for (fd, place) in aside.into_iter().zip([GONE, QUESTIONS, PAUSED]) {
        // SAFETY: numbers only; nothing here is used under its old number.
        unsafe { libc::dup2(fd, place) };
    }
    // SAFETY: the path is a literal with its NUL.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    for standard in 0..GONE {
        // SAFETY: numbers only.
        unsafe { libc::dup2(null, standard) };
    }
    // SAFETY: numbers only.
    unsafe { libc::syscall(libc::SYS_close_range, PAUSED + 1, u32::MAX, 0) };
}

/// `union bpf_attr` as far as the calls about elements of a map need it (`include/uapi/linux/bpf.h`).
#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value_or_next: u64,
    flags: u64,
}

const BPF_MAP_LOOKUP_ELEM: c_long = 1;
const BPF_MAP_DELETE_ELEM: c_long = 3;
const BPF_MAP_GET_NEXT_KEY: c_long = 4;

/// Lets all go on that are held back.
#[expect(unsafe_code, reason = "nothing but system calls may be used behind a fork")]
fn resume_all() {
    let map = u32::try_from(PAUSED).unwrap_or(0);
    let (mut process, mut pid) = (0_u32, 0_u32);
    let address = |of: &mut u32| u64::try_from(std::ptr::from_mut(of).addr()).unwrap_or(0);
    let (key, value) = (address(&mut process), address(&mut pid));
    loop {
        // The first key, each time.
        let first = Element { map, padding: 0, key: 0, value_or_next: key, flags: 0 };
        if bpf(BPF_MAP_GET_NEXT_KEY, &first) != 0 {
            return;
        }
        let found = Element { map, padding: 0, key, value_or_next: value, flags: 0 };
        // Gone meanwhile: somebody else has stopped or continued it.
        if bpf(BPF_MAP_LOOKUP_ELEM, &found) != 0 || bpf(BPF_MAP_DELETE_ELEM, &found) != 0 {
            continue;
        }
        // SAFETY: it is here, and the kernel has written it: behind the compiler's back.
        let pid = unsafe { std::ptr::read_volatile(&raw const pid) };
        if let Ok(pid @ 1..) = i32::try_from(pid) {
            // SAFETY: numbers only.
            unsafe { libc::kill(pid, libc::SIGCONT) };
        }
    }
}

#[expect(unsafe_code, reason = "nothing but system calls may be used behind a fork")]
fn bpf(command: c_long, element: &Element) -> c_long {
    let size = size_of::<Element>();
    // SAFETY: the structure is as long as is said, and what its addresses lead to lives in the caller.
    unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(element), size) }
}

/// Agrees to everything until nobody is left who could ask.
#[expect(unsafe_code, reason = "nothing but system calls may be used behind a fork")]
fn answer_all() {
    loop {
        let mut watched = libc::pollfd { fd: QUESTIONS, events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure, which lives here.
        let ready = unsafe { libc::poll(&raw mut watched, 1, -1) };
        if ready < 0 && Errno::last() == Errno::EINTR {
            continue;
        }
        if ready < 1 || watched.revents & libc::POLLIN == 0 {
            return;
        }
        Listener::agree_to_one(QUESTIONS);
    }
}
