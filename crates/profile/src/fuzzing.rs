//! The readers of foreign bytes one by one, for property tests and the fuzzing example: each
//! takes any bytes, and neither panics nor goes on for ever.

use std::{collections::BTreeMap, io::Cursor};

use runner_shared::{artifact::read_json, bounds::RESULTS_VALUES_BYTES};

use crate::{
    executable_mappings,
    jit::{JitUnwindForm, PerfMap, parse_dump},
    mapped::Mapped,
    metadata::Metadata,
    module::{DebugInfos, Dwarf, Elf, Symbols, load_bias},
    perf::{Attr, Event, Sample, Visitor, scan_input},
    replay::Replay,
    stacks::unwind_with,
    unwind_data::UnwindData,
};

/// Follows everything, and keeps counts only.
struct Everything {
    replay: Replay,
    samples: BTreeMap<i32, u64>,
}

impl Visitor for Everything {
    fn wants_sample(&self, _time: u64) -> bool {
        true
    }

    fn event(&mut self, time: u64, event: Event, attrs: &[Attr]) {
        if let Event::Sample { attr, body } = &event
            && let Some(attr) = attrs.get(*attr)
            && let Some(sample) = Sample::parse(body, attr)
        {
            let weight = attr.weight_ns(sample.period);
            let sum = self.samples.entry(sample.pid).or_default();
            *sum = sum.saturating_add(weight).saturating_add(sample.reg(8).unwrap_or(0));
        }
        self.replay.event(time, &event, |_| ());
    }
}

/// Follows a recording of perf.
pub fn perf(bytes: &[u8]) {
    let mut everything = Everything { replay: Replay::new(None), samples: BTreeMap::new() };
    // Bytes in memory can always be read.
    drop(scan_input(Cursor::new(bytes), &mut everything));
    everything.replay.finish(|_| ());
}

/// Reads a dump of generated code.
pub fn jitdump(bytes: &[u8]) {
    for loaded in parse_dump(bytes).into_iter().flatten() {
        for form in [JitUnwindForm::Correct, JitUnwindForm::Legacy] {
            if let Some(unwind) = loaded.unwind {
                let data = unwind.form(form, "jit", loaded.size);
                drop(data.write(&mut std::io::sink()));
            }
        }
    }
}

/// Reads a map of symbols of a process.
pub fn perf_map(bytes: &[u8]) {
    let map = PerfMap::parse(bytes);
    for address in [0, 0x1000, u64::MAX] {
        let _ = map.at(address);
    }
}

/// Reads a program or library.
pub fn elf(bytes: &[u8]) {
    let Some(elf) = Elf::parse(bytes) else { return };
    let symbols = Symbols::of(&elf, Some(&elf));
    drop(symbols.write(&mut std::io::sink()));
    if let Some(data) = elf.unwind_data("/x") {
        drop(data.write(&mut std::io::sink()));
    }
    let _ = elf.build_id();
    for load in &elf.loads {
        let _ = load_bias(&elf.loads, load.address, load.size, load.offset, 4096);
    }
}

/// Reads its debug information.
pub fn dwarf(bytes: &[u8]) {
    let Some(elf) = Elf::parse(bytes) else { return };
    let symbols = Symbols::of(&elf, None);
    let Some(dwarf) = Dwarf::load(&elf) else { return };
    let some = symbols.list.get(..symbols.list.len().min(64)).unwrap_or_default();
    drop(DebugInfos::of(&dwarf, some, tempfile::tempfile));
}

/// Reads unwind data, and unwinds by it.
pub fn unwind(bytes: &[u8]) {
    if UnwindData::read(bytes).is_some() {
        unwind_with(Mapped::Memory(bytes.to_vec()));
    }
}

/// Reads the metadata of a profile.
pub fn metadata(bytes: &[u8]) {
    drop(read_json::<Metadata>(bytes, RESULTS_VALUES_BYTES));
}

/// Reads what the kernel says of the memory of a process, in which names of files are foreign.
pub fn maps(bytes: &[u8]) {
    drop(executable_mappings(&String::from_utf8_lossy(bytes)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A recording with a bit of everything, not compressed.
    fn recording() -> Vec<u8> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/client/perf.pipedata");
        std::fs::read(path).unwrap()
    }

    fn own_vdso() -> Vec<u8> {
        crate::module::own_vdso().unwrap()
    }

    fn mutate(mut bytes: Vec<u8>, changes: &[(usize, u8)], length: usize) -> Vec<u8> {
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = *byte;
        }
        bytes.truncate(length);
        bytes
    }

    proptest! {
        #[test]
        fn a_changed_or_cut_recording(
            changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..8),
            length in 0_usize..9000,
        ) {
            perf(&mutate(recording(), &changes, length));
        }

        #[test]
        fn a_changed_or_cut_module(
            changes in prop::collection::vec((any::<usize>(), any::<u8>()), 0..16),
            length in 0_usize..9000,
        ) {
            let bytes = mutate(own_vdso(), &changes, length);
            elf(&bytes);
            dwarf(&bytes);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for read in [perf, jitdump, perf_map, elf, dwarf, unwind, metadata, maps] {
                read(&bytes);
            }
        }
    }
}
