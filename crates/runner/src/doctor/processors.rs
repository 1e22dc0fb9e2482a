//! Checks of the processors: their clock, their siblings, their sleep, and what is below them.

use runner_shared::{mode::Mode, text::count};

use super::{By, Check, Facts, ISOLATE, PIN, Seen, percent};

const WALLTIME: &[Mode] = &[Mode::Walltime];
const CPU: &str = "/sys/devices/system/cpu";
/// A sibling that works more than this takes something of the core.
const BUSY: f64 = 0.1;
/// Waking from a deeper sleep takes longer than a short round should notice, microseconds.
const LONG_WAKE_US: u64 = 50;
/// Sources of time that a program reads without the kernel's help.
const FAST_CLOCKS: &[&str] =
    &["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "governor",
        title: "frequency governor",
        modes: WALLTIME,
        why: "the clock speed rises only under load, so short rounds are slower than long ones",
        look: governor,
    },
    Check {
        id: "boost",
        title: "boost",
        modes: WALLTIME,
        why: "how long the boost lasts depends on the temperature and on the other cores",
        look: boost,
    },
    Check {
        id: "siblings",
        title: "siblings (SMT)",
        modes: WALLTIME,
        why: "two processors of a core share its units: work on one slows down the other",
        look: siblings,
    },
    Check {
        id: "throttling",
        title: "thermal throttling",
        modes: WALLTIME,
        why: "an overheated processor slows down in the middle of a round",
        look: throttling,
    },
    Check {
        id: "idle_states",
        title: "idle states",
        modes: WALLTIME,
        why: "waking from a deep sleep takes time, which slows down programs that wait, and the first microseconds of \
            each round",
        look: idle_states,
    },
    Check {
        id: "virtual_machine",
        title: "virtual machine",
        modes: WALLTIME,
        why: "the host decides when and how fast this machine runs, and which other machines share it",
        look: virtual_machine,
    },
    Check {
        id: "clock_source",
        title: "time source",
        modes: WALLTIME,
        why: "reading a slow clock takes a microsecond, and integrations read it around each round",
        look: clock_source,
    },
    Check {
        id: "preemption",
        title: "preemption",
        modes: WALLTIME,
        why: "a real-time kernel interrupts programs more often",
        look: preemption,
    },
];

fn governor(facts: &Facts) -> Seen {
    let values = facts.of_processors("cpufreq/scaling_governor");
    if values.is_empty() {
        return Seen::unknown(
            "no frequency control is visible; in a virtual machine the host has it",
        );
    }
    let shown: Vec<String> =
        values.iter().map(|(value, count)| format!("{value} on {count}")).collect();
    if values.keys().all(|value| value == "performance") {
        return Seen::ok(shown.join(", "));
    }
    Seen::note(shown.join(", "))
        .fix(By::Root, ISOLATE)
        .fix(By::Root, "cpupower frequency-set -g performance")
}

fn boost(facts: &Facts) -> Seen {
    let intel = facts.read(&format!("{CPU}/intel_pstate/no_turbo")).map(|off| off == "0");
    let others = || facts.read(&format!("{CPU}/cpufreq/boost")).map(|on| on == "1");
    match intel.or_else(others) {
        None => Seen::unknown("this machine has no switch for it"),
        Some(false) => Seen::ok("off"),
        Some(true) => Seen::note("on").fix(By::Root, ISOLATE),
    }
}

fn siblings(facts: &Facts) -> Seen {
    if facts.read(&format!("{CPU}/smt/active")).as_deref() == Some("0") {
        return Seen::ok("each core is one processor");
    }
    let of_core = |number: usize| system::processors::of_core(facts.tree.root(), number);
    let shared = |number: &&usize| of_core(**number).len() > 1;
    let (all, shared) = (facts.allowed.len(), facts.allowed.iter().filter(shared).count());
    let known = facts.read(&format!("{CPU}/cpu0/topology/thread_siblings_list")).is_some();
    if shared == 0 {
        return if known {
            Seen::ok("each core is one processor")
        } else {
            Seen::unknown("the system does not report which processors share a core")
        };
    }
    let calm = |number: &&usize| {
        of_core(**number).iter().all(|other| {
            other == *number || facts.usage.busy(*other).is_none_or(|busy| busy < BUSY)
        })
    };
    let calm = facts.allowed.iter().filter(calm).count();
    let text =
        format!("{shared} of {all} processors share a core; {calm} currently has an idle sibling");
    if calm == all {
        return Seen::ok(text);
    }
    Seen::note(text).fix(By::You, PIN).fix(By::Root, ISOLATE)
}

