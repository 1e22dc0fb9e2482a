//! All checks on machines that we have not: a laptop where much is wrong, a container where nothing can be seen.

use std::{collections::BTreeMap, fs, path::Path};

use system::{
    processors::{Processors, Ticks, Usage},
    tuning::Tree,
};

use super::{Diagnosis, Facts, checks, floor::Noise, libc_text::LibcText};
use crate::{
    doctor::Floor,
    mode::readiness::{Lack, ModeStatus},
};

const LAPTOP: &[(&str, &str)] = &[
    ("/sys/devices/system/cpu/online", "0-3\n"),
    ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
    ("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
    ("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
    ("/sys/devices/system/cpu/smt/active", "1\n"),
    ("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,2\n"),
    ("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", "1,3\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state0/name", "POLL\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state0/latency", "0\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state0/disable", "0\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state1/name", "C10\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state1/latency", "890\n"),
    ("/sys/devices/system/cpu/cpu0/cpuidle/state1/disable", "0\n"),
    ("/proc/cpuinfo", "flags\t\t: fpu hypervisor\n"),
    ("/sys/class/dmi/id/product_name", "KVM\n"),
    ("/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"),
    ("/sys/devices/system/clocksource/clocksource0/available_clocksource", "hpet tsc\n"),
    ("/proc/version", "Linux 6.1 SMP PREEMPT_RT\n"),
    ("/proc/loadavg", "3.10 2.0 1.0 1/2 3\n"),
    ("/proc/pressure/cpu", "some avg10=12.00 avg60=1 avg300=1 total=1\n"),
    ("/proc/pressure/io", "some avg10=90 total=1\nfull avg10=7.50 avg60=1 total=1\n"),
    ("/proc/meminfo", "MemTotal: 1 kB\nSwapTotal:  2097152 kB\nSwapFree:  1048576 kB\n"),
    ("/proc/self/cgroup", "3:cpu,cpuacct:/a/b\n0::/user/me\n"),
    ("/sys/fs/cgroup/user/cpu.max", "150000 100000\n"),
    ("/sys/fs/cgroup/user/cpu.stat", "usage_usec 1\nnr_throttled 12\n"),
    ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n"),
    ("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"),
    ("/proc/sys/kernel/perf_event_paranoid", "4\n"),
    ("/proc/sys/kernel/perf_event_mlock_kb", "16\n"),
    ("/proc/sys/kernel/nmi_watchdog", "1\n"),
    ("/proc/sys/kernel/yama/ptrace_scope", "3\n"),
    ("/proc/self/status", "Name:\tcodspeed\nTracerPid:\t77\n"),
    ("/proc/sys/kernel/randomize_va_space", "2\n"),
    ("/sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
    ("/proc/sys/kernel/numa_balancing", "1\n"),
];

fn facts(root: &Path) -> Facts {
    Facts {
        tree: Tree::at(root),
        allowed: Processors::new(),
        usage: Usage::default(),
        throttled: None,
        is_root: false,
        fixed_addresses: Ok(()),
        locked_memory: None,
        recording: Ok(()),
        libc: LibcText::Unknown("this program has none mapped".to_owned()),
        temporary: ("/tmp".into(), None),
        modes: Vec::new(),
    }
}

fn laptop(root: &Path) -> Facts {
    for (path, text) in LAPTOP {
        let place = Tree::at(root).place(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    let ticks = |busy, stolen| Ticks { busy, stolen, all: 100 };
    let after =
        BTreeMap::from([(0, ticks(5, 4)), (1, ticks(90, 0)), (2, ticks(50, 0)), (3, ticks(0, 0))]);
    let before = after.keys().map(|number| (*number, Ticks::default())).collect();
    let lack = Lack::with_fix("Valgrind", "codspeed setup -m simulation");
    let mode = runner_shared::mode::Mode::Simulation;
    Facts {
        allowed: Processors::from([0, 1]),
        usage: Usage::between(&before, &after),
        throttled: Some((40, 3)),
        fixed_addresses: Err("EPERM: Operation not permitted".to_owned()),
        locked_memory: Some(65536),
        recording: Err("kernel.perf_event_paranoid is 4".to_owned()),
        libc: LibcText::Probed(3),
        temporary: ("/tmp".into(), Some(1 << 20)),
        modes: vec![ModeStatus { mode, ready: false, found: Vec::new(), lacks: vec![lack] }],
        ..facts(root)
    }
}

fn floor() -> Floor {
    let noise = |time, resolves, one, three| Noise {
        time,
        pairs: 380,
        difference: 0.0005,
        resolves,
        seconds_for_1_percent: one,
        seconds_for_3_percent: three,
    };
    Floor {
        program_ns: 6.1e6,
        seconds: 5.0,
        times: vec![noise("undisturbed", 0.0021, 0.22, 0.1), noise("wall", 0.043, 925.0, 10.3)],
    }
}

#[test]
fn a_laptop_with_faults() {
    let root = tempfile::tempdir().unwrap();
    let mut diagnosis = Diagnosis::of(&laptop(root.path()));
    diagnosis.floor = Some(floor());
    insta::assert_snapshot!([diagnosis.lines(), diagnosis.floor_lines()].concat().join("\n"));
    assert_eq!(diagnosis.problems(), 4);
    insta::assert_snapshot!(serde_json::to_string_pretty(&diagnosis).unwrap());
}

#[test]
fn a_container_that_shows_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut diagnosis = Diagnosis::of(&facts(root.path()));
    diagnosis.floor_missing = Some("`exec-harness` was found nowhere".to_owned());
    insta::assert_snapshot!([diagnosis.lines(), diagnosis.floor_lines()].concat().join("\n"));
    assert_eq!(diagnosis.problems(), 0);
}

#[test]
fn names_are_unique_and_whatever_files_hold_is_no_error() {
    let mut ids: Vec<_> = checks().map(|check| check.id).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count);
    let root = tempfile::tempdir().unwrap();
    for text in
        ["", "\n", "-1\n", "nonsense [ ] : , -\n", "\u{0}\u{1}", "99999999999999999999999\n"]
    {
        for (path, _) in LAPTOP {
            let place = Tree::at(root.path()).place(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
        let facts = Facts { allowed: Processors::from([0, 1]), ..facts(root.path()) };
        assert_eq!(Diagnosis::of(&facts).checks.len(), count, "{text:?}");
    }
    // A folder, and a FIFO that nobody writes to.
    let place = |path: &str| Tree::at(root.path()).place(path);
    fs::remove_file(place("/proc/version")).unwrap();
    fs::create_dir(place("/proc/version")).unwrap();
    fs::remove_file(place("/proc/meminfo")).unwrap();
    nix::unistd::mkfifo(&place("/proc/meminfo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    Diagnosis::of(&facts(root.path()));
}

#[test]
fn only_x86_tells_whether_a_machine_is_virtual() {
    let root = tempfile::tempdir().unwrap();
    let facts = facts(root.path());
    let shown = |cpuinfo: &str| {
        let place = facts.tree.place("/proc/cpuinfo");
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, cpuinfo).unwrap();
        let json = serde_json::to_value(Diagnosis::of(&facts)).unwrap();
        let checks = json["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["id"] == "virtual_machine").unwrap();
        found["grade"].as_str().unwrap().to_owned()
    };
    assert_eq!(shown("flags\t\t: fpu hypervisor\n"), "note");
    assert_eq!(shown("flags\t\t: fpu\n"), "ok");
    assert_eq!(shown("Features\t: fp asimd\n"), "unknown");
}
