//! A number that the kernel counts of a process and all that it starts, from its `execve` on.

#![expect(unsafe_code, reason = "reading into an array of words")]

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::{errno::Errno, unistd::Pid};

use super::{Attributes, flags, open};

/// `PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING`.
const TIMES: u64 = 1 | 1 << 1;

/// A counter of the program that this thread starts next.
#[derive(Debug)]
pub struct Counter(OwnedFd);

/// The count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub value: u64,
    /// Nanoseconds in which it should have counted.
    pub enabled: u64,
    /// Nanoseconds in which it has: less where there are more events than counters.
    pub running: u64,
}

impl Counter {
    /// Opens a counter on the calling thread that counts nothing there, but in each process that the thread starts from
    /// then on, from its `execve`, with all that it starts itself.
    ///
    /// # Errors
    ///
    /// As [`open`].
    pub fn of_next_program(kind: u32, config: u64, with_kernel: bool) -> Result<Self, Errno> {
        let also = if with_kernel { 0 } else { flags::EXCLUDE_KERNEL | flags::EXCLUDE_HYPERVISOR };
        let flags = flags::DISABLED | flags::INHERIT | flags::ENABLE_ON_EXEC | also;
        let attributes =
            Attributes { read_format: TIMES, ..Attributes::counting(kind, config, flags) };
        open(&attributes, Pid::from_raw(0), None).map(Self)
    }

    /// Returns the count so far.
    ///
    /// # Errors
    ///
    /// If the kernel gives no whole answer.
    pub fn read(&self) -> io::Result<Count> {
        let mut words = [0_u64; 3];
        // SAFETY: the array is as long as is said, and any bytes are words.
        let len = unsafe {
            libc::read(self.0.as_raw_fd(), words.as_mut_ptr().cast(), size_of_val(&words))
        };
        match usize::try_from(len) {
            Err(_) => return Err(io::Error::last_os_error()),
            // Nothing is wrong with the call, so that the last error is one of before: an event that could not stay on
            // its processor is at its end.
            Ok(len) if len != size_of_val(&words) => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(_) => {}
        }
        let [value, enabled, running] = words;
        Ok(Count { value, enabled, running })
    }
}

impl Count {
    /// The number as it would be had it been counted all the time; `None` if it never was, although there was something
    /// to count.
    pub fn scaled(self) -> Option<u64> {
        let Self { value, enabled, running } = self;
        if enabled == running {
            return Some(value);
        }
        let scaled = (u128::from(value) * u128::from(enabled)).checked_div(u128::from(running))?;
        Some(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_for_a_part_of_the_time_is_scaled_up() {
        let scaled = |value, enabled, running| Count { value, enabled, running }.scaled();
        assert_eq!(scaled(7, 100, 100), Some(7));
        assert_eq!(scaled(7, 100, 50), Some(14));
        assert_eq!(scaled(7, 100, 0), None);
        assert_eq!(scaled(0, 0, 0), Some(0));
        assert_eq!(scaled(u64::MAX, u64::MAX, 1), Some(u64::MAX));
    }
}
