//! The signals that ask a program to end, heard in one place from its first instruction to its last.
//!
//! One rule for all of them: the first one ends the step that is going on, and what is finished is kept; the one
//! after those that are heeded ends the program at once. A thread of its own hears them, so that nothing that a program does keeps it from being
//! ended. Where there is nothing to keep, the first signal ends it: a program says by [`Signals::heed`] where there is.
//!
//! Ending at once leaves nothing behind: what is in [`temporary`] is removed, and whatever was started is
//! killed.
//!
//! The signals that we inherit change none of this (`inherited.rs`): all that we start, too, starts as a shell would start it.

mod inherited;

use std::{
    collections::{BTreeSet, VecDeque},
    io,
    os::fd::{AsFd, BorrowedFd},
    process::exit,
    sync::{
        Arc, Barrier, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        eventfd::{EfdFlags, EventFd},
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd, siginfo},
    },
    unistd::{Pid, getppid, write},
};

use crate::{fork_lock, guard, orphans, temporary};

/// The signals by which somebody, or a limit of the system, asks for an end.
///
/// `SIGXFSZ`, sent for a file that has become too large (`ulimit -f`), only counts when somebody else sends it: the write
/// itself fails, with a name for what has failed.
pub const STOPS: &[Signal] = &[
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
];

/// Signals that are heeded for as long as a program that somebody else has written decides what they mean.
pub const ALL: u32 = u32::MAX;

/// The one who hears them.
static CURRENT: OnceLock<Signals> = OnceLock::new();

/// A signal that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// The signal.
    pub signal: Signal,
    /// A key of the terminal has sent it, to all processes in the foreground, or the kernel has.
    pub by_kernel: bool,
    /// Whoever has started us has sent it.
    pub by_parent: bool,
}

impl Heard {
    /// Returns the signal that asks another program to end in our stead. A limit of ours is none of theirs, and would leave a core of them.
    pub fn to_pass_on(self) -> Signal {
        let is_limit = [Signal::SIGXCPU, Signal::SIGXFSZ].contains(&self.signal);
        if is_limit { Signal::SIGTERM } else { self.signal }
    }
}

/// The differences between programs.
#[derive(Debug, Clone, Copy)]
pub struct EndPolicy {
    /// The text for the user when the program ends at once, from its last words.
    pub farewell: fn(&[String]) -> String,
    /// The exit code then.
    pub code: fn(Signal) -> u8,
}

/// The one who hears the signals. All copies are the same one.
#[derive(Debug, Clone)]
pub struct Signals {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Signals so far.
    count: AtomicU32,
    last: Mutex<Option<Signal>>,
    /// Signals that are left to the program; the next one ends it.
    heeded: AtomicU32,
    /// Those that nobody has taken yet.
    queue: Mutex<VecDeque<Heard>>,
    /// Readable while there are some.
    wake: EventFd,
    /// Processes that go on without us.
    spared: Mutex<BTreeSet<Pid>>,
    last_words: Mutex<Vec<String>>,
}

/// Leaves signals to the program for as long as it lives.
#[derive(Debug)]
pub struct Heeding<'a> {
    shared: &'a Shared,
    before: u32,
}

impl Signals {
    /// Hears all signals from now on. To be called first of all, before there is a second thread.
    ///
    /// Signals that the caller ignores on purpose (`nohup`) stay ignored; all else that is odd about the signals that
    /// we inherit is undone.
    ///
    /// # Errors
    ///
    /// If the system has no descriptor or no thread to spare.
    pub fn take(policy: EndPolicy) -> io::Result<Self> {
        inherited::start_afresh();
        // To block an ignored one would bring it back: it is kept for whoever may unblock it.
        let stops: SigSet =
            STOPS.iter().copied().filter(|signal| !inherited::is_ignored(*signal)).collect();
        let mut blocked = stops;
        // Whoever waits for children takes it by a descriptor, which the other threads must not do for him.
        blocked.add(Signal::SIGCHLD);
        blocked.thread_block()?;
        let source = SignalFd::with_flags(&stops, SfdFlags::SFD_CLOEXEC)?;
        let signals = Self::deaf()?;
        signals.spare_descendants();
        let shared = Arc::clone(&signals.shared);
        let ready = Arc::new(Barrier::new(2));
        let listens = Arc::clone(&ready);
        thread::Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(
            move || {
                listens.wait();
                listen(&shared, &source, policy);
            },
        )?;
        // From here on it only waits, see `fork_lock`.
        ready.wait();
        Ok(CURRENT.get_or_init(|| signals).clone())
    }

    /// The one that hears the signals of this program, for those who are far away from `main`; nobody in a test.
    pub fn current() -> Option<&'static Self> {
        CURRENT.get()
    }

    /// Hears nothing: for tests of what listens.
    ///
    /// # Errors
    ///
    /// If the system has no descriptor to spare.
    pub fn deaf() -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let shared = Shared {
            count: AtomicU32::new(0),
            last: Mutex::default(),
            heeded: AtomicU32::new(0),
            queue: Mutex::default(),
            wake: EventFd::from_value_and_flags(0, flags)?,
            spared: Mutex::default(),
            last_words: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns whether somebody wants an end.
    pub fn interrupted(&self) -> bool {
        self.count() > 0
    }

    /// Returns how often somebody has asked for an end.
    pub fn count(&self) -> u32 {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// Returns the signal that came last.
    pub fn last(&self) -> Option<Signal> {
        *lock(&self.shared.last)
    }

    /// Takes the next signal, if one came; doesn't wait.
    pub fn next(&self) -> Option<Heard> {
        let mut queue = lock(&self.shared.queue);
        let next = queue.pop_front();
        if queue.is_empty() {
            // Fails if it was not set.
            let _ = self.shared.wake.read();
        }
        next
    }

    /// Leaves as many signals to the program, counted from its start, as long as the result lives: it asks by
    /// [`Signals::interrupted`], and comes to an end by itself with what it has. The next one ends it at once.
    #[must_use]
    pub fn heed(&self, signals: u32) -> Heeding<'_> {
        let before = self.shared.heeded.swap(signals, Ordering::SeqCst);
        Heeding { shared: &self.shared, before }
    }

    /// Says what the user is told when the program ends at once from now on.
    pub fn set_last_words(&self, words: Vec<String>) {
        *lock(&self.shared.last_words) = words;
    }

    /// Processes that run below us now go on when we end at once: whoever has started them wants that.
    pub fn spare_descendants(&self) {
        let all = orphans::descendants().into_keys().collect();
        *lock(&self.shared.spared) = all;
    }
}

