//! Learns of every program and library before it is mapped: a seccomp filter in the traced tree makes the kernel ask us
//! about `execve`, and about `mmap` of files with execute permission. We look at the file and always agree. If stacks are
//! to get names, we are asked about `set_tid_address` as well, a call that C libraries make when the files of a program
//! are in its memory and nothing of the program has run.
//!
//! A signal with a handler can interrupt a system call that waits for our answer, which then fails with `EINTR`. So nothing
//! is asked about that has no errors or must not fail, such as `exit_group`: its caller would go on.
//!
//! Interface: `include/uapi/linux/seccomp.h`, `seccomp_unotify(2)`. The filter is inherited by all descendants.

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    process::Command,
};

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, PROT_EXEC,
    SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, SYS_mmap, SYS_set_tid_address, sock_filter,
};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg, socketpair,
    },
};

/// A kind of system calls that a process may make (`include/uapi/linux/audit.h`), and its calls that start programs.
#[derive(Debug, Clone, Copy)]
struct Abi {
    arch: u32,
    execve: u32,
    execveat: u32,
}

#[cfg(target_arch = "x86_64")]
const NATIVE: Abi = Abi { arch: 0xc000_003e, execve: 59, execveat: 322 };
#[cfg(target_arch = "aarch64")]
const NATIVE: Abi = Abi { arch: 0xc000_00b7, execve: 221, execveat: 281 };
/// Of 32-bit programs, which may start others.
#[cfg(target_arch = "x86_64")]
const SHORT: Abi = Abi { arch: 0x4000_0003, execve: 11, execveat: 358 };
#[cfg(target_arch = "aarch64")]
const SHORT: Abi = Abi { arch: 0x4000_0028, execve: 11, execveat: 387 };

/// Bytes in `struct seccomp_data`.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_ARGS: u32 = 16;

const FILTER_LEN: usize = 17;

/// `MAP_FIXED` and `MAP_FIXED_NOREPLACE`.
const FIXED: u64 = 0x10 | 0x10_0000;

/// The place of a part of a file in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The address.
    pub start: u64,
    /// The address behind.
    pub end: u64,
    /// The beginning of the part, in bytes.
    pub offset: u64,
}

/// The subject of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// A thread is about to map the file behind its descriptor.
    Map {
        /// The thread.
        tid: u32,
        /// Its descriptor.
        fd: u64,
        /// The place in memory, if that is fixed, as it is for libraries whose code isn't at their beginning.
        place: Option<Place>,
    },
    /// A thread is about to become another program.
    Exec {
        /// The thread.
        tid: u32,
        /// Folder descriptor that a relative path is meant from.
        dir: i64,
        /// The address of the path in its memory.
        path: u64,
    },
    /// The C library of a program is ready to start it.
    Start {
        /// The thread.
        tid: u32,
    },
    /// Something else.
    Other,
}

/// The end at which the listener will arrive once the command was started.
#[derive(Debug)]
pub(super) struct Offer(OwnedFd);

impl Offer {
    /// Makes `command` install the filter before it becomes its program, and send us the listener; `starts` are to be asked
    /// about, too. Where that is not possible, the command starts without. The second descriptor is to be closed once the
    /// command was started, or could not be: then nobody waits for a listener any more.
    pub(super) fn prepare(command: &mut Command, starts: bool) -> io::Result<(Self, OwnedFd)> {
        let (listening, offering) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
        let to = offering.as_raw_fd();
        let filter = filter(starts);
        let install = move || {
            let sent = match install(&filter) {
                Ok(listener) => {
                    let sent = send_fd(to, listener);
                    // SAFETY: the descriptor is ours and not used again.
                    #[expect(unsafe_code, reason = "nothing may be allocated here")]
                    unsafe {
                        libc::close(listener);
                    }
                    sent
                }
                Err(errno) => send_errno(to, errno),
            };
            // Without an answer the tracer knows no more than with one that says so.
            let _ = sent;
            Ok(())
        };
        #[expect(unsafe_code, reason = "the filter must be installed by the process itself")]
        // SAFETY: only system calls, and no allocation, between fork and exec.
        unsafe {
            command.pre_exec(install);
        }
        Ok((Self(listening), offering))
    }

    /// Waits for the listener; an error says why there is none.
    pub(super) fn accept(self) -> io::Result<Listener> {
        let Self(receive) = self;
        let mut bytes = [0_u8; 4];
        let mut parts = [io::IoSliceMut::new(&mut bytes)];
        let mut space = nix::cmsg_space!(RawFd);
        let flags = MsgFlags::MSG_CMSG_CLOEXEC;
        let message = recvmsg::<()>(receive.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmRights(fds) = control
                && let Some(fd) = fds.first()
            {
                #[expect(unsafe_code, reason = "a new descriptor is given as a number")]
                // SAFETY: the kernel has just made this descriptor for us.
                return Ok(Listener(unsafe { OwnedFd::from_raw_fd(*fd) }));
            }
        }
        match i32::from_ne_bytes(bytes) {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            errno => Err(Errno::from_raw(errno).into()),
        }
    }
}

