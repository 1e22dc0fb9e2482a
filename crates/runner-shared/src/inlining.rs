//! Inlined functions: those that a reader looks for by their own name, and those that are only parts of their callers.

use crate::stacks::Inlined;

/// Parts of paths of source files that are no part of the program: compilers, package managers and distributions keep
/// libraries there.
const LIBRARIES: &[&str] = &[
    // Rust: the standard library, crates from a registry or a repository.
    "/rustc/",
    "/rustlib/src/",
    "/library/core/src/",
    "/library/alloc/src/",
    "/library/std/src/",
    "/.rustup/",
    "/registry/src/",
    "/git/checkouts/",
    // C and C++.
    "/usr/include/",
    "/usr/local/include/",
    "/usr/lib/",
    "/include/c++/",
    "/lib/gcc/",
    "/nix/store/",
    // Go: the standard library, and modules.
    "/usr/local/go/",
    "/pkg/mod/",
];

/// Beginnings of names of standard libraries, wherever their source files are.
const NAMESPACES: &[&str] = &["core::", "alloc::", "std::", "compiler_builtins::", "__gnu_cxx::"];
/// Beginnings of names of what types of standard libraries can do. A program may have added to that.
const TYPES: &[&str] = &["<core::", "<alloc::", "<std::", "<&", "<["];

/// Tells how each function at an address is part of the one before it: names with source files, outermost first. A file
/// may be empty. The outermost one has code of its own.
pub fn judge<'a>(functions: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Inlined> {
    let mut known: Option<&str> = None;
    let judge = |(name, file): (&'a str, &'a str)| {
        let inlined = match known {
            None => Inlined::No,
            Some(caller) if is_library(name, file) || is_closure_of(name, caller) => {
                Inlined::Helper
            }
            Some(_) => Inlined::Own,
        };
        if inlined != Inlined::Helper {
            known = Some(name);
        }
        inlined
    };
    functions.map(judge).collect()
}

fn is_library(name: &str, file: &str) -> bool {
    let starts = |with: &[&str]| with.iter().any(|start| name.starts_with(start));
    LIBRARIES.iter().any(|part| file.contains(part))
        || starts(NAMESPACES)
        || file.is_empty() && starts(TYPES)
}

/// Returns true if a function is a closure or a lambda of another one, or of a closure of that. Lambdas of C++ have no name
/// but this in debug information.
fn is_closure_of(name: &str, caller: &str) -> bool {
    name == "operator()" || name.strip_prefix(caller).is_some_and(|rest| rest.starts_with("::{"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Inlined::{Helper, No, Own};

    fn judged(functions: &[(&str, &str)]) -> Vec<Inlined> {
        judge(functions.iter().copied())
    }

    #[test]
    fn adapters_and_closures_are_parts_of_their_caller() {
        let fold = "core::iter::traits::iterator::Iterator::fold";
        let core = "/rustc/9fc6b431/library/core/src/iter/traits/iterator.rs";
        let found = judged(&[
            ("m::main", "src/main.rs"),
            ("m::fill", "/home/me/m/src/main.rs"),
            (fold, core),
            ("m::fill::{{closure}}", "/home/me/m/src/main.rs"),
            ("<u64 as core::ops::arith::Add>::add", core),
        ]);
        assert_eq!(found, [No, Own, Helper, Helper, Helper]);
        let v0 = judged(&[("m::fill", "src/m.rs"), ("m::fill::{closure#0}", "src/m.rs")]);
        assert_eq!(v0, [No, Helper]);
    }

    #[test]
    fn a_closure_in_another_function_has_a_name_of_its_own() {
        let found = judged(&[
            ("core::iter::Iterator::fold", "/rustc/9fc6b431/library/core/src/iter.rs"),
            ("m::fill::{{closure}}", "src/m.rs"),
            ("m::filled", "src/m.rs"),
        ]);
        assert_eq!(found, [No, Own, Own]);
    }

    #[test]
    fn crates_and_headers_are_libraries() {
        for file in [
            "/home/me/.cargo/registry/src/index.crates.io-6f17d22bba15001f/hashbrown-0.15/src/raw.rs",
            "/usr/include/c++/12/bits/stl_algo.h",
            "/usr/lib/gcc/x86_64-linux-gnu/12/include/emmintrin.h",
        ] {
            assert_eq!(judged(&[("f", ""), ("g", file)]), [No, Helper], "{file}");
        }
        assert_eq!(judged(&[("f", ""), ("g", "/home/me/src/g.h")]), [No, Own]);
        let own = "<alloc::vec::Vec<u64> as m::Fill>::fill";
        assert_eq!(judged(&[("f", ""), (own, "/home/me/src/m.rs")]), [No, Own]);
        assert_eq!(judged(&[("f", ""), (own, "")]), [No, Helper], "nothing speaks for the program");
        let lambda = "f(int)::{lambda(int)#1}::operator()(int) const";
        assert_eq!(judged(&[("f(int)", "f.cpp"), (lambda, "f.cpp")]), [No, Helper]);
        assert_eq!(judged(&[("m::fill", "f.cpp"), ("operator()", "f.cpp")]), [No, Helper]);
        assert!(judged(&[]).is_empty());
    }
}
