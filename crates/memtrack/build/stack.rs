//! Reads from a BPF object how much stack each program needs.
//!
//! From Linux 6.13 on a program with [`LIMIT`] bytes or more gets a stack that belongs to the processor, which threads that
//! preempt each other then share (`BPF_PRIV_STACK_MIN_SIZE` in `kernel/bpf/verifier.c`). The kernel rounds the depth of
//! each function up to [`STEP`] before it compares; so does this.
//!
//! Registers are followed through each function: what is derived from the frame pointer `r10`, by copies and by adding
//! constants, points to the stack, and the lowest of these addresses is the depth. A pointer to the stack that can't be
//! followed is an error. Instructions: `Documentation/bpf/standardization/instruction-set.rst` of the kernel.

use std::collections::BTreeMap;

use object::{
    File, Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionIndex, SymbolKind,
};

/// Programs need less than this.
pub(crate) const LIMIT: u32 = 64;
/// Depths are multiples of this.
const STEP: u32 = 16;
/// What the kernel tells of a function is a multiple of this.
const WORD: u32 = 8;
/// Functions that call each other, at most, as in the kernel.
const MOST_CALLS: u32 = 8;
/// The kernel's own limit: a loop that moves a pointer ends here.
const DEEPEST: i64 = -512;
const FRAME: usize = 10;
const REGISTERS: usize = 11;

/// Lowest offset to the frame pointer that each register may have; `None`: no pointer to the stack.
type Registers = [Option<i64>; REGISTERS];

/// The stack of a program, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Depth {
    /// Its name.
    pub program: String,
    /// The most that it needs at a time, with what it calls: as the kernel compares it.
    pub deepest: u32,
    /// Of all its functions together: as the kernel tells it.
    pub sum: u32,
}

/// The stack of each program of the object, in the order of names.
///
/// # Errors
/// The object can't be read, or a program does with its stack what can't be followed.
pub(crate) fn depths(object: &[u8]) -> Result<Vec<Depth>, String> {
    let file = File::parse(object).map_err(|err| err.to_string())?;
    let mut depths = Vec::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let Some(section) = symbol.section_index().filter(|_| symbol.is_global()) else { continue };
        let program = symbol.name().map_err(|err| err.to_string())?.to_owned();
        let mut functions = BTreeMap::new();
        let deepest = total(&file, section, symbol.address(), MOST_CALLS, &mut functions)
            .map_err(|why| format!("program `{program}`: {why}"))?;
        depths.push(Depth { program, deepest, sum: functions.into_values().sum() });
    }
    depths.sort_by(|one, other| one.program.cmp(&other.program));
    Ok(depths)
}

/// Depth of a function and of the deepest one that it calls; the depth of each alone is added to `functions`.
fn total(
    file: &File<'_>,
    section: SectionIndex,
    at: u64,
    calls: u32,
    functions: &mut BTreeMap<(usize, u64), u32>,
) -> Result<u32, String> {
    let calls = calls.checked_sub(1).ok_or("too many functions call each other")?;
    let code = file.section_by_index(section).map_err(|err| err.to_string())?;
    let bytes = code.data().map_err(|err| err.to_string())?;
    let begin = usize::try_from(at).map_err(|err| err.to_string())?;
    let function = Function::read(bytes.get(begin..).ok_or("it lies outside of its section")?);
    let (own, callees) = function.depth()?;
    functions.insert((section.0, at), own.next_multiple_of(WORD));
    let mut deepest = 0;
    for (place, imm) in callees {
        let from = at + 8 * u64::try_from(place).map_err(|err| err.to_string())?;
        if let Some((section, to)) = callee(file, section, from, imm)? {
            deepest = deepest.max(total(file, section, to, calls, functions)?);
        }
    }
    Ok(own.next_multiple_of(STEP) + deepest)
}

/// Returns the place of the function that an instruction calls; `None`: in the kernel.
fn callee(
    file: &File<'_>,
    section: SectionIndex,
    from: u64,
    imm: i32,
) -> Result<Option<(SectionIndex, u64)>, String> {
    let ahead = |base: u64| base.checked_add_signed(8 * (i64::from(imm) + 1));
    let code = file.section_by_index(section).map_err(|err| err.to_string())?;
    let relocation = code.relocations().find(|(offset, _)| *offset == from);
    let Some((_, relocation)) = relocation else {
        return Ok(Some((section, ahead(from).ok_or("a call leads nowhere")?)));
    };
    let RelocationTarget::Symbol(index) = relocation.target() else {
        return Err("a call of something that is no function".to_owned());
    };
    let symbol = file.symbol_by_index(index).map_err(|err| err.to_string())?;
    let Some(place) = symbol.section_index() else { return Ok(None) };
    let to = if symbol.kind() == SymbolKind::Section {
        ahead(symbol.address()).ok_or("a call leads nowhere")?
    } else {
        symbol.address()
    };
    Ok(Some((place, to)))
}

