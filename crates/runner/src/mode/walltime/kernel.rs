//! Asks the kernel whether it records for us, and which counters it has. A refusal names who can grant the right.

use std::{fs, path::Path};

use nix::{errno::Errno, unistd::Pid};
use system::{
    files,
    perf::{self, Attributes, CPU_CLOCK, HARDWARE, RAW, SOFTWARE, flags},
};

pub(crate) use system::perf::Refused;

/// Counts of caches, as the service knows them, by the description that arm processors give of themselves.
const ARM_NAMES: &[&str] =
    &["cpu-cycles", "l1d_cache", "l2d_cache", "l2d_cache_refill", "instructions"];
/// The same on processors by Intel: name, and event and unit mask of `MEM_INST_RETIRED` and `MEM_LOAD_RETIRED`.
const INTEL_CACHES: &[(&str, u64)] =
    &[("l1d_cache", 0x81d0), ("l2d_cache", 0x08d1), ("l2d_cache_refill", 0x20d1)];

const CYCLES: u64 = 0;
const INSTRUCTIONS: u64 = 1;

/// Tries to open the event that every kernel has.
pub(crate) fn try_recording() -> Result<(), Refused> {
    // The level at which perf records what a user's own programs do in the kernel, too.
    open(SOFTWARE, CPU_CLOCK).map_err(|errno| Refused::of(errno, 1))
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

/// Opens an event on ourselves, such as anybody may open who may open anything, and closes it.
fn open(kind: u32, config: u64) -> Result<(), Errno> {
    let flags = flags::DISABLED | flags::EXCLUDE_KERNEL | flags::EXCLUDE_HYPERVISOR;
    perf::open(&Attributes::counting(kind, config, flags), Pid::from_raw(0), None).map(drop)
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