fn throttling(facts: &Facts) -> Seen {
    match facts.throttled {
        None => Seen::unknown("not counted here"),
        Some((all, 0)) => Seen::ok(format!("not now; {} since boot", count(all, "time"))),
        Some((_, now)) => {
            Seen::note(format!("{} within a quarter of a second", count(now, "time")))
                .fix(By::You, "let the machine cool down, and stop other work while measuring")
                .fix(By::Root, ISOLATE)
        }
    }
}

fn idle_states(facts: &Facts) -> Seen {
    let Some(first) = facts.allowed.first() else { return Seen::unknown("no processor found") };
    let folder = format!("{CPU}/cpu{first}/cpuidle");
    let states = facts.names(&folder).into_iter().filter_map(|state| {
        let disabled = facts.number(&format!("{folder}/{state}/disable"))? != 0;
        let latency = facts.number(&format!("{folder}/{state}/latency"))?;
        (!disabled).then_some((latency, facts.read(&format!("{folder}/{state}/name"))?))
    });
    match states.max() {
        None => Seen::unknown("none are visible"),
        Some((latency, name)) if latency <= LONG_WAKE_US => {
            Seen::ok(format!("the deepest is {name}, {latency} µs to wake"))
        }
        Some((latency, name)) => Seen::note(format!("the deepest is {name}, {latency} µs to wake"))
            .fix(By::Root, format!("cpupower idle-set -D {LONG_WAKE_US}")),
    }
}

fn virtual_machine(facts: &Facts) -> Seen {
    let Some(cpuinfo) = facts.read("/proc/cpuinfo") else {
        return Seen::unknown("could not read `/proc/cpuinfo`");
    };
    let product = facts.read("/sys/class/dmi/id/product_name").filter(|name| !name.is_empty());
    let flags: Vec<&str> = cpuinfo.lines().filter(|line| line.starts_with("flags")).collect();
    let is_virtual =
        flags.iter().any(|line| line.split_whitespace().any(|flag| flag == "hypervisor"));
    if !is_virtual && facts.read("/sys/hypervisor/type").is_none() {
        // Only x86 has this flag.
        return if flags.is_empty() {
            Seen::unknown("not reported by this kind of processor")
        } else {
            Seen::ok("none")
        };
    }
    let product = product.map(|name| format!(" ({name})")).unwrap_or_default();
    Seen::note(format!("yes{product}")).fix(
        By::Host,
        "give it processors of its own (pinned virtual processors, no overcommitment)",
    )
}

fn clock_source(facts: &Facts) -> Seen {
    let folder = "/sys/devices/system/clocksource/clocksource0";
    let Some(now) = facts.read(&format!("{folder}/current_clocksource")) else {
        return Seen::unknown("not reported by the system");
    };
    if FAST_CLOCKS.contains(&now.as_str()) {
        return Seen::ok(now);
    }
    let others = facts.read(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let better = others.split_whitespace().find(|name| FAST_CLOCKS.contains(name));
    let seen = Seen::note(now);
    match better {
        Some(better) => seen.fix(By::Root, format!("echo {better} > {folder}/current_clocksource")),
        None => seen.fix(By::Host, "give this machine a stable time stamp counter"),
    }
}

fn preemption(facts: &Facts) -> Seen {
    let Some(version) = facts.read("/proc/version") else {
        return Seen::unknown("not reported by the system");
    };
    let kinds = ["PREEMPT_RT", "PREEMPT_DYNAMIC", "PREEMPT"];
    let kind = kinds.into_iter().find(|kind| version.contains(kind));
    let told = facts.read("/proc/cmdline").unwrap_or_default();
    let told = told.split_whitespace().find(|word| word.starts_with("preempt="));
    let told = told.map(|word| format!(", booted with {word}")).unwrap_or_default();
    match kind {
        Some("PREEMPT_RT") => {
            Seen::note("a real-time kernel").fix(By::Root, "boot a kernel without PREEMPT_RT")
        }
        Some(kind) => Seen::ok(format!("{kind}{told}")),
        None => Seen::ok(format!("none{told}")),
    }
}

/// The time that was stolen from this machine, for `load`.
pub(super) fn stolen(facts: &Facts) -> Seen {
    match facts.usage.stolen(&facts.allowed) {
        None => Seen::unknown("not reported by the system"),
        Some(share) if share < 0.01 => Seen::ok(format!("{} of the time", percent(share))),
        Some(share) => Seen::note(format!("{} of the time", percent(share)))
            .fix(By::You, "codspeed exec --vs ... (affects both sides alike)")
            .fix(By::Host, "give this machine processors of its own"),
    }
}
