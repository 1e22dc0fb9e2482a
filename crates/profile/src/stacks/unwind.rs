//! Unwinds samples. From a copied stack: by the call frame information of each module, by frame pointers where there is
//! none, and through the frames of signals. From addresses that the kernel has found by frame pointers: with a look at
//! whether the functions there have any.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    rc::Rc,
    sync::Arc,
};

use gimli::UnwindContext;

use super::{
    cfi::{Cfi, Rule, Step},
    modules::{Modules, cfi_of},
    registers::{
        AT_CALL, FRAME_POINTER, RETURN_ADDRESS, Registers, STACK_POINTER, interrupted, plain,
    },
    trampolines::{self, Trampolines, is_in},
};
use crate::{
    mapped::Mapped,
    perf::Sample,
    replay::{MappedFile, Replay},
    space::Space,
    unwind_data::UnwindData,
};

/// Frames of a stack, at most; deeper ones are endless recursion or damage.
const DEEPEST: usize = 2048;
/// Frames that the kernel follows, at most (`kernel.perf_event_max_stack`).
const DEEPEST_CALLCHAIN: usize = 127;
/// Values from here on mark what follows in a callchain (`enum perf_callchain_context`).
const CONTEXT: u64 = 4095_u64.wrapping_neg();
const CONTEXT_USER: u64 = 512_u64.wrapping_neg();
/// A place further from the stack pointer than this is not on the same stack: the usual limit of a stack.
const FAR: u64 = 8 << 20;
/// Rules that are remembered, at most.
const MOST_RULES: usize = 1 << 20;

/// The machine whose stacks can be unwound here, as `uname -m` names it.
pub(super) const OWN_ARCH: &str = std::env::consts::ARCH;

/// The end of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum End {
    /// At the first function of its thread.
    Root,
    /// At the end of the copied part of the stack.
    Copy,
    /// At a function that keeps no frame pointer, in a stack that was taken by frame pointers.
    NoFramePointer,
    /// Somewhere else.
    #[default]
    Broken,
}

/// Addresses of a stack, innermost first.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// For callers, an address in the instruction that calls.
    pub(super) addresses: Vec<u64>,
    pub(super) end: End,
}

/// A piece of code in a process.
struct Region<'m> {
    end: u64,
    load_bias: u64,
    cfi: Option<&'m Cfi>,
    /// Part of the C library or the loader: threads begin there.
    is_system: bool,
}

/// The code of a process by its first address.
type Code<'m> = BTreeMap<u64, Region<'m>>;

/// The code of all processes, looked up when the first sample needs it.
pub(super) struct Unwinders<'m> {
    by_pid: HashMap<i32, Code<'m>>,
    trampolines: Trampolines,
    rules: Rules,
}

/// Rules by module and address.
struct Rules {
    known: HashMap<(usize, u64), Option<Rc<Rule>>>,
    context: UnwindContext<usize>,
}

impl Rules {
    fn new() -> Self {
        Self { known: HashMap::new(), context: UnwindContext::new() }
    }

    /// The rule at an address of a module.
    fn at(&mut self, cfi: &Cfi, svma: u64) -> Option<Rc<Rule>> {
        if self.known.len() >= MOST_RULES {
            self.known.clear();
        }
        // Modules stay where they are as long as there are unwinders.
        let module = std::ptr::from_ref(cfi).addr();
        let rule = self.known.entry((module, svma));
        rule.or_insert_with(|| cfi.rule(svma, &mut self.context).map(Rc::new)).clone()
    }
}

impl<'m> Unwinders<'m> {
    pub(super) fn new() -> Self {
        let trampolines = Trampolines::default();
        Self { by_pid: HashMap::new(), trampolines, rules: Rules::new() }
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
        modules: &'m Modules<'m>,
        walk: &mut Walk,
    ) {
        walk.addresses.clear();
        let code = self.by_pid.entry(sample.pid);
        let code = code.or_insert_with(|| code_of(sample.pid, replay, modules));
        walk.end = if let Some((pc, registers)) = Registers::of(sample) {
            let rules = &mut self.rules;
            let trampolines = self.trampolines.of(sample.pid, modules);
            Thread { code, trampolines, rules, stack: sample.stack, registers }
                .walk(pc, &mut walk.addresses)
        } else {
            read_callchain(sample, &mut walk.addresses);
            judge_callchain(code, &mut self.rules, &walk.addresses)
        };
    }
}

