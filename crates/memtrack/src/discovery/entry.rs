//! Finds the place near its entry at which a function is watched at the lowest price.
//!
//! The kernel emulates some instructions below a probe (`push`, `nop`, jumps and calls: `arch/x86/kernel/uprobes.c`,
//! `uprobe_xol_ops`). Everything else is executed out of line in single steps, which costs twenty times as much. So the
//! probe goes to the first such instruction that is still as good as the entry: arguments and stack pointer are
//! unchanged, every call gets there, and no loop gets there twice.

#[cfg(target_arch = "x86_64")]
pub(super) use x86::first_cheap;

/// On other processors nothing is known to be cheaper than the entry.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn first_cheap(_code: &[u8], _last_argument: u8) -> u64 {
    0
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use iced_x86::{
        Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic,
        OpAccess, OpKind, Register,
    };

    /// A longer way is not worth it.
    const MOST_INSTRUCTIONS: usize = 16;
    /// Registers of the first arguments.
    const ARGUMENTS: [Register; 4] = [Register::RDI, Register::RSI, Register::RDX, Register::RCX];

    /// Returns how far behind its entry the function with this code is best watched, if all arguments up to `last_argument` are
    /// needed.
    pub(crate) fn first_cheap(code: &[u8], last_argument: u8) -> u64 {
        let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        let mut facts = InstructionInfoFactory::new();
        for _ in 0..MOST_INSTRUCTIONS {
            if !decoder.can_decode() {
                return 0;
            }
            let instruction = decoder.decode();
            if is_emulated(&instruction) {
                let at = instruction.ip();
                return if is_jumped_into(code, at) { 0 } else { at };
            }
            if !is_passed(&instruction, &mut facts, last_argument) {
                return 0;
            }
        }
        0
    }

    /// Tells whether the kernel emulates it. A `push` of anything but a whole register is not.
    fn is_emulated(instruction: &Instruction) -> bool {
        if instruction.mnemonic() == Mnemonic::Push {
            return instruction.op0_kind() == OpKind::Register
                && instruction.op0_register().is_gpr64();
        }
        // Relative targets only: what is jumped to through memory is not emulated.
        instruction.mnemonic() == Mnemonic::Nop
            || match instruction.flow_control() {
                FlowControl::ConditionalBranch => {
                    instruction.is_jcc_short_or_near()
                        && instruction.op0_kind() == OpKind::NearBranch64
                }
                FlowControl::UnconditionalBranch | FlowControl::Call => {
                    instruction.op0_kind() == OpKind::NearBranch64
                }
                FlowControl::Next
                | FlowControl::IndirectBranch
                | FlowControl::Return
                | FlowControl::IndirectCall
                | FlowControl::Interrupt
                | FlowControl::XbeginXabortXend
                | FlowControl::Exception => false,
            }
    }

    /// Tells whether the arguments and the stack are afterwards what they were before.
    fn is_passed(
        instruction: &Instruction,
        facts: &mut InstructionInfoFactory,
        last_argument: u8,
    ) -> bool {
        if instruction.is_invalid() || instruction.flow_control() != FlowControl::Next {
            return false;
        }
        let needed = ARGUMENTS.iter().take(usize::from(last_argument) + 1);
        let mut kept: Vec<Register> = needed.copied().collect();
        kept.push(Register::RSP);
        facts.info(instruction).used_registers().iter().all(|used| {
            let reads =
                matches!(used.access(), OpAccess::Read | OpAccess::CondRead | OpAccess::None);
            reads || !kept.contains(&used.register().full_register())
        })
    }

    /// Tells whether a jump inside of the function leads behind its entry, up to `at`: then calls would be seen twice.
    fn is_jumped_into(code: &[u8], at: u64) -> bool {
        let decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
        decoder.into_iter().any(|instruction| {
            let is_jump = instruction.op0_kind() == OpKind::NearBranch64;
            is_jump && (1..=at).contains(&instruction.near_branch_target())
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[track_caller]
        fn step(code: &[u8], expected: u64) {
            assert_eq!(first_cheap(code, 1), expected);
        }

        #[test]
        fn the_first_emulated_instruction_is_taken() {
            // push rbp; mov rbp, rsp; ret
            step(&[0x55, 0x48, 0x89, 0xe5, 0xc3], 0);
            // endbr64; push rbp
            step(&[0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0xc3], 4);
            // test rdi, rdi; je +1; ret; ret: as in free of glibc
            step(&[0x48, 0x85, 0xff, 0x74, 0x01, 0xc3, 0xc3], 3);
            // cmp byte ptr [rip+8], 0; push r12
            step(&[0x80, 0x3d, 8, 0, 0, 0, 0, 0x41, 0x54, 0xc3], 7);
            // mov rax, rdi; mov r8, rax; push rbx
            step(&[0x48, 0x89, 0xf8, 0x49, 0x89, 0xc0, 0x53, 0xc3], 6);
        }

        #[test]
        fn arguments_and_the_stack_must_be_whole() {
            // mov rsi, rdi; push rbp
            step(&[0x48, 0x89, 0xfe, 0x55, 0xc3], 0);
            // mov edi, eax (clears the upper half, too); push rbp
            step(&[0x89, 0xc7, 0x55, 0xc3], 0);
            // mov rdx, rdi: not needed; push rbp
            step(&[0x48, 0x89, 0xfa, 0x55, 0xc3], 3);
            assert_eq!(first_cheap(&[0x48, 0x89, 0xfa, 0x55, 0xc3], 2), 0);
            // sub rsp, 8; push rbp
            step(&[0x48, 0x83, 0xec, 8, 0x55, 0xc3], 0);
            // ret; push rbp
            step(&[0xc3, 0x55], 0);
        }

        #[test]
        fn a_loop_that_comes_back_is_seen() {
            // mov rax, [rdi]; push rbp; pop rbp; jmp back to the push
            step(&[0x48, 0x8b, 0x07, 0x55, 0x5d, 0xeb, 0xfc], 0);
            // the same, back to the entry: a new call as far as one can see, and none of a real function
            step(&[0x48, 0x8b, 0x07, 0x55, 0x5d, 0xeb, 0xf9], 3);
        }

        #[test]
        fn long_ways_and_damaged_code_end_at_the_entry() {
            // mov rax, rax, seventeen times; push rbp
            let mut code = [0x48, 0x89, 0xc0].repeat(17);
            code.push(0x55);
            step(&code, 0);
            step(&[], 0);
            step(&[0x0f], 0);
            step(&[0xf3, 0x0f, 0x1e, 0xfa], 0);
        }
    }
}
