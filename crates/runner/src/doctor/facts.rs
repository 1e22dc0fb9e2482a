//! All that the checks look at. Everything can be read without root; what is not there is unknown, and never an error.

use std::{collections::BTreeMap, path::PathBuf};

use nix::{
    sys::{
        resource::{Resource, getrlimit},
        statvfs::statvfs,
    },
    unistd::geteuid,
};
use system::{
    processors::{self, Processors, Usage},
    tuning::Tree,
};

use super::libc_text::{self, LibcText};
use crate::{
    env::Env,
    error::chain,
    mode::{self, readiness::ModeStatus, status, walltime},
    process::can_fix_addresses,
};

/// The facts.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The files of the kernel.
    pub tree: Tree,
    /// The processors that this process may use.
    pub allowed: Processors,
    /// Their work within a moment.
    pub usage: Usage,
    /// Times that the processor was slowed down by its heat, from the start of the machine and within that moment; `None`
    /// where it is not counted.
    pub throttled: Option<(u64, u64)>,
    /// We are root.
    pub is_root: bool,
    /// An error with the reason if addresses can't be fixed.
    pub fixed_addresses: Result<(), String>,
    /// Bytes that this process may keep in memory; `None` for any number.
    pub locked_memory: Option<u64>,
    /// An error with the reason if the kernel records nothing for us.
    pub recording: Result<(), String>,
    /// The code of the C library, into which somebody may have put probes.
    pub libc: LibcText,
    /// The folder for temporary files, and the bytes that are free there.
    pub temporary: (PathBuf, Option<u64>),
    /// All that the modes find and lack.
    pub modes: Vec<ModeStatus>,
}

impl Facts {
    /// Looks at this machine, which takes a quarter of a second.
    pub(crate) fn gather(env: &Env) -> Self {
        let tree = Tree::at("/");
        let before = throttle_count(&tree);
        let usage = mode::usage();
        let throttled = throttle_count(&tree);
        let throttled = throttled.map(|now| (now, now.saturating_sub(before.unwrap_or_default())));
        let folder = env.temp_dir();
        let free = statvfs(&folder).ok();
        let free = free.map(|disk| disk.blocks_available().saturating_mul(disk.fragment_size()));
        let limit = getrlimit(Resource::RLIMIT_MEMLOCK).ok().map(|(soft, _)| soft);
        Self {
            tree,
            allowed: processors::allowed().unwrap_or_default(),
            usage,
            throttled,
            is_root: geteuid().is_root(),
            fixed_addresses: can_fix_addresses().map_err(|err| err.to_string()),
            locked_memory: limit.filter(|bytes| *bytes != libc::RLIM_INFINITY),
            recording: walltime::try_recording().map_err(|err| chain(&err)),
            libc: libc_text::look(),
            temporary: (folder, free),
            modes: status::all(env),
        }
    }

    /// A value, if it can be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        self.tree.read(path).ok()
    }

    /// A number, if it can be read.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.read(path)?.parse().ok()
    }

    /// The values of a file that each of the processors has, and how many have each; empty where there is none.
    pub(super) fn of_processors(&self, file: &str) -> BTreeMap<String, usize> {
        let mut values = BTreeMap::new();
        for number in &self.allowed {
            if let Some(value) = self.read(&format!("/sys/devices/system/cpu/cpu{number}/{file}")) {
                *values.entry(value).or_default() += 1;
            }
        }
        values
    }

    /// Names in a folder, sorted.
    pub(super) fn names(&self, folder: &str) -> Vec<String> {
        self.tree.names(folder)
    }
}

/// The sum over all processors; `None` where none of them counts.
fn throttle_count(tree: &Tree) -> Option<u64> {
    let folder = "/sys/devices/system/cpu";
    let counts = tree.names(folder).into_iter().filter_map(|name| {
        let count = |kind: &str| {
            let path = format!("{folder}/{name}/thermal_throttle/{kind}_throttle_count");
            tree.read(&path).ok()?.parse::<u64>().ok()
        };
        count("core").or_else(|| count("package"))
    });
    counts.fold(None, |sum, count| Some(sum.unwrap_or(0) + count))
}
