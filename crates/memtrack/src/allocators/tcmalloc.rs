//! tcmalloc of gperftools: `malloc` and the operators are aliases of `tc_` functions.

use super::{Allocator, Call, Function, OPERATORS, function, standard, throwing};

pub(super) const TCMALLOC: Allocator = Allocator {
    name: "tcmalloc",
    marks: &[&["tc_malloc", "tc_free"], &["tc_version", "malloc"], &["TCMallocInternalMalloc"]],
    // The operators first: where one is an alias of a function that doesn't throw, it must still be known that it may.
    functions: &[OPERATORS, standard!(""), standard!("tc_"), standard!("TCMallocInternal"), OWN],
};

const OWN: &[Function] = &[
    throwing("tc_new", Call::Malloc { size: 0 }),
    throwing("tc_newarray", Call::Malloc { size: 0 }),
    function("tc_new_nothrow", Call::Malloc { size: 0 }),
    function("tc_newarray_nothrow", Call::Malloc { size: 0 }),
    throwing("tc_new_aligned", Call::Aligned { size: 0 }),
    throwing("tc_newarray_aligned", Call::Aligned { size: 0 }),
    function("tc_delete", Call::Free { block: 0 }),
    function("tc_deletearray", Call::Free { block: 0 }),
    function("tc_delete_sized", Call::Free { block: 0 }),
    function("tc_deletearray_sized", Call::Free { block: 0 }),
    function("tc_delete_nothrow", Call::Free { block: 0 }),
    function("tc_deletearray_nothrow", Call::Free { block: 0 }),
    function("tc_delete_aligned", Call::Free { block: 0 }),
    function("tc_deletearray_aligned", Call::Free { block: 0 }),
    function("sdallocx", Call::Free { block: 0 }),
];