/// The descriptor by which the kernel asks.
#[derive(Debug)]
pub(super) struct Listener(OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The end of waiting for a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// There is one.
    Question,
    /// There is none yet.
    InVain,
    /// Nobody is left who could ask, or waits for an answer of ours.
    Over,
}

nix::ioctl_readwrite!(notif_receive, b'!', 0, libc::seccomp_notif);
nix::ioctl_readwrite!(notif_send, b'!', 1, libc::seccomp_notif_resp);

impl Listener {
    /// Waits for a question, so many milliseconds at most, or until `stop` is closed at its other end.
    pub(super) fn wait(&self, stop: BorrowedFd<'_>, limit: PollTimeout) -> io::Result<Waited> {
        let mut watched =
            [PollFd::new(self.as_fd(), PollFlags::POLLIN), PollFd::new(stop, PollFlags::POLLIN)];
        match poll(&mut watched, limit) {
            Ok(_) => {}
            Err(Errno::EINTR) => return Ok(Waited::InVain),
            Err(errno) => return Err(errno.into()),
        }
        let [asked, stopped] = watched.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        Ok(if !stopped.is_empty() {
            Waited::Over
        } else if asked.contains(PollFlags::POLLIN) {
            Waited::Question
        } else if asked.is_empty() {
            Waited::InVain
        } else {
            Waited::Over
        })
    }

