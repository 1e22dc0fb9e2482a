//! Decoders of the artifacts that share no code with ours, written by the description of the formats.

use std::{collections::BTreeSet, path::Path};

/// The content of a file of `tests/data`, inflated if it ends in `zst`.
pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let bytes = std::fs::read(&path).unwrap();
    if path.extension().is_some_and(|ending| ending == "zst") {
        zstd::decode_all(&bytes[..]).unwrap()
    } else {
        bytes
    }
}

fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A file of unwind data, version 3 or 4, with its index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwind {
    pub(crate) path: String,
    pub(crate) base_svma: u64,
    pub(crate) hdr: Vec<u8>,
    pub(crate) hdr_svma: (u64, u64),
    pub(crate) eh_frame: Vec<u8>,
    pub(crate) eh_frame_svma: (u64, u64),
}

/// Decodes to the last byte. Version 4 has a byte before each part of the index: it is there.
pub(crate) fn unwind(bytes: &[u8], version: u8) -> Unwind {
    let mut at = 0;
    let mut take = |length: usize| {
        at += length;
        bytes[at - length..at].to_vec()
    };
    assert_eq!(take(4), [version - 1, 0, 0, 0], "tag of version {version}");
    let sized = |take: &mut dyn FnMut(usize) -> Vec<u8>| {
        let length = usize::try_from(number(&take(8), 0, 8)).unwrap();
        take(length)
    };
    let is_there = |take: &mut dyn FnMut(usize) -> Vec<u8>| {
        assert!(version < 4 || take(1) == [1]);
    };
    let path = String::from_utf8(sized(&mut take)).unwrap();
    let base_svma = number(&take(8), 0, 8);
    is_there(&mut take);
    let hdr = sized(&mut take);
    is_there(&mut take);
    let hdr_svma = (number(&take(8), 0, 8), number(&take(8), 0, 8));
    let eh_frame = sized(&mut take);
    let eh_frame_svma = (number(&take(8), 0, 8), number(&take(8), 0, 8));
    assert_eq!(at, bytes.len(), "no byte is left");
    Unwind { path, base_svma, hdr, hdr_svma, eh_frame, eh_frame_svma }
}

/// Lines of a symbol map: address, size, name.
pub(crate) fn symbols(text: &[u8]) -> Vec<(u64, u64, String)> {
    let text = std::str::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    let line = |line: &str| {
        let (address, rest) = line.split_once(' ').unwrap();
        let (size, name) = rest.split_once(' ').unwrap();
        let hex = |digits: &str| {
            let value = u64::from_str_radix(digits, 16).unwrap();
            assert_eq!(format!("{value:x}"), digits, "lower case, no padding");
            value
        };
        (hex(address), hex(size), name.to_owned())
    };
    text.lines().map(line).collect()
}

/// Addresses and names of the functions that an ELF file of 64 bits defines: types NOTYPE, FUNC
/// and IFUNC in sections that are loaded.
pub(crate) fn functions(elf: &[u8]) -> BTreeSet<(u64, String)> {
    let word = |at: u64, length: usize| number(elf, usize::try_from(at).unwrap(), length);
    let (table, size, count) = (word(40, 8), word(58, 2), word(60, 2));
    let section = |index: u64| table + index * size;
    let mut found = BTreeSet::new();
    for header in (0..count).map(section) {
        let kind = word(header + 4, 4);
        if kind != 2 && kind != 11 {
            continue;
        }
        let strings = word(section(word(header + 40, 4)) + 24, 8);
        let (begin, length) = (word(header + 24, 8), word(header + 32, 8));
        for symbol in (begin..begin + length).step_by(24) {
            let index = word(symbol + 6, 2);
            let is_loaded = index != 0 && index < 0xff00 && word(section(index) + 8, 8) & 2 != 0;
            let name = usize::try_from(strings + word(symbol, 4)).unwrap();
            let name = elf[name..].split(|byte| *byte == 0).next().unwrap();
            if is_loaded && [0, 2, 10].contains(&(word(symbol + 4, 1) & 15)) {
                let name = String::from_utf8(name.to_vec()).unwrap();
                found.insert((word(symbol + 8, 8), name));
            }
        }
    }
    found
}
