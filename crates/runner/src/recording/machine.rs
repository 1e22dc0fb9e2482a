//! The machine in the words of a record.

use store::{Environment, Processor};

use crate::host::{self, Host};

/// Looks at the machine.
pub(super) fn read() -> Environment {
    let Host { os, os_version, arch, kernel, name, user: _, cpu, memory_gib } = host::read();
    Environment {
        machine: name,
        system: format!("{os} {os_version}"),
        architecture: arch,
        kernel,
        processor: Processor { model: cpu.brand, cores: cpu.cores, microcode: cpu.microcode },
        memory_gib,
        ..Environment::default()
    }
}
