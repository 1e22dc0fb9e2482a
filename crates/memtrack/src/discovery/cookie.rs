//! The attach cookie of a probe: what the kernel's program has to know of the function.

use allocators::{Function, Parts};

/// Returns the cookie; see `call_class` and what follows it in `bpf/calls.h`. `number` tells the function from the
/// others of its file, `chains` that there is more than one which releases blocks.
pub(super) fn cookie(function: &Function, number: u8, chains: bool) -> u64 {
    let Parts { class, block, size, factor } = function.call.parts();
    u64::from(class.number())
        | u64::from(size) << 4
        | u64::from(factor.unwrap_or(0xf)) << 8
        | u64::from(block) << 12
        | u64::from(function.leaf) << 16
        | u64::from(function.throws) << 17
        | u64::from(chains) << 18
        | u64::from(number & 0x3f) << 24
}

#[cfg(test)]
mod tests {
    use allocators::Call;

    use super::*;

    #[test]
    fn the_bpf_program_knows_malloc_and_free_by_their_cookies() {
        let source = include_str!("../../bpf/memtrack.bpf.c");
        let symbols = allocators::ALLOCATORS.iter().flat_map(|allocator| allocator.symbols());
        let symbols: Vec<_> = symbols.filter(|symbol| symbol.function.leaf).collect();
        let malloc = symbols.iter().find(|symbol| symbol.name == "malloc").unwrap();
        let free = Function { call: Call::Free { block: 0 }, leaf: false, ..malloc.function };
        for cookie in [cookie(&malloc.function, 0, false), cookie(&free, 0, false)] {
            assert!(source.contains(&format!("see_session(ctx, {cookie:#x})")), "{cookie:#x}");
        }
    }

    #[test]
    fn cookies_hold_what_the_kernel_needs() {
        let function = |call, leaf| Function { name: "any", call, leaf, throws: false };
        let malloc = function(Call::Malloc { size: 0 }, true);
        assert_eq!(cookie(&malloc, 0, false), 0x0001_0f01);
        let array = function(Call::ReallocArray { block: 0, number: 1, size: 2 }, false);
        assert_eq!(cookie(&array, 5, true), 0x0504_0123);
        assert_eq!(cookie(&function(Call::Free { block: 1 }, false), 64, false), 0x1f06);
        assert_eq!(cookie(&function(Call::Text, false), 0, false), 0xf07);
    }
}
