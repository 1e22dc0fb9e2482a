//! Events of the kernel that can be counted in the rounds of a command (`--counters`): one table.

use std::fmt::Write;

/// An event that can be counted.
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, as that of perf.
    pub name: &'static str,
    /// Another name that perf has for it; empty if there is none.
    pub alias: &'static str,
    /// Head of its column.
    pub title: &'static str,
    /// Counted by the processor, not by the kernel.
    pub is_hardware: bool,
    /// Its number among those of its kind (`perf_event_open(2)`).
    pub config: u64,
    /// It is a time in nanoseconds.
    pub is_time: bool,
    /// It happens in the kernel only, so that it can't be counted by those who may not look into it.
    pub is_of_kernel: bool,
}

const fn hardware(
    name: &'static str,
    alias: &'static str,
    title: &'static str,
    config: u64,
) -> Event {
    Event { name, alias, title, is_hardware: true, config, is_time: false, is_of_kernel: false }
}

const fn software(
    name: &'static str,
    alias: &'static str,
    title: &'static str,
    config: u64,
) -> Event {
    Event { is_hardware: false, ..hardware(name, alias, title, config) }
}

/// All events, in the order of their columns.
pub const EVENTS: &[Event] = &[
    hardware("instructions", "", "Instructions", 1),
    hardware("cycles", "cpu-cycles", "Cycles", 0),
    hardware("ref-cycles", "", "Ref. cycles", 9),
    hardware("branches", "branch-instructions", "Branches", 4),
    hardware("branch-misses", "", "Branch misses", 5),
    hardware("cache-references", "", "Cache refs", 2),
    hardware("cache-misses", "", "Cache misses", 3),
    hardware("bus-cycles", "", "Bus cycles", 6),
    hardware("stalled-cycles-frontend", "", "Stalled, front", 7),
    hardware("stalled-cycles-backend", "", "Stalled, back", 8),
    Event { is_time: true, ..software("task-clock", "", "Task clock", 1) },
    Event { is_time: true, ..software("cpu-clock", "", "CPU clock", 0) },
    software("page-faults", "faults", "Page faults", 2),
    software("minor-faults", "", "Minor faults", 5),
    software("major-faults", "", "Major faults", 6),
    Event { is_of_kernel: true, ..software("context-switches", "cs", "Switches", 3) },
    Event { is_of_kernel: true, ..software("cpu-migrations", "migrations", "Migrations", 4) },
    software("alignment-faults", "", "Alignment faults", 7),
    software("emulation-faults", "", "Emulation faults", 8),
];

/// A name that is none of an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown counter `{name}`; the counters are {}", names())]
pub struct UnknownEvent {
    /// The offending text.
    pub name: String,
}

/// Returns the event with this name.
///
/// # Errors
///
/// If there is none.
pub fn find(name: &str) -> Result<&'static Event, UnknownEvent> {
    let is_meant = |event: &&Event| event.name == name || (event.alias == name && !name.is_empty());
    EVENTS.iter().find(is_meant).ok_or_else(|| UnknownEvent { name: name.to_owned() })
}

/// Reads one name of the command line.
///
/// # Errors
///
/// If there is no such event.
pub fn parse(name: &str) -> Result<String, UnknownEvent> {
    find(name.trim()).map(|event| event.name.to_owned())
}

fn names() -> String {
    let mut text = String::new();
    for (nth, event) in EVENTS.iter().enumerate() {
        let comma = if nth > 0 { ", " } else { "" };
        // Writing to a text doesn't fail.
        let _ = write!(text, "{comma}{}", event.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_by_both_names_and_no_other() {
        assert_eq!(find("cpu-cycles").unwrap().name, "cycles");
        assert_eq!(parse(" faults").unwrap(), "page-faults");
        for name in ["", "cycle", "Instructions"] {
            let err = find(name).unwrap_err().to_string();
            assert!(
                err.starts_with(&format!(
                    "unknown counter `{name}`; the counters are instructions, cycles,"
                )),
                "{err}"
            );
        }
        let mut names: Vec<&str> = EVENTS.iter().map(|event| event.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), EVENTS.len());
    }
}
