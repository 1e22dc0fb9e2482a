//! Names for code that was compiled at run time, from `perf-<pid>.map`.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};

use system::{
    files::{self, Links},
    lines::Lines,
};

use super::shown_name;

/// Kinds of code that runtimes put before a name.
const KINDS: &[&str] = &[
    "LazyCompile:",
    "Function:",
    "Script:",
    "Eval:",
    "JS:",
    "Builtin:",
    "Handler:",
    "Stub:",
    "py::",
];

/// The address in a name that callgrind made up: `0x` and 16 digits.
pub(super) fn address(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("0x")?.split('\'').next()?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

/// Names for addresses, as far as the map knows them. Of two entries for an address the later one
/// is meant. The map is streamed: it may be larger than all results.
pub(super) fn names(path: &Path, wanted: &mut BTreeMap<u64, Option<String>>) -> io::Result<()> {
    resolve(files::open(path, Links::Refuse)?, wanted)
}

fn resolve(map: impl Read, wanted: &mut BTreeMap<u64, Option<String>>) -> io::Result<()> {
    let mut lines = Lines::new(map);
    while let Some(line) = lines.next_line()? {
        let Some((start, size, name)) = entry(line) else { continue };
        for (_, known) in wanted.range_mut(start..start.saturating_add(size)) {
            *known = Some(shown_name(plain(name).to_owned()));
        }
    }
    Ok(())
}

/// `start size name`, the numbers in hexadecimal.
fn entry(line: &[u8]) -> Option<(u64, u64, &str)> {
    let line = str::from_utf8(line).ok()?;
    let (start, rest) = line.split_once(' ')?;
    let (size, name) = rest.split_once(' ')?;
    let hex = |text: &str| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok();
    Some((hex(start)?, hex(size)?, name.trim()))
}

/// Without the kind of code and the mark of the compiler's tier: `JS:*sort` is `sort`.
fn plain(name: &str) -> &str {
    let Some(rest) = KINDS.iter().find_map(|kind| name.strip_prefix(kind)) else { return name };
    let rest = rest.trim_start_matches(['*', '~', '^', '+']).trim();
    // Code without a name, for example a callback.
    if rest.is_empty() { name } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_entries_win_and_kinds_are_dropped() {
        let map = "3000 10 JS:~old a.js:1\nnot a line\n3000 20 LazyCompile:*sort a.js:3\n\
                   4000 8 py::fib:/x.py\n5000 0 nothing\nffffffffffffffff ffffffffffffffff wide\n";
        let mut wanted: BTreeMap<u64, Option<String>> =
            [0x3008, 0x3020, 0x4000, 0x5000].map(|address| (address, None)).into();
        resolve(map.as_bytes(), &mut wanted).unwrap();
        let names: Vec<Option<&str>> = wanted.values().map(Option::as_deref).collect();
        assert_eq!(names, [Some("sort a.js:3"), None, Some("fib:/x.py"), None]);
        assert_eq!(plain("JS:*"), "JS:*");
    }

    #[test]
    fn addresses_have_sixteen_digits() {
        assert_eq!(address("0x0000000004a1b2c0"), Some(0x04a1_b2c0));
        assert_eq!(address("0x0000000004a1b2c0'2"), Some(0x04a1_b2c0));
        assert_eq!(address("0x4a1b"), None);
        assert_eq!(address("main"), None);
    }
}
