//! The settings of a machine that keep a core calm, as a table: which files there are for them, which values they shall
//! have, and why. Reads only; `system::tuning` changes them.

use std::path::Path;

use system::{
    processors::{self, Processors, parse_list, shown_list},
    tuning::{Change, Told, Tree},
};

const CPU: &str = "/sys/devices/system/cpu";
const IRQ: &str = "/proc/irq";

/// A kind of setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// In a few words.
    pub title: &'static str,
    /// Its purpose.
    pub why: &'static str,
    /// Its values for a calm core, or why there are none on this machine.
    pub changes: fn(&Scene<'_>) -> Result<Vec<Change>, String>,
}

/// The machine, and the processors that shall be calm.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    /// The files of the kernel.
    pub tree: &'a Tree,
    /// The processors.
    pub chosen: &'a Processors,
    /// Processors that an earlier call has switched off.
    pub off: &'a Processors,
}

/// All of them, in the order in which they are changed: a processor that is switched off has no other settings. To add one,
/// add it here.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        title: "frequency governor",
        why: "keeps the clock speed from changing with the load",
        changes: governor,
    },
    Setting {
        title: "boost",
        why: "makes the clock speed independent of temperature and busy cores",
        changes: boost,
    },
    Setting {
        title: "interrupts",
        why: "moves device interrupts to other processors",
        changes: interrupts,
    },
    Setting {
        title: "other processors of the core",
        why: "keeps other work from sharing the core",
        changes: siblings,
    },
];

impl Scene<'_> {
    /// Numbers of all processors that are there.
    fn all(&self) -> Processors {
        let number = |name: &str| name.strip_prefix("cpu")?.parse().ok();
        self.tree.names(CPU).iter().filter_map(|name| number(name)).collect()
    }

    /// Those that work.
    fn online(&self) -> Processors {
        let online = self.tree.read(&format!("{CPU}/online")).ok();
        online.and_then(|text| parse_list(&text)).unwrap_or_else(|| self.all())
    }

    /// Those that share a core with a chosen one.
    fn siblings(&self) -> Processors {
        let of_core = |number: &usize| processors::of_core(self.tree.root(), *number);
        let all: Processors = self.chosen.iter().flat_map(of_core).collect();
        &(&all | self.off) - self.chosen
    }

    /// Those that take the interrupts: neither chosen nor switched off.
    fn others(&self) -> Processors {
        &(&self.online() - self.chosen) - &self.siblings()
    }

    fn has(&self, path: &str) -> bool {
        self.tree.place(path).exists()
    }
}

fn change(path: impl Into<String>, wanted: impl Into<String>) -> Change {
    Change { path: path.into(), wanted: wanted.into() }
}

fn governor(scene: &Scene<'_>) -> Result<Vec<Change>, String> {
    let path = |number: &usize| format!("{CPU}/cpu{number}/cpufreq/scaling_governor");
    let there = scene.all().iter().map(path).filter(|path| scene.has(path)).collect::<Vec<_>>();
    if there.is_empty() {
        return Err(
            "no frequency control is available here (in a virtual machine the host has it)"
                .to_owned(),
        );
    }
    Ok(there.into_iter().map(|path| change(path, "performance")).collect())
}

fn boost(scene: &Scene<'_>) -> Result<Vec<Change>, String> {
    // The first one is Intel's own driver, the second one that of all others.
    let known = [("intel_pstate/no_turbo", "1"), ("cpufreq/boost", "0")];
    let found = known.iter().map(|(name, wanted)| (format!("{CPU}/{name}"), *wanted));
    match found.into_iter().find(|(path, _)| scene.has(path)) {
        Some((path, wanted)) => Ok(vec![change(path, wanted)]),
        None => Err("this machine has no switch for it".to_owned()),
    }
}

fn interrupts(scene: &Scene<'_>) -> Result<Vec<Change>, String> {
    let others = scene.others();
    if others.is_empty() {
        return Err("no other processor is left for them".to_owned());
    }
    let path = |name: &String| format!("{IRQ}/{name}/smp_affinity_list");
    let is_number = |name: &&String| name.bytes().all(|byte| byte.is_ascii_digit());
    let names = scene.tree.names(IRQ);
    let there = names.iter().filter(is_number).map(path).filter(|path| scene.has(path));
    // One that goes elsewhere already stays.
    let concerns = |path: &String| {
        let now = scene.tree.read(path).ok().and_then(|text| parse_list(&text));
        now.is_none_or(|now| !now.is_subset(&others))
    };
    let wanted = shown_list(&others);
    Ok(there.filter(concerns).map(|path| change(path, wanted.clone())).collect())
}

fn siblings(scene: &Scene<'_>) -> Result<Vec<Change>, String> {
    let siblings = scene.siblings();
    if siblings.is_empty() {
        return Err("each core is one processor".to_owned());
    }
    let (there, fixed): (Vec<_>, Vec<_>) = siblings
        .iter()
        .map(|number| format!("{CPU}/cpu{number}/online"))
        .partition(|path| scene.has(path));
    if there.is_empty() {
        return Err(format!("they can't be switched off: `{}` is missing", fixed.join("`, `")));
    }
    Ok(there.into_iter().map(|path| change(path, "0")).collect())
}