/// The piece of code at an address.
fn region<'c, 'm>(code: &'c Code<'m>, address: u64) -> Option<&'c Region<'m>> {
    let (_, region) = code.range(..=address).next_back()?;
    Some(region).filter(|region| address < region.end)
}

/// A thread on its way from the innermost function out.
struct Thread<'t, 'm> {
    code: &'t Code<'m>,
    trampolines: &'t [Range<u64>],
    rules: &'t mut Rules,
    stack: &'t [u8],
    registers: Registers,
}

/// The next function outwards.
enum Outwards {
    /// It calls the one before.
    Caller(u64),
    /// It was interrupted at this address by a signal.
    Interrupted(u64),
    End(End),
}

impl Thread<'_, '_> {
    fn walk(&mut self, pc: u64, addresses: &mut Vec<u64>) -> End {
        let Some(bottom) = self.registers.get(STACK_POINTER) else { return End::Broken };
        // For a caller, an address inside of the instruction that calls.
        let mut at = pc;
        let mut is_innermost = true;
        while addresses.len() < DEEPEST {
            addresses.push(at);
            let before = (at, self.registers.get(STACK_POINTER));
            let is_first = std::mem::replace(&mut is_innermost, false);
            match self.outwards(at, is_first, bottom) {
                Outwards::Caller(address) => at = address.saturating_sub(1),
                Outwards::Interrupted(address) => {
                    // What restores registers begins where the handler returns to: it calls nothing.
                    if let Some(own) = addresses.last_mut().filter(|_| !is_first) {
                        *own = own.saturating_add(1);
                    }
                    (at, is_innermost) = (address, true);
                }
                Outwards::End(end) => return end,
            }
            if before == (at, self.registers.get(STACK_POINTER)) {
                return End::Broken;
            }
        }
        End::Broken
    }

    fn outwards(&mut self, at: u64, is_innermost: bool, bottom: u64) -> Outwards {
        let stack = self.stack;
        // Set when a place beyond the copy would have been needed.
        let mut is_beyond = false;
        let mut read = |address: u64| {
            let value = read_stack(stack, bottom, address);
            is_beyond |= value.is_none() && is_above(stack, bottom, address);
            value
        };
        let region = region(self.code, at);
        let cfi = region.and_then(|region| Some((region.cfi?, region.load_bias)));
        let rule =
            cfi.and_then(|(cfi, bias)| Some((cfi, self.rules.at(cfi, at.wrapping_sub(bias))?)));
        let outwards = if let Some((cfi, rule)) = rule {
            match cfi.step(&rule, &mut self.registers, &mut read) {
                Step::Caller(address) if rule.is_signal => Outwards::Interrupted(address),
                Step::Caller(address) => Outwards::Caller(address),
                Step::Root => Outwards::End(End::Root),
                Step::Unknown => Outwards::End(End::Broken),
            }
        } else if let Some((address, registers)) =
            (!is_innermost).then(|| interrupted(&self.registers, &mut read)).flatten()
        {
            self.registers = registers;
            Outwards::Interrupted(address)
        } else {
            // Gaps in a module's information are pieces of assembly: stubs that have no frame.
            let is_stub = is_innermost && cfi.is_some();
            let is_trampoline = !is_innermost && region.is_none() && is_in(self.trampolines, at);
            let leaf = if is_trampoline {
                trampolines::caller(&self.registers, &mut read)
            } else {
                is_stub.then(|| without_frame(&self.registers, &mut read)).flatten()
            };
            let leaf = leaf.filter(|(address, _)| self::region(self.code, *address).is_some());
            match leaf {
                Some((address, registers)) => {
                    self.registers = registers;
                    Outwards::Caller(address)
                }
                None => by_frame_pointer(&mut self.registers, &mut read),
            }
        };
        let is_broken = matches!(outwards, Outwards::End(End::Broken));
        if is_broken && is_beyond { Outwards::End(End::Copy) } else { outwards }
    }
}

