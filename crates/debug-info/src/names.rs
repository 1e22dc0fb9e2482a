//! Names of functions as a programmer writes them.

/// A name as a programmer writes it, by the one that the linker knows. Rust's have no hash.
pub fn demangled(name: &str) -> String {
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        return format!("{rust:#}");
    }
    cpp_demangle::Symbol::new(name)
        .ok()
        .and_then(|symbol| symbol.demangle().ok())
        .unwrap_or_else(|| name.to_owned())
}

/// The part of a demangled name in which different demanglers agree: no blanks, and no hash.
pub(crate) fn key(name: &str) -> String {
    let hash = name.rsplit_once("::h").filter(|(_, hash)| {
        hash.len() == 16 && hash.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    let name = hash.map_or(name, |(name, _)| name);
    name.chars().filter(|letter| !letter.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        assert_eq!(demangled("_ZN3foo3barEi"), "foo::bar(int)");
        assert_eq!(demangled("_RNvC4demo4main"), "demo::main");
        assert_eq!(demangled("main"), "main");
    }

    #[test]
    fn blanks_and_hashes_tell_nothing() {
        assert_eq!(key("std::vector<int, std::less<int> >"), "std::vector<int,std::less<int>>");
        assert_eq!(key("m::fill::h0123456789abcdef"), "m::fill");
        assert_eq!(key("m::hold"), "m::hold");
    }
}
