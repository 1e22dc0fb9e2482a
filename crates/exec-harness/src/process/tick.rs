//! The precision with which the kernel tells user mode from kernel mode.

use nix::{
    sched::{CpuSet, sched_getaffinity},
    time::{ClockId, clock_getres},
    unistd::Pid,
};
use system::files;

/// Processors on which each change of mode is stamped (`CONFIG_VIRT_CPU_ACCOUNTING_GEN` at work), as a list of ranges.
const STAMPED: &str = "/sys/devices/system/cpu/nohz_full";

/// Nanoseconds between two looks of the kernel at what a process does; 0 if it stamps each change of mode on all
/// processors where we may run. `None` if it doesn't say.
///
/// Processor time as a whole is exact everywhere, but without stamps its split is that of the timer ticks that met the
/// process in either mode (`cputime_adjust` of the kernel). The coarse clocks move with the same tick.
pub(crate) fn tick_ns() -> Option<u64> {
    let stamped = files::read_kernel_text(STAMPED).unwrap_or_default();
    if let (Ok(ours), false) = (sched_getaffinity(Pid::from_raw(0)), stamped.trim().is_empty()) {
        let is_covered = (0..CpuSet::count())
            .filter(|cpu| ours.is_set(*cpu).unwrap_or(false))
            .all(|cpu| is_in(&stamped, cpu));
        if is_covered {
            return Some(0);
        }
    }
    let step = clock_getres(ClockId::CLOCK_MONOTONIC_COARSE).ok()?;
    let (seconds, nanos) =
        (u64::try_from(step.tv_sec()).ok()?, u64::try_from(step.tv_nsec()).ok()?);
    Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// Returns true if a list such as `1-3,6` contains the number.
fn is_in(ranges: &str, number: usize) -> bool {
    ranges.trim().split(',').any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let bounds = (first.trim().parse::<usize>(), last.trim().parse::<usize>());
        matches!(bounds, (Ok(first), Ok(last)) if (first..=last).contains(&number))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_linux_are_one_to_ten_milliseconds_long() {
        let tick = tick_ns().unwrap();
        assert!(tick == 0 || (500_000..=10_000_000).contains(&tick), "{tick}");
    }

    #[test]
    fn lists_of_processors_are_read() {
        assert!([1, 2, 3, 6].iter().all(|cpu| is_in("1-3,6\n", *cpu)));
        assert!([0, 4, 7].iter().all(|cpu| !is_in("1-3,6\n", *cpu)));
        assert!(!is_in("(null)\n", 0) && !is_in("", 0));
    }
}
