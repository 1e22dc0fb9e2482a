//! Checks of what this process may use: processors, and how much of them.

use runner_shared::mode::Mode;
use system::processors::{parse_list, shown_list};

use super::{By, Check, Facts, Seen};

const WALLTIME: &[Mode] = &[Mode::Walltime];
const ROOT: &str = "/sys/fs/cgroup";

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "quota",
        title: "processor quota",
        modes: WALLTIME,
        why: "a process that has used up its quota is stopped until the end of the period, for tens of milliseconds",
        look: quota,
    },
    Check {
        id: "cpuset",
        title: "processors",
        modes: WALLTIME,
        why: "profiler and benchmark share the only processor and disturb each other",
        look: cpuset,
    },
];

/// A limit of a group: it may use so many processors' time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quota {
    processors: f64,
    /// Periods in which somebody was stopped.
    throttled: u64,
}

fn quota(facts: &Facts) -> Seen {
    let Some(groups) = facts.read("/proc/self/cgroup") else {
        return Seen::unknown("the control groups of this process are unknown");
    };
    let all: Vec<Quota> = groups.lines().flat_map(|line| of_line(facts, line)).flatten().collect();
    let tightest = all.into_iter().min_by(|one, other| one.processors.total_cmp(&other.processors));
    let Some(Quota { processors, throttled }) = tightest else {
        return Seen::ok("none");
    };
    Seen::note(format!("{processors:.1} processors; throttled in {throttled} periods so far")).fix(
        By::Host,
        "give this container whole processors (`docker run --cpuset-cpus` instead of `--cpus`)",
    )
}

/// The limits of a group and of those around it; `None` for one without. `line` is of `/proc/self/cgroup` (cgroups(7)).
fn of_line(facts: &Facts, line: &str) -> Vec<Option<Quota>> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
        return Vec::new();
    };
    let is_second = controllers.is_empty();
    let folders = if is_second {
        vec![ROOT.to_owned(), format!("{ROOT}/unified")]
    } else if controllers.split(',').any(|name| name == "cpu") {
        vec![format!("{ROOT}/{controllers}"), format!("{ROOT}/cpu")]
    } else {
        return Vec::new();
    };
    let mut quotas = Vec::new();
    for folder in folders {
        let mut path = path.trim_end_matches('/');
        loop {
            let group = format!("{folder}{path}");
            quotas.push(if is_second { second(facts, &group) } else { first(facts, &group) });
            match path.rsplit_once('/') {
                Some((parent, _)) => path = parent,
                None => break,
            }
        }
    }
    quotas
}

/// Of the second version: `cpu.max` is `QUOTA PERIOD`, in microseconds, or `max PERIOD`.
fn second(facts: &Facts, group: &str) -> Option<Quota> {
    let text = facts.read(&format!("{group}/cpu.max"))?;
    let (quota, period) = text.split_once(' ')?;
    let processors = quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?;
    Some(Quota { processors, throttled: throttled(facts, group) })
}

/// Of the first version: a quota of -1 is none.
fn first(facts: &Facts, group: &str) -> Option<Quota> {
    let number = |name: &str| facts.read(&format!("{group}/{name}"))?.parse::<f64>().ok();
    let (quota, period) = (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?);
    (quota > 0.0 && period > 0.0)
        .then(|| Quota { processors: quota / period, throttled: throttled(facts, group) })
}

fn throttled(facts: &Facts, group: &str) -> u64 {
    let stat = facts.read(&format!("{group}/cpu.stat")).unwrap_or_default();
    let count = stat.lines().find_map(|line| line.strip_prefix("nr_throttled "));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn cpuset(facts: &Facts) -> Seen {
    if facts.allowed.is_empty() {
        return Seen::unknown("not reported by the system");
    }
    let online = facts.read("/sys/devices/system/cpu/online");
    let online = online.and_then(|text| parse_list(&text));
    let text = match online {
        Some(online) => {
            format!("{} of {} ({})", facts.allowed.len(), online.len(), shown_list(&facts.allowed))
        }
        None => format!("{} ({})", facts.allowed.len(), shown_list(&facts.allowed)),
    };
    if facts.allowed.len() > 1 {
        return Seen::ok(text);
    }
    Seen::note(text)
        .fix(By::You, "codspeed exec --no-perf ... (times without a profile)")
        .fix(By::Host, "give this machine or container a second processor")
}
