//! `perf-<pid>.map`: generated functions by their addresses in the process.

use std::ops::Range;

/// Functions, sorted by address.
#[derive(Debug, Default)]
pub(crate) struct PerfMap<'t> {
    functions: Vec<(u64, u64, &'t [u8])>,
}

impl<'t> PerfMap<'t> {
    /// Reads lines of `<address> <size> <name>`, numbers in hexadecimal digits; others are left
    /// out. Of two functions at one address the later one counts: memory is used again.
    pub(crate) fn parse(text: &'t [u8]) -> Self {
        let lines = text.split(|byte| *byte == b'\n');
        let mut functions: Vec<_> = lines.filter_map(parse_line).collect();
        functions.reverse();
        functions.sort_by_key(|(start, ..)| *start);
        functions.dedup_by_key(|(start, ..)| *start);
        Self { functions }
    }

    /// Returns the places of functions whose names begin so, in the order of addresses.
    pub(crate) fn named(&self, prefix: &[u8]) -> impl Iterator<Item = Range<u64>> {
        let named = self.functions.iter().filter(move |(.., name)| name.starts_with(prefix));
        named.map(|(start, size, _)| *start..start.saturating_add(*size))
    }

    /// The function at an address.
    pub(crate) fn at(&self, address: u64) -> Option<&'t [u8]> {
        let after = self.functions.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = self.functions.get(after.checked_sub(1)?)?;
        (address.wrapping_sub(*start) < *size).then_some(*name)
    }
}

fn parse_line(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut hex = || {
        let digits = std::str::from_utf8(words.next()?).ok()?;
        u64::from_str_radix(digits.strip_prefix("0x").unwrap_or(digits), 16).ok()
    };
    Some((hex()?, hex()?, words.next()?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_run_to_the_end_of_the_line() {
        let map = PerfMap::parse(b"20 10 b c\n10 8 a\ngarbage\n\n20 4 new\n0x40 1 d\n");
        let at = [0x0f, 0x10, 0x17, 0x18, 0x23, 0x24, 0x40].map(|at| map.at(at));
        let text = at.map(|name| name.map(|name| str::from_utf8(name).unwrap()));
        assert_eq!(text, [None, Some("a"), Some("a"), None, Some("new"), None, Some("d")]);
        assert!(map.named(b"n").eq(std::iter::once(0x20..0x24)));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[0-9a-f \n]{0,200}", at: u64) {
            PerfMap::parse(text.as_bytes()).at(at);
        }
    }
}
