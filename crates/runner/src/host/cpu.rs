//! Reads `/proc/cpuinfo`, which looks different on each architecture.

use std::collections::BTreeSet;

use super::{Cpu, UNKNOWN, or_unknown};

/// The party that designs Arm cores, by the number in `CPU implementer` (Arm's register `MIDR_EL1`).
const IMPLEMENTERS: &[(u32, &str)] = &[
    (0x41, "ARM"),
    (0x42, "Broadcom"),
    (0x43, "Cavium"),
    (0x46, "Fujitsu"),
    (0x48, "HiSilicon"),
    (0x4e, "NVIDIA"),
    (0x50, "APM"),
    (0x51, "Qualcomm"),
    (0x53, "Samsung"),
    (0x61, "Apple"),
    (0x6d, "Microsoft"),
    (0xc0, "Ampere"),
];

/// Arm's own cores that CI machines have, by the number in `CPU part`.
const ARM_PARTS: &[(u32, &str)] = &[
    (0xd03, "Cortex-A53"),
    (0xd08, "Cortex-A72"),
    (0xd0b, "Cortex-A76"),
    (0xd0c, "Neoverse-N1"),
    (0xd40, "Neoverse-V1"),
    (0xd49, "Neoverse-N2"),
    (0xd4f, "Neoverse-V2"),
    (0xd8e, "Neoverse-N3"),
];

const ARM: u32 = 0x41;

/// Returns what a processor says of itself; `visible` is the number of processors where it says nothing.
pub(super) fn parse(cpuinfo: &str, visible: u32) -> Cpu {
    let processors = processors(cpuinfo);
    // Arm kernels put some lines behind the last processor; some put the brand there.
    let anywhere =
        |key: &str| lines(cpuinfo).find(|(name, value)| *name == key && !value.is_empty());
    let text = |key| anywhere(key).map(|(_, value)| value);
    let number = |key| {
        let digits = text(key)?.trim_start_matches("0x");
        u32::from_str_radix(digits, 16).ok()
    };
    let implementer = number("CPU implementer");
    let part = number("CPU part").filter(|_| implementer == Some(ARM));
    let by_number = |table: &[(u32, &'static str)], wanted: Option<u32>| {
        table.iter().find(|(number, _)| Some(*number) == wanted).map(|(_, name)| *name)
    };
    let brand = text("model name").or_else(|| text("Model Name")).or(by_number(ARM_PARTS, part));
    let vendor = text("vendor_id").or(by_number(IMPLEMENTERS, implementer));
    let flags: BTreeSet<String> = processors
        .first()
        .and_then(|processor| field(processor, "flags").or_else(|| field(processor, "Features")))
        .map(|flags| flags.split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default();
    Cpu {
        brand: or_unknown(brand.unwrap_or(UNKNOWN)),
        name: "cpu0".to_owned(),
        vendor: or_unknown(vendor.unwrap_or(UNKNOWN)),
        cores: cores(&processors).unwrap_or(visible).max(1),
        microcode: text("microcode").unwrap_or_default().to_owned(),
        flags: flags.into_iter().collect(),
    }
}

type Processor<'a> = Vec<(&'a str, &'a str)>;

fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.trim(), value.trim()))
    })
}

/// The lines of each processor. A line `processor` opens one.
fn processors(text: &str) -> Vec<Processor<'_>> {
    let mut processors: Vec<Processor<'_>> = Vec::new();
    for (name, value) in lines(text) {
        // Old 32-bit Arm kernels begin with `Processor : ARMv7 …`, which is a brand.
        if name == "processor" && value.chars().all(|c| c.is_ascii_digit()) {
            processors.push(Vec::new());
        }
        if let Some(last) = processors.last_mut() {
            last.push((name, value));
        }
    }
    processors
}

fn field<'a>(processor: &Processor<'a>, key: &str) -> Option<&'a str> {
    processor.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Cores, when there is a processor: each pair of socket and core counts once. Where the lines don't say which core it
/// is, as on Arm and in some virtual machines, each processor is one.
fn cores(processors: &[Processor<'_>]) -> Option<u32> {
    let pairs: Option<BTreeSet<_>> = processors
        .iter()
        .map(|processor| Some((field(processor, "physical id")?, field(processor, "core id")?)))
        .collect();
    let count = pairs.map_or(processors.len(), |pairs| pairs.len());
    u32::try_from(count).ok().filter(|count| *count > 0)
}