/// Returns the processors that an earlier `on` has switched off.
pub(crate) fn switched_off(told: &Told) -> Processors {
    let number = |path: &str| {
        path.strip_prefix(CPU)?.strip_prefix("/cpu")?.strip_suffix("/online")?.parse().ok()
    };
    told.entries.iter().filter_map(|entry| number(&entry.path)).collect()
}

/// The processor that is made calm if nobody names one: the last one, as interrupts and daemons begin with the first.
/// One whose sibling can be switched off is preferred.
pub(crate) fn default_processor(tree: &Tree, allowed: &Processors) -> Option<usize> {
    let is_good = |number: &&usize| {
        let chosen = Processors::from([**number]);
        let siblings = Scene { tree, chosen: &chosen, off: &Processors::new() }.siblings();
        siblings.iter().all(|other| tree.place(&format!("{CPU}/cpu{other}/online")).exists())
    };
    allowed.iter().rev().find(is_good).or_else(|| allowed.last()).copied()
}

/// The files below the real root.
pub(crate) fn real_tree() -> Tree {
    Tree::at(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use system::tuning::{Entry, Stage};

    use super::*;

    /// Two cores of two processors each; `files` besides.
    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::at(folder.path());
        let topology = (0..4).map(|number| {
            let path = format!("{CPU}/cpu{number}/topology/core_cpus_list");
            (path, format!("{},{}", number % 2, number % 2 + 2))
        });
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        for (path, text) in topology.chain(files) {
            let place = tree.place(&path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, text).unwrap();
        }
        (folder, tree)
    }

    #[track_caller]
    fn shown(files: &[(&str, &str)], chosen: &[usize], off: &[usize]) -> String {
        let (_folder, tree) = machine(files);
        let chosen = chosen.iter().copied().collect();
        let scene = Scene { tree: &tree, chosen: &chosen, off: &off.iter().copied().collect() };
        let mut lines = Vec::new();
        for Setting { title, why: _, changes } in SETTINGS {
            match changes(&scene) {
                Ok(changes) => lines.extend(
                    changes
                        .iter()
                        .map(|Change { path, wanted }| format!("{title}: {path} = {wanted}")),
                ),
                Err(why) => lines.push(format!("{title}: {why}")),
            }
        }
        lines.join("\n")
    }

    #[test]
    fn a_machine_with_everything() {
        let files = [
            ("/sys/devices/system/cpu/online", "0-3\n"),
            ("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n"),
            ("/sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("/sys/devices/system/cpu/cpu1/online", "1\n"),
            ("/proc/irq/7/smp_affinity_list", "0-3\n"),
            ("/proc/irq/8/smp_affinity_list", "0\n"),
            ("/proc/irq/default_smp_affinity", "f\n"),
        ];
        insta::assert_snapshot!(shown(&files, &[3], &[]), @r"
        frequency governor: /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor = performance
        frequency governor: /sys/devices/system/cpu/cpu3/cpufreq/scaling_governor = performance
        boost: /sys/devices/system/cpu/intel_pstate/no_turbo = 1
        interrupts: /proc/irq/7/smp_affinity_list = 0,2
        other processors of the core: /sys/devices/system/cpu/cpu1/online = 0
        ");
    }

    /// The kernel takes a processor that is off out of the list of its core.
    #[test]
    fn a_sibling_that_is_off_already_is_still_one() {
        let files = [
            ("/sys/devices/system/cpu/online", "0,2-3\n"),
            ("/sys/devices/system/cpu/cpu3/topology/core_cpus_list", "3\n"),
            ("/sys/devices/system/cpu/cpu1/online", "0\n"),
        ];
        let lines = shown(&files, &[3], &[1]);
        let expected = "other processors of the core: /sys/devices/system/cpu/cpu1/online = 0";
        assert!(lines.ends_with(expected), "{lines}");
        let entry = |path: &str| Entry { path: path.to_owned(), old: "1".into(), new: "0".into() };
        let told = Told {
            processors: Processors::from([3]),
            entries: vec![
                entry("/sys/devices/system/cpu/cpu1/online"),
                entry("/proc/irq/7/smp_affinity_list"),
            ],
            stage: Stage::On,
        };
        assert_eq!(switched_off(&told), Processors::from([1]));
    }

    #[test]
    fn a_container_without_anything() {
        insta::assert_snapshot!(shown(&[], &[0, 1], &[]), @r"
        frequency governor: no frequency control is available here (in a virtual machine the host has it)
        boost: this machine has no switch for it
        interrupts: no other processor is left for them
        other processors of the core: they can't be switched off: `/sys/devices/system/cpu/cpu2/online`, `/sys/devices/system/cpu/cpu3/online` is missing
        ");
    }

    #[test]
    fn the_default_is_the_last_cpu_whose_sibling_can_go_offline() {
        let chosen = |files: &[(&str, &str)]| {
            let (_folder, tree) = machine(files);
            default_processor(&tree, &(0..4).collect())
        };
        assert_eq!(chosen(&[("/sys/devices/system/cpu/cpu1/online", "1")]), Some(3));
        assert_eq!(chosen(&[("/sys/devices/system/cpu/cpu0/online", "1")]), Some(2));
        assert_eq!(chosen(&[]), Some(3));
        assert_eq!(default_processor(&real_tree(), &Processors::new()), None);
    }
}
