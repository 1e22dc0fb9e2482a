//! Checks of what else the machine does: work of others, stolen time, memory that is short.

use runner_shared::mode::Mode;

use super::{By, Check, Facts, PIN, Seen, percent, processors::stolen};

const WALLTIME: &[Mode] = &[Mode::Walltime];
const ALL: &[Mode] = &[Mode::Walltime, Mode::Simulation, Mode::Memory];
/// More than this share of the time, others are in the way.
const BUSY: f64 = 0.2;
/// More than this share of ten seconds, somebody has waited.
const PRESSED: f64 = 0.05;
/// Memory in the swap that is more than what long ago was not needed, bytes.
const MUCH_SWAP: u64 = 256 << 20;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "steal",
        title: "stolen time",
        modes: WALLTIME,
        why: "the host gives the processor to other machines in the middle of a round, which only paired comparisons \
            cancel out",
        look: stolen,
    },
    Check {
        id: "load",
        title: "load",
        modes: WALLTIME,
        why: "other programs compete for processor, caches and memory; undisturbed times exclude only the first",
        look: load,
    },
    Check {
        id: "pressure",
        title: "pressure",
        modes: ALL,
        why: "programs wait for a processor, memory or a disk used by others",
        look: pressure,
    },
    Check {
        id: "swap",
        title: "swap",
        modes: ALL,
        why: "reading a page from disk takes a thousand times as long",
        look: swap,
    },
];

fn load(facts: &Facts) -> Seen {
    let average = facts.read("/proc/loadavg");
    let average = average.as_deref().and_then(|text| text.split_whitespace().next());
    let busy: Vec<f64> =
        facts.allowed.iter().filter_map(|number| facts.usage.busy(*number)).collect();
    let count = busy.len();
    if count == 0 {
        return Seen::unknown("not reported by the system");
    }
    let calm = busy.iter().filter(|share| **share < BUSY).count();
    let lowest = busy.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = busy.iter().copied().fold(0.0, f64::max);
    let average = average.map(|load| format!("; load {load}")).unwrap_or_default();
    let text = format!(
        "{calm} of {count} processors idle (load: {} to {}){average}",
        percent(lowest),
        percent(highest)
    );
    if calm == count {
        return Seen::ok(text);
    }
    Seen::note(text).fix(By::You, "close other programs").fix(By::You, PIN)
}

fn pressure(facts: &Facts) -> Seen {
    let kinds = [("cpu", "some"), ("memory", "full"), ("io", "full")];
    let shares: Vec<(&str, f64)> = kinds
        .iter()
        .filter_map(|(kind, line)| {
            let text = facts.read(&format!("/proc/pressure/{kind}"))?;
            Some((*kind, average(&text, line)?))
        })
        .collect();
    if shares.is_empty() {
        return Seen::unknown("not measured by this kernel (boot option `psi=1`)");
    }
    let shown: Vec<String> =
        shares.iter().map(|(kind, share)| format!("{kind} {}", percent(*share))).collect();
    let shown = format!("{} of the last 10 s", shown.join(", "));
    if shares.iter().all(|(_, share)| *share < PRESSED) {
        return Seen::ok(shown);
    }
    Seen::note(shown).fix(By::You, "close other programs, or wait for them to finish")
}

/// The mean over ten seconds in a line of `/proc/pressure` (Documentation/accounting/psi.rst).
fn average(text: &str, line: &str) -> Option<f64> {
    let words = text.lines().find_map(|found| found.strip_prefix(line))?;
    let share: f64 =
        words.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()?;
    Some(share / 100.0)
}

fn swap(facts: &Facts) -> Seen {
    let Some(meminfo) = facts.read("/proc/meminfo") else {
        return Seen::unknown("not reported by the system");
    };
    let kib = |name: &str| {
        let rest = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        rest.trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    match (kib("SwapTotal:"), kib("SwapFree:")) {
        (Some(0), _) => Seen::ok("none"),
        (Some(all), Some(free)) => {
            let used = all.saturating_sub(free) << 10;
            let text = format!("{} MiB of {} MiB in use", used >> 20, all >> 10);
            if used <= MUCH_SWAP {
                return Seen::ok(text);
            }
            Seen::note(text)
                .fix(By::You, "close programs that use much memory")
                .fix(By::Root, "swapoff -a && swapon -a")
        }
        (Some(_) | None, None) | (None, Some(_)) => Seen::unknown("not reported by the system"),
    }
}
