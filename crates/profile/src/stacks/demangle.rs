//! Names as the source has them.

use std::fmt::{self, Write};

use cpp_demangle::{DemangleOptions, Symbol};

/// Bytes of a name, at most: a few bytes of a hostile one can stand for gigabytes.
const MOST: usize = 1 << 16;

/// Text that must not become too long.
struct Limited(String);

impl Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > MOST {
            return Err(fmt::Error);
        }
        self.0.write_str(text)
    }
}

/// The name that a compiler of Rust or C++ has mangled; any other name stays.
pub(super) fn demangle(name: &str) -> String {
    let plain = || name.get(..name.floor_char_boundary(MOST)).unwrap_or_default().to_owned();
    let mut text = Limited(String::new());
    if let Ok(rust) = rustc_demangle::try_demangle(name) {
        // Without the hash at the end of the name.
        return write!(text, "{rust:#}").map_or_else(|_| plain(), |()| text.0);
    }
    if !name.starts_with("_Z") || name.len() > MOST {
        return plain();
    }
    let Ok(symbol) = Symbol::new(name) else { return plain() };
    match symbol.structured_demangle(&mut text, &DemangleOptions::default()) {
        Ok(()) => text.0,
        Err(_) => plain(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rust_cpp_and_c() {
        assert_eq!(
            demangle("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"),
            "core::fmt::Write::write_fmt"
        );
        assert_eq!(demangle("_RNvC7mycrate3foo"), "mycrate::foo");
        assert_eq!(
            demangle("_ZNSt6vectorIiSaIiEE9push_backERKi"),
            "std::vector<int, std::allocator<int> >::push_back(int const&)"
        );
        assert_eq!(demangle("main"), "main");
        assert_eq!(demangle("_Z"), "_Z");
    }

    #[test]
    fn a_name_that_stands_for_gigabytes_stays_as_it_is() {
        let mut name = "_Z1fS_".to_owned();
        name.insert_str(4, &"1AIS_S_E".repeat(40));
        assert!(demangle(&name).len() <= MOST);
        assert_eq!(demangle(&"x".repeat(MOST * 2)).len(), MOST);
    }
}