/// An instruction of eight bytes.
#[derive(Debug, Clone, Copy)]
struct Instruction {
    code: u8,
    to: usize,
    from: usize,
    offset: i16,
    imm: i32,
}

#[derive(Debug)]
struct Function(Vec<Instruction>);

impl Function {
    /// Everything from here to the end of the section: what isn't reached doesn't count.
    fn read(bytes: &[u8]) -> Self {
        let read = |bytes: &[u8]| {
            let [code, registers, ..] = *bytes else { return None };
            Some(Instruction {
                code,
                to: usize::from(registers & 0xf),
                from: usize::from(registers >> 4),
                offset: i16::from_le_bytes(*bytes.get(2..)?.first_chunk()?),
                imm: i32::from_le_bytes(*bytes.get(4..)?.first_chunk()?),
            })
        };
        Self(bytes.chunks_exact(8).filter_map(read).collect())
    }

    /// Bytes of stack of the function alone, and its calls of others: place and operand.
    fn depth(&self) -> Result<(u32, Vec<(usize, i32)>), String> {
        let mut states: Vec<Option<Registers>> = vec![None; self.0.len()];
        let mut first: Registers = [None; REGISTERS];
        first[FRAME] = Some(0);
        let mut waiting = vec![(0, first)];
        let mut lowest = 0;
        let mut calls = Vec::new();
        while let Some((at, arriving)) = waiting.pop() {
            let (Some(state), Some(instruction)) = (states.get_mut(at), self.0.get(at)) else {
                return Err("a jump leads out of it".to_owned());
            };
            let joined = state.map_or(arriving, |known| join(known, arriving));
            if state.replace(joined) == Some(joined) {
                continue;
            }
            let mut registers = joined;
            let reached = instruction.run(&mut registers)?;
            lowest =
                reached.into_iter().chain(registers.into_iter().flatten()).fold(lowest, i64::min);
            if lowest < DEEPEST {
                return Err("more than 512 bytes of stack".to_owned());
            }
            if instruction.calls_function() && !calls.contains(&(at, instruction.imm)) {
                calls.push((at, instruction.imm));
            }
            waiting.extend(instruction.next(at).into_iter().map(|next| (next, registers)));
        }
        Ok((u32::try_from(-lowest).map_err(|err| err.to_string())?, calls))
    }
}

