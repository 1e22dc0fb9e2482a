//! The call frame information of a module: how to get from a place in its code to the caller.
//!
//! The format is `.eh_frame` of the LSB and of DWARF 5, section 6.4; the bytes are foreign.

use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrame, EhFrameHdr, EhFrameOffset, Encoding, EndianSlice,
    Evaluation, EvaluationResult, FrameDescriptionEntry, LittleEndian, Location, Register,
    RegisterRule, UnwindContext, UnwindExpression, UnwindSection, Value, Vendor,
};

use super::{
    piece::Piece,
    registers::{RETURN_ADDRESS, ReadMemory, Registers, STACK_POINTER, plain},
};

type Bytes<'a> = EndianSlice<'a, LittleEndian>;

/// Steps of an expression, at most; real ones have fewer than twenty.
const MOST_STEPS: u32 = 1000;

/// Unwind data of a module, ready to be asked.
pub(super) struct Cfi {
    /// The address that the module's file gives to its first loaded byte.
    pub(super) base_svma: u64,
    eh_frame: Piece,
    eh_frame_hdr: Option<Piece>,
    bases: BaseAddresses,
    /// Starts of functions with the places of their entries, where the module has no table of them.
    index: Vec<(u64, usize)>,
}

/// The beginning of a caller's frame (the canonical frame address).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cfa {
    /// This far from what a register holds.
    Register(Register, i64),
    /// The value of an expression.
    Expression(UnwindExpression<usize>),
}

/// A rule for getting from an instruction to the caller.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) cfa: Cfa,
    /// Rules for the caller's registers; those that are not listed are unchanged.
    registers: Vec<(Register, RegisterRule<usize>)>,
    /// The caller was interrupted here, it calls nothing.
    pub(super) is_signal: bool,
    encoding: Encoding,
}

/// The result of a step to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The registers are those of the caller, and it is at this address.
    Caller(u64),
    /// There is none: the thread began here.
    Root,
    /// Not enough is known to find it.
    Unknown,
}

impl Cfi {
    /// Takes the sections of a module with the addresses that its file gives to them.
    pub(super) fn new(
        base_svma: u64,
        (eh_frame, svma): (Piece, u64),
        eh_frame_hdr: Option<(Piece, u64)>,
    ) -> Self {
        let hdr_svma = eh_frame_hdr.as_ref().map_or(0, |(_, svma)| *svma);
        let bases = BaseAddresses::default().set_eh_frame(svma).set_eh_frame_hdr(hdr_svma);
        let eh_frame_hdr = eh_frame_hdr.map(|(piece, _)| piece);
        let mut cfi = Self { base_svma, eh_frame, eh_frame_hdr, bases, index: Vec::new() };
        if !cfi.has_table() {
            cfi.index = cfi.entries();
        }
        cfi
    }

    /// The bytes of `.eh_frame`.
    pub(super) fn eh_frame(&self) -> &[u8] {
        &self.eh_frame
    }

