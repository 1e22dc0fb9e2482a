//! Unwinds samples: by the copied stack and the modules' unwind data, or by frame pointers that
//! the kernel has followed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use framehop::{
    CacheNative, FrameAddress, MayAllocateDuringUnwind, Module, UnwindRegsNative, Unwinder as _,
    UnwinderNative,
};

use super::modules::{Modules, Piece};
use crate::{
    bytes::u64s,
    mapped::Mapped,
    perf::Sample,
    replay::{MappedFile, Replay},
    space::Space,
    unwind_data::UnwindData,
};

type Unwinder = UnwinderNative<Piece, MayAllocateDuringUnwind>;

/// Frames of a stack, at most; deeper ones are endless recursion or damage.
const DEEPEST: usize = 2048;
/// Frames that the kernel follows, at most (`kernel.perf_event_max_stack`).
const DEEPEST_CALLCHAIN: usize = 127;
/// Values from here on mark what follows in a callchain (`enum perf_callchain_context`).
const CONTEXT: u64 = 4095_u64.wrapping_neg();
const CONTEXT_USER: u64 = 512_u64.wrapping_neg();

/// What `uname -m` says of machines whose stacks we can unwind here.
pub(super) const OWN_ARCH: &str = std::env::consts::ARCH;

/// Addresses of a stack, innermost first.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// For callers, an address in the instruction that calls.
    pub(super) addresses: Vec<u64>,
    /// It ends where the thread began.
    pub(super) is_whole: bool,
}

/// Unwinders of processes, made when the first sample needs them.
pub(super) struct Unwinders {
    by_pid: HashMap<i32, Unwinder>,
    cache: CacheNative<MayAllocateDuringUnwind>,
}

impl Unwinders {
    pub(super) fn new() -> Self {
        Self { by_pid: HashMap::new(), cache: CacheNative::new() }
    }

    /// The mappings of a process have changed.
    pub(super) fn forget(&mut self, pid: i32) {
        self.by_pid.remove(&pid);
    }