/// The caller of a function that has put nothing on the stack.
fn without_frame(
    registers: &Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Option<(u64, Registers)> {
    let sp = registers.get(STACK_POINTER)?;
    let mut caller = *registers;
    let address = if AT_CALL == 0 { registers.get(RETURN_ADDRESS)? } else { read(sp)? };
    caller.set(STACK_POINTER, sp.checked_add_signed(AT_CALL));
    caller.set(RETURN_ADDRESS, Some(address));
    (address != 0).then_some((plain(address), caller))
}

/// The caller by the frame pointer: there are the caller's own one, and the return address behind it.
fn by_frame_pointer(
    registers: &mut Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Outwards {
    let known = (registers.get(FRAME_POINTER), registers.get(STACK_POINTER));
    let (Some(frame), Some(sp)) = known else { return Outwards::End(End::Broken) };
    if frame == 0 {
        return Outwards::End(End::Root);
    }
    // The frames of callers lie above.
    let above = frame.checked_add(16).filter(|above| *above > sp);
    let found = above.and_then(|above| Some((above, read(frame)?, read(frame.checked_add(8)?)?)));
    let Some((above, outer, address)) = found else { return Outwards::End(End::Broken) };
    registers.set(FRAME_POINTER, Some(outer));
    registers.set(STACK_POINTER, Some(above));
    registers.set(RETURN_ADDRESS, Some(address));
    match plain(address) {
        0 => Outwards::End(End::Root),
        address => Outwards::Caller(address),
    }
}

/// Eight bytes of the copied stack, which begins at `bottom`.
fn read_stack(stack: &[u8], bottom: u64, address: u64) -> Option<u64> {
    let start = usize::try_from(address.checked_sub(bottom)?).ok()?;
    stack.get(start..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// Returns true if an address that could not be read is on the same stack, above the copied part. Nothing is copied
/// from a process that is just becoming another program.
fn is_above(stack: &[u8], bottom: u64, address: u64) -> bool {
    let above = address.checked_sub(bottom);
    !stack.is_empty() && above.is_some_and(|above| above < FAR)
}

/// The user addresses of a callchain: all behind the mark for them.
fn read_callchain(sample: &Sample<'_>, addresses: &mut Vec<u64>) {
    let mut is_user = true;
    for address in sample.callchain().take(DEEPEST) {
        if address >= CONTEXT {
            is_user = address == CONTEXT_USER;
        } else if is_user && address != 0 {
            let is_caller = !addresses.is_empty();
            addresses.push(address.saturating_sub(u64::from(is_caller)));
        }
    }
    if addresses.is_empty() && sample.ip != 0 {
        addresses.push(sample.ip);
    }
}

/// Judges the end of a stack that was taken by frame pointers. The kernel just follows them; a function that keeps
/// none breaks the chain, or hides its callers. Functions that start threads may: there is nothing behind them.
fn judge_callchain(code: &Code<'_>, rules: &mut Rules, addresses: &[u64]) -> End {
    if addresses.len() >= DEEPEST_CALLCHAIN {
        return End::Broken;
    }
    let outermost = addresses.len().saturating_sub(1);
    for (place, address) in addresses.iter().enumerate() {
        let Some(region) = region(code, *address) else { continue };
        let Some(cfi) = region.cfi else { continue };
        let Some(rule) = rules.at(cfi, address.wrapping_sub(region.load_bias)) else { continue };
        let starts = place == outermost && place > 0 && region.is_system;
        if rule.is_without_frame_pointer() && !starts {
            return End::NoFramePointer;
        }
        if place == 0 && outermost == 0 && !rule.is_root() {
            return End::NoFramePointer;
        }
    }
    if addresses.is_empty() { End::Broken } else { End::Root }
}

/// The code that a process has now.
fn code_of<'m>(pid: i32, replay: &Replay, modules: &'m Modules<'m>) -> Code<'m> {
    let mut code: Code<'m> = BTreeMap::new();
    let file_of = |file: u32| usize::try_from(file).ok().and_then(|place| replay.files.get(place));
    for mapping in replay.space(pid).into_iter().flat_map(Space::iter) {
        let Some(MappedFile { path, .. }) = file_of(mapping.file) else { continue };
        let located = modules.locate(pid, path, mapping);
        let region = Region {
            end: mapping.end,
            load_bias: located.map_or(0, |located| located.load_bias),
            cfi: located.and_then(|located| modules.cfi(located.key)),
            is_system: is_system(path),
        };
        code.insert(mapping.start, region);
    }
    // Generated code, and mappings that only a snapshot has told of. Where code was generated
    // twice, the later one counts.
    let mut more = BTreeMap::new();
    for entry in modules.unwind_entries(pid) {
        let range = entry.avma_range;
        let known = code.range(..range.end).next_back();
        let is_known = known.is_some_and(|(_, region)| region.end > range.start);
        if !is_known && range.start < range.end {
            let kept = more.entry(range.start).or_insert(entry);
            if kept.timestamp <= entry.timestamp {
                *kept = entry;
            }
        }
    }
    for (start, entry) in more {
        let Some(cfi) = modules.cfi(&entry.unwind_data_key) else { continue };
        // The legacy form says 0 where the code's address belongs.
        let is_jit = entry.timestamp.is_some();
        let base = if is_jit { start } else { entry.base_avma };
        let load_bias = base.wrapping_sub(cfi.base_svma);
        let path = modules.path(&entry.unwind_data_key);
        let (end, cfi) = (entry.avma_range.end, Some(cfi));
        code.insert(start, Region { end, load_bias, cfi, is_system: is_system(path) });
    }
    code
}

/// Returns true if threads begin in a module of this name: C libraries and loaders.
fn is_system(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["libc.so", "libc-", "libc.musl", "ld-", "libpthread"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Unwinds an empty stack with the unwind data of a file, at some addresses.
pub(crate) fn unwind_with(file: Mapped) {
    let file = Arc::new(file);
    let Some((data, _)) = UnwindData::read(&file) else { return };
    let cfi = cfi_of(&data, &file);
    let region = Region { end: u64::MAX, load_bias: 0, cfi: Some(&cfi), is_system: false };
    let code = BTreeMap::from([(0, region)]);
    let mut rules = Rules::new();
    for pc in (0..64).map(|step| step * 0x1000 + 0x123) {
        let registers = [pc; 33].map(u64::to_le_bytes).concat();
        let sample = Sample::of_registers((1 << 33) - 1, &registers);
        let Some((pc, registers)) = Registers::of(&sample) else { return };
        let stack = &[0x11; 256];
        let mut thread =
            Thread { code: &code, trampolines: &[], rules: &mut rules, stack, registers };
        thread.walk(pc, &mut Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callchain(addresses: &[u64]) -> (Vec<u64>, End) {
        let bytes: Vec<u8> = addresses.iter().flat_map(|address| address.to_le_bytes()).collect();
        let mut found = Vec::new();
        let sample = Sample::of_callchain(77, &bytes);
        read_callchain(&sample, &mut found);
        let end = judge_callchain(&BTreeMap::new(), &mut Rules::new(), &found);
        (found, end)
    }

    #[test]
    fn callers_are_looked_up_at_their_calls() {
        const KERNEL: u64 = 128_u64.wrapping_neg();
        let found = callchain(&[KERNEL, 1, 2, CONTEXT_USER, 10, 20, 30]);
        assert_eq!(found, (vec![10, 19, 29], End::Root));
        assert_eq!(callchain(&[]).0, [77]);
        assert_eq!(callchain(&[5; DEEPEST_CALLCHAIN]).1, End::Broken);
    }

    #[test]
    fn the_stack_is_read_within_its_bounds() {
        let stack: Vec<u8> = (0..16).collect();
        assert_eq!(read_stack(&stack, 100, 108), Some(0x0f0e_0d0c_0b0a_0908));
        let outside = [99, 109, 200, u64::MAX].map(|at| read_stack(&stack, 100, at));
        assert_eq!(outside, [None; 4]);
        let above = [99, 109, 200, 100 + FAR, u64::MAX].map(|at| is_above(&stack, 100, at));
        assert_eq!(above, [false, true, true, false, false]);
        assert!(!is_above(&[], 100, 109));
    }
}
