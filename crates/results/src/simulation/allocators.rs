//! Which functions allocate memory or give it back.

/// Names of C libraries, of glibc's internals and of the runtimes that have allocators of their own.
const NAMES: &[&str] = &[
    "malloc",
    "calloc",
    "realloc",
    "reallocarray",
    "free",
    "cfree",
    "memalign",
    "aligned_alloc",
    "posix_memalign",
    "valloc",
    "pvalloc",
    "free_sized",
    "free_aligned_sized",
    "sdallocx",
    "malloc_consolidate",
    "malloc_usable_size",
    "sysmalloc",
    "systrim",
    "unlink_chunk",
    "tcache_init",
    "ptmalloc_init",
    "alloc_perturb",
    "free_perturb",
    "__rdl_alloc",
    "__rdl_alloc_zeroed",
    "__rdl_dealloc",
    "__rdl_realloc",
    "__rg_alloc",
    "__rg_alloc_zeroed",
    "__rg_dealloc",
    "__rg_realloc",
    "__rust_alloc",
    "__rust_alloc_zeroed",
    "__rust_dealloc",
    "__rust_realloc",
];

/// How names of whole families begin.
const PREFIXES: &[&str] = &[
    "_int_malloc",
    "_int_free",
    "_int_realloc",
    "_int_memalign",
    "__libc_malloc",
    "__libc_free",
    "__libc_calloc",
    "__libc_realloc",
    "__libc_memalign",
    "_mid_memalign",
    "operator new",
    "operator delete",
    "je_",
    "_rjem_",
    "mi_",
    "_mi_",
    "tc_",
    "PyMem_",
    "_PyMem_",
    "PyObject_Malloc",
    "PyObject_Calloc",
    "PyObject_Realloc",
    "PyObject_Free",
    "_PyObject_Malloc",
    "_PyObject_Calloc",
    "_PyObject_Realloc",
    "_PyObject_Free",
];

/// The function is one of an allocator. Versions (`free@@GLIBC_2.2.5`), parts that the compiler
/// split off (`malloc.part.0`) and the suffix of recursion don't matter.
pub(crate) fn is_allocator(function: &str) -> bool {
    let name = function.split(['@', '\'']).next().unwrap_or_default();
    let name = name.strip_prefix("__rustc::").unwrap_or(name);
    let plain = [".part.", ".constprop.", ".isra.", ".cold"]
        .iter()
        .fold(name, |name, suffix| name.split_once(suffix).map_or(name, |(head, _)| head));
    // The hash behind the mangled names of newer compilers varies.
    let is_mangled = plain.starts_with("_R") && plain.contains("7___rustc");
    let is_mangled = is_mangled
        && ["_rust_alloc", "_rust_dealloc", "_rust_realloc"].iter().any(|end| plain.contains(end));
    NAMES.contains(&plain) || PREFIXES.iter().any(|prefix| plain.starts_with(prefix)) || is_mangled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allocators_are_known_by_all_their_names() {
        for name in [
            "malloc",
            "free@@GLIBC_2.2.5",
            "_int_malloc'2",
            "malloc_consolidate.part.0",
            "operator new(unsigned long)",
            "operator delete[](void*)",
            "__rust_alloc",
            "__rustc::__rust_dealloc",
            "_RNvCs691rhTbG0Ee_7___rustc12___rust_alloc",
            "_PyMem_RawMalloc",
            "PyObject_Free",
            "mi_malloc_small",
        ] {
            assert!(is_allocator(name), "{name}");
        }
        for name in ["main", "mallocate", "freed", "mmap", "alloc::vec::Vec<T>::push", "", "'2"] {
            assert!(!is_allocator(name), "{name}");
        }
    }
}
