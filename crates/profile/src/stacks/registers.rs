//! The registers of a thread by the numbers that DWARF gives to them, on the machine that this is built for.

use gimli::Register;

use crate::perf::Sample;

/// The ones that unwinding may need: general ones, stack pointer, return address.
const COUNT: usize = 33;

#[cfg(target_arch = "x86_64")]
mod numbers {
    use gimli::{Register, X86_64};

    pub(in crate::stacks) const STACK_POINTER: Register = X86_64::RSP;
    pub(in crate::stacks) const FRAME_POINTER: Register = X86_64::RBP;
    pub(in crate::stacks) const RETURN_ADDRESS: Register = X86_64::RA;
    /// Bytes between the frame of the caller and the stack pointer when a function begins.
    pub(in crate::stacks) const AT_CALL: i64 = 8;
    /// Number of the program counter in the kernel's `perf_regs.h`.
    pub(super) const PROGRAM_COUNTER: u32 = 8;
    /// Numbers in the kernel's `perf_regs.h` by those of DWARF.
    pub(super) const IN_SAMPLE: &[u32] =
        &[0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, PROGRAM_COUNTER];
}

#[cfg(target_arch = "aarch64")]
mod numbers {
    use gimli::{AArch64, Register};

    pub(in crate::stacks) const STACK_POINTER: Register = AArch64::SP;
    pub(in crate::stacks) const FRAME_POINTER: Register = AArch64::X29;
    pub(in crate::stacks) const RETURN_ADDRESS: Register = AArch64::X30;
    /// Bytes between the frame of the caller and the stack pointer when a function begins.
    pub(in crate::stacks) const AT_CALL: i64 = 0;
    /// Number of the program counter in the kernel's `perf_regs.h`.
    pub(super) const PROGRAM_COUNTER: u32 = 32;
    /// Numbers in the kernel's `perf_regs.h` by those of DWARF: the same.
    pub(super) const IN_SAMPLE: &[u32] = &[
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
        25, 26, 27, 28, 29, 30, 31,
    ];
}

pub(super) use numbers::{AT_CALL, FRAME_POINTER, RETURN_ADDRESS, STACK_POINTER};

/// An address without what a processor may put into its upper bits: user space has 48 on `aarch64`.
pub(super) const fn plain(address: u64) -> u64 {
    if cfg!(target_arch = "aarch64") { address & ((1 << 48) - 1) } else { address }
}

/// Reads 8 bytes of memory.
pub(super) type ReadMemory<'a> = &'a mut dyn FnMut(u64) -> Option<u64>;

/// The values of registers; `None` where a value is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Registers {
    values: [Option<u64>; COUNT],
}

impl Registers {
    /// Nothing is known.
    pub(super) const fn unknown() -> Self {
        Self { values: [None; COUNT] }
    }

    /// Program counter and registers of a sample; `None` if it has none.
    pub(super) fn of(sample: &Sample<'_>) -> Option<(u64, Self)> {
        let pc = sample.reg(numbers::PROGRAM_COUNTER)?;
        let mut registers = Self::unknown();
        for (value, number) in registers.values.iter_mut().zip(numbers::IN_SAMPLE) {
            *value = sample.reg(*number);
        }
        registers.get(STACK_POINTER)?;
        Some((pc, registers))
    }

    pub(super) fn get(&self, register: Register) -> Option<u64> {
        self.values.get(usize::from(register.0)).copied().flatten()
    }

    /// Sets one that there is; others are of no use here.
    pub(super) fn set(&mut self, register: Register, value: Option<u64>) {
        if let Some(known) = self.values.get_mut(usize::from(register.0)) {
            *known = value;
        }
    }
}

/// The registers that the kernel puts on the stack of a thread before it calls a handler of a signal. A handler returns
/// to code that has no other purpose than to restore them; it has call frame information in some C libraries only.
#[cfg(target_arch = "x86_64")]
pub(super) fn interrupted(at_return: &Registers, read: ReadMemory<'_>) -> Option<(u64, Registers)> {
    use gimli::X86_64;
    /// Offset of the registers in `ucontext_t`, which lies where the stack pointer points, and their order there.
    const OFFSET: u64 = 40;
    const ORDER: [Register; 17] = [
        X86_64::R8,
        X86_64::R9,
        X86_64::R10,
        X86_64::R11,
        X86_64::R12,
        X86_64::R13,
        X86_64::R14,
        X86_64::R15,
        X86_64::RDI,
        X86_64::RSI,
        X86_64::RBP,
        X86_64::RBX,
        X86_64::RDX,
        X86_64::RAX,
        X86_64::RCX,
        X86_64::RSP,
        X86_64::RA,
    ];
    /// Behind them and the flags come the segments of code and stack, which are the same for all 64-bit programs.
    const SEGMENTS: u64 = OFFSET + 18 * 8;
    const SEGMENTS_OF_USER: u64 = 0x002b_0000_0000_0033;
    let context = at_return.get(STACK_POINTER)?;
    // There is no other context to go on with.
    let link = read(context.checked_add(8)?)?;
    if link != 0 || read(context.checked_add(SEGMENTS)?)? != SEGMENTS_OF_USER {
        return None;
    }
    let mut registers = Registers::unknown();
    for (place, register) in (0..).zip(ORDER) {
        let at = context.checked_add(OFFSET)?.checked_add(place * 8)?;
        registers.set(register, Some(read(at)?));
    }
    Some((registers.get(RETURN_ADDRESS)?, registers))
}

/// The code that restores registers is the kernel's own here, and has call frame information.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn interrupted(
    _at_return: &Registers,
    _read: ReadMemory<'_>,
) -> Option<(u64, Registers)> {
    None
}
