//! All that we have started ends with us, however we end.
//!
//! A process that is killed can't tidy up, and the kernel ties only its own children to its life. So each of our programs
//! has a guard: a small process in a session of its own, which sleeps until the program is gone. If it went without
//! releasing the guard (`SIGKILL`, out of memory, a crash), the guard ends all that the program had started: the processes that
//! were enrolled, their descendants and groups, and whoever has one of the guard's marks, which daemons inherit as well: a
//! variable of the environment, and a limit that no kernel enforces. At an orderly end the guard is released, and what a
//! benchmark has left running on purpose goes on.
//!
//! Without a guard, children are at least tied to us by `PR_SET_PDEATHSIG`. With one they are not: a child that
//! dies at once takes with it the knowledge of who its own children are.

mod kin;

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicI32, AtomicPtr, Ordering},
    },
};

use nix::{
    sys::{
        mman::{MapFlags, ProtFlags, mmap_anonymous},
        prctl,
        resource::{Resource, getrlimit, setrlimit},
        signal::{SigSet, Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, getpid, getppid},
};

use crate::{
    fork_lock,
    lineage::{parent_of, start_of},
    pidfd,
};

/// Children of ours that live at the same time. Further ones are tied by `PR_SET_PDEATHSIG`.
const MOST: usize = 256;
/// Name of the guard's process: it is not to be found under ours by those who end all of ours by name.
const NAME: &std::ffi::CStr = c"run-guard";
/// The limit that is a mark as well, for processes that clear their environment: no kernel since Linux 2.4 enforces it
/// (see `getrlimit(2)`).
const UNUSED_LIMIT: Resource = Resource::RLIMIT_LOCKS;
/// The descriptor of the guarded process, behind standard input, output and error.
const GUARDED: RawFd = 3;

/// Memory that we share with the guard and with children that have not become another program yet.
#[repr(C)]
struct Roll {
    /// The end was orderly.
    released: AtomicBool,
    /// Children of ours; 0 where there is none.
    members: [AtomicI32; MOST],
}

/// The memory, once there is a guard.
static ROLL: AtomicPtr<Roll> = AtomicPtr::new(ptr::null_mut());

/// The guard's process, while there is one; otherwise 0.
static GUARD: AtomicI32 = AtomicI32::new(0);

/// The marks of the guards of this process, once it was asked for one.
static MARKS: OnceLock<Marks> = OnceLock::new();

#[derive(Debug, Default)]
struct Marks {
    /// The value of the variable that this process was started with.
    inherited: Option<String>,
    /// The value for all that it starts itself, if it has a guard of its own.
    own: Option<String>,
}

/// Returns the marks in a value of the variable: that of the guard itself, and that of the next one above it.
fn marks_in(value: &str) -> impl Iterator<Item = &str> {
    value.split('+')
}

fn roll() -> Option<&'static Roll> {
    // SAFETY: it is null, or leads to memory that is never unmapped and holds atomic numbers only.
    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    unsafe {
        ROLL.load(Ordering::Acquire).as_ref()
    }
}

/// The guard of this process. Dropping it leaves it on its post: then it ends all that we have started when we are gone.
#[derive(Debug)]
pub struct Guard {
    mark: String,
}

impl Guard {
    /// Posts a guard. `mark` is the value of the variable [`GUARD`](runner_shared::env_names::GUARD) in our environment:
    /// where that names a guard that lives, we were started by somebody who is guarded, and need none. To be called while
    /// no other thread works than that of [`crate::signals`].
    ///
    /// Returns nothing where there is none, also if the system refuses one: then children are tied to us by the kernel.
    #[must_use]
    pub fn post(mark: Option<&OsStr>) -> Option<Self> {
        let inherited = mark.and_then(OsStr::to_str).map(str::to_owned);
        let is_guarded = inherited.as_deref().is_some_and(is_of_a_living_guard);
        let above = inherited.as_deref().and_then(|value| marks_in(value).next());
        // One that does not live may be in another PID namespace.
        let guard = if is_guarded { None } else { Self::below(above) };
        let own = guard.as_ref().map(|guard| guard.mark.clone());
        // A program posts one guard; the marks are those of its first try.
        drop(MARKS.set(Marks { inherited, own }));
        guard
    }

    fn below(above: Option<&str>) -> Option<Self> {
        let guarded = pidfd::open(getpid()).ok()?;
        let roll = share()?;
        let pid = start(&guarded, roll)?;
        let Some(start) = start_of(pid.as_raw()) else {
            end(pid);
            return None;
        };
        set_limit_mark(limit_mark(pid.as_raw(), start));
        GUARD.store(pid.as_raw(), Ordering::Release);
        ROLL.store(ptr::from_ref(roll).cast_mut(), Ordering::Release);
        Some(Self { mark: value_of(&mark_of(pid.as_raw(), start), above) })
    }

