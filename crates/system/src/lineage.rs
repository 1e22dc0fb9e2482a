//! The processes above this one, each with the time when it started: process ids are used again, the pair is not.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use nix::{
    time::{ClockId, clock_gettime},
    unistd::getppid,
};

use crate::files::{self, Links};

/// A process above this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ancestor {
    /// Its id.
    pub pid: i32,
    /// When it started, in ticks since the machine was started.
    pub start: u64,
    /// The same by the clock on the wall, as far as the kernel tells.
    pub started: Option<SystemTime>,
}

/// Ticks in a second: a constant of the kernel's interface on the machines that we support.
const TICKS: u64 = 100;

/// More processes above each other are not looked at.
const MOST: usize = 256;

/// Our parent, its parent, and so on, as far as they can be seen.
pub fn ancestors() -> Vec<Ancestor> {
    let boot = read("/proc/stat").and_then(|text| boot_time(&text));
    let mut ancestors = Vec::new();
    let mut pid = getppid().as_raw();
    while let Some(Facts { parent, start, .. }) = facts(pid)
        && ancestors.len() < MOST
    {
        let started = boot.and_then(|boot| boot.checked_add(Duration::from_secs(start / TICKS)));
        ancestors.push(Ancestor { pid, start, started });
        pid = parent;
    }
    ancestors
}

/// Returns the parent of a process; nothing if there is none.
pub fn parent_of(pid: i32) -> Option<i32> {
    facts(pid).map(|facts| facts.parent)
}

/// When the process started, in ticks; nothing if there is none.
pub fn start_of(pid: i32) -> Option<u64> {
    facts(pid).map(|facts| facts.start)
}

/// The present in ticks since the machine was started, the time that it slept included, as [`start_of`] has it.
pub fn ticks_now() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    let ticks = now.as_nanos() / u128::from(1_000_000_000 / TICKS);
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Facts about a process, from the system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// A letter for what it does, as `R` for running.
    pub state: char,
    /// Its parent.
    pub parent: i32,
    /// The leader of its process group.
    pub group: i32,
    /// Its start, in ticks since the machine was started.
    pub start: u64,
}

/// Returns what the system says of a process; nothing if there is none.
pub(crate) fn facts(pid: i32) -> Option<Facts> {
    if pid <= 0 {
        return None;
    }
    parse_stat(&read(&format!("/proc/{pid}/stat"))?)
}

/// Reads a file of the kernel.
fn read(path: &str) -> Option<String> {
    const MOST_BYTES: u64 = 1 << 20;
    let bytes = files::read(Path::new(path), Links::Follow, MOST_BYTES).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads `/proc/<pid>/stat`, see `proc_pid_stat(5)`: fields 3, 4, 5 and 22. The name may hold anything, so the last `)` ends it.
fn parse_stat(text: &str) -> Option<Facts> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let start = fields.nth(16)?.parse().ok()?;
    Some(Facts { state, parent, group, start })
}

/// Reads the line `btime` of `/proc/stat`, seconds since 1970.
fn boot_time(text: &str) -> Option<SystemTime> {
    let line = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(line.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_and_the_start_are_read_whatever_the_name_is() {
        let rest = "S 7 5 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2";
        let expected = Some(Facts { state: 'S', parent: 7, group: 5, start: 4242 });
        assert_eq!(parse_stat(&format!("12 (sh) {rest}\n")), expected);
        assert_eq!(parse_stat(&format!("12 (a ) b) {rest}\n")), expected);
        for text in ["", "12 (sh)", "12 (sh) S 7", "12 (sh) S x 1", "12 sh S 7 1"] {
            assert_eq!(parse_stat(text), None, "{text:?}");
        }
        let boot = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
        assert_eq!(boot_time("cpu 1\nbtime 9\n"), Some(boot));
        assert_eq!(boot_time("cpu 1\n"), None);
    }

    #[test]
    fn our_own_parents_are_found_and_end_somewhere() {
        let all = ancestors();
        let first = all.first().unwrap();
        assert_eq!(first.pid, getppid().as_raw());
        assert_eq!(start_of(first.pid), Some(first.start));
        assert!(first.started.unwrap() <= SystemTime::now());
        assert!(first.start <= ticks_now());
        assert_eq!(start_of(0), None);
        assert_eq!(parent_of(std::process::id().cast_signed()), Some(first.pid));
    }
}
