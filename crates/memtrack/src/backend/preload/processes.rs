//! The processes and threads that are traced, and those of them that still live.

use std::{
    collections::HashMap,
    fs,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::MetadataExt,
    },
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    unistd::Pid,
};
use system::{files, pidfd};

/// As many descriptors are used to watch processes; the others are asked one by one.
const MAX_DESCRIPTORS: usize = 400;
/// More processes than the kernel can have at once are a program's nonsense.
const MAX_PROCESSES: usize = 1 << 17;

/// A process as it calls itself: the inode of its namespace, and its number there.
pub(super) type Who = (u64, i32);

/// A process, by a number that is used once.
pub(super) type Key = u64;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    /// Its number in the namespace of the tracer, or, when that is unknown, in its own.
    pub pid: i32,
    /// Its number in its own namespace.
    inner_pid: i32,
    /// The inode of that.
    namespace: u64,
    /// The means by which its end is seen.
    watch: Watch,
    /// Threads that have not ended, or whose records are not all read.
    pub threads: usize,
    /// A first image has begun.
    pub started: bool,
    /// Stamp of its last record.
    pub last: u64,
    /// It has ended.
    pub dead: bool,
}

impl Process {
    /// The process as it calls itself, or another one of its namespace.
    pub(super) fn who(&self, other: Option<i32>) -> Who {
        (self.namespace, other.unwrap_or(self.inner_pid))
    }

    /// The number of one of its threads in the namespace of the tracer, as far as it is known.
    pub(super) const fn outer_tid(&self, tid: i32) -> i32 {
        if tid == self.inner_pid { self.pid } else { tid }
    }
}

#[derive(Debug)]
enum Watch {
    Descriptor(OwnedFd),
    Number,
    /// It lives in a namespace that we can't look into.
    Never,
}

/// All processes.
#[derive(Debug)]
pub(super) struct Processes {
    next: Key,
    namespace: u64,
    by_number: HashMap<(u64, i32), Key>,
    all: HashMap<Key, Process>,
    descriptors: usize,
}

impl Processes {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            namespace: fs::metadata("/proc/self/ns/pid").map_or(0, |about| about.ino()),
            by_number: HashMap::new(),
            all: HashMap::new(),
            descriptors: 0,
        }
    }

    /// The process with this number in this namespace; `None` when there are too many.
    pub(super) fn find(&mut self, namespace: u64, pid: i32) -> Option<Key> {
        if let Some(key) = self.by_number.get(&(namespace, pid))
            && let Some(process) = self.all.get(key)
            // Another process can have the number of a dead one.
            && (!process.dead || !lives(process.pid))
        {
            return Some(*key);
        }
        if self.all.len() >= MAX_PROCESSES || pid <= 0 {
            return None;
        }
        let key = self.next;
        self.next += 1;
        let process = self.watch(namespace, pid);
        self.all.insert(key, process);
        self.by_number.insert((namespace, pid), key);
        Some(key)
    }

    /// Returns the number of all that were ever found.
    pub(super) const fn found(&self) -> u64 {
        self.next
    }

    fn watch(&mut self, namespace: u64, inner_pid: i32) -> Process {
        let mut process = Process {
            pid: inner_pid,
            inner_pid,
            namespace: if namespace == 0 { self.namespace } else { namespace },
            watch: Watch::Number,
            threads: 0,
            started: false,
            last: 0,
            dead: false,
        };
        if namespace != self.namespace && namespace != 0 && self.namespace != 0 {
            let Some(pid) = outer_pid(namespace, inner_pid) else {
                process.watch = Watch::Never;
                return process;
            };
            process.pid = pid;
        }
        if self.descriptors < MAX_DESCRIPTORS {
            match pidfd::open(Pid::from_raw(process.pid)) {
                Ok(descriptor) => {
                    self.descriptors += 1;
                    process.watch = Watch::Descriptor(descriptor);
                }
                Err(err) if err.raw_os_error() == Some(libc::ESRCH) => process.dead = true,
                Err(_old_kernel) => {}
            }
        }
        process
    }

    /// The process with this key.
    pub(super) fn get(&self, key: Key) -> Option<&Process> {
        self.all.get(&key)
    }

    /// The process with this key.
    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut Process> {
        self.all.get_mut(&key)
    }

    /// Forgets a process that is dead.
    pub(super) fn remove(&mut self, key: Key) {
        if let Some(process) = self.all.remove(&key)
            && matches!(process.watch, Watch::Descriptor(_))
        {
            self.descriptors = self.descriptors.saturating_sub(1);
        }
        // Seldom as long as the map of those that live.
        if self.by_number.len() > 2 * self.all.len() + 64 {
            self.by_number.retain(|_, known| self.all.contains_key(known));
        }
    }

    /// The dead ones that have nothing more to say.
    pub(super) fn silent(&self) -> Vec<Key> {
        let silent = self.all.iter().filter(|(_, process)| process.dead && process.threads == 0);
        silent.map(|(key, _)| *key).collect()
    }

    /// Sees who has died since the last time.
    pub(super) fn look(&mut self) {
        let mut keys = Vec::with_capacity(self.descriptors);
        let mut polled = Vec::with_capacity(self.descriptors);
        for (key, process) in &self.all {
            if let (Watch::Descriptor(descriptor), false) = (&process.watch, process.dead) {
                keys.push(*key);
                polled.push(PollFd::new(descriptor.as_fd(), PollFlags::POLLIN));
            }
        }
        let mut ended: Vec<Key> = Vec::new();
        if !polled.is_empty() && poll(&mut polled, PollTimeout::ZERO).is_ok_and(|ready| ready > 0) {
            let ready = keys.iter().zip(&polled).filter(|(_, fd)| fd.any().unwrap_or(false));
            ended.extend(ready.map(|(key, _)| *key));
        }
        let asked = self.all.iter().filter(|(_, process)| !process.dead);
        let asked = asked.filter(|(_, process)| matches!(process.watch, Watch::Number));
        ended.extend(asked.filter(|(_, process)| !lives(process.pid)).map(|(key, _)| *key));
        for key in ended {
            if let Some(process) = self.all.get_mut(&key) {
                process.dead = true;
            }
        }
    }

    /// Tells whether a thread is gone for sure.
    pub(super) fn thread_is_gone(&self, key: Key, tid: i32) -> bool {
        let Some(process) = self.all.get(&key) else { return true };
        let same_namespace = process.pid == process.inner_pid;
        process.dead
            || (same_namespace && !matches!(process.watch, Watch::Never) && gone(process.pid, tid))
    }
}

