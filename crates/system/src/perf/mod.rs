//! Events of the kernel (`perf_event_open(2)`): what they are opened with, and why they are refused; the rings
//! of their records, and counters.

#![expect(unsafe_code, reason = "perf_event_open has no safe wrapper in the crates that we use")]

mod counter;
mod records;
mod ring;

use std::{
    ffi::CStr,
    io,
    os::fd::{FromRawFd, OwnedFd},
    path::Path,
};

use nix::{errno::Errno, unistd::Pid};

use crate::files;

pub use counter::{Count, Counter};
pub use records::{Record, What, parse};
pub use ring::Ring;

/// `PERF_TYPE_HARDWARE`.
pub const HARDWARE: u32 = 0;
/// `PERF_TYPE_SOFTWARE`.
pub const SOFTWARE: u32 = 1;
/// `PERF_TYPE_RAW`.
pub const RAW: u32 = 4;
/// `PERF_COUNT_SW_CPU_CLOCK`.
pub const CPU_CLOCK: u64 = 0;
/// `PERF_COUNT_SW_DUMMY`: counts nothing, and has records.
pub const DUMMY: u64 = 9;

/// Flags of [`Attributes`]: bits of the word behind `read_format`.
pub mod flags {
    /// Counts nothing until it is switched on.
    pub const DISABLED: u64 = 1;
    /// Also for what the task starts later.
    pub const INHERIT: u64 = 1 << 1;
    /// Not what the kernel does.
    pub const EXCLUDE_KERNEL: u64 = 1 << 5;
    /// Not what a hypervisor does.
    pub const EXCLUDE_HYPERVISOR: u64 = 1 << 6;
    /// Records of changed names.
    pub const COMM: u64 = 1 << 9;
    /// Records of tasks that begin and end.
    pub const TASK: u64 = 1 << 13;
    /// Counts from `execve` on.
    pub const ENABLE_ON_EXEC: u64 = 1 << 12;
    /// `wakeup` is in bytes.
    pub const WATERMARK: u64 = 1 << 14;
    /// Each record says whose it is, and when.
    pub const SAMPLE_ID_ALL: u64 = 1 << 18;
    /// Names that changed by `execve` are marked.
    pub const COMM_EXEC: u64 = 1 << 24;
    /// Times are of `clockid`.
    pub const USE_CLOCKID: u64 = 1 << 25;
    /// Records of tasks that leave a processor and come back.
    pub const CONTEXT_SWITCH: u64 = 1 << 26;
}

/// `PERF_SAMPLE_TID | PERF_SAMPLE_TIME`: what [`parse`] expects at the end of each record.
pub const SAMPLE_TID_AND_TIME: u64 = 1 << 1 | 1 << 2;

/// `struct perf_event_attr` up to the fields of its fifth version, 112 bytes.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes {
    /// Such as [`SOFTWARE`].
    pub kind: u32,
    size: u32,
    /// Which event of its kind.
    pub config: u64,
    sample_period: u64,
    /// The fields of each sample.
    pub sample_type: u64,
    /// The values that are read of a counter.
    pub read_format: u64,
    /// Bits of [`flags`].
    pub flags: u64,
    /// Bytes of records after which a waiting reader is woken.
    pub wakeup: u32,
    breakpoint_type: u32,
    config1: u64,
    config2: u64,
    branch_sample_type: u64,
    sample_regs_user: u64,
    sample_stack_user: u32,
    /// Clock of all times, with [`flags::USE_CLOCKID`].
    pub clockid: i32,
    sample_regs_intr: u64,
    aux_watermark: u32,
    sample_max_stack: u16,
    reserved: u16,
}

impl Attributes {
    /// An event that counts; `flags` are bits of [`flags`].
    pub fn counting(kind: u32, config: u64, flags: u64) -> Self {
        Self { kind, config, flags, ..Self::default() }
    }

