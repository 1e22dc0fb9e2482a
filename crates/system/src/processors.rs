//! Processors: which of them a process may use, how busy each one is, which share a core, and the choice of the idlest.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::files;

/// Numbers of processors.
pub type Processors = BTreeSet<usize>;

/// Numbers above this are no processors: no Linux has more.
const MOST: usize = 1 << 13;

/// Returns the processors that this thread may use.
///
/// # Errors
///
/// If not reported by the system, as where there are more than 1024.
pub fn allowed() -> io::Result<Processors> {
    let set = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count()).filter(|number| set.is_set(*number).unwrap_or(false)).collect())
}

/// Lets a thread run on these processors only; 0 is the thread that calls. What it starts from then on inherits that.
///
/// # Errors
///
/// If none of them is there and allowed (`InvalidInput`), or the thread is gone.
pub fn confine(thread: i32, processors: &Processors) -> io::Result<()> {
    let mut set = CpuSet::new();
    processors.iter().try_for_each(|number| set.set(*number))?;
    Ok(sched_setaffinity(Pid::from_raw(thread), &set)?)
}

/// Reads a list as the kernel writes it: `0-3,8`. `None` if it is none; an empty text is an empty list.
#[must_use]
pub fn parse_list(text: &str) -> Option<Processors> {
    let mut all = Processors::new();
    for part in text.trim().split(',').filter(|_| !text.trim().is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first > last || last >= MOST {
            return None;
        }
        all.extend(first..=last);
    }
    Some(all)
}

/// Writes a list as the kernel does: `0-3,8`.
#[must_use]
pub fn shown_list(processors: &Processors) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in processors {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let range = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

/// Returns the processors that share the core of this one, itself included, by the files below `root` (usually `/`).
#[must_use]
pub fn of_core(root: &Path, number: usize) -> Processors {
    let topology = root.join(format!("sys/devices/system/cpu/cpu{number}/topology"));
    // The second name is that of kernels before 5.0.
    let names = ["core_cpus_list", "thread_siblings_list"];
    let lists = names.iter().filter_map(|name| files::read_kernel_text(topology.join(name)).ok());
    let known = lists.filter_map(|text| parse_list(&text)).find(|list| list.contains(&number));
    known.unwrap_or_else(|| Processors::from([number]))
}

/// The time that a processor has spent since the start of the machine, in ticks of `/proc/stat`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticks {
    /// Worked: all but idle, waiting for a disk, and stolen.
    pub busy: u64,
    /// Given to other machines by the host of a virtual one.
    pub stolen: u64,
    /// All of it.
    pub all: u64,
}

/// Reads the lines of the processors in `/proc/stat` (proc(5)).
#[must_use]
pub fn parse_stat(text: &str) -> BTreeMap<usize, Ticks> {
    let processor = |line: &str| {
        let (name, times) = line.split_once(' ')?;
        let number = name.strip_prefix("cpu")?.parse().ok()?;
        let times: Vec<u64> =
            times.split_whitespace().map_while(|time| time.parse().ok()).collect();
        let at = |index: usize| times.get(index).copied().unwrap_or(0);
        // user nice system idle iowait irq softirq steal; guest time is in user and nice already.
        let all = (0..8).map(at).fold(0, u64::saturating_add);
        let (idle, stolen) = (at(3).saturating_add(at(4)), at(7));
        let busy = all.saturating_sub(idle).saturating_sub(stolen);
        Some((number, Ticks { busy, stolen, all }))
    };
    text.lines().filter_map(processor).collect()
}

/// The share of an interval in which each processor was busy, and stolen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Usage(BTreeMap<usize, (f64, f64)>);

impl Usage {
    /// Takes the difference of two readings.
    #[must_use]
    pub fn between(before: &BTreeMap<usize, Ticks>, after: &BTreeMap<usize, Ticks>) -> Self {
        let share = |(number, after): (&usize, &Ticks)| {
            let before = before.get(number)?;
            let part = |of: fn(&Ticks) -> u64| float(of(after).saturating_sub(of(before)));
            let all = part(|ticks| ticks.all);
            let part = |of| part(of) / all;
            (all > 0.0).then(|| (*number, (part(|ticks| ticks.busy), part(|ticks| ticks.stolen))))
        };
        Self(after.iter().filter_map(share).collect())
    }

    /// Returns the share in which a processor worked, if it is known.
    #[must_use]
    pub fn busy(&self, number: usize) -> Option<f64> {
        self.0.get(&number).map(|(busy, _)| *busy)
    }

    /// Returns the mean share that was stolen from these processors; `None` if nothing is known of them.
    #[must_use]
    pub fn stolen(&self, processors: &Processors) -> Option<f64> {
        let known: Vec<f64> =
            processors.iter().filter_map(|number| Some(self.0.get(number)?.1)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / float_of(known.len()))
    }
}

