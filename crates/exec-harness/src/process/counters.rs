//! Counts events in a round: counters are opened before it begins and read when it is over, so that they cost no time in it.

use nix::errno::Errno;
use runner_shared::{artifact::Counted, counters::Event, walltime::as_float};
use system::perf::{Counter, HARDWARE, Refused, SOFTWARE};

/// An event that is counted, or why it can't be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    event: &'static Event,
    /// The work of the kernel is counted as well.
    with_kernel: bool,
    /// Empty if it can be counted.
    missing: String,
}

/// The events that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counters(Vec<Wanted>);

/// Counters of one round; nothing for those that can't be.
#[derive(Debug)]
pub(crate) struct Opened(Vec<Option<Counter>>);

impl Counters {
    /// Tries which of the events can be counted here.
    pub(crate) fn of(events: &[&'static Event]) -> Self {
        Self(events.iter().copied().map(wanted).collect())
    }

    /// Opens the counters of the next program that this thread starts. The kernel gives them to that one for good, so
    /// that each round needs its own.
    pub(crate) fn open(&self) -> Opened {
        let open = |of: &Wanted| {
            let is_there = of.missing.is_empty();
            is_there.then(|| opened(of.event, of.with_kernel).ok()).flatten()
        };
        Opened(self.0.iter().map(open).collect())
    }

    /// Columns without a round.
    pub(crate) fn columns(&self) -> Vec<Counted> {
        let column = |Wanted { event, with_kernel, missing }: &Wanted| Counted {
            name: event.name.to_owned(),
            with_kernel: *with_kernel,
            missing: missing.clone(),
            least_running: 1.0,
            values: Vec::new(),
        };
        self.0.iter().map(column).collect()
    }
}

impl Opened {
    /// Adds what was counted to the columns, one value each.
    pub(crate) fn read_into(&self, columns: &mut [Counted]) {
        for (counter, column) in self.0.iter().zip(columns) {
            let count = counter.as_ref().and_then(|counter| counter.read().ok());
            column.values.push(count.and_then(system::perf::Count::scaled));
            if let Some(count) = count.filter(|count| count.running < count.enabled) {
                let share = as_float(count.running) / as_float(count.enabled);
                column.least_running = column.least_running.min(share);
            }
        }
    }
}

fn opened(event: &Event, with_kernel: bool) -> Result<Counter, Errno> {
    let kind = if event.is_hardware { HARDWARE } else { SOFTWARE };
    Counter::of_next_program(kind, event.config, with_kernel)
}

fn wanted(event: &'static Event) -> Wanted {
    let is_refused = |errno: Errno| [Errno::EACCES, Errno::EPERM].contains(&errno);
    match opened(event, true) {
        Ok(_) => Wanted { event, with_kernel: true, missing: String::new() },
        Err(errno) if is_refused(errno) && !event.is_of_kernel => match opened(event, false) {
            Ok(_) => Wanted { event, with_kernel: false, missing: String::new() },
            Err(errno) => Wanted { event, with_kernel: false, missing: why(event, errno, 2) },
        },
        Err(errno) => Wanted { event, with_kernel: true, missing: why(event, errno, 1) },
    }
}

fn why(event: &Event, errno: Errno, paranoid: u8) -> String {
    let is_absent =
        [Errno::ENOENT, Errno::ENODEV, Errno::EOPNOTSUPP, Errno::ENXIO].contains(&errno);
    if event.is_hardware && is_absent {
        // The name of the error: its text speaks of files.
        return format!(
            "this machine doesn't provide this hardware counter, like most virtual machines ({errno:?})"
        );
    }
    Refused::of(errno, paranoid).to_string()
}

#[cfg(test)]
mod tests {
    use runner_shared::counters::find;

    use super::*;

    #[test]
    fn a_reason_is_given_for_what_can_not_be_counted() {
        let absent = why(find("cycles").unwrap(), Errno::ENOENT, 2);
        assert!(
            absent.starts_with("this machine doesn't provide this hardware counter"),
            "{absent}"
        );
        let refused = why(find("context-switches").unwrap(), Errno::EACCES, 1);
        assert!(refused.contains("kernel.perf_event_paranoid"), "{refused}");
    }
}
