//! Unwinds copies of stacks by the call frame information of the files in the memory of a process, and by frame pointers
//! where there is none.
//!
//! Steps from a function to its caller are made by `framehop`. Equal stacks are unwound once: see `memo`.

mod expression;
mod memo;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use foldhash::fast::FixedState;
use framehop::{
    CacheNative, FrameAddress, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder, UnwinderNative,
};
use runner_shared::bounds::{Allowance, UNWOUND_BYTES, size};

use crate::{
    backend::{MOST_COPIED, Registers, STACK_DEPTH, Stack},
    cfi::{Bytes, Cfi},
    symbols::{Code, Symbols},
};
use expression::Rule;
use memo::{Check, Memo, Place};

/// Frames of a stack, at most; deeper ones are damage, as no copy has so many.
const DEEPEST: usize = 1024;
/// A place further from the stack pointer than this is not on the same stack: the usual limit of a stack.
const FAR: u64 = 8 << 20;
/// Pages of a process that are known to hold no code of a file, at most.
const MOST_UNKNOWN: usize = 1 << 16;
/// Return addresses whose rules are known, at most.
const MOST_RULES: usize = 1 << 16;
/// Bytes that a node of a memo takes, with its edge.
const NODE: u64 = 72;
/// No frame is there: who takes it for a frame pointer gets nowhere.
const POISON: u64 = 1;

/// The outer end of a stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// At the first function of its thread.
    Root,
    /// At the end of a copy that is as long as copies can be.
    Copy,
    /// At the end of a shorter copy: of a stack that is not the thread's own, or whose next page isn't there.
    Short,
    /// At the last of the callers that are followed by frame pointers.
    Frames,
    /// At a function whose caller can't be found.
    #[default]
    Lost,
}

/// A stack that was unwound.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Return addresses, innermost first.
    pub addresses: Vec<u64>,
    /// Those from here on were found by frame pointers.
    pub by_frames: usize,
    /// The outer end.
    pub end: End,
    checks: Vec<Check>,
    /// The words that a step has read. Kept, as what the tracer allocates is probed as well.
    reads: Vec<Check>,
}

impl Walk {
    /// Takes a stack that was found by frame pointers alone.
    pub(crate) fn take(&mut self, addresses: &[u64]) {
        self.addresses.clear();
        self.addresses.extend_from_slice(addresses);
        self.by_frames = 0;
        self.end = end_of_frames(addresses);
    }
}

/// The end of a stack that was found by frame pointers.
fn end_of_frames(addresses: &[u64]) -> End {
    let is_full = addresses.len() >= usize::try_from(STACK_DEPTH).unwrap_or(usize::MAX);
    if is_full { End::Frames } else { End::Root }
}

/// The code of all processes, and the stacks of each that were unwound; `T` stands for a stack.
pub(crate) struct Unwinders<T> {
    processes: HashMap<i32, Process<T>, FixedState>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    /// For steps that are only tried: what they leave there may be wrong.
    tried: CacheNative<MayAllocateDuringUnwind>,
    /// Nodes of all memos.
    nodes: usize,
}

/// The code of a process.
struct Process<T> {
    unwinder: UnwinderNative<Bytes, MayAllocateDuringUnwind>,
    /// What the unwinder knows.
    known: Vec<Code>,
    /// By the return address: rules for it that the unwinder doesn't know; mostly there is none.
    rules: HashMap<u64, Option<Arc<Rule>>, FixedState>,
    /// Pages that no file is known for.
    unknown: HashSet<u64, FixedState>,
    memo: Memo<T>,
}

impl<T: Copy> Default for Unwinders<T> {
    fn default() -> Self {
        Self {
            processes: HashMap::default(),
            cache: CacheNative::new(),
            tried: CacheNative::new(),
            nodes: 0,
        }
    }
}

impl<T: Copy> std::fmt::Debug for Unwinders<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unwinders")
            .field("processes", &self.processes.len())
            .finish_non_exhaustive()
    }
}

impl<T: Copy> Unwinders<T> {
    /// Returns the stack that a copy shows, if it was unwound before.
    pub(crate) fn known(&self, pid: i32, stack: &Stack<'_>) -> Option<T> {
        let memo = &self.processes.get(&pid)?.memo;
        memo.find(stack.registers, |address| word(stack, address))
    }