    /// Returns the value of the variable for all that we start. It always has the same length: the length of an
    /// environment moves the stack of a program, and with it what is measured.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// Releases the guard: our end is an orderly one.
    pub fn release(self) {
        release();
    }
}

/// Releases the guard, if there is one, for those who are far away from `main`.
pub(crate) fn release() {
    if let Some(roll) = roll() {
        roll.released.store(true, Ordering::Release);
    }
    if let pid @ 1.. = GUARD.swap(0, Ordering::AcqRel) {
        end(Pid::from_raw(pid));
    }
}

/// Ends all processes below this one but those in `spared` and the guard.
pub(crate) fn end_descendants(mut spared: BTreeSet<Pid>) {
    let guard = Some(GUARD.load(Ordering::Acquire)).filter(|pid| *pid > 0);
    spared.extend(guard.map(Pid::from_raw));
    kin::end_descendants(&spared);
}

/// Returns whether we have a guard of our own: then nobody above us measures.
#[must_use]
pub fn is_posted() -> bool {
    roll().is_some()
}

/// Ties the life of a process that was just forked to ours; `parent` is us. Only makes async-signal-safe calls. To be
/// called after a change of user, which would undo it.
///
/// # Errors
///
/// If the parent is gone already.
pub fn tie(parent: Pid) -> io::Result<()> {
    if !roll().is_some_and(|roll| enrol(roll, getpid())) {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
    }
    // Whoever comes too late for the guard and for the kernel sees that here.
    if getppid() == parent { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

/// Forgets a child that was collected: its number may soon be that of a stranger.
pub fn forget(child: Pid) {
    let members = roll().map(|roll| &roll.members).into_iter().flatten();
    for member in members {
        let _ = member.compare_exchange(child.as_raw(), 0, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// Forgets children that are none any more, as one that could not become its program: nobody has told its number.
pub fn forget_the_gone() {
    let us = Some(getpid().as_raw());
    for member in roll().map(|roll| &roll.members).into_iter().flatten() {
        let pid = member.load(Ordering::Acquire);
        if pid > 0 && parent_of(pid) != us {
            forget(Pid::from_raw(pid));
        }
    }
}

fn enrol(roll: &Roll, child: Pid) -> bool {
    let pid = child.as_raw();
    let free = |member: &AtomicI32| {
        member.compare_exchange(0, pid, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    roll.members.iter().any(free)
}

fn mark_of(pid: i32, start: u64) -> String {
    format!("{pid:010}-{start:020}")
}

/// Returns the value for the environment: the mark of a guard and that of the one above it, or twice the same.
fn value_of(mark: &str, above: Option<&str>) -> String {
    format!("{mark}+{}", above.filter(|above| above.len() == mark.len()).unwrap_or(mark))
}

/// Returns the soft limit that marks what a guard's program starts: its process id (at most 22 bits), and the lowest 36
/// bits of its start. It is never so large as "unlimited", and never 0.
fn limit_mark(pid: i32, start: u64) -> u64 {
    let pid = u64::from(pid.unsigned_abs()) & ((1 << 22) - 1);
    (1 << 58) | (pid << 36) | (start & ((1 << 36) - 1))
}

/// Sets the limit for this process and all that it starts. Where the system refuses it, the environment is the only mark.
fn set_limit_mark(mark: u64) {
    if let Ok((_, hard)) = getrlimit(UNUSED_LIMIT) {
        let _ = setrlimit(UNUSED_LIMIT, mark, hard);
    }
}

/// Returns true if this process was started by a program of ours with this mark, also where a PID namespace or another
/// program of ours lies between.
pub(crate) fn is_below(mark: &str) -> bool {
    let inherited = MARKS.get().and_then(|marks| marks.inherited.as_deref());
    inherited.is_some_and(|value| marks_in(value).any(|above| above == mark))
}

/// Returns the mark of our own guard, which only those have that we start.
pub(crate) fn own_mark() -> Option<&'static str> {
    marks_in(MARKS.get()?.own.as_deref()?).next()
}

fn is_of_a_living_guard(value: &str) -> bool {
    let numbers = marks_in(value)
        .next()
        .and_then(|mark| mark.split_once('-'))
        .and_then(|(pid, start)| Some((pid.parse::<i32>().ok()?, start.parse::<u64>().ok()?)));
    numbers.is_some_and(|(pid, start)| start_of(pid) == Some(start))
}

/// Maps memory that forked processes share with us.
fn share() -> Option<&'static Roll> {
    let length = size_of::<Roll>().try_into().ok()?;
    let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice.
    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    let place = unsafe { mmap_anonymous(None, length, rights, MapFlags::MAP_SHARED) }.ok()?;
    // SAFETY: it is long enough, aligned to a page, full of zeros, which are values of all fields, and never unmapped.
    #[expect(unsafe_code, reason = "memory that is shared with another process")]
    Some(unsafe { place.cast::<Roll>().as_ref() })
}

/// Forks the guard. Its end sends no signal, and only who asks for it by name collects it: whoever waits for any child of
/// ours means another one.
#[expect(unsafe_code, reason = "only a fork can outlive us")]
fn start(guarded: &OwnedFd, roll: &'static Roll) -> Option<Pid> {
    let guarded = guarded.as_raw_fd();
    let _still = fork_lock::hold();
    // SAFETY: a fork without a signal at its end; no other thread holds a lock, so the copy can do what we can.
    let pid =
        unsafe { libc::syscall(libc::SYS_clone, 0_usize, 0_usize, 0_usize, 0_usize, 0_usize) };
    match i32::try_from(pid).ok()? {
        0 => stand_guard(guarded, roll),
        pid @ 1.. => Some(Pid::from_raw(pid)),
        ..0 => None,
    }
}

/// Ends the guard and collects it: a container may have nobody else who would.
fn end(guard: Pid) {
    let _ = kill(guard, Signal::SIGKILL);
    let _ = waitpid(guard, Some(WaitPidFlag::__WALL));
}

/// The life of the guard.
#[expect(unsafe_code, reason = "closing descriptors by number, and an end without destructors")]
fn stand_guard(guarded: RawFd, roll: &Roll) -> ! {
    // Whoever asks us for an end is waited for here as well; the guard hears of it by our end.
    let _ = SigSet::all().thread_block();
    let _ = nix::unistd::setsid();
    let _ = prctl::set_name(NAME);
    let _ = nix::unistd::chdir("/");
    keep_only(guarded);
    let mut watched = libc::pollfd { fd: GUARDED, events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, which lives here.
    while unsafe { libc::poll(&raw mut watched, 1, -1) } < 1 {}
    // Without the descriptor nothing is known of the process, and nobody is ended.
    let is_gone = watched.revents & libc::POLLIN != 0;
    if is_gone && !roll.released.load(Ordering::Acquire) {
        let members: Vec<i32> =
            roll.members.iter().map(|member| member.load(Ordering::Acquire)).collect();
        let us = getpid().as_raw();
        if let Some(start) = start_of(us) {
            let mark =
                kin::Mark { text: mark_of(us, start), limit: limit_mark(us, start), since: start };
            kin::end(members.into_iter().filter(|pid| *pid > 0), &mark);
        }
    }
    // SAFETY: ends the copy without running what the original has to run at its end.
    unsafe { libc::_exit(0) }
}

/// Closes all but the descriptor of the guarded process: nobody is to wait for the end of a file because of us.
#[expect(unsafe_code, reason = "closing descriptors by number")]
fn keep_only(guarded: RawFd) {
    // SAFETY: numbers only.
    let aside = unsafe { libc::fcntl(guarded, libc::F_DUPFD, GUARDED + 1) };
    // Not so high as the largest number that is allowed: that may be small.
    let kept = if aside < 0 { guarded } else { aside };
    // SAFETY: the path is a literal with its NUL.
    let null = unsafe { libc::open(c"/dev/null".as_ptr(), libc::O_RDWR) };
    for standard in 0..GUARDED {
        // SAFETY: numbers only.
        let replaced = unsafe { libc::dup2(null, standard) };
        if replaced < 0 {
            // SAFETY: numbers only.
            unsafe { libc::close(standard) };
        }
    }
    // SAFETY: numbers only; nothing here is used under its old number.
    unsafe { libc::dup2(kept, GUARDED) };
    // SAFETY: numbers only.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, GUARDED + 1, u32::MAX, 0) };
    if closed != 0 {
        // Kernels before 5.9 close one at a time.
        for fd in GUARDED + 1..1024 {
            // SAFETY: numbers only.
            unsafe { libc::close(fd) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_one_process_and_has_one_length() {
        let us = getpid().as_raw();
        let ours = mark_of(us, start_of(us).unwrap());
        assert!(is_of_a_living_guard(&ours));
        assert!(!is_of_a_living_guard(&mark_of(us, 1)), "another one with our number");
        for odd in ["", "-", "1", "x-y", "-1-1", "0-0"] {
            assert!(!is_of_a_living_guard(odd), "{odd:?}");
        }
        assert!(is_of_a_living_guard(&value_of(&ours, Some(&mark_of(1, 1)))));
        let lengths =
            [value_of(&ours, None), value_of(&ours, Some("x")), value_of(&ours, Some(&ours))];
        assert!(lengths.iter().all(|value| value.len() == 2 * ours.len() + 1), "{lengths:?}");
        assert_eq!(ours.len(), mark_of(1, 1).len());
        assert_eq!(ours.len(), mark_of(i32::MAX, u64::MAX).len());
    }

    #[test]
    fn the_roll_has_a_place_for_each_child_that_lives() {
        let roll =
            Roll { released: AtomicBool::new(false), members: [const { AtomicI32::new(0) }; MOST] };
        for pid in 1..=256 {
            assert!(enrol(&roll, Pid::from_raw(pid)), "{pid}");
        }
        assert!(!enrol(&roll, Pid::from_raw(257)));
    }
}
