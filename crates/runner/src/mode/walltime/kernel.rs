//! Asks the kernel whether it records for us, and which counters it has. A refusal names who can grant the right.

use std::{
    fs,
    os::fd::{FromRawFd, OwnedFd},
    path::Path,
};

use nix::{errno::Errno, libc};
use system::files;

/// Counts of caches, as the service knows them, by the description that arm processors give of themselves.
const ARM_NAMES: &[&str] =
    &["cpu-cycles", "l1d_cache", "l2d_cache", "l2d_cache_refill", "instructions"];
/// The same on processors by Intel: name, and event and unit mask of `MEM_INST_RETIRED` and `MEM_LOAD_RETIRED`.
const INTEL_CACHES: &[(&str, u64)] =
    &[("l1d_cache", 0x81d0), ("l2d_cache", 0x08d1), ("l2d_cache_refill", 0x20d1)];

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;
const RAW: u32 = 4;
const CYCLES: u64 = 0;
const INSTRUCTIONS: u64 = 1;
const CPU_CLOCK: u64 = 0;

/// The kernel does not record for us.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// By the setting for users without rights.
    #[error(
        "kernel.perf_event_paranoid is {level}; root can allow it by `sysctl kernel.perf_event_paranoid=1`, or by CAP_PERFMON"
    )]
    Paranoid {
        /// The setting.
        level: String,
    },
    /// By a filter of system calls.
    #[error(
        "the system call perf_event_open is forbidden here, as in most containers; `--cap-add PERFMON` or another seccomp profile for the container allows it"
    )]
    Filtered,
    /// It can't.
    #[error("the kernel has no performance events ({0})")]
    Unable(Errno),
}

/// Tries to open the event that every kernel has.
pub(crate) fn try_recording() -> Result<(), Refused> {
    match open(SOFTWARE, CPU_CLOCK) {
        Ok(()) => Ok(()),
        Err(Errno::EACCES) => Err(Refused::Paranoid { level: paranoid() }),
        Err(Errno::EPERM) if Path::new("/proc/sys/kernel/perf_event_paranoid").exists() => {
            Err(Refused::Filtered)
        }
        Err(errno) => Err(Refused::Unable(errno)),
    }
}

fn paranoid() -> String {
    let level = files::read_kernel_text("/proc/sys/kernel/perf_event_paranoid");
    level.map_or_else(|_| "unknown".to_owned(), |level| level.trim().to_owned())
}

/// The group of events that the service makes cache statistics of, if this processor has all of them.
pub(super) fn cache_events() -> Option<String> {
    let devices = Path::new("/sys/bus/event_source/devices");
    if arm_has_all(devices) {
        return Some(format!("{{{}}}", ARM_NAMES.join(",")));
    }
    let processor = files::read_kernel_text("/proc/cpuinfo").unwrap_or_default();
    // Hybrid processors have two counters of everything under other names.
    let is_intel = processor.contains("GenuineIntel") && devices.join("cpu").exists();
    let opens = |(kind, config): (u32, u64)| open(kind, config).is_ok();
    let general = [(HARDWARE, CYCLES), (HARDWARE, INSTRUCTIONS)];
    let caches = INTEL_CACHES.iter().map(|(_, config)| (RAW, *config));
    (is_intel && general.into_iter().chain(caches).all(opens)).then(intel_events)
}

fn arm_has_all(devices: &Path) -> bool {
    let units = fs::read_dir(devices).into_iter().flatten().flatten();
    let mut units = units.filter(|unit| unit.file_name().as_encoded_bytes().starts_with(b"armv"));
    // The first and the last one are general names, that perf knows on every processor.
    let caches = ARM_NAMES.get(1..4).unwrap_or_default();
    units.any(|unit| caches.iter().all(|name| unit.path().join("events").join(name).exists()))
}

fn intel_events() -> String {
    let cache = |(name, config): &(&str, u64)| {
        format!("cpu/event={:#x},umask={:#x},name={name}/", config & 0xff, config >> 8)
    };
    let caches: Vec<_> = INTEL_CACHES.iter().map(cache).collect();
    format!("{{cpu-cycles,{},instructions}}", caches.join(","))
}

/// `struct perf_event_attr` in its first version, 64 bytes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// Flags `disabled`, `exclude_kernel` and `exclude_hv`: what anybody may open who may open anything.
const HARMLESS: u64 = 1 | 1 << 5 | 1 << 6;

/// Opens an event on ourselves and closes it.
#[expect(unsafe_code, reason = "perf_event_open has no safe wrapper in the crates that we use")]
fn open(kind: u32, config: u64) -> Result<(), Errno> {
    let attributes =
        Attributes { kind, size: 64, config, flags: HARMLESS, ..Attributes::default() };
    let (ourselves, any_processor, no_group, close_on_exec) = (0, -1, -1, 8);
    // SAFETY: the structure is as long as it says, and outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            ourselves,
            any_processor,
            no_group,
            close_on_exec,
        )
    };
    let Ok(fd @ 0..) = i32::try_from(fd) else {
        return Err(Errno::last());
    };
    // SAFETY: the kernel has just given us this descriptor, nobody else owns it.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_the_service_have_the_codes_of_the_processor() {
        let expected = "{cpu-cycles,cpu/event=0xd0,umask=0x81,name=l1d_cache/,\
            cpu/event=0xd1,umask=0x8,name=l2d_cache/,\
            cpu/event=0xd1,umask=0x20,name=l2d_cache_refill/,instructions}";
        assert_eq!(intel_events(), expected);
    }

    #[test]
    fn an_arm_processor_needs_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let events = folder.path().join("armv8_pmuv3_0/events");
        fs::create_dir_all(&events).unwrap();
        for name in ["l1d_cache", "l2d_cache", "l2d_cache_refill"] {
            assert!(!arm_has_all(folder.path()));
            fs::write(events.join(name), "event=0x1").unwrap();
        }
        assert!(arm_has_all(folder.path()));
    }

    #[test]
    fn an_event_that_no_kernel_has_is_refused() {
        assert!(open(SOFTWARE, 1 << 40).is_err());
    }
}