    fn section(&self) -> EhFrame<Bytes<'_>> {
        let mut section = EhFrame::new(&self.eh_frame, LittleEndian);
        section.set_address_size(8);
        if cfg!(target_arch = "aarch64") {
            section.set_vendor(Vendor::AArch64);
        }
        section
    }

    fn has_table(&self) -> bool {
        let Some(hdr) = &self.eh_frame_hdr else { return false };
        let hdr = EhFrameHdr::new(hdr, LittleEndian).parse(&self.bases, 8);
        hdr.is_ok_and(|hdr| hdr.table().is_some())
    }

    /// All functions, sorted by their addresses.
    fn entries(&self) -> Vec<(u64, usize)> {
        let section = self.section();
        let mut entries = section.entries(&self.bases);
        let mut found = Vec::new();
        // What follows damage is lost.
        while let Ok(Some(entry)) = entries.next() {
            let CieOrFde::Fde(partial) = entry else { continue };
            if let Ok(entry) = partial.parse(EhFrame::cie_from_offset) {
                found.push((entry.initial_address(), entry.offset()));
            }
        }
        found.sort_unstable();
        found
    }

    fn entry(&self, svma: u64) -> Option<FrameDescriptionEntry<Bytes<'_>>> {
        let section = self.section();
        let offset = if self.index.is_empty() {
            let hdr = EhFrameHdr::new(self.eh_frame_hdr.as_ref()?, LittleEndian);
            let hdr = hdr.parse(&self.bases, 8).ok()?;
            let table = hdr.table()?;
            let pointer = table.lookup(svma, &self.bases).ok()?;
            let (place, start) = (pointer.direct().ok()?, hdr.eh_frame_ptr().direct().ok()?);
            usize::try_from(place.checked_sub(start)?).ok()?
        } else {
            let after = self.index.partition_point(|(start, _)| *start <= svma);
            self.index.get(after.checked_sub(1)?)?.1
        };
        let offset = EhFrameOffset(offset);
        let entry = section.fde_from_offset(&self.bases, offset, EhFrame::cie_from_offset).ok()?;
        entry.contains(svma).then_some(entry)
    }

    /// The rule at an address that the module's file gives; `None` where the module says nothing.
    pub(super) fn rule(&self, svma: u64, context: &mut UnwindContext<usize>) -> Option<Rule> {
        let entry = self.entry(svma)?;
        let section = self.section();
        let row = entry.unwind_info_for_address(&section, &self.bases, context, svma).ok()?;
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Cfa::Register(*register, *offset),
            CfaRule::Expression(expression) => Cfa::Expression(*expression),
        };
        let registers = row.registers().map(|(register, rule)| (*register, rule.clone())).collect();
        let encoding = entry.cie().encoding();
        Some(Rule { cfa, registers, is_signal: entry.is_signal_trampoline(), encoding })
    }

    /// Applies a rule of this module to the registers of a function: they become those of its caller.
    pub(super) fn step(
        &self,
        rule: &Rule,
        registers: &mut Registers,
        read: ReadMemory<'_>,
    ) -> Step {
        if rule.is_root() {
            return Step::Root;
        }
        let Some(cfa) = self.cfa(rule, registers, read) else { return Step::Unknown };
        let mut caller = *registers;
        caller.set(STACK_POINTER, Some(cfa));
        for (register, how) in &rule.registers {
            caller.set(*register, self.value(how, *register, rule, cfa, registers, read));
        }
        let Some(address) = caller.get(RETURN_ADDRESS).map(plain) else {
            return Step::Unknown;
        };
        *registers = caller;
        if address == 0 { Step::Root } else { Step::Caller(address) }
    }

    fn cfa(&self, rule: &Rule, registers: &Registers, read: ReadMemory<'_>) -> Option<u64> {
        match rule.cfa {
            Cfa::Register(register, offset) => {
                Some(registers.get(register)?.wrapping_add_signed(offset))
            }
            Cfa::Expression(expression) => {
                self.evaluate(expression, None, rule.encoding, registers, read)
            }
        }
    }

    /// Returns the value of a register of the caller; `None` if it is unknown.
    fn value(
        &self,
        how: &RegisterRule<usize>,
        register: Register,
        rule: &Rule,
        cfa: u64,
        registers: &Registers,
        read: ReadMemory<'_>,
    ) -> Option<u64> {
        match how {
            RegisterRule::SameValue => registers.get(register),
            RegisterRule::Offset(offset) => read(cfa.wrapping_add_signed(*offset)),
            RegisterRule::ValOffset(offset) => Some(cfa.wrapping_add_signed(*offset)),
            RegisterRule::Register(other) => registers.get(*other),
            RegisterRule::Expression(expression) => {
                let at =
                    self.evaluate(*expression, Some(cfa), rule.encoding, registers, &mut *read)?;
                read(at)
            }
            RegisterRule::ValExpression(expression) => {
                self.evaluate(*expression, Some(cfa), rule.encoding, registers, read)
            }
            RegisterRule::Constant(value) => Some(*value),
            RegisterRule::Undefined | RegisterRule::Architectural => None,
        }
    }

    fn evaluate(
        &self,
        expression: UnwindExpression<usize>,
        initial: Option<u64>,
        encoding: Encoding,
        registers: &Registers,
        read: ReadMemory<'_>,
    ) -> Option<u64> {
        let bytes: gimli::Expression<Bytes<'_>> = expression.get(&self.section()).ok()?;
        let mut evaluation = Evaluation::new(bytes.0, encoding);
        evaluation.set_max_iterations(MOST_STEPS);
        if let Some(initial) = initial {
            evaluation.set_initial_value(initial);
        }
        let mut result = evaluation.evaluate().ok()?;
        while result != EvaluationResult::Complete {
            // Nothing else can be needed where no variable is described.
            result = if let EvaluationResult::RequiresRegister { register, .. } = result {
                let value = registers.get(register)?;
                evaluation.resume_with_register(Value::Generic(value)).ok()?
            } else if let EvaluationResult::RequiresMemory { address, size, .. } = result {
                let bits = u32::from(size).checked_mul(8).filter(|bits| *bits <= 64)?;
                let mask = u64::MAX.checked_shr(64_u32.checked_sub(bits)?).unwrap_or(0);
                let value = read(address)? & mask;
                evaluation.resume_with_memory(Value::Generic(value)).ok()?
            } else {
                return None;
            };
        }
        let Location::Address { address } = evaluation.as_result().last()?.location else {
            return None;
        };
        Some(address)
    }
}

impl Rule {
    fn of(&self, register: Register) -> Option<&RegisterRule<usize>> {
        self.registers.iter().find(|(one, _)| *one == register).map(|(_, rule)| rule)
    }

    /// Returns true if nothing calls the function.
    pub(super) fn is_root(&self) -> bool {
        match self.of(RETURN_ADDRESS) {
            // Where return addresses are on the stack, no rule for their place says the same.
            None => cfg!(target_arch = "x86_64"),
            Some(rule) => matches!(rule, RegisterRule::Undefined),
        }
    }

    /// Returns true if the function has made a frame here that it does not find by the frame pointer. Only a function
    /// that has just begun, or is about to return, has no frame at all.
    pub(super) fn is_without_frame_pointer(&self) -> bool {
        matches!(self.cfa, Cfa::Register(STACK_POINTER, offset) if offset > super::registers::AT_CALL)
    }
}
