//! `<key>.symbols.map`: the functions of a module by their addresses.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use object::{
    Object, ObjectSection, ObjectSymbol, SectionFlags, SectionIndex, SymbolKind, elf::SHF_ALLOC,
};

use super::elf::Elf;

/// Pages by which the last symbol's size is guessed; part of the format, whatever the machine.
const PAGE: u64 = 4096;

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Symbol<'d> {
    pub(crate) address: u64,
    pub(crate) size: u64,
    /// As the file has it, mangled.
    pub(crate) name: &'d str,
}

/// The functions of a module, sorted by address.
#[derive(Debug, Default)]
pub(crate) struct Symbols<'d> {
    pub(crate) list: Vec<Symbol<'d>>,
    /// The address behind the last symbol of any kind.
    pub(crate) end: u64,
}

/// A symbol of any kind. All take part in guessing sizes; functions are kept.
#[derive(Debug, Clone, Copy)]
struct Entry<'d> {
    symbol: Symbol<'d>,
    is_function: bool,
}

impl<'d> Symbols<'d> {
    /// All symbols of the file, then those that only its debug file has.
    pub(crate) fn of(main: &Elf<'d>, debug: Option<&Elf<'d>>) -> Self {
        let mut entries = Vec::new();
        collect(main, &mut entries);
        if let Some(debug) = debug {
            let place = |entry: &Entry<'d>| (entry.symbol.address, entry.symbol.name);
            let known: HashSet<_> = entries.iter().map(place).collect();
            let mut more = Vec::new();
            collect(debug, &mut more);
            more.retain(|entry| !known.contains(&place(entry)));
            entries.append(&mut more);
        }
        Self::resolve(entries)
    }

    /// Sorts, gives every symbol a size, and keeps the functions.
    fn resolve(mut entries: Vec<Entry<'d>>) -> Self {
        entries.sort_by_key(|entry| entry.symbol.address);
        let mut next = None;
        for entry in entries.iter_mut().rev() {
            let Symbol { address, size, .. } = entry.symbol;
            if size == 0 {
                // The last one reaches to the end of the page after its own.
                let end = next.unwrap_or_else(|| {
                    address.checked_next_multiple_of(PAGE).unwrap_or(address).saturating_add(PAGE)
                });
                entry.symbol.size = end.saturating_sub(address);
            }
            next = Some(address);
        }
        let end = |entry: &Entry<'_>| entry.symbol.address.saturating_add(entry.symbol.size);
        let end = entries.iter().map(end).max().unwrap_or(0);
        entries.retain(|entry| entry.is_function && entry.symbol.size > 0);
        let mut list: Vec<Symbol<'d>> = entries.iter().map(|entry| entry.symbol).collect();
        drop_duplicates(&mut list);
        Self { list, end }
    }

    /// Writes the file.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for Symbol { address, size, name } in &self.list {
            write_symbol(out, *address, *size, name)?;
        }
        Ok(())
    }
}

/// `<address> <size> <name>\n`, numbers in hexadecimal digits.
pub(crate) fn write_symbol(
    out: &mut impl Write,
    address: u64,
    size: u64,
    name: &str,
) -> io::Result<()> {
    // The name runs to the end of the line.
    if name.contains('\n') {
        return writeln!(out, "{address:x} {size:x} {}", name.replace('\n', " "));
    }
    writeln!(out, "{address:x} {size:x} {name}")
}

/// Drops symbols that are there twice, as in `.symtab` and `.dynsym`.
fn drop_duplicates(list: &mut Vec<Symbol<'_>>) {
    let mut seen: Vec<(u64, &str)> = Vec::new();
    let mut address = None;
    list.retain(|symbol| {
        if address != Some(symbol.address) {
            address = Some(symbol.address);
            seen.clear();
        }
        let is_new = !seen.contains(&(symbol.size, symbol.name));
        // Thousands of names for one address are not worth comparing each with each.
        if is_new && seen.len() < 256 {
            seen.push((symbol.size, symbol.name));
        }
        is_new
    });
}

fn collect<'d>(elf: &Elf<'d>, entries: &mut Vec<Entry<'d>>) {
    let allocated: HashSet<SectionIndex> = elf
        .file
        .sections()
        .filter(|section| match section.flags() {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(SHF_ALLOC),
            SectionFlags::None | _ => false,
        })
        .map(|section| section.index())
        .collect();
    for symbol in elf.file.symbols().chain(elf.file.dynamic_symbols()) {
        let Ok(name) = symbol.name() else { continue };
        if name.is_empty() || is_mapping_symbol(name) {
            continue;
        }
        let is_code = matches!(symbol.kind(), SymbolKind::Text | SymbolKind::Unknown);
        let is_loaded = symbol.section_index().is_some_and(|index| allocated.contains(&index));
        let symbol = Symbol { address: symbol.address(), size: symbol.size(), name };
        entries.push(Entry { symbol, is_function: is_code && is_loaded });
    }
}

/// Marks of ARM and RISC-V between code and data: `$x`, `$d.1`, ...
fn is_mapping_symbol(name: &str) -> bool {
    let Some(rest) = name.strip_prefix('$') else { return false };
    let mut letters = rest.chars();
    letters.next().is_some_and(|kind| "adtx".contains(kind))
        && letters.next().is_none_or(|next| next == '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(address: u64, size: u64, name: &str, is_function: bool) -> Entry<'_> {
        Entry { symbol: Symbol { address, size, name }, is_function }
    }

    fn text(entries: Vec<Entry<'_>>) -> String {
        let mut out = Vec::new();
        Symbols::resolve(entries).write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn sizes_are_guessed_before_anything_is_dropped() {
        let entries = vec![
            entry(0x11cc, 0, "_fini", true),
            entry(0, 0, "__cxa_finalize", false),
            entry(0x1149, 0x35, "fib", true),
            entry(0x1149, 0, "alias", true),
            entry(0x117e, 0, "main", true),
            entry(0x11c0, 4, "data", false),
            entry(0x1149, 0x35, "fib", true),
            entry(0x2000, 0, "go func", true),
        ];
        let expected = "1149 35 fib\n117e 42 main\n11cc e34 _fini\n2000 1000 go func\n";
        assert_eq!(text(entries), expected);
    }

    #[test]
    fn the_last_symbol_ends_with_the_page_after_its_own() {
        assert_eq!(text(vec![entry(0x11cc, 0, "_fini", true)]), "11cc 1e34 _fini\n");
        assert_eq!(text(vec![entry(u64::MAX, 0, "end\nless", true)]), "");
        assert_eq!(text(Vec::new()), "");
    }

    #[test]
    fn marks_between_code_and_data() {
        let marks = ["$x", "$d.12", "$a", "$t."].map(is_mapping_symbol);
        assert_eq!(marks, [true; 4]);
        assert_eq!(["$", "$xy", "x", "$e", "$x1"].map(is_mapping_symbol), [false; 5]);
    }
}