impl AsFd for Signals {
    /// Readable while a signal has come that nobody has taken.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.wake.as_fd()
    }
}

impl Drop for Heeding<'_> {
    fn drop(&mut self) {
        self.shared.heeded.store(self.before, Ordering::SeqCst);
    }
}

/// Gives a process that was just forked back the signals that we keep from ourselves. Only makes an async-signal-safe call.
///
/// # Errors
///
/// The system refuses; it has no reason to.
pub fn release() -> io::Result<()> {
    Ok(mask_of_programs().thread_set_mask()?)
}

/// Returns the signals that are blocked in the programs that we start: none.
pub fn mask_of_programs() -> SigSet {
    SigSet::empty()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept in them is whole at all times.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread.
fn listen(shared: &Shared, source: &SignalFd, policy: EndPolicy) {
    // Those that are no concern of ours go to those who want them.
    let _ = SigSet::all().thread_block();
    let mut over_time = false;
    loop {
        // A call that was broken off is repeated.
        let Ok(Some(info)) = source.read_signal() else { continue };
        let _at_work = fork_lock::hold();
        let Some(heard) = heard(&info) else { continue };
        // From there on the kernel repeats it every second, which is nobody's impatience.
        let is_limit = heard.signal == Signal::SIGXCPU && heard.by_kernel;
        if is_limit && std::mem::replace(&mut over_time, true) {
            continue;
        }
        if shared.hear(heard) {
            shared.end(heard.signal, policy);
        }
    }
}

fn heard(info: &siginfo) -> Option<Heard> {
    /// `SI_KERNEL` of `sigaction(2)`.
    const BY_KERNEL: i32 = 0x80;
    let signal = Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()?;
    let by_kernel = info.ssi_code == BY_KERNEL;
    let by_parent = i32::try_from(info.ssi_pid).is_ok_and(|pid| Pid::from_raw(pid) == getppid());
    Some(Heard { signal, by_kernel, by_parent })
}

impl Shared {
    /// Notes a signal. Returns whether it is the end.
    fn hear(&self, heard: Heard) -> bool {
        // Asked first: whoever learns of the signal below may be done with it, and heed fewer, before we go on.
        let heeded = self.heeded.load(Ordering::SeqCst);
        *lock(&self.last) = Some(heard.signal);
        lock(&self.queue).push_back(heard);
        let count = self.count.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        // Fails if nobody has looked 2^64 times.
        let _ = self.wake.write(1);
        count > heeded
    }

    fn end(&self, signal: Signal, policy: EndPolicy) -> ! {
        say_at_once(&(policy.farewell)(&lock(&self.last_words)));
        guard::end_descendants(lock(&self.spared).clone());
        // When nobody uses them any more. As long as it lives, which is to the end, nobody makes or moves a temporary
        // file.
        let _removed = temporary::remove_all();
        // It would end those that were spared.
        guard::release();
        let code = (policy.code)(signal);
        exit(i32::from(code))
    }
}

/// Writes to standard error, unless that would have to wait: for a reader, or for another thread of ours.
fn say_at_once(text: &str) {
    let stderr = io::stderr();
    let mut watched = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
    if poll(&mut watched, PollTimeout::ZERO) == Ok(1) {
        let _ = write(&stderr, text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY_USER: Heard = Heard { signal: Signal::SIGINT, by_kernel: false, by_parent: false };

    #[test]
    fn what_is_not_heeded_is_the_end() {
        let signals = Signals::deaf().unwrap();
        assert!(!signals.interrupted());
        {
            let _one = signals.heed(1);
            assert!(!signals.shared.hear(BY_USER));
            {
                let _two = signals.heed(2);
                assert!(!signals.shared.hear(BY_USER));
            }
            assert!(signals.shared.hear(BY_USER));
        }
        assert_eq!(signals.count(), 3);
        assert!(signals.interrupted());
        let fresh = Signals::deaf().unwrap();
        assert!(fresh.shared.hear(BY_USER), "nothing is kept");
    }

    #[test]
    fn each_signal_is_taken_once_and_counts_for_ever() {
        let signals = Signals::deaf().unwrap();
        let _all = signals.heed(ALL);
        signals.shared.hear(BY_USER);
        signals.shared.hear(Heard { signal: Signal::SIGTERM, ..BY_USER });
        assert_eq!(signals.next(), Some(BY_USER));
        assert_eq!(signals.next().unwrap().signal, Signal::SIGTERM);
        assert_eq!(signals.next(), None);
        assert_eq!(signals.count(), 2);
    }

    #[test]
    fn limits_of_ours_are_passed_on_as_a_plain_request() {
        let passed = |signal| Heard { signal, ..BY_USER }.to_pass_on();
        assert_eq!(passed(Signal::SIGXCPU), Signal::SIGTERM);
        assert_eq!(passed(Signal::SIGXFSZ), Signal::SIGTERM);
        assert_eq!(passed(Signal::SIGHUP), Signal::SIGHUP);
    }
}
