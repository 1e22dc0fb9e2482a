//! Checks of what this process may do, and of others who look into programs.

use runner_shared::mode::Mode;

use super::{By, Check, Facts, Seen, libc_text::LibcText};

const WALLTIME: &[Mode] = &[Mode::Walltime];
const ALL: &[Mode] = &[Mode::Walltime, Mode::Simulation, Mode::Memory];
/// Rings for the stamps of the rounds, and for samples of perf, take about so much per processor, KiB.
const RING_KIB: u64 = 128;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "perf_event",
        title: "performance events",
        modes: WALLTIME,
        why: "without them there is no profile, and processor time replaces undisturbed times",
        look: perf_event,
    },
    Check {
        id: "mlock",
        title: "locked memory",
        modes: WALLTIME,
        why: "the kernel's ring buffers for timestamps of rounds need locked memory",
        look: mlock,
    },
    Check {
        id: "nmi_watchdog",
        title: "NMI watchdog",
        modes: WALLTIME,
        why: "it occupies one of the few hardware counters, and interrupts from time to time",
        look: nmi_watchdog,
    },
    Check {
        id: "ptrace",
        title: "ptrace",
        modes: WALLTIME,
        why: "neither a profiler nor a debugger can attach to a running process",
        look: ptrace,
    },
    Check {
        id: "traced",
        title: "tracer of this process",
        modes: ALL,
        why: "each system call of a traced process stops it (strace, gdb)",
        look: traced,
    },
    Check {
        id: "probes",
        title: "probes in the C library",
        modes: &[Mode::Walltime, Mode::Simulation],
        why: "a tracer on this machine affects all programs: each probed call takes a microsecond longer, and under \
            Valgrind the program is killed",
        look: probes,
    },
    Check {
        id: "aslr",
        title: "random addresses (ASLR)",
        modes: WALLTIME,
        why: "code and data share caches differently in each round",
        look: aslr,
    },
    Check {
        id: "personality",
        title: "fixed addresses",
        modes: &[Mode::Walltime, Mode::Simulation],
        why: "`--no-aslr` needs the system call `personality`; without it, simulated cache misses vary slightly from \
            run to run",
        look: personality,
    },
    Check {
        id: "huge_pages",
        title: "transparent huge pages",
        modes: &[Mode::Walltime, Mode::Memory],
        why: "memory gets huge pages unpredictably, which changes page faults and speed",
        look: huge_pages,
    },
    Check {
        id: "numa_balancing",
        title: "NUMA balancing",
        modes: WALLTIME,
        why: "the kernel unmaps pages to see who uses them, and moves them",
        look: numa_balancing,
    },
];

fn perf_event(facts: &Facts) -> Seen {
    let level = facts.read("/proc/sys/kernel/perf_event_paranoid");
    let level = level.map(|level| format!("kernel.perf_event_paranoid is {level}"));
    match &facts.recording {
        Ok(()) => Seen::ok(match level {
            Some(level) => format!("allowed; {level}"),
            None => "allowed".to_owned(),
        }),
        Err(why) => Seen::note(why.clone())
            .fix(By::Root, "sysctl kernel.perf_event_paranoid=1")
            .fix(By::Host, "start the container with `--cap-add PERFMON`"),
    }
}

fn mlock(facts: &Facts) -> Seen {
    let kernel = facts.number("/proc/sys/kernel/perf_event_mlock_kb");
    let own = match facts.locked_memory {
        None => "any amount".to_owned(),
        Some(bytes) => format!("{} KiB", bytes >> 10),
    };
    let Some(kernel) = kernel else { return Seen::unknown(format!("this process may lock {own}")) };
    let text = format!("{kernel} KiB per processor for events, and {own} of this process");
    let is_enough = facts.is_root || kernel >= RING_KIB || facts.locked_memory.is_none();
    if is_enough {
        return Seen::ok(text);
    }
    Seen::note(text)
        .fix(By::Root, "sysctl kernel.perf_event_mlock_kb=516")
        .fix(By::Root, "`* - memlock 65536` in /etc/security/limits.conf")
}

fn nmi_watchdog(facts: &Facts) -> Seen {
    match facts.number("/proc/sys/kernel/nmi_watchdog") {
        None => Seen::unknown("not reported by the system"),
        Some(0) => Seen::ok("off"),
        Some(_) => Seen::note("on").fix(By::Root, "sysctl kernel.nmi_watchdog=0"),
    }
}

fn ptrace(facts: &Facts) -> Seen {
    match facts.number("/proc/sys/kernel/yama/ptrace_scope") {
        None => Seen::ok("not limited"),
        Some(scope) if scope < 2 || facts.is_root && scope == 2 => {
            Seen::ok(format!("kernel.yama.ptrace_scope is {scope}: child processes can be traced"))
        }
        Some(scope) => Seen::note(format!("kernel.yama.ptrace_scope is {scope}"))
            .fix(By::Root, "sysctl kernel.yama.ptrace_scope=1 (from 3, only after a reboot)"),
    }
}

fn traced(facts: &Facts) -> Seen {
    let status = facts.read("/proc/self/status").unwrap_or_default();
    match status.lines().find_map(|line| line.strip_prefix("TracerPid:")).map(str::trim) {
        None => Seen::unknown("not reported by the system"),
        Some("0") => Seen::ok("none"),
        Some(pid) => Seen::problem(format!("process {pid} traces this process"))
            .fix(By::You, "measure without that tracer"),
    }
}

fn probes(facts: &Facts) -> Seen {
    match &facts.libc {
        LibcText::Clean => Seen::ok("none"),
        LibcText::Probed(places) => {
            Seen::problem(format!("in {places} places of its code, which differs from its file"))
                .fix(By::You, "wait for other runs in memory mode to finish")
                .fix(
                    By::Root,
                    "bpftool link list; cat /sys/kernel/tracing/uprobe_events (who traces)",
                )
        }
        LibcText::Unknown(why) => Seen::unknown(why.clone()),
    }
}

fn aslr(facts: &Facts) -> Seen {
    match facts.number("/proc/sys/kernel/randomize_va_space") {
        None => Seen::unknown("not reported by the system"),
        Some(0) => Seen::ok("off for all programs"),
        Some(_) => Seen::note("on, as usual").fix(By::You, "codspeed exec --no-aslr ..."),
    }
}

fn personality(facts: &Facts) -> Seen {
    match &facts.fixed_addresses {
        Ok(()) => Seen::ok("allowed"),
        Err(why) => Seen::note(format!("refused: {why}")).fix(
            By::Host,
            "start the container with `--security-opt seccomp=unconfined`, or a seccomp profile that allows \
                `personality`",
        ),
    }
}

fn huge_pages(facts: &Facts) -> Seen {
    let Some(text) = facts.read("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return Seen::unknown("not reported by the system");
    };
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    match chosen.map(|(chosen, _)| chosen) {
        None => Seen::unknown("not reported by the system"),
        Some("always") => Seen::note("always")
            .fix(By::Root, "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"),
        Some(other) => Seen::ok(other),
    }
}

fn numa_balancing(facts: &Facts) -> Seen {
    match facts.number("/proc/sys/kernel/numa_balancing") {
        None => Seen::unknown("not reported by the system"),
        Some(0) => Seen::ok("off"),
        Some(_) => Seen::note("on").fix(By::Root, "sysctl kernel.numa_balancing=0"),
    }
}
