//! What this machine is, in the words of the upload. The parsers take file contents; only [`read`] reads files.

mod cpu;
mod os_release;
mod support;
#[cfg(test)]
mod tests;

use std::path::Path;

use nix::unistd::{Uid, User};

pub(crate) use support::{Support, support};

use system::files::{self, Links};

/// What stands for something that can't be found out.
const UNKNOWN: &str = "unknown";

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The distribution, as its `os-release` calls itself: `ubuntu`.
    pub os: String,
    /// Its version: `24.04`.
    pub os_version: String,
    /// The architecture: `x86_64` or `aarch64`.
    pub arch: String,
    /// Release of the kernel: `6.18.2`.
    pub kernel: String,
    /// The name of the machine.
    pub name: String,
    /// The party that runs us: a name, or a number where the system knows none.
    pub user: String,
    /// The processor.
    pub cpu: Cpu,
    /// All memory in GiB, rounded up; 0 where it can't be found out.
    pub memory_gib: u64,
}

/// Facts about the processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// What it is sold as.
    pub brand: String,
    /// The first one of the machine: `cpu0`.
    pub name: String,
    /// The party that made it: `GenuineIntel`.
    pub vendor: String,
    /// Cores that exist, without hyper-threads; at least 1.
    pub cores: u32,
    /// Version of its microcode; empty where it says none.
    pub microcode: String,
    /// What it can do, sorted; empty where it can't be found out.
    pub flags: Vec<String>,
}

/// Looks at the machine. What can't be found out is `unknown`: no run fails because of it.
pub(crate) fn read() -> Host {
    let text = |path: &str| {
        // All of them are small; some hundred processors fill half a megabyte.
        let bytes = files::read(Path::new(path), Links::Follow, 16 << 20).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let release = os_release::FILES.iter().map(|path| text(path)).find(|text| !text.is_empty());
    let (os, os_version) = os_release::parse(&release.unwrap_or_default());
    let name = text("/proc/sys/kernel/hostname").trim().to_owned();
    Host {
        os,
        os_version,
        arch: std::env::consts::ARCH.to_owned(),
        kernel: text("/proc/sys/kernel/osrelease").trim().to_owned(),
        name: or_unknown(&name),
        user: user(Uid::effective()),
        cpu: cpu::parse(&text("/proc/cpuinfo"), visible_processors()),
        memory_gib: memory_gib(&text("/proc/meminfo")),
    }
}

/// The name of an account, or its number.
fn user(uid: Uid) -> String {
    let known = User::from_uid(uid).ok().flatten().map(|user| user.name);
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| uid.to_string())
}

/// Returns what the scheduler gives us, for a machine without `/proc/cpuinfo`.
fn visible_processors() -> u32 {
    let count = std::thread::available_parallelism().ok();
    count.and_then(|count| u32::try_from(count.get()).ok()).unwrap_or(1)
}

/// All memory by `/proc/meminfo`, in GiB, rounded up.
fn memory_gib(meminfo: &str) -> u64 {
    const KIB_PER_GIB: u64 = 1 << 20;
    let kib = meminfo.lines().find_map(|line| {
        let rest = line.strip_prefix("MemTotal:")?.trim();
        rest.strip_suffix("kB").unwrap_or(rest).trim().parse::<u64>().ok()
    });
    kib.unwrap_or_default().div_ceil(KIB_PER_GIB)
}

fn or_unknown(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}

/// Reads what the system says of itself, for `fuzzing`.
pub(crate) fn fuzz_files(text: &str) {
    drop((cpu::parse(text, 4), os_release::parse(text)));
}
