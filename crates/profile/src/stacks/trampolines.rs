//! Frames of the functions that CPython generates so that profilers see which function of a script runs. They call the
//! interpreter and nothing else, and no unwind data tells of them where they stand in a `perf-<pid>.map` only.

use std::{collections::HashMap, ops::Range};

use super::{
    modules::Modules,
    registers::{AT_CALL, FRAME_POINTER, RETURN_ADDRESS, Registers, STACK_POINTER, plain},
};
use crate::jit::PerfMap;

/// Beginning of the names that CPython gives to them.
const PREFIX: &[u8] = b"py::";

/// The trampolines of all processes, looked up when the first stack needs them.
#[derive(Debug, Default)]
pub(super) struct Trampolines {
    /// By process, sorted.
    by_pid: HashMap<i32, Vec<Range<u64>>>,
}

impl Trampolines {
    /// Reads those of a process, if that has not been done.
    pub(super) fn of(&mut self, pid: i32, modules: &Modules<'_>) -> &[Range<u64>] {
        self.by_pid.entry(pid).or_insert_with(|| {
            let map = modules.perf_map(pid);
            let map = map.as_deref().map(PerfMap::parse).unwrap_or_default();
            map.named(PREFIX).collect()
        })
    }
}

/// Returns true if an address lies in one of these.
pub(super) fn is_in(trampolines: &[Range<u64>], address: u64) -> bool {
    let after = trampolines.partition_point(|range| range.start <= address);
    let range = after.checked_sub(1).and_then(|before| trampolines.get(before));
    range.is_some_and(|range| range.contains(&address))
}

/// The caller of a trampoline that has called the interpreter: it has put eight bytes on the stack, which are the frame
/// pointer where it keeps one. `None` on machines on which every one of them keeps one, and if nothing can be read.
pub(super) fn caller(
    registers: &Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Option<(u64, Registers)> {
    if AT_CALL == 0 {
        return None;
    }
    let sp = registers.get(STACK_POINTER)?;
    let mut caller = *registers;
    let address = read(sp.checked_add(8)?)?;
    if registers.get(FRAME_POINTER) == Some(sp) {
        caller.set(FRAME_POINTER, Some(read(sp)?));
    }
    caller.set(STACK_POINTER, sp.checked_add(16));
    caller.set(RETURN_ADDRESS, Some(address));
    (address != 0).then_some((plain(address), caller))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_their_ranges() {
        let ranges = [0x10..0x1b, 0x20..0x2b];
        let at = [0xf, 0x10, 0x1a, 0x1b, 0x20, 0x2b].map(|at| is_in(&ranges, at));
        assert_eq!(at, [false, true, true, false, true, false]);
        assert!(!is_in(&[], 0));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn both_forms_of_a_trampoline_lead_to_their_caller() {
        // What lies at 0x100 and behind: a gap or a frame pointer, and the return address.
        let mut read = |address: u64| match address {
            0x100 => Some(0x180),
            0x108 => Some(0x4242),
            _ => None,
        };
        for (frame_pointer, expected) in [(0x100, 0x180), (0x7777, 0x7777)] {
            let mut registers = Registers::unknown();
            registers.set(STACK_POINTER, Some(0x100));
            registers.set(FRAME_POINTER, Some(frame_pointer));
            let (address, caller) = caller(&registers, &mut read).unwrap();
            assert_eq!((address, caller.get(STACK_POINTER)), (0x4242, Some(0x110)));
            assert_eq!(caller.get(FRAME_POINTER), Some(expected));
        }
        let mut registers = Registers::unknown();
        registers.set(STACK_POINTER, Some(0x200));
        assert!(caller(&registers, &mut read).is_none());
    }
}