    /// Takes a question; `None` if who asked it is gone. Give its answer with [`Self::agree`].
    #[expect(unsafe_code, reason = "an ioctl fills a structure")]
    pub(super) fn take(&self) -> io::Result<Option<(u64, Question)>> {
        // SAFETY: a structure of numbers; the kernel wants it to be zero.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is as long as the ioctl says.
        match unsafe { notif_receive(self.0.as_raw_fd(), &raw mut asked) } {
            Ok(_) => {}
            Err(Errno::ENOENT | Errno::EINTR | Errno::EAGAIN) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
        Ok(Some((asked.id, question(asked.pid, &asked.data))))
    }

    /// Its number, for the successor.
    pub(super) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Takes a question from a descriptor that is a listener, and agrees. Behind a fork: no allocation.
    #[expect(unsafe_code, reason = "ioctls fill and take structures")]
    pub(super) fn agree_to_one(listener: RawFd) {
        // SAFETY: a structure of numbers; the kernel wants it to be zero.
        let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the structure is as long as the ioctl says.
        if unsafe { notif_receive(listener, &raw mut asked) }.is_ok() {
            let mut answer = agreement(asked.id);
            // Who asked may have been killed.
            // SAFETY: the structure is as long as the ioctl says.
            let _ = unsafe { notif_send(listener, &raw mut answer) };
        }
    }

    /// Lets the system call go on.
    #[expect(unsafe_code, reason = "an ioctl takes a structure")]
    pub(super) fn agree(&self, id: u64) -> io::Result<()> {
        let mut answer = agreement(id);
        // SAFETY: the structure is as long as the ioctl says.
        match unsafe { notif_send(self.0.as_raw_fd(), &raw mut answer) } {
            // Who asked may have been killed.
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// The system call that a thread is about to make.
fn question(tid: u32, data: &libc::seccomp_data) -> Question {
    let args = data.args;
    let abi = if data.arch == SHORT.arch { SHORT } else { NATIVE };
    let number = u32::try_from(data.nr).unwrap_or(u32::MAX);
    if number == abi.execve {
        Question::Exec { tid, dir: i64::from(libc::AT_FDCWD), path: args[0] }
    } else if number == abi.execveat {
        Question::Exec { tid, dir: i64::from(low_half(args[0])), path: args[1] }
    } else if data.arch == NATIVE.arch && i64::from(data.nr) == SYS_mmap {
        let [start, len, _, flags, fd, offset] = args;
        let is_fixed = flags & FIXED != 0;
        let end = start.checked_add(len).filter(|_| is_fixed);
        Question::Map { tid, fd, place: end.map(|end| Place { start, end, offset }) }
    } else if data.arch == NATIVE.arch && i64::from(data.nr) == SYS_set_tid_address {
        Question::Start { tid }
    } else {
        Question::Other
    }
}

/// The answer that lets a system call go on.
fn agreement(id: u64) -> libc::seccomp_notif_resp {
    let flags = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or(1);
    libc::seccomp_notif_resp { id, val: 0, error: 0, flags }
}

/// An `int` in a register.
fn low_half(value: u64) -> i32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// `mmap` with `PROT_EXEC` of a file, `execve` and `execveat`, and with `starts` `set_tid_address`, are asked about;
/// everything else is allowed. What a 32-bit program maps doesn't matter, but what it starts may have 64 bits.
fn filter(starts: bool) -> [sock_filter; FILTER_LEN] {
    let code = |code: u32| u16::try_from(code).unwrap_or(0);
    let statement = |class: u32, k: u32| sock_filter { code: code(class), jt: 0, jf: 0, k };
    let jump = |test: u32, k: u32, jt: u8, jf: u8| sock_filter {
        code: code(BPF_JMP | test | BPF_K),
        jt,
        jf,
        k,
    };
    let load = |offset: u32| statement(BPF_LD | BPF_W | BPF_ABS, offset);
    let number = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let bits = |bits: i32| u32::try_from(bits).unwrap_or(0);
    // No call has the other number.
    let start = if starts { number(SYS_set_tid_address) } else { u32::MAX };
    [
        load(OFFSET_ARCH),
        jump(BPF_JEQ, NATIVE.arch, 4, 0),
        jump(BPF_JEQ, SHORT.arch, 0, 13),
        load(OFFSET_NUMBER),
        jump(BPF_JEQ, SHORT.execve, 10, 0),
        jump(BPF_JEQ, SHORT.execveat, 9, 10),
        load(OFFSET_NUMBER),
        jump(BPF_JEQ, NATIVE.execve, 7, 0),
        jump(BPF_JEQ, NATIVE.execveat, 6, 0),
        jump(BPF_JEQ, start, 5, 0),
        jump(BPF_JEQ, number(SYS_mmap), 0, 5),
        // The third argument: what the memory may be used for. The fourth: what lies behind it.
        load(OFFSET_ARGS + 2 * 8),
        jump(BPF_JSET, bits(PROT_EXEC), 0, 3),
        load(OFFSET_ARGS + 3 * 8),
        jump(BPF_JSET, bits(libc::MAP_ANONYMOUS), 1, 0),
        statement(BPF_RET, SECCOMP_RET_USER_NOTIF),
        statement(BPF_RET, SECCOMP_RET_ALLOW),
    ]
}

/// Installs the filter for the calling thread and its descendants. Between fork and exec: no allocation.
#[expect(unsafe_code, reason = "seccomp has no wrapper in the crates that we use")]
fn install(filter: &[sock_filter; FILTER_LEN]) -> Result<RawFd, Errno> {
    let program = libc::sock_fprog {
        len: u16::try_from(FILTER_LEN).unwrap_or(0),
        filter: filter.as_ptr().cast_mut(),
    };
    // A question that was taken is not taken back by a signal, so that programs with many of them get on; older kernels
    // don't know the flag.
    for flags in [
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
    ] {
        for no_new_privileges in [false, true] {
            if no_new_privileges {
                // SAFETY: numbers only.
                unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
            }
            // SAFETY: the program and its instructions live until the call returns.
            let fd = unsafe {
                libc::syscall(
                    libc::SYS_seccomp,
                    libc::SECCOMP_SET_MODE_FILTER,
                    flags,
                    std::ptr::from_ref(&program),
                )
            };
            match i32::try_from(fd) {
                Ok(fd @ 0..) => return Ok(fd),
                Ok(_) | Err(_) if Errno::last() == Errno::EACCES => {}
                Ok(_) | Err(_) => break,
            }
        }
    }
    Err(Errno::last())
}

/// Sends a descriptor. Between fork and exec: no allocation.
#[expect(unsafe_code, reason = "the wrappers allocate")]
fn send_fd(to: RawFd, fd: RawFd) -> Result<(), Errno> {
    let mut byte = [0_u8; 4];
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: byte.len() };
    // `CMSG_SPACE(sizeof(int))` bytes, aligned like the header.
    let mut space = [0_u64; 3];
    // SAFETY: a structure of numbers and pointers, for which zero is a value.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&space);
    // SAFETY: there is room for one header and one descriptor.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    if header.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as above.
    let length = unsafe { libc::CMSG_LEN(4) };
    // SAFETY: as above; the header lies in `space`.
    unsafe {
        (*header).cmsg_level = libc::SOL_SOCKET;
    }
    // SAFETY: as above.
    unsafe {
        (*header).cmsg_type = libc::SCM_RIGHTS;
    }
    // SAFETY: as above.
    unsafe {
        (*header).cmsg_len = usize::try_from(length).unwrap_or(0);
    }
    // SAFETY: as above.
    let data = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: as above; the place need not be aligned.
    unsafe { data.cast::<RawFd>().write_unaligned(fd) };
    // SAFETY: the message and all that it leads to lives until the call returns.
    let sent = unsafe { libc::sendmsg(to, &raw const message, 0) };
    if sent < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Says why there is no descriptor. Between fork and exec: no allocation.
#[expect(unsafe_code, reason = "the wrappers take owned descriptors")]
fn send_errno(to: RawFd, errno: Errno) -> Result<(), Errno> {
    #[expect(clippy::as_conversions, reason = "an error of the system is a number")]
    let bytes = (errno as i32).to_ne_bytes();
    // SAFETY: the bytes live until the call returns.
    let sent = unsafe { libc::send(to, bytes.as_ptr().cast(), bytes.len(), 0) };
    if sent < 0 { Err(Errno::last()) } else { Ok(()) }
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