#[expect(unsafe_code, reason = "tgkill has no safe wrapper")]
fn gone(pid: i32, tid: i32) -> bool {
    // SAFETY: takes three numbers; signal 0 only asks.
    let asked = unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, 0) };
    asked != 0 && Errno::last() == Errno::ESRCH
}

/// Tells whether a process has not ended; one that nobody has waited for has.
pub(super) fn lives(pid: i32) -> bool {
    let Ok(stat) = files::read_kernel(format!("/proc/{pid}/stat")) else { return !gone(pid, pid) };
    let after_name = stat.iter().rposition(|byte| *byte == b')').unwrap_or(0);
    !matches!(stat.get(after_name + 2), Some(b'Z' | b'X'))
}

/// The number in our namespace of a process that lives.
pub(super) fn outer_pid_of((namespace, inner): Who) -> Option<i32> {
    let own = fs::metadata("/proc/self/ns/pid").map_or(0, |about| about.ino());
    if namespace == own { Some(inner) } else { outer_pid(namespace, inner) }
}

/// The number that a process of another namespace has in ours.
fn outer_pid(namespace: u64, inner: i32) -> Option<i32> {
    let is_it = |pid: &i32| {
        let status = files::read_kernel_text(format!("/proc/{pid}/status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
        let last = numbers.and_then(|numbers| numbers.split_whitespace().next_back());
        last == Some(inner.to_string().as_str())
            && fs::metadata(format!("/proc/{pid}/ns/pid"))
                .is_ok_and(|about| about.ino() == namespace)
    };
    let entries = fs::read_dir("/proc").ok()?.flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(is_it)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a process to watch")]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_process_is_seen_before_anybody_waits_for_it() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let mut processes = Processes::new();
        let key = processes.find(processes.namespace, pid).unwrap();
        assert_eq!(processes.find(processes.namespace, pid), Some(key));
        processes.look();
        assert!(processes.silent().is_empty() && lives(pid));
        assert!(!processes.thread_is_gone(key, pid));
        drop(child.stdin.take());
        let descriptor = pidfd::open(Pid::from_raw(pid)).unwrap();
        let mut ended = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        assert_eq!(poll(&mut ended, PollTimeout::NONE), Ok(1));
        assert!(!lives(pid), "a zombie");
        processes.look();
        assert_eq!(processes.silent(), [key]);
        assert!(processes.get(key).unwrap().dead && processes.thread_is_gone(key, pid));
        assert_eq!(processes.find(processes.namespace, pid), Some(key), "late records");
        processes.remove(key);
        assert!(processes.get(key).is_none());
        child.wait().unwrap();
        assert!(gone(pid, pid));
    }

    #[test]
    fn impossible_processes_are_none() {
        let mut processes = Processes::new();
        assert_eq!(processes.find(processes.namespace, 0), None);
        assert_eq!(processes.find(processes.namespace, -1), None);
    }
}