    /// Unwinds into `walk`, which is emptied first.
    pub(super) fn walk(
        &mut self,
        sample: &Sample<'_>,
        replay: &Replay,
        modules: &Modules<'_>,
        walk: &mut Walk,
    ) {
        walk.addresses.clear();
        walk.is_whole = false;
        let Some((pc, regs, sp)) = own_regs(sample) else {
            return walk_callchain(sample, walk);
        };
        let unwinder =
            self.by_pid.entry(sample.pid).or_insert_with(|| make(sample.pid, replay, modules));
        let mut read = |address: u64| read_stack(sample.stack, sp, address).ok_or(());
        let mut frames = unwinder.iter_frames(pc, regs, &mut self.cache, &mut read);
        while walk.addresses.len() < DEEPEST {
            match frames.next() {
                Ok(Some(frame)) => walk.addresses.push(lookup_address(frame)),
                Ok(None) => {
                    walk.is_whole = true;
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

/// An address inside of the instruction that calls, or of the one that runs.
fn lookup_address(frame: FrameAddress) -> u64 {
    match frame {
        FrameAddress::InstructionPointer(address) => address,
        FrameAddress::ReturnAddress(address) => address.get().saturating_sub(1),
    }
}

/// Eight bytes of the copied stack.
fn read_stack(stack: &[u8], sp: u64, address: u64) -> Option<u64> {
    let start = usize::try_from(address.checked_sub(sp)?).ok()?;
    stack.get(start..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// The user addresses of a callchain: all behind the mark for them.
fn walk_callchain(sample: &Sample<'_>, walk: &mut Walk) {
    let mut is_user = true;
    for address in u64s(sample.callchain).take(DEEPEST) {
        if address >= CONTEXT {
            is_user = address == CONTEXT_USER;
        } else if is_user && address != 0 {
            let is_caller = !walk.addresses.is_empty();
            walk.addresses.push(address.saturating_sub(u64::from(is_caller)));
        }
    }
    let depth = walk.addresses.len();
    walk.is_whole = depth > 0 && depth < DEEPEST_CALLCHAIN;
    if depth == 0 && sample.ip != 0 {
        walk.addresses.push(sample.ip);
    }
}

/// Program counter, the registers to begin with, and stack pointer.
#[cfg(target_arch = "x86_64")]
fn own_regs(sample: &Sample<'_>) -> Option<(u64, UnwindRegsNative, u64)> {
    const BP: u32 = 6;
    const SP: u32 = 7;
    const IP: u32 = 8;
    let (ip, sp, bp) = (sample.reg(IP)?, sample.reg(SP)?, sample.reg(BP)?);
    Some((ip, UnwindRegsNative::new(ip, sp, bp), sp))
}

/// Program counter, the registers to begin with, and stack pointer.
#[cfg(target_arch = "aarch64")]
fn own_regs(sample: &Sample<'_>) -> Option<(u64, UnwindRegsNative, u64)> {
    use framehop::aarch64::PtrAuthMask;
    const FP: u32 = 29;
    const LR: u32 = 30;
    const SP: u32 = 31;
    const PC: u32 = 32;
    let (pc, sp) = (sample.reg(PC)?, sample.reg(SP)?);
    // Addresses of user space have 48 bits; a signature may be above them.
    let mask = PtrAuthMask::from_max_known_address((1 << 48) - 1);
    let regs = UnwindRegsNative::new_with_ptr_auth_mask(mask, sample.reg(LR)?, sp, sample.reg(FP)?);
    Some((pc, regs, sp))
}

/// An unwinder with the modules that a process has now.
fn make(pid: i32, replay: &Replay, modules: &Modules<'_>) -> Unwinder {
    let mut unwinder = Unwinder::new();
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    let path_of = |file: u32| usize::try_from(file).ok().and_then(|place| replay.files.get(place));
    for mapping in replay.space(pid).into_iter().flat_map(Space::iter) {
        let located = path_of(mapping.file)
            .and_then(|MappedFile { path, .. }| modules.locate(pid, path, mapping));
        let Some(located) = located else { continue };
        let Some(info) = modules.unwind_data(located.key) else { continue };
        let base = info.base_svma.wrapping_add(located.load_bias);
        let range = mapping.start..mapping.end;
        unwinder.add_module(Module::new(String::new(), range, base, info.clone()));
        ends.insert(mapping.start, mapping.end);
    }
    // Generated code, and mappings that only a snapshot has told of. Where code was generated
    // twice, the later one counts.
    let mut more = BTreeMap::new();
    for entry in modules.unwind_entries(pid) {
        let range = entry.avma_range;
        let known = ends.range(..range.end).next_back().filter(|(_, end)| **end > range.start);
        if known.is_none() && range.start < range.end {
            let kept = more.entry(range.start).or_insert(entry);
            if kept.timestamp <= entry.timestamp {
                *kept = entry;
            }
        }
    }
    for entry in more.into_values() {
        let Some(info) = modules.unwind_data(&entry.unwind_data_key) else { continue };
        let range = entry.avma_range.start..entry.avma_range.end;
        // The legacy form says 0 where the code's address belongs.
        let is_jit = entry.timestamp.is_some();
        let base = if is_jit { range.start } else { entry.base_avma };
        unwinder.add_module(Module::new(String::new(), range, base, info.clone()));
    }
    unwinder
}

/// Unwinds an empty stack with the unwind data of a file, at some addresses.
pub(crate) fn unwind_with(file: Mapped) {
    let file = Arc::new(file);
    let Some((data, _)) = UnwindData::read(&file) else { return };
    let info = super::modules::section_info(&data, &file);
    let mut unwinder = Unwinder::new();
    let range = 0..u64::MAX;
    unwinder.add_module(Module::new(String::new(), range, data.base_svma, info));
    let mut cache = CacheNative::new();
    let stack = [0x11; 256];
    for pc in (0..64).map(|step| step * 0x1000 + 0x123) {
        let sample = [pc; 33].map(u64::to_le_bytes).concat();
        let sample =
            Sample { regs: &sample, regs_mask: (1 << 33) - 1, stack: &stack, ..Sample::default() };
        let Some((pc, regs, sp)) = own_regs(&sample) else { return };
        let mut read = |address: u64| read_stack(sample.stack, sp, address).ok_or(());
        let mut frames = unwinder.iter_frames(pc, regs, &mut cache, &mut read);
        let frames = std::iter::from_fn(|| frames.next().ok().flatten());
        let _ = frames.take(DEEPEST).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callchain(addresses: &[u64]) -> Walk {
        let bytes: Vec<u8> = addresses.iter().flat_map(|address| address.to_le_bytes()).collect();
        let mut walk = Walk::default();
        let sample = Sample { callchain: &bytes, ip: 77, ..Sample::default() };
        walk_callchain(&sample, &mut walk);
        walk
    }

    #[test]
    fn callers_are_looked_up_at_their_calls() {
        const KERNEL: u64 = 128_u64.wrapping_neg();
        let walk = callchain(&[KERNEL, 1, 2, CONTEXT_USER, 10, 20, 30]);
        assert_eq!(walk.addresses, [10, 19, 29]);
        assert!(walk.is_whole);
        let walk = callchain(&[]);
        assert_eq!((&walk.addresses[..], walk.is_whole), (&[77][..], false));
        assert!(!callchain(&vec![5; DEEPEST_CALLCHAIN]).is_whole);
    }

    #[test]
    fn the_stack_is_read_within_its_bounds() {
        let stack: Vec<u8> = (0..16).collect();
        assert_eq!(read_stack(&stack, 100, 108), Some(0x0f0e_0d0c_0b0a_0908));
        let outside = [99, 109, 200, u64::MAX].map(|at| read_stack(&stack, 100, at));
        assert_eq!(outside, [None; 4]);
    }
}
