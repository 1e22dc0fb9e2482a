//! The facts of machines that we have seen, and of some that say nothing.

use proptest::prelude::*;

use super::*;

const UBUNTU: &str = "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nVERSION=\"24.04.1 LTS (Noble Numbat)\"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n";
const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n";
const DEBIAN_SID: &str =
    "PRETTY_NAME=\"Debian GNU/Linux trixie/sid\"\nVERSION_CODENAME=trixie\nID=debian\n";
const ARCH: &str = "NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n";
const ALPINE: &str = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\n";
const VOID: &str = "ID='void'\nVERSION_ID=\"\"\n";

#[test]
fn distributions_are_read() {
    let table = [
        (UBUNTU, "ubuntu", "24.04"),
        (DEBIAN, "debian", "12"),
        (DEBIAN_SID, "debian", "trixie"),
        (ARCH, "arch", "rolling"),
        (ALPINE, "alpine", "3.20.3"),
        (VOID, "void", "unknown"),
        ("", "unknown", "unknown"),
        ("no line has a sign\n=\nID", "unknown", "unknown"),
        ("ID=\"a\\\"b\"\r\nVERSION_ID='1\n", "a\"b", "1"),
    ];
    for (text, id, version) in table {
        assert_eq!(os_release::parse(text), (id.to_owned(), version.to_owned()), "{text}");
    }
}

const INTEL: &str = include_str!("fixtures/x86_64.cpuinfo");
const NEOVERSE: &str = include_str!("fixtures/aarch64.cpuinfo");
const RASPBERRY: &str = "processor\t: 0\nBogoMIPS\t: 108.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nRevision\t: c03112\nModel\t\t: Raspberry Pi 4\n";
const NO_TOPOLOGY: &str =
    "processor: 0\nvendor_id: AuthenticAMD\nmodel name:\n\nprocessor: 1\nvendor_id: AuthenticAMD\n";

#[test]
fn processors_are_read() {
    let table = [
        (INTEL, "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "GenuineIntel", 2, 8),
        (NEOVERSE, "Neoverse-N2", "ARM", 2, 6),
        (RASPBERRY, "Cortex-A72", "ARM", 1, 2),
        (NO_TOPOLOGY, "unknown", "AuthenticAMD", 2, 0),
        ("", "unknown", "unknown", 7, 0),
        ("CPU implementer: 0xzz\nCPU part: 0xd08\n", "unknown", "unknown", 7, 0),
    ];
    for (text, brand, vendor, cores, flags) in table {
        let cpu = cpu::parse(text, 7);
        let found = (cpu.brand.as_str(), cpu.vendor.as_str(), cpu.cores, cpu.flags.len());
        assert_eq!(found, (brand, vendor, cores, flags), "{text}");
        assert_eq!(cpu.name, "cpu0");
        assert!(cpu.flags.is_sorted());
    }
    assert_eq!(cpu::parse("", 0).cores, 1, "there is always one");
}

#[test]
fn memory_is_rounded_up() {
    let table = [
        ("MemTotal:       16384256 kB\nMemFree: 1 kB\n", 16),
        ("MemFree: 1 kB\nMemTotal: 8388608 kB\n", 8),
        ("MemTotal: 8388609 kB\n", 9),
        ("MemTotal: 1 kB\n", 1),
        ("MemTotal: much\n", 0),
        ("", 0),
    ];
    for (text, gib) in table {
        assert_eq!(memory_gib(text), gib, "{text}");
    }
}

#[test]
fn an_account_without_a_name_is_its_number() {
    assert_eq!(user(Uid::from_raw(3_999_999_999)), "3999999999");
}

#[test]
fn systems_are_judged() {
    let on = |os: &str, os_version: &str, arch: &str| {
        let host =
            Host { os: os.into(), os_version: os_version.into(), arch: arch.into(), ..read() };
        support(&host)
    };
    for (os, version) in support::SYSTEMS {
        for arch in support::ARCHITECTURES {
            assert_eq!(on(os, version, arch), Support::Full);
        }
    }
    assert_eq!(on("ubuntu", "20.04", "x86_64"), Support::BestEffort);
    assert_eq!(on("arch", "rolling", "aarch64"), Support::BestEffort);
    assert_eq!(on("ubuntu", "24.04", "riscv64"), Support::None);
}

#[test]
fn this_machine_has_facts() {
    let host = read();
    for text in [&host.os, &host.os_version, &host.name, &host.user, &host.cpu.brand] {
        assert!(!text.is_empty() && text.trim() == text, "{host:?}");
    }
    assert!(host.cpu.cores > 0, "{host:?}");
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "\\PC*|([a-zA-Z_ ]{0,9}[:=][ \"'\\\\0-9a-fx]{0,9}\n){0,9}") {
        let _parsed = os_release::parse(&text);
        let cpu = cpu::parse(&format!("processor : 0\n{text}"), 1);
        prop_assert!(cpu.cores > 0 && !cpu.brand.is_empty());
        let _gib = memory_gib(&text);
    }
}
