//! The interface of C and C++, which every allocator that takes the place of another one has.

use super::call::{Call, Function, function, throwing};

/// The functions of C that our preload library defines itself; it finds all others in the files of a process.
pub const DEFINED_BY_PRELOAD: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "aligned_alloc",
    "memalign",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "free",
    "cfree",
    "free_sized",
    "free_aligned_sized",
];

/// The functions of C.
pub(crate) const STANDARD: &[Function] = &[
    function("malloc", Call::Malloc { size: 0 }),
    function("calloc", Call::Calloc { number: 0, size: 1 }),
    function("realloc", Call::Realloc { block: 0, size: 1 }),
    function("reallocarray", Call::ReallocArray { block: 0, number: 1, size: 2 }),
    function("reallocf", Call::Realloc { block: 0, size: 1 }),
    function("aligned_alloc", Call::Aligned { size: 1 }),
    function("memalign", Call::Aligned { size: 1 }),
    function("posix_memalign", Call::Out { out: 0, size: 2 }),
    function("valloc", Call::Malloc { size: 0 }),
    function("pvalloc", Call::Malloc { size: 0 }),
    function("free", Call::Free { block: 0 }),
    function("cfree", Call::Free { block: 0 }),
    function("free_sized", Call::Free { block: 0 }),
    function("free_aligned_sized", Call::Free { block: 0 }),
];

/// The operators of C++. Only for files with an allocator of their own: those of the standard library always reach
/// `malloc`, and may throw.
pub(crate) const OPERATORS: &[Function] = &[
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
    function("_ZdlPvSt11align_val_tRKSt9nothrow_t", Call::Free { block: 0 }),
    function("_ZdaPvSt11align_val_tRKSt9nothrow_t", Call::Free { block: 0 }),
];
