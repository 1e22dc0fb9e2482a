//! Allocators are data: which symbols show that a file holds one, and what its functions do.
//!
//! To add an allocator, add a file and name it in [`ALLOCATORS`].

mod glibc;
mod jemalloc;
mod mimalloc;
mod plain;
mod tcmalloc;

/// An allocator that may be in a file.
#[derive(Debug)]
pub(crate) struct Allocator {
    /// What it is called in results.
    pub name: &'static str,
    /// The file holds it if one of these groups of symbols is defined in it as a whole.
    pub marks: &'static [&'static [&'static str]],
    /// Its functions; those that a file doesn't have are left out. Of several names of one address the first one counts.
    pub functions: &'static [&'static [Function]],
}

/// A function of an allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its symbol.
    pub symbol: &'static str,
    /// What it does.
    pub call: Call,
    /// Never calls another function of the table, so that a cheaper probe will do.
    pub leaf: bool,
    /// May end by an exception. These can't pass a return probe.
    pub throws: bool,
}

/// What a function does. The numbers say which argument it is, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Returns a block of `size` bytes.
    Malloc {
        /// Argument that holds the size.
        size: u8,
    },
    /// Returns an uninitialised array.
    Array {
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns an array of zeros.
    Calloc {
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns a block of zeros.
    Zalloc {
        /// Argument that holds the size.
        size: u8,
    },
    /// Changes the size of a block.
    Realloc {
        /// Argument that holds the block.
        block: u8,
        /// Argument that holds the new size.
        size: u8,
    },
    /// Changes the size of an array.
    ReallocArray {
        /// Argument that holds the block.
        block: u8,
        /// Argument that holds the number of members.
        number: u8,
        /// Argument that holds the size of a member.
        size: u8,
    },
    /// Returns an aligned block.
    Aligned {
        /// Argument that holds the size.
        size: u8,
    },
    /// Stores the address of an aligned block; returns 0 or an error number.
    Out {
        /// Argument that says where the address goes.
        out: u8,
        /// Argument that holds the size.
        size: u8,
    },
    /// Releases a block.
    Free {
        /// Argument that holds the block.
        block: u8,
    },
}

/// All of them. A file may hold several; an earlier one has the first word about a function.
pub(crate) const ALLOCATORS: &[&Allocator] =
    &[&jemalloc::JEMALLOC, &mimalloc::MIMALLOC, &tcmalloc::TCMALLOC, &glibc::GLIBC, &plain::PLAIN];

const fn function(symbol: &'static str, call: Call) -> Function {
    Function { symbol, call, leaf: false, throws: false }
}

const fn leaf(symbol: &'static str, call: Call) -> Function {
    Function { symbol, call, leaf: true, throws: false }
}

const fn throwing(symbol: &'static str, call: Call) -> Function {
    Function { symbol, call, leaf: false, throws: true }
}

/// The functions of the C library, and of everything that takes their place, behind a prefix.
macro_rules! standard {
    ($prefix:literal) => {
        standard!($prefix, "")
    };
    ($prefix:literal, $suffix:literal) => {
        &[
            $crate::allocators::function(
                concat!($prefix, "malloc", $suffix),
                $crate::allocators::Call::Malloc { size: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "calloc", $suffix),
                $crate::allocators::Call::Calloc { number: 0, size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "realloc", $suffix),
                $crate::allocators::Call::Realloc { block: 0, size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "reallocarray", $suffix),
                $crate::allocators::Call::ReallocArray { block: 0, number: 1, size: 2 },
            ),
            $crate::allocators::function(
                concat!($prefix, "reallocf", $suffix),
                $crate::allocators::Call::Realloc { block: 0, size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "aligned_alloc", $suffix),
                $crate::allocators::Call::Aligned { size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "memalign", $suffix),
                $crate::allocators::Call::Aligned { size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "posix_memalign", $suffix),
                $crate::allocators::Call::Out { out: 0, size: 2 },
            ),
            $crate::allocators::function(
                concat!($prefix, "valloc", $suffix),
                $crate::allocators::Call::Malloc { size: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "pvalloc", $suffix),
                $crate::allocators::Call::Malloc { size: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "free", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "cfree", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "free_sized", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "free_aligned_sized", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
        ]
    };
}
use standard;

/// jemalloc's own interface (`mallocx` and alike) behind a prefix.
macro_rules! extended {
    ($prefix:literal, $suffix:literal) => {
        &[
            $crate::allocators::function(
                concat!($prefix, "mallocx", $suffix),
                $crate::allocators::Call::Malloc { size: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "rallocx", $suffix),
                $crate::allocators::Call::Realloc { block: 0, size: 1 },
            ),
            $crate::allocators::function(
                concat!($prefix, "dallocx", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
            $crate::allocators::function(
                concat!($prefix, "sdallocx", $suffix),
                $crate::allocators::Call::Free { block: 0 },
            ),
        ]
    };
}
use extended;

/// The operators of C++. Only for files with an allocator of their own: those of the standard library always reach
/// `malloc`, and may throw.
const OPERATORS: &[Function] = &[
    throwing("_Znwm", Call::Malloc { size: 0 }),
    throwing("_Znam", Call::Malloc { size: 0 }),
    throwing("_ZnwmSt11align_val_t", Call::Aligned { size: 0 }),
    throwing("_ZnamSt11align_val_t", Call::Aligned { size: 0 }),
    function("_ZnwmRKSt9nothrow_t", Call::Malloc { size: 0 }),
    function("_ZnamRKSt9nothrow_t", Call::Malloc { size: 0 }),
    function("_ZnwmSt11align_val_tRKSt9nothrow_t", Call::Aligned { size: 0 }),
    function("_ZnamSt11align_val_tRKSt9nothrow_t", Call::Aligned { size: 0 }),
    function("_ZdlPv", Call::Free { block: 0 }),
    function("_ZdaPv", Call::Free { block: 0 }),
    function("_ZdlPvm", Call::Free { block: 0 }),
    function("_ZdaPvm", Call::Free { block: 0 }),
    function("_ZdlPvSt11align_val_t", Call::Free { block: 0 }),
    function("_ZdaPvSt11align_val_t", Call::Free { block: 0 }),
    function("_ZdlPvmSt11align_val_t", Call::Free { block: 0 }),
    function("_ZdaPvmSt11align_val_t", Call::Free { block: 0 }),
    function("_ZdlPvRKSt9nothrow_t", Call::Free { block: 0 }),
    function("_ZdaPvRKSt9nothrow_t", Call::Free { block: 0 }),
];

impl Call {
    /// The class of the call as the kernel's program knows it, and the arguments that it needs: block, size, factor.
    const fn parts(self) -> (u8, u8, u8, Option<u8>) {
        match self {
            Self::Malloc { size } => (1, 0, size, None),
            Self::Array { number, size } => (1, 0, size, Some(number)),
            Self::Calloc { number, size } => (2, 0, size, Some(number)),
            Self::Zalloc { size } => (2, 0, size, None),
            Self::Realloc { block, size } => (3, block, size, None),
            Self::ReallocArray { block, number, size } => (3, block, size, Some(number)),
            Self::Aligned { size } => (4, 0, size, None),
            Self::Out { out, size } => (5, out, size, None),
            Self::Free { block } => (6, block, 0, None),
        }
    }

    /// Whether it releases a block, so that nothing is to be learnt from its return.
    pub(crate) const fn is_free(self) -> bool {
        matches!(self, Self::Free { .. })
    }

    /// The highest argument that it needs, counted from 0.
    pub(crate) fn last_argument(self) -> u8 {
        let (_, block, size, factor) = self.parts();
        block.max(size).max(factor.unwrap_or(0))
    }
}

impl Function {
    /// What the kernel's program has to know: see `call_class` and what follows it in `bpf/memtrack.bpf.c`. `number`
    /// tells the function from the others of its file, `chains` that there is more than one which releases blocks.
    pub(crate) fn cookie(&self, number: u8, chains: bool) -> u64 {
        let (class, block, size, factor) = self.call.parts();
        u64::from(class)
            | u64::from(size) << 4
            | u64::from(factor.unwrap_or(0xf)) << 8
            | u64::from(block) << 12
            | u64::from(self.leaf) << 16
            | u64::from(self.throws) << 17
            | u64::from(chains) << 18
            | u64::from(number & 0x3f) << 24
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_allocator_has_a_name_marks_and_functions_of_its_own() {
        let names: BTreeSet<_> = ALLOCATORS.iter().map(|allocator| allocator.name).collect();
        assert_eq!(names.len(), ALLOCATORS.len());
        for allocator in ALLOCATORS {
            assert!(!allocator.marks.is_empty(), "{}", allocator.name);
            let symbols: Vec<_> =
                allocator.functions.iter().copied().flatten().map(|f| f.symbol).collect();
            let unique: BTreeSet<_> = symbols.iter().collect();
            assert_eq!(unique.len(), symbols.len(), "{}", allocator.name);
        }
    }

    #[test]
    fn cookies_hold_what_the_kernel_needs() {
        let malloc = leaf("malloc", Call::Malloc { size: 0 });
        assert_eq!(malloc.cookie(0, false), 0x0001_0f01);
        let realloc = function("reallocarray", Call::ReallocArray { block: 0, number: 1, size: 2 });
        assert_eq!(realloc.cookie(5, true), 0x0504_0123);
        assert_eq!(function("free", Call::Free { block: 1 }).cookie(64, false), 0x1f06);
    }
}