/// Keeps all that holds on both ways.
fn join(one: Registers, other: Registers) -> Registers {
    let mut joined = one;
    for (mine, its) in joined.iter_mut().zip(other) {
        *mine = match (*mine, its) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    joined
}

// Classes of instructions (the low three bits), and some whole codes.
const LOAD_64: u8 = 0x18;
const CLASS_LOAD: u8 = 1;
const CLASS_STORE: u8 = 2;
const CLASS_STORE_REGISTER: u8 = 3;
const CLASS_ARITHMETIC_32: u8 = 4;
const CLASS_JUMP: u8 = 5;
const CLASS_JUMP_32: u8 = 6;
const CLASS_ARITHMETIC: u8 = 7;
const ADD_CONSTANT: u8 = 0x07;
const SUBTRACT_CONSTANT: u8 = 0x17;
const MOVE_CONSTANT: u8 = 0xb7;
const MOVE: u8 = 0xbf;
const CALL: u8 = 0x85;
const EXIT: u8 = 0x95;
const JUMP: u8 = 0x05;
const JUMP_FAR: u8 = 0x06;
/// In a call: of a function in the object.
const FUNCTION: usize = 1;

impl Instruction {
    fn calls_function(self) -> bool {
        self.code == CALL && self.from == FUNCTION
    }

    /// Changes the registers, and returns the offset of the stack that is read or written.
    fn run(self, registers: &mut Registers) -> Result<Option<i64>, String> {
        let held = |register: usize| registers.get(register).copied().flatten();
        let (to, from, offset) = (held(self.to), held(self.from), i64::from(self.offset));
        let lost = || Err("a pointer to its stack can't be followed".to_owned());
        let (value, reached) = match self.code {
            CALL => {
                // Results and arguments are gone.
                registers.iter_mut().take(6).for_each(|register| *register = None);
                return Ok(None);
            }
            MOVE => (from, None),
            ADD_CONSTANT => (to.map(|at| at + i64::from(self.imm)), None),
            SUBTRACT_CONSTANT => (to.map(|at| at - i64::from(self.imm)), None),
            MOVE_CONSTANT | LOAD_64 => (None, None),
            code => match code & 7 {
                CLASS_LOAD => (None, from.map(|at| at + offset)),
                CLASS_STORE => return Ok(to.map(|at| at + offset)),
                CLASS_STORE_REGISTER if from.is_some() => return lost(),
                CLASS_STORE_REGISTER => return Ok(to.map(|at| at + offset)),
                // Overwrites it by a half, with a constant or a number.
                CLASS_ARITHMETIC_32 if code & 0xf0 == 0xb0 && from.is_none() => (None, None),
                CLASS_ARITHMETIC | CLASS_ARITHMETIC_32 => {
                    let uses = code & 8 != 0 && from.is_some();
                    if uses || to.is_some() {
                        return lost();
                    }
                    (None, None)
                }
                _ => return Ok(None),
            },
        };
        if let Some(register) = registers.get_mut(self.to) {
            *register = value;
        }
        Ok(reached)
    }

    /// Returns the places at which it may go on.
    fn next(self, at: usize) -> Vec<usize> {
        let ahead = |by: i64| {
            let at = i64::try_from(at).unwrap_or(i64::MAX);
            usize::try_from(at.saturating_add(1 + by)).unwrap_or(usize::MAX)
        };
        match self.code {
            EXIT => vec![],
            LOAD_64 => vec![at + 2],
            JUMP => vec![ahead(i64::from(self.offset))],
            JUMP_FAR => vec![ahead(i64::from(self.imm))],
            CALL => vec![at + 1],
            code if [CLASS_JUMP, CLASS_JUMP_32].contains(&(code & 7)) => {
                vec![at + 1, ahead(i64::from(self.offset))]
            }
            _ => vec![at + 1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code, registers (`from` in the high half), offset, constant.
    fn depth(instructions: &[(u8, u8, i16, i32)]) -> Result<u32, String> {
        let bytes: Vec<u8> = instructions
            .iter()
            .flat_map(|(code, registers, offset, imm)| {
                let operands = offset.to_le_bytes().into_iter().chain(imm.to_le_bytes());
                [*code, *registers].into_iter().chain(operands)
            })
            .collect();
        Function::read(&bytes).depth().map(|(depth, _)| depth)
    }

    const STORE_AT_R2: u8 = 0x7b;
    const END: (u8, u8, i16, i32) = (EXIT, 0, 0, 0);

    #[test]
    fn pointers_to_the_stack_are_followed() {
        // `*(u64 *)(r10 - 16) = r1`
        assert_eq!(depth(&[(STORE_AT_R2, 0x1a, -16, 0), END]), Ok(16));
        // `r2 = r10; r2 += -40; *(u64 *)(r2 - 8) = r1`
        let copied = [(MOVE, 0xa2, 0, 0), (ADD_CONSTANT, 0x02, 0, -40)];
        assert_eq!(depth(&[copied[0], copied[1], END]), Ok(40));
        assert_eq!(depth(&[copied[0], copied[1], (STORE_AT_R2, 0x12, -8, 0), END]), Ok(48));
        // Behind a jump one of both, on one way only: `if r1 == 0 goto +1`.
        let either = [copied[0], (0x15, 0x01, 1, 0), copied[1], (STORE_AT_R2, 0x12, -8, 0), END];
        assert_eq!(depth(&either), Ok(48));
        // Behind a call the register holds something else.
        let called = [copied[0], copied[1], (CALL, 0, 0, 1), (STORE_AT_R2, 0x12, -800, 0), END];
        assert_eq!(depth(&called), Ok(40));
        assert_eq!(depth(&[END]), Ok(0));
    }

    #[test]
    fn what_can_not_be_followed_is_an_error() {
        let stored = depth(&[(STORE_AT_R2, 0xaa, -8, 0), END]);
        assert!(stored.is_err(), "{stored:?}");
        let added = depth(&[(MOVE, 0xa2, 0, 0), (0x0f, 0x12, 0, 0), END]);
        assert!(added.is_err(), "{added:?}");
        let endless = depth(&[(MOVE, 0xa2, 0, 0), (ADD_CONSTANT, 0x02, 0, -8), (JUMP, 0, -2, 0)]);
        assert!(endless.is_err(), "{endless:?}");
        assert!(depth(&[(JUMP, 0, 100, 0)]).is_err());
        assert!(depths(b"no object").is_err());
    }
}
