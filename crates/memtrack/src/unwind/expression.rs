//! Steps from a function whose canonical frame address (CFA) is an expression over memory, such as that of a function that
//! aligns its stack: `framehop` knows none of these, and would follow the frame pointer, which such a function has changed.
//!
//! The format: DWARF 5, 6.4 and 2.5.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, Encoding, EndianSlice, EvaluationResult,
    Expression, Format, NativeEndian, Register, RegisterRule, UnwindContext, UnwindExpression,
    UnwindSection, Value,
};

use crate::{backend::Registers, cfi::Cfi};

/// Operations of an expression, at most.
const MOST_OPERATIONS: u32 = 64;

/// Numbers of registers in DWARF: frame pointer, stack pointer, return address.
#[cfg(target_arch = "x86_64")]
const NUMBERS: [Register; 3] = [Register(6), Register(7), Register(16)];
#[cfg(target_arch = "aarch64")]
const NUMBERS: [Register; 3] = [Register(29), Register(31), Register(30)];

const ENCODING: Encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 5 };

/// The way to the caller from a place.
#[derive(Debug)]
pub(super) struct Rule {
    cfa: Vec<u8>,
    back: Saved,
    fp: Saved,
}

/// The place where a register of the caller is.
#[derive(Debug)]
enum Saved {
    /// It is as it was.
    Same,
    /// At this distance from the CFA.
    Offset(i64),
    /// At the address that an expression has.
    Expression(Vec<u8>),
}

type Slice<'d> = EndianSlice<'d, NativeEndian>;

impl Rule {
    /// Finds the rule for an address, as the file states it; `None` if the CFA there is no expression, or if a register is
    /// kept in a way that isn't known.
    pub(super) fn find(cfi: &Cfi, address: u64) -> Option<Self> {
        let sections = cfi.sections();
        let bytes = sections.eh_frame.as_deref()?;
        let start = |range: &Option<std::ops::Range<u64>>| range.as_ref().map_or(0, |it| it.start);
        let bases = BaseAddresses::default()
            .set_eh_frame(start(&sections.eh_frame_svma))
            .set_eh_frame_hdr(start(&sections.eh_frame_hdr_svma))
            .set_text(start(&sections.text_svma))
            .set_got(start(&sections.got_svma));
        let mut frame = EhFrame::new(bytes, NativeEndian);
        frame.set_address_size(8);
        let header = EhFrameHdr::new(sections.eh_frame_hdr.as_deref()?, NativeEndian);
        let header = header.parse(&bases, 8).ok()?;
        let fde = header
            .table()?
            .fde_for_address(&frame, &bases, address, EhFrame::cie_from_offset)
            .ok()?;
        let mut context = UnwindContext::new();
        let row = fde.unwind_info_for_address(&frame, &bases, &mut context, address).ok()?;
        let CfaRule::Expression(cfa) = row.cfa() else { return None };
        let [fp, _, back] = NUMBERS;
        Some(Self {
            cfa: bytes_of(*cfa, &frame)?,
            // Without a return address this is the first function of its thread.
            back: saved(&row.register(back)?, &frame).filter(|it| !matches!(it, Saved::Same))?,
            fp: row.register(fp).map_or(Some(Saved::Same), |rule| saved(&rule, &frame))?,
        })
    }

    /// Returns the registers of the caller; `None` if a word or another register is needed that isn't there.
    pub(super) fn step(
        &self,
        registers: Registers,
        read: &mut dyn FnMut(u64) -> Option<u64>,
    ) -> Option<Registers> {
        let cfa = evaluate(&self.cfa, None, registers, read)?;
        let mut restore = |saved: &Saved, now: u64| {
            let at = match saved {
                Saved::Same => return Some(now),
                Saved::Offset(offset) => cfa.checked_add_signed(*offset)?,
                Saved::Expression(bytes) => evaluate(bytes, Some(cfa), registers, read)?,
            };
            read(at)
        };
        let fp = restore(&self.fp, registers.fp)?;
        let ip = restore(&self.back, registers.ip)?;
        // The way leads out: to higher addresses.
        (cfa > registers.sp).then_some(Registers { ip, sp: cfa, fp })
    }
}

fn bytes_of(expression: UnwindExpression<usize>, frame: &EhFrame<Slice<'_>>) -> Option<Vec<u8>> {
    expression.get(frame).ok().map(|Expression(bytes)| bytes.slice().to_vec())
}