    /// Keeps what was unwound from a copy; not if the next copy of the same stack may be longer.
    pub(crate) fn learn(&mut self, pid: i32, stack: &Stack<'_>, walk: &Walk, value: T) {
        if walk.end == End::Short {
            return;
        }
        let Some(process) = self.processes.get_mut(&pid) else { return };
        let before = process.memo.len();
        process.memo.learn(stack.registers, &walk.checks, value);
        self.nodes += process.memo.len() - before;
        if size(self.nodes) * NODE > UNWOUND_BYTES {
            self.processes.values_mut().for_each(|process| process.memo = Memo::new());
            self.nodes = 0;
        }
    }

    /// Unwinds a copy into `walk`. If the stack was taken by frame pointers as well, this ends where one of their addresses
    /// is met, and those further out follow.
    pub(crate) fn walk(
        &mut self,
        pid: i32,
        stack: &Stack<'_>,
        symbols: &mut Symbols,
        walk: &mut Walk,
    ) {
        walk.addresses.clear();
        walk.checks.clear();
        let process = self.processes.entry(pid).or_insert_with(Process::new);
        let outer = stack.addresses.get(1..).unwrap_or_default();
        let mut thread = Thread::new(stack);
        let (end, joined) = loop {
            let at = thread.registers.ip;
            walk.addresses.push(at);
            let joined = outer.iter().position(|address| *address == at);
            if joined.is_some() || walk.addresses.len() >= DEEPEST {
                break (End::Lost, joined);
            }
            process.get_to_know(pid, at, symbols);
            let caches = [&mut self.cache, &mut self.tried];
            let stepped = match process.own_rule(at) {
                Some(rule) => thread.step_by(&rule, walk),
                None => thread.step(&process.unwinder, caches, walk),
            };
            if let Err(end) = stepped {
                break (end, None);
            }
        };
        walk.end = end;
        walk.by_frames = walk.addresses.len();
        if walk.end != End::Root && !stack.addresses.is_empty() {
            walk.by_frames -= 1;
            let from = joined.map_or(0, |joined| joined + 1);
            walk.addresses.extend(outer.get(from..).unwrap_or_default());
            walk.end = end_of_frames(stack.addresses);
        }
    }

    /// A process has more in its memory than it had.
    pub(crate) fn look_again(&mut self, pid: i32) {
        if let Some(process) = self.processes.get_mut(&pid) {
            process.unknown.clear();
        }
    }

    /// A process is gone, has become another program, or has other code in its memory.
    pub(crate) fn forget(&mut self, pid: i32) {
        if let Some(process) = self.processes.remove(&pid) {
            self.nodes -= process.memo.len();
        }
    }
}

impl<T: Copy> Process<T> {
    fn new() -> Self {
        Self {
            unwinder: UnwinderNative::new(),
            known: Vec::new(),
            rules: HashMap::default(),
            unknown: HashSet::default(),
            memo: Memo::new(),
        }
    }

    /// Sees to it that the unwinder knows the code before a return address.
    fn get_to_know(&mut self, pid: i32, address: u64, symbols: &mut Symbols) {
        let address = address.saturating_sub(1);
        let is_known = self.known.iter().any(|code| code.range.contains(&address));
        if is_known || self.unknown.contains(&(address / 4096)) {
            return;
        }
        let Some(code) = symbols.code(pid, address) else {
            if self.unknown.len() >= MOST_UNKNOWN {
                self.unknown.clear();
            }
            self.unknown.insert(address / 4096);
            return;
        };
        if let Some(cfi) = &code.cfi {
            self.unwinder.add_module(cfi.module(code.range.clone(), code.bias));
        }
        self.known.push(code);
    }

    /// The rule for a return address, if the unwinder doesn't know it.
    fn own_rule(&mut self, back: u64) -> Option<Arc<Rule>> {
        if let Some(known) = self.rules.get(&back) {
            return known.clone();
        }
        let address = back.saturating_sub(1);
        let code = self.known.iter().find(|code| code.range.contains(&address))?;
        let place = address.wrapping_sub(code.bias);
        let found = code.cfi.as_ref().and_then(|cfi| Rule::find(cfi, place)).map(Arc::new);
        if self.rules.len() >= MOST_RULES {
            self.rules.clear();
        }
        self.rules.insert(back, found.clone());
        found
    }
}