/// Chooses `count` of the allowed processors: idle ones whose core has nothing else to do, one per core as long as there
/// are cores. Among equals the last one, as interrupts and daemons begin with the first. Fewer if fewer are allowed.
#[must_use]
pub fn idlest(
    allowed: &Processors,
    usage: &Usage,
    of_core: &dyn Fn(usize) -> Processors,
    count: usize,
) -> Processors {
    let busy = |number: usize| usage.busy(number).unwrap_or(0.0);
    // What runs beside it on the same core takes about half of what it would take on the processor itself.
    let load = |number: usize| {
        let siblings = of_core(number).into_iter().filter(|other| *other != number);
        busy(number) + siblings.map(busy).fold(0.0, f64::max) / 2.0
    };
    let mut order: Vec<(usize, f64)> =
        allowed.iter().rev().map(|number| (*number, load(*number))).collect();
    // Stable: the last one comes first among equals.
    order.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut chosen = Processors::new();
    for is_shared_allowed in [false, true] {
        for (number, _) in &order {
            let is_shared = of_core(*number).iter().any(|other| chosen.contains(other));
            if chosen.len() < count && (is_shared_allowed || !is_shared) {
                chosen.insert(*number);
            }
        }
    }
    chosen
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "ticks of an interval, far below 2^52"
)]
fn float(ticks: u64) -> f64 {
    ticks as f64
}

fn float_of(count: usize) -> f64 {
    float(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn set(numbers: &[usize]) -> Processors {
        numbers.iter().copied().collect()
    }

    #[test]
    fn lists_are_read_and_written_as_the_kernel_does() {
        for text in ["", "0", "0-3", "0-3,8", "1,3,5-7"] {
            assert_eq!(shown_list(&parse_list(text).unwrap()), text);
        }
        assert_eq!(parse_list(" 2,1 \n").unwrap(), set(&[1, 2]));
        for text in ["a", "3-1", "1,", "-1", "0-99999999", "1 2"] {
            assert_eq!(parse_list(text), None, "{text}");
        }
    }

    #[test]
    fn usage_is_the_difference_of_two_readings() {
        let before = parse_stat("cpu  9 9 9 9\ncpu0 10 0 10 80 0 0 0 0 5 0\ncpu1 1 1\nintr 5\n");
        let after = parse_stat("cpu0 20 0 15 140 5 0 0 20 5 0\ncpu1 1 1\ncpu2 5\n");
        assert_eq!(after[&0], Ticks { busy: 35, stolen: 20, all: 200 });
        let usage = Usage::between(&before, &after);
        assert_eq!(usage.busy(0), Some(0.15));
        assert_eq!(usage.stolen(&set(&[0, 1, 7])), Some(0.2));
        assert_eq!((usage.busy(1), usage.busy(2)), (None, None), "no time has passed");
        assert_eq!(usage.stolen(&set(&[1])), None);
    }

    /// Four cores: 0 and 4 share one, 1 and 5, and so on.
    fn pairs(number: usize) -> Processors {
        set(&[number % 4, number % 4 + 4])
    }

    #[track_caller]
    fn chosen(busy: &[(usize, f64)], count: usize, expected: &[usize]) {
        let usage = Usage(busy.iter().map(|(number, busy)| (*number, (*busy, 0.0))).collect());
        let all = (0..8).collect();
        assert_eq!(idlest(&all, &usage, &pairs, count), set(expected));
    }

    #[test]
    fn the_idlest_core_is_chosen_as_a_whole() {
        chosen(&[], 1, &[7]);
        chosen(&[(7, 0.3)], 1, &[6]);
        chosen(&[(3, 0.9), (2, 0.9), (1, 0.2)], 1, &[4]);
        chosen(&[(0, 0.5), (1, 0.5), (2, 0.5), (3, 0.1)], 1, &[7]);
        // One for each core, then their siblings.
        chosen(&[(7, 0.3)], 2, &[5, 6]);
        chosen(&[], 5, &[3, 4, 5, 6, 7]);
        chosen(&[], 99, &[0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(idlest(&set(&[2]), &Usage::default(), &pairs, 2), set(&[2]));
    }

    #[test]
    fn the_core_is_known_by_either_name_or_is_the_processor_alone() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(of_core(root.path(), 3), set(&[3]));
        let topology = root.path().join("sys/devices/system/cpu/cpu3/topology");
        fs::create_dir_all(&topology).unwrap();
        fs::write(topology.join("thread_siblings_list"), "3,7\n").unwrap();
        assert_eq!(of_core(root.path(), 3), set(&[3, 7]));
        fs::write(topology.join("core_cpus_list"), "nonsense\n").unwrap();
        assert_eq!(of_core(root.path(), 3), set(&[3, 7]));
        fs::write(topology.join("core_cpus_list"), "3\n").unwrap();
        assert_eq!(of_core(root.path(), 3), set(&[3]));
    }

    #[test]
    fn a_thread_is_confined_and_what_it_starts_as_well() {
        let all = allowed().unwrap();
        let last = Processors::from([*all.last().unwrap()]);
        std::thread::spawn(move || {
            confine(0, &last).unwrap();
            assert_eq!(allowed().unwrap(), last);
            assert!(confine(0, &Processors::new()).is_err());
        })
        .join()
        .unwrap();
        assert_eq!(allowed().unwrap(), all);
    }
}