fn saved(rule: &RegisterRule<usize>, frame: &EhFrame<Slice<'_>>) -> Option<Saved> {
    match rule {
        RegisterRule::Undefined | RegisterRule::SameValue => Some(Saved::Same),
        RegisterRule::Offset(offset) => Some(Saved::Offset(*offset)),
        RegisterRule::Expression(expression) => bytes_of(*expression, frame).map(Saved::Expression),
        RegisterRule::ValOffset(_)
        | RegisterRule::Register(_)
        | RegisterRule::ValExpression(_)
        | RegisterRule::Architectural
        | RegisterRule::Constant(_) => None,
    }
}

/// The value of an expression, that begins with `first` if there is one.
fn evaluate(
    bytes: &[u8],
    first: Option<u64>,
    registers: Registers,
    read: &mut dyn FnMut(u64) -> Option<u64>,
) -> Option<u64> {
    let mut evaluation = Expression(Slice::new(bytes, NativeEndian)).evaluation(ENCODING);
    evaluation.set_max_iterations(MOST_OPERATIONS);
    if let Some(first) = first {
        evaluation.set_initial_value(first);
    }
    let mut state = evaluation.evaluate().ok()?;
    loop {
        state = match state {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory { address, size: 8, space: None, .. } => {
                evaluation.resume_with_memory(Value::Generic(read(address)?)).ok()?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                let [fp, sp, _] = NUMBERS;
                let value = match register {
                    it if it == fp => registers.fp,
                    it if it == sp => registers.sp,
                    _ => return None,
                };
                evaluation.resume_with_register(Value::Generic(value)).ok()?
            }
            EvaluationResult::RequiresMemory { .. }
            | EvaluationResult::RequiresWasmLocal { .. }
            | EvaluationResult::RequiresWasmGlobal { .. }
            | EvaluationResult::RequiresWasmStack { .. }
            | EvaluationResult::RequiresFrameBase
            | EvaluationResult::RequiresTls(_)
            | EvaluationResult::RequiresCallFrameCfa
            | EvaluationResult::RequiresAtLocation(_)
            | EvaluationResult::RequiresEntryValue(_)
            | EvaluationResult::RequiresParameterRef(_)
            | EvaluationResult::RequiresRelocatedAddress(_)
            | EvaluationResult::RequiresIndexedAddress { .. }
            | EvaluationResult::RequiresBaseType(_) => return None,
        };
    }
    evaluation.value_result()?.to_u64(u64::MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `DW_OP_breg6`, and `DW_OP_deref`.
    const FP: u8 = 0x76;
    const MEMORY: u8 = 0x06;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn an_aligned_stack_is_left_by_what_it_keeps() {
        // As gcc makes them: the CFA is kept below the frame pointer, where the caller's own is.
        let rule = Rule {
            cfa: vec![FP, 0x78, MEMORY],
            back: Saved::Offset(-8),
            fp: Saved::Expression(vec![FP, 0]),
        };
        let registers = Registers { ip: 1, sp: 0x1000, fp: 0x1040 };
        let mut asked = Vec::new();
        let mut read = |at: u64| {
            asked.push(at);
            [(0x1038, 0x1080), (0x1078, 77), (0x1040, 0x2000)]
                .into_iter()
                .find_map(|(place, value)| (place == at).then_some(value))
        };
        let caller = Registers { ip: 77, sp: 0x1080, fp: 0x2000 };
        assert_eq!(rule.step(registers, &mut read), Some(caller));
        let inwards = Registers { sp: 0x1080, ..registers };
        assert_eq!(rule.step(inwards, &mut read), None);
        assert_eq!(asked[..3], [0x1038, 0x1040, 0x1078]);
        assert_eq!(rule.step(registers, &mut |_| None), None);
    }

    #[test]
    fn what_is_not_known_has_no_value() {
        let registers = Registers { ip: 1, sp: 0x1000, fp: 0x1040 };
        let value = |bytes: &[u8], first| evaluate(bytes, first, registers, &mut |_| Some(5));
        assert_eq!(value(&[FP, 0], None), cfg!(target_arch = "x86_64").then_some(0x1040));
        // `DW_OP_plus_uconst 3` on what is there at first.
        assert_eq!(value(&[0x23, 3], Some(4)), Some(7));
        assert_eq!(value(&[0x23, 3], None), None, "nothing to add to");
        // `DW_OP_breg0`, of a register that isn't recorded.
        assert_eq!(value(&[0x70, 0], None), None);
        // `DW_OP_skip` to itself.
        assert_eq!(value(&[0x2f, 0xfd, 0xff], Some(1)), None, "for ever");
        assert_eq!(value(&[0xff], Some(1)), None, "no operation");
        assert_eq!(value(&[], None), None);
        assert_eq!(value(&[MEMORY], Some(1)), Some(5));
    }
}