/// The word at an address of a copied stack.
fn word(stack: &Stack<'_>, address: u64) -> Option<u64> {
    let offset = address.checked_sub(stack.registers.sp)?;
    let at = usize::try_from(offset / 8).ok()?;
    // Words that are not aligned with the copy are no part of a frame.
    offset.is_multiple_of(8).then(|| stack.copy.get(at).copied()).flatten()
}

/// Origin of the frame pointer that a thread has.
#[derive(Debug, Clone, Copy)]
enum Origin {
    /// It is as it depends on this word.
    Word(Check),
    /// A word that was checked.
    Checked,
}

/// A thread on its way from the innermost function out.
struct Thread<'t> {
    stack: &'t Stack<'t>,
    registers: Registers,
    frame_pointer: Origin,
}

impl<'t> Thread<'t> {
    fn new(stack: &'t Stack<'t>) -> Self {
        let place = Place::FramePointer;
        let frame_pointer = Origin::Word(Check { place, value: stack.registers.fp });
        Self { stack, registers: stack.registers, frame_pointer }
    }

    /// Gets to the caller, and adds the words that the way depends on.
    fn step(
        &mut self,
        unwinder: &UnwinderNative<Bytes, MayAllocateDuringUnwind>,
        [cache, tried]: [&mut CacheNative<MayAllocateDuringUnwind>; 2],
        Walk { checks, reads, .. }: &mut Walk,
    ) -> Result<(), End> {
        let before = self.registers;
        let address = FrameAddress::from_return_address(before.ip).ok_or(End::Lost)?;
        reads.clear();
        let (mut is_beyond, mut is_lost) = (false, false);
        // A word that isn't there is no error here: for that, the library would keep another rule for the function.
        let mut read = |at: u64| {
            let Some(value) = word(self.stack, at) else {
                let above = at.checked_sub(self.stack.registers.sp);
                let is_near = above.is_some_and(|above| above < FAR);
                is_beyond |= is_near;
                is_lost |= !is_near;
                return Ok(0);
            };
            reads.push(Check { place: Place::Stack(at), value });
            Ok(value)
        };
        let mut registers = native(before);
        let caller = unwinder.unwind_frame(address, &mut registers, cache, &mut read);
        let after = sp_and_fp(&registers);
        // Does the way depend on the frame pointer? Most functions only keep it for their callers.
        let mut poisoned = native(Registers { fp: POISON, ..before });
        let mut again = |at: u64| Ok(word(self.stack, at).unwrap_or(0));
        let other = unwinder.unwind_frame(address, &mut poisoned, tried, &mut again);
        let goes_on = |outcome: Result<Option<u64>, _>| match outcome {
            Ok(Some(ip)) if !is_beyond && !is_lost => Some(ip),
            Ok(_) | Err(_) => None,
        };
        let is_same = match (&caller, &other) {
            (Ok(one), Ok(other)) => one == other && sp_and_fp(&poisoned).0 == after.0,
            (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => false,
        };
        // The end of a stack is one for that frame pointer only, as far as we know.
        let is_used = !is_same || goes_on(caller).is_none();
        if is_used && let Origin::Word(check) = self.frame_pointer {
            checks.push(check);
            self.frame_pointer = Origin::Checked;
        }
        // Where the unwinder only follows frame pointers, one that is 0 ends the stack for it. It says nothing: the function
        // may use the register for something else.
        let is_root = !reads.is_empty() || matches!(other, Ok(None));
        let ip = match caller {
            _ if is_lost => Err(End::Lost),
            _ if is_beyond => Err(self.beyond()),
            Ok(Some(ip)) => Ok(ip),
            Ok(None) if is_root => Err(End::Root),
            Ok(None) | Err(_) => Err(End::Lost),
        };
        let ip = ip.inspect_err(|_| checks.append(reads))?;
        self.note(reads, ip, checks);
        self.registers = Registers { ip, sp: after.0, fp: after.1 };
        Ok(())
    }

    /// Gets to the caller by a rule of our own, and adds the words that the way depends on.
    fn step_by(&mut self, rule: &Rule, Walk { checks, reads, .. }: &mut Walk) -> Result<(), End> {
        reads.clear();
        let mut is_beyond = false;
        let mut read = |at: u64| {
            let value = word(self.stack, at);
            let above = at.checked_sub(self.stack.registers.sp);
            is_beyond |= value.is_none() && above.is_some_and(|above| above < FAR);
            let check = value.map(|value| Check { place: Place::Stack(at), value });
            reads.extend(check);
            value
        };
        let caller = rule.step(self.registers, &mut read);
        if let Origin::Word(check) = self.frame_pointer {
            checks.push(check);
        }
        checks.append(reads);
        self.frame_pointer = Origin::Checked;
        self.registers = match caller {
            Some(Registers { ip: 0, .. }) => return Err(End::Root),
            Some(caller) => caller,
            None if is_beyond => return Err(self.beyond()),
            None => return Err(End::Lost),
        };
        Ok(())
    }

    /// The end of a stack of which more is needed than was copied.
    fn beyond(&self) -> End {
        let is_full = size(self.stack.copy.len()) * 8 >= u64::from(MOST_COPIED);
        if is_full { End::Copy } else { End::Short }
    }

    /// The return address is a word that the way depends on; another word is the caller's frame pointer, which it may
    /// depend on later.
    fn note(&mut self, reads: &[Check], ip: u64, checks: &mut Vec<Check>) {
        let back = reads.iter().rposition(|check| check.value == ip);
        let mut others = reads.iter().enumerate().filter(|(at, _)| Some(*at) != back);
        match (back, others.next(), others.next()) {
            (Some(_), None, _) => {}
            (Some(_), Some((_, one)), None) => self.frame_pointer = Origin::Word(*one),
            _ => {
                checks.extend_from_slice(reads);
                self.frame_pointer = Origin::Checked;
                return;
            }
        }
        checks.extend(back.and_then(|at| reads.get(at)));
    }
}

#[cfg(target_arch = "x86_64")]
fn native(registers: Registers) -> UnwindRegsNative {
    UnwindRegsNative::new(registers.ip, registers.sp, registers.fp)
}

#[cfg(target_arch = "aarch64")]
fn native(registers: Registers) -> UnwindRegsNative {
    // Addresses have 48 bits; those above may sign a return address.
    let mask = framehop::aarch64::PtrAuthMask(u64::MAX >> 16);
    UnwindRegsNative::new_with_ptr_auth_mask(mask, registers.ip, registers.sp, registers.fp)
}

#[cfg(target_arch = "x86_64")]
fn sp_and_fp(registers: &UnwindRegsNative) -> (u64, u64) {
    (registers.sp(), registers.bp())
}

#[cfg(target_arch = "aarch64")]
fn sp_and_fp(registers: &UnwindRegsNative) -> (u64, u64) {
    (registers.sp(), registers.fp())
}

/// Unwinds by the call frame information of a file, for the example that throws damaged ones at us. The stack is full of
/// addresses in its code.
pub(crate) fn unwind_with(file: &[u8]) {
    let Ok(object) = object::File::parse(file) else { return };
    let Some(cfi) = Cfi::read(&object, &mut Allowance::of(size(file.len()))) else { return };
    let entry = object::Object::entry(&object);
    let mut unwinders: Unwinders<()> = Unwinders::default();
    for step in 0..64_u64 {
        let ip = entry.wrapping_add(step * 0x123);
        let copy: Vec<u64> = (0..256).map(|word| ip.wrapping_add(word * 0x41)).collect();
        let stack = Stack {
            addresses: &[],
            registers: Registers { ip, sp: 0x1000, fp: 0x1100 },
            copy: &copy,
        };
        let mut process = Process::new();
        process.known.push(Code { range: 0..u64::MAX, bias: 0, cfi: Some(cfi.clone()) });
        process.unwinder.add_module(cfi.module(0..u64::MAX, 0));
        unwinders.processes.insert(0, process);
        let mut walk = Walk::default();
        unwinders.walk(0, &stack, &mut Symbols::default(), &mut walk);
        unwinders.learn(0, &stack, &walk, ());
    }
}
