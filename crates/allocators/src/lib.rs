//! Allocators are data: one table, from which memtrack's probes, the rows of its preload library and the view of
//! simulation mode are derived.
//!
//! To add an allocator, add a file and name it in [`ALLOCATORS`].

mod call;
mod glibc;
mod jemalloc;
mod mimalloc;
mod plain;
mod rpmalloc;
mod runtimes;
mod snmalloc;
mod standard;
mod tcmalloc;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

pub use call::{Call, Class, Function, Parts};
pub use standard::DEFINED_BY_PRELOAD;

/// An allocator, or a layer above one.
#[derive(Debug, PartialEq, Eq)]
pub struct Allocator {
    /// Its name in results.
    pub name: &'static str,
    /// A part of the names of the files that are this allocator as a library.
    pub library: Option<&'static str>,
    /// A file holds it if one of these groups of symbols is defined in it as a whole.
    pub marks: &'static [&'static [&'static str]],
    /// Its functions; those that a file doesn't have are left out. Of several names of one address the first one counts.
    pub groups: &'static [Group],
    /// Names of functions inside of it, for profiles.
    pub internals: &'static [&'static str],
    /// Beginnings of names that all belong to it, for profiles.
    pub families: &'static [&'static str],
}

/// Functions that occur behind several prefixes.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// The prefixes; an empty one for the names as they are.
    pub prefixes: &'static [&'static str],
    /// The functions.
    pub functions: &'static [Function],
    /// No program calls them by these names, so only a probe can see the calls.
    pub internal: bool,
}

/// A function under its full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name in the table of symbols of a file.
    pub name: String,
    /// The function; its own name lacks the prefix.
    pub function: Function,
    /// No program calls it by this name.
    pub internal: bool,
}

/// All of them. A file may hold several; an earlier one has the first word about a function.
pub const ALLOCATORS: &[&Allocator] = &[
    &jemalloc::JEMALLOC,
    &mimalloc::MIMALLOC,
    &tcmalloc::TCMALLOC,
    &rpmalloc::RPMALLOC,
    &snmalloc::SNMALLOC,
    &glibc::GLIBC,
    &plain::PLAIN,
    &runtimes::RUST,
    &runtimes::PYTHON,
];

impl Allocator {
    /// All that most allocators lack.
    const NONE: Self =
        Self { name: "", library: None, marks: &[], groups: &[], internals: &[], families: &[] };

    /// Returns its functions, those of higher rank first.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.groups.iter().flat_map(Group::symbols)
    }

    /// Tells whether it merely is something that defines `malloc` and `free`.
    pub fn is_plain(&self) -> bool {
        self.name == plain::NAME
    }
}

impl Group {
    const fn plain(functions: &'static [Function]) -> Self {
        Self::prefixed(&[""], functions)
    }

    const fn prefixed(prefixes: &'static [&'static str], functions: &'static [Function]) -> Self {
        Self { prefixes, functions, internal: false }
    }

    fn symbols(&self) -> impl Iterator<Item = Symbol> {
        self.prefixes.iter().flat_map(move |prefix| {
            self.functions.iter().map(move |function| Symbol {
                name: format!("{prefix}{}", function.name),
                function: *function,
                internal: self.internal,
            })
        })
    }
}

/// Returns the functions that programs call by name and that the preload library doesn't define itself, in the order of
/// their names.
pub fn found_by_preload() -> BTreeMap<String, Call> {
    let symbols = ALLOCATORS.iter().flat_map(|allocator| allocator.symbols());
    symbols
        .filter(|symbol| !symbol.internal && !DEFINED_BY_PRELOAD.contains(&symbol.name.as_str()))
        .map(|symbol| (symbol.name, symbol.function.call))
        .collect()
}

/// Returns the name of the allocator that a library with this file name is.
pub fn of_library(file: &str) -> Option<&'static str> {
    let is_it = |allocator: &&&Allocator| allocator.library.is_some_and(|part| file.contains(part));
    let undescribed = || UNDESCRIBED.iter().find(|name| file.contains(**name)).copied();
    ALLOCATORS.iter().find(is_it).map(|allocator| allocator.name).or_else(undescribed)
}

/// Allocators that define the functions of C alone, by which they are seen, and have this in the names of their files.
/// musl's library has the name of a loader, as `ld-musl-x86_64.so.1`.
const UNDESCRIBED: &[&str] = &["hoard", "scudo", "musl"];

/// Tells whether a function of this name, as a profile shows it, is a part of allocating.
pub fn allocates(name: &str) -> bool {
    static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        let symbols = ALLOCATORS.iter().flat_map(|allocator| allocator.symbols());
        let internals = ALLOCATORS.iter().flat_map(|allocator| allocator.internals);
        symbols.map(|symbol| symbol.name).chain(internals.map(|&name| name.to_owned())).collect()
    });
    let mut families = ALLOCATORS.iter().flat_map(|allocator| allocator.families);
    NAMES.contains(name) || families.any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_allocator_has_a_name_and_functions_of_its_own() {
        let names: BTreeSet<_> = ALLOCATORS.iter().map(|allocator| allocator.name).collect();
        assert_eq!(names.len(), ALLOCATORS.len());
        for allocator in ALLOCATORS {
            assert_eq!(allocator.marks.is_empty(), allocator.groups.is_empty(), "{allocator:?}");
            let symbols: Vec<String> = allocator.symbols().map(|symbol| symbol.name).collect();
            let unique: BTreeSet<_> = symbols.iter().collect();
            assert_eq!(unique.len(), symbols.len(), "{}", allocator.name);
        }
    }

    #[test]
    fn allocators_that_share_a_name_agree_on_what_it_does() {
        let mut known = BTreeMap::new();
        for symbol in ALLOCATORS.iter().flat_map(|allocator| allocator.symbols()) {
            let call = *known.entry(symbol.name.clone()).or_insert(symbol.function.call);
            assert_eq!(call, symbol.function.call, "{}", symbol.name);
        }
    }

    #[test]
    fn the_preload_library_covers_every_function_that_programs_call() {
        let found = found_by_preload();
        for name in ["_Znwm", "je_malloc", "mallocx", "mi_strdup", "tc_new_aligned_nothrow"] {
            assert!(found.contains_key(name), "{name}");
        }
        for name in ["malloc", "free_sized", "je_malloc_default", "TCMallocInternalMalloc"] {
            assert!(!found.contains_key(name), "{name}");
        }
    }

    #[test]
    fn libraries_are_known_by_their_files() {
        assert_eq!(of_library("libjemalloc.so.2"), Some("jemalloc"));
        assert_eq!(of_library("libtcmalloc_minimal.so.4"), Some("tcmalloc"));
        assert_eq!(of_library("librpmalloc.so"), Some("rpmalloc"));
        assert_eq!(of_library("libsnmallocshim.so"), Some("snmalloc"));
        assert_eq!(of_library("ld-musl-x86_64.so.1"), Some("musl"));
        assert_eq!(of_library("libc.so.6"), None);
    }

    #[test]
    fn functions_in_profiles_are_known_by_name_or_family() {
        for name in ["malloc", "sysmalloc", "_Znwm", "operator new(unsigned long)", "mi_any"] {
            assert!(allocates(name), "{name}");
        }
        for name in ["main", "mallocate", "freed", "mmap", ""] {
            assert!(!allocates(name), "{name}");
        }
    }
}
