//! Creates the process of a round at a cost that doesn't depend on our own size.
//!
//! `clone(CLONE_VM | CLONE_VFORK)` copies no page tables; the child borrows our memory until it
//! calls `execve`. Everything that allocates happens in [`Launch::new`], once per benchmark.

#![expect(unsafe_code, reason = "clone, wait4 and what a vfork child may do are raw system calls")]

use std::{
    ffi::{CString, c_char, c_int, c_void},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    sys::{
        signal::{SigSet, Signal, killpg},
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
    unistd::{Pid, getpid},
};
use system::{files, guard};

/// The child runs on this stack until `execve`; it only makes system calls.
const STACK_BYTES: usize = 64 * 1024;

/// Everything about a process that can be prepared before it is needed.
pub(crate) struct Launch {
    path: CString,
    /// The folder in which it is started, if not ours.
    folder: Option<CString>,
    /// Pointers into `_strings`, ending with null, as `execve` wants them.
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    _strings: Vec<CString>,
    stdio: [OwnedFd; 3],
    mask: SigSet,
    /// 16-byte aligned, as the ABI wants it.
    stack: Vec<u128>,
}

/// A process that was created and not waited for.
#[derive(Debug)]
pub(crate) struct Child {
    /// Also the id of its process group.
    pub pid: Pid,
    /// Readable once the process has ended.
    pub pidfd: OwnedFd,
}

/// The end of a process and the resources that it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Exit code, or the signal that ended it.
    pub status: Status,
    /// Processor time in user mode, nanoseconds (kernel resolution: microseconds).
    pub user_ns: u64,
    /// Processor time in kernel mode, nanoseconds.
    pub system_ns: u64,
    /// Page faults without disk access.
    pub minor_faults: u64,
    /// Page faults with disk access.
    pub major_faults: u64,
    /// The process gave the processor away.
    pub voluntary_switches: u64,
    /// The processor was taken from the process.
    pub involuntary_switches: u64,
    /// The most memory that was resident at a time, bytes: of the process or of a child that it waited for, and never
    /// less than [`own_peak_bytes`] when it was started.
    pub max_rss_bytes: u64,
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// `exit` with this code.
    Code(i32),
    /// Ended by this signal.
    Signal(i32),
}

/// Strings with a NUL inside can't be handed to a program.
#[derive(Debug, thiserror::Error)]
#[error("an argument or environment variable of the command contains a NUL character")]
pub(crate) struct NulError(#[from] std::ffi::NulError);

/// The input of the child, which reads it through the memory that it shares with us.
struct ChildArgs {
    path: *const c_char,
    /// Null to stay where the parent is.
    folder: *const c_char,
    argv: *const *const c_char,
    envp: *const *const c_char,
    stdio: [RawFd; 3],
    mask: *const libc::sigset_t,
    parent: Pid,
    /// Set by the child when `execve` failed.
    errno: c_int,
}

impl Launch {
    /// Prepares a program: resolved path, argument list with its own name first, environment
    /// as `NAME=value`, standard streams, and the signal mask that it shall start with.
    pub(crate) fn new(
        path: &std::path::Path,
        args: &[Vec<u8>],
        environment: &[Vec<u8>],
        stdio: [OwnedFd; 3],
        mask: SigSet,
    ) -> Result<Self, NulError> {
        let to_c = |bytes: &[u8]| CString::new(bytes).map_err(NulError);
        let path = to_c(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))?;
        let mut strings = Vec::with_capacity(args.len() + environment.len());
        let mut pointers = |list: &[Vec<u8>]| -> Result<Vec<*const c_char>, NulError> {
            let mut out = Vec::with_capacity(list.len() + 1);
            for bytes in list {
                let string = to_c(bytes)?;
                // The heap block of a `CString` stays where it is when the `CString` moves.
                out.push(string.as_ptr());
                strings.push(string);
            }
            out.push(ptr::null());
            Ok(out)
        };
        let words = pointers(args)?;
        let envp = pointers(environment)?;
        let stack = vec![0; STACK_BYTES / size_of::<u128>()];
        Ok(Self { path, folder: None, argv: words, envp, _strings: strings, stdio, mask, stack })
    }

    /// The same in this folder, if there is one; a relative path is looked up from there.
    pub(crate) fn in_folder(self, folder: Option<&std::ffi::OsStr>) -> Result<Self, NulError> {
        let to_c = |folder| CString::new(std::os::unix::ffi::OsStrExt::as_bytes(folder));
        Ok(Self { folder: folder.map(to_c).transpose()?, ..self })
    }

    /// Creates the process and returns when it runs the program. Its process group is its own,
    /// and it ends with us.
    pub(crate) fn spawn(&mut self) -> io::Result<Child> {
        let mut args = ChildArgs {
            path: self.path.as_ptr(),
            folder: self.folder.as_ref().map_or(ptr::null(), |folder| folder.as_ptr()),
            argv: self.argv.as_ptr(),
            envp: self.envp.as_ptr(),
            stdio: self.stdio.each_ref().map(AsRawFd::as_raw_fd),
            mask: self.mask.as_ref(),
            parent: getpid(),
            errno: 0,
        };
        let mut pidfd: c_int = -1;
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
        let top = self.stack.as_mut_ptr_range().end;
        // SAFETY: `top` is the aligned end of a stack that nobody else uses; with CLONE_VFORK we
        // stand still until the child has left it by `execve` or `_exit`, so `args` outlives its
        // use. `in_child` only makes async-signal-safe calls. `pidfd` is where the kernel stores
        // the descriptor for CLONE_PIDFD.
        let pid = unsafe {
            libc::clone(in_child, top.cast(), flags, (&raw mut args).cast(), &raw mut pidfd)
        };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        // Valgrind 3.19 makes a fork of it and keeps the descriptor; another one may not.
        if pidfd < 0 {
            return Err(abandon(Pid::from_raw(pid)));
        }
        // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        let child = Child { pid: Pid::from_raw(pid), pidfd };
        if args.errno != 0 {
            // The program was not started; the process has ended and must be collected.
            child.reap()?;
            return Err(io::Error::from_raw_os_error(args.errno));
        }
        Ok(child)
    }
}

