//! Functions that allocate memory or give it back, as the table of allocators knows them.

/// Tells whether the function is one of an allocator. Versions (`free@@GLIBC_2.2.5`), parts that the compiler
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
    allocators::allocates(plain) || is_mangled
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
        // Each name that a tracer can see.
        for symbol in allocators::ALLOCATORS.iter().flat_map(|allocator| allocator.symbols()) {
            assert!(is_allocator(&symbol.name), "{}", symbol.name);
        }
        for name in ["main", "mallocate", "freed", "mmap", "alloc::vec::Vec<T>::push", "", "'2"] {
            assert!(!is_allocator(name), "{name}");
        }
    }
}