    /// An event that has records with times on `CLOCK_MONOTONIC` and counts nothing; `also` are more flags. Permitted
    /// for own processes where `kernel.perf_event_paranoid` is 2 or less.
    pub fn records(also: u64, wakeup: u32) -> Self {
        Self {
            kind: SOFTWARE,
            config: DUMMY,
            sample_type: SAMPLE_TID_AND_TIME,
            flags: also
                | flags::EXCLUDE_KERNEL
                | flags::TASK
                | flags::WATERMARK
                | flags::SAMPLE_ID_ALL
                | flags::USE_CLOCKID
                | flags::CONTEXT_SWITCH,
            wakeup,
            clockid: libc::CLOCK_MONOTONIC,
            ..Self::default()
        }
    }
}

/// Opens an event on a task (0 is the calling thread), on one processor or wherever it runs. The descriptor is closed
/// when another program is started.
///
/// # Errors
///
/// If the kernel refuses; [`Refused::of`] says why.
pub fn open(
    attributes: &Attributes,
    task: Pid,
    processor: Option<usize>,
) -> Result<OwnedFd, Errno> {
    const CLOSE_ON_EXEC: libc::c_ulong = 1 << 3;
    let size = u32::try_from(size_of::<Attributes>()).unwrap_or(0);
    let attributes = Attributes { size, ..*attributes };
    let processor =
        processor.map_or(-1, |number| libc::c_int::try_from(number).unwrap_or(libc::c_int::MAX));
    let no_group: libc::c_int = -1;
    // SAFETY: `attributes` is a live, fully initialised structure that states its own size.
    let event = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            task.as_raw(),
            processor,
            no_group,
            CLOSE_ON_EXEC,
        )
    };
    let Ok(event @ 0..) = i32::try_from(event) else {
        return Err(Errno::last());
    };
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(event) })
}

/// Opens a probe at an offset of a file, in all processes: at the function there, or at its return. `kind` is the number
/// of uprobes in `/sys/bus/event_source/devices/uprobe/type`. The descriptor is closed when another program is started.
///
/// # Errors
///
/// If the kernel refuses.
pub fn open_uprobe(kind: u32, file: &CStr, offset: u64, is_return: bool) -> Result<OwnedFd, Errno> {
    let path = u64::try_from(file.as_ptr().addr()).unwrap_or(0);
    // `format/retprobe` beside the number says `config:0`.
    let config = u64::from(is_return);
    let attributes =
        Attributes { kind, config, config1: path, config2: offset, ..Attributes::default() };
    // One processor stands for all with uprobes.
    open(&attributes, Pid::from_raw(-1), Some(0))
}

/// The reason for which the kernel has no events for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The setting for users without rights.
    #[error(
        "kernel.perf_event_paranoid is {level}; root can allow it by `sysctl kernel.perf_event_paranoid={needed}`, or by CAP_PERFMON"
    )]
    Paranoid {
        /// The setting.
        level: String,
        /// The largest one that would do.
        needed: u8,
    },
    /// A filter of system calls.
    #[error(
        "the system call perf_event_open is forbidden here, as in most containers; `--cap-add PERFMON` or another seccomp profile for the container allows it"
    )]
    Filtered,
    /// It can't.
    #[error("the kernel has no performance events ({0})")]
    Unable(Errno),
}

impl Refused {
    /// Explains an error of [`open`], for an event that needs a `kernel.perf_event_paranoid` of at most `needed`.
    pub fn of(errno: Errno, needed: u8) -> Self {
        if errno == Errno::EACCES {
            return Self::Paranoid { level: paranoid(), needed };
        }
        let has_events = Path::new("/proc/sys/kernel/perf_event_paranoid").exists();
        if errno == Errno::EPERM && has_events { Self::Filtered } else { Self::Unable(errno) }
    }
}

fn paranoid() -> String {
    let level = files::read_kernel_text("/proc/sys/kernel/perf_event_paranoid");
    level.map_or_else(|_| "unknown".to_owned(), |level| level.trim().to_owned())
}

/// Returns the size of a page of memory.
#[must_use]
pub fn page_bytes() -> usize {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(page).unwrap_or(4096)
}

/// Memory that can't be mapped, as an error of input and output.
pub(crate) fn out_of_memory() -> io::Error {
    io::ErrorKind::OutOfMemory.into()
}