impl Child {
    /// Waits for the end and collects the process with what it used.
    pub(crate) fn reap(&self) -> io::Result<Ended> {
        let mut status: c_int = 0;
        // SAFETY: a `rusage` is plain integers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        loop {
            // SAFETY: both pointers are to live local variables of the right type.
            let got = unsafe { libc::wait4(self.pid.as_raw(), &raw mut status, 0, &raw mut usage) };
            if got == self.pid.as_raw() {
                guard::forget(self.pid);
                return Ok(ended(status, &usage));
            }
            let err = io::Error::last_os_error();
            if err.kind() != io::ErrorKind::Interrupted {
                return Err(err);
            }
        }
    }

    /// Returns true if the process is stopped because it wants to use a terminal that is not its own. Other stops are
    /// temporary: a tracer causes them when it can't keep up. Doesn't reap the process.
    pub(crate) fn wants_terminal(&self) -> bool {
        let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let status = waitid(Id::Pid(self.pid), flags);
        matches!(status, Ok(WaitStatus::Stopped(_, Signal::SIGTTIN | Signal::SIGTTOU)))
    }

    /// Ends the process and all others of its group, without asking.
    pub(crate) fn kill_group(&self) {
        // The group may be gone already, which is what we want.
        let _ = killpg(self.pid, Signal::SIGKILL);
    }
}

/// Ends a process that nobody can wait for.
fn abandon(pid: Pid) -> io::Error {
    // It may be gone already, which is what we want.
    let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
    let _ = nix::sys::wait::waitpid(pid, None);
    guard::forget(pid);
    io::Error::other("the system returned no descriptor of the process (old Valgrind?)")
}

fn ended(status: c_int, usage: &libc::rusage) -> Ended {
    let status = if libc::WIFSIGNALED(status) {
        Status::Signal(libc::WTERMSIG(status))
    } else {
        Status::Code(libc::WEXITSTATUS(status))
    };
    let nanos = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(micros.saturating_mul(1000))
    };
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    Ended {
        status,
        user_ns: nanos(usage.ru_utime),
        system_ns: nanos(usage.ru_stime),
        minor_faults: count(usage.ru_minflt),
        major_faults: count(usage.ru_majflt),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
        // Kibibytes, on Linux.
        max_rss_bytes: count(usage.ru_maxrss).saturating_mul(1024),
    }
}

/// The peak of our own resident memory so far, in bytes; 0 if the kernel doesn't tell.
///
/// A program that we start borrows our memory until its `execve`, and the kernel counts that as memory of the new process
/// (`setmax_mm_hiwater_rss` in `exec_mmap`): no `ru_maxrss` of it lies below this.
pub(crate) fn own_peak_bytes() -> u64 {
    let status = files::read_kernel_text("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = peak.and_then(|peak| peak.trim().trim_end_matches("kB").trim().parse().ok());
    kibibytes.map_or(0, |kibibytes: u64| kibibytes.saturating_mul(1024))
}

/// Runs in the new process, on its own stack but in our memory: system calls only.
extern "C" fn in_child(args: *mut c_void) -> c_int {
    let args: *mut ChildArgs = args.cast();
    // SAFETY: the parent stands still and keeps `ChildArgs` alive until we are gone.
    let args = unsafe { &mut *args };
    // A group of its own, so that a time-out can end everything that it starts.
    // SAFETY: no pointers are involved.
    unsafe { libc::setpgid(0, 0) };
    if let Err(err) = guard::tie(args.parent) {
        args.errno = err.raw_os_error().unwrap_or(libc::EIO);
        return 127;
    }
    for (target, source) in (0..).zip(args.stdio) {
        // SAFETY: no pointers are involved; the sources are above 2, so none is overwritten.
        if unsafe { libc::dup2(source, target) } < 0 {
            return fail(args);
        }
    }
    // SAFETY: the folder is NUL-terminated and lives in `Launch`. Only the child goes there: without CLONE_FS each has
    // a current folder of its own.
    if !args.folder.is_null() && unsafe { libc::chdir(args.folder) } < 0 {
        return fail(args);
    }
    // Rust ignores SIGPIPE and an ignored signal stays ignored across `execve`.
    // SAFETY: the default action is no function of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: `mask` points into the `Launch` that the parent borrows.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, args.mask, ptr::null_mut()) };
    // SAFETY: path, argv and envp are NUL-terminated and null-terminated, and live in `Launch`.
    unsafe { libc::execve(args.path, args.argv, args.envp) };
    fail(args)
}

fn fail(args: &mut ChildArgs) -> c_int {
    // The errno of the parent's thread, which stands still.
    args.errno = io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
    // Returning from here ends the process through `_exit` in the clone wrapper.
    127
}
