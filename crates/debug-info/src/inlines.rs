//! The functions that were inlined at the source lines of a function: for tools that count by line and not by address.

use std::{collections::HashMap, fs::File, sync::Arc};

use addr2line::Context;
use gimli::{EndianArcSlice, RunTimeEndian};
use object::{Object, ObjectSymbol, SymbolKind};
use runner_shared::bounds::{Allowance, DEBUG_BYTES};

use crate::{
    image::Image,
    lines::{Line, found_at, load},
    names::{demangled, key},
};

/// Rows of the line table that are looked at for a function, at most: the others are taken for the function's own.
const MOST_ROWS: usize = 1 << 16;

/// The functions that were inlined at the source lines of a function.
#[derive(Debug, Default)]
pub struct Lines(HashMap<Place, Vec<Chain>>);

/// The name of a source file, without its folder, and a line in it.
type Place = (String, u32);

/// Functions that were inlined into each other, outermost first; without any if a line is the function's own.
#[derive(Debug)]
struct Chain {
    functions: Vec<Line>,
    /// So much of the line's code is there.
    bytes: u64,
}

impl Lines {
    /// The functions at a line, outermost first; none if it is the function's own. The line may be in several places, which
    /// only addresses would tell apart: it is likely in the one that has most in common with the line `before` it in the
    /// code, and else in the largest one.
    pub fn at(&self, place: (&str, u32), before: (&str, u32)) -> &[Line] {
        let Some([first, others @ ..]) = self.chains(place) else { return &[] };
        if others.is_empty() {
            return &first.functions;
        }
        let before = self.chains(before).and_then(<[_]>::first);
        let before = before.map_or(&[][..], |chain| &chain.functions);
        let mut best = (first, common(&first.functions, before));
        for chain in others {
            let found = common(&chain.functions, before);
            if found > best.1 {
                best = (chain, found);
            }
        }
        &best.0.functions
    }

    fn chains(&self, (file, line): (&str, u32)) -> Option<&[Chain]> {
        self.0.get(&(file_name(file).to_owned(), line)).map(Vec::as_slice)
    }

    fn add(&mut self, place: Place, functions: Vec<Line>, bytes: u64) {
        let chains = self.0.entry(place).or_default();
        let is_same = |chain: &&mut Chain| {
            chain.functions.len() == functions.len()
                && common(&chain.functions, &functions) == functions.len()
        };
        match chains.iter_mut().find(is_same) {
            Some(chain) => chain.bytes = chain.bytes.saturating_add(bytes),
            None => chains.push(Chain { functions, bytes }),
        }
    }
}

/// Number of functions that are the same from the outermost on.
fn common(one: &[Line], other: &[Line]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one.function == other.function).count()
}

/// The debug information of a file.
pub struct Inlines {
    context: Context<EndianArcSlice<RunTimeEndian>>,
    /// Where functions begin and end, by the keys of their names: several may have the same.
    functions: HashMap<String, Vec<(u64, u64)>>,
}

impl std::fmt::Debug for Inlines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inlines").field("functions", &self.functions.len()).finish_non_exhaustive()
    }
}

impl Inlines {
    /// Tells whether a file has debug information. Only its headers are read.
    pub fn are_in(file: &File) -> bool {
        let mut has_any = false;
        let headers = Image::read(file, |name, _| {
            has_any |= is_information(name);
            false
        });
        headers.is_ok() && has_any
    }

    /// Reads the file; `None` if it has no debug information, more of it than has room, or none that can be understood.
    pub fn read(file: &File) -> Option<Self> {
        let mut room = Allowance::of(DEBUG_BYTES);
        let mut has_any = false;
        let bytes = Image::read(file, |name, len| {
            has_any |= is_information(name);
            matches!(name, ".symtab" | ".strtab" | ".dynsym" | ".dynstr")
                || name.contains("debug_") && room.take(len)
        });
        let bytes = bytes.ok().filter(|_| has_any && room.left_out() == 0)?;
        let object = object::File::parse(&*bytes).ok()?;
        let sections = load(&object, &mut room)?;
        let endian =
            if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let dwarf = sections.borrow(|section| EndianArcSlice::new(Arc::from(&**section), endian));
        let mut functions: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
        let symbols = object.symbols().chain(object.dynamic_symbols());
        for symbol in symbols.filter(|symbol| symbol.kind() == SymbolKind::Text) {
            let end = symbol.address().checked_add(symbol.size());
            if let (Ok(name), Some(end)) = (symbol.name(), end) {
                let places = functions.entry(key(&demangled(name))).or_default();
                let place = (symbol.address(), end);
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        Some(Self { context: Context::from_dwarf(dwarf).ok()?, functions })
    }

    /// The lines of a function, by its demangled name; none if nothing is known of it.
    pub fn lines(&self, function: &str) -> Lines {
        let mut lines = Lines::default();
        let places = self.functions.get(&key(function));
        let rows = places
            .into_iter()
            .flatten()
            .filter_map(|(start, end)| self.context.find_location_range(*start, *end).ok());
        for (address, bytes, location) in rows.flatten().take(MOST_ROWS) {
            let (Some(file), Some(line)) = (location.file, location.line) else { continue };
            let mut functions = found_at(&self.context, address);
            // The last one is the function itself.
            functions.pop();
            functions.reverse();
            lines.add((file_name(file).to_owned(), line), functions, bytes);
        }
        for chains in lines.0.values_mut() {
            // Of equal ones the first.
            chains.sort_by_key(|chain| std::cmp::Reverse(chain.bytes));
            for of in chains.iter_mut().flat_map(|chain| &mut chain.functions) {
                of.function = demangled(&of.function);
            }
        }
        lines
    }
}

/// Returns whether a section is the one that all others are for.
fn is_information(name: &str) -> bool {
    name.ends_with("debug_info")
}

/// The name of a source file without its folder: tools join folders in different ways.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn inlined_functions_are_found_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("inlined.cpp");
        let lines = [
            "static volatile int kept;",
            "static inline __attribute__((always_inline)) void inner(int n) {",
            "    for (int i = 0; i < n; i++) kept += i;",
            "}",
            "static inline __attribute__((always_inline)) void outer(int n) {",
            "    kept = n;",
            "    inner(n);",
            "}",
            "__attribute__((noinline)) void whole(int n) {",
            "    kept = 1;",
            "    outer(n);",
            "}",
            "int main() { whole(3); return 0; }",
        ];
        std::fs::write(&source, lines.join("\n")).unwrap();
        let program = folder.path().join("inlined");
        let compile = |flags: &[&str]| {
            let mut command = Command::new("c++");
            command.args(["-O2", "-o"]).arg(&program).arg(&source).args(flags);
            assert!(command.status().unwrap().success());
            Inlines::read(&File::open(&program).unwrap())
        };
        for flags in [&["-g"][..], &["-g", "-gz=zlib"], &["-g1"]] {
            let inlines = compile(flags).unwrap();
            let found = inlines.lines("whole(int)");
            let names = |line: u32| -> Vec<&str> {
                let chain = found.at(("/elsewhere/inlined.cpp", line), ("", 0));
                chain.iter().map(|of| of.function.as_str()).collect()
            };
            assert_eq!(names(3), ["outer", "inner"], "{flags:?} {found:?}");
            assert_eq!(names(6), ["outer"], "{flags:?}");
            assert!(names(10).is_empty() && names(1000).is_empty(), "{flags:?}");
            assert!(inlines.lines("nowhere").0.is_empty());
        }
        assert!(Inlines::are_in(&File::open(&program).unwrap()));
        assert!(compile(&[]).is_none());
        assert!(!Inlines::are_in(&File::open(&program).unwrap()));
    }

    #[test]
    fn a_line_in_several_places_is_where_the_one_before_it_is() {
        let chain = |names: &[&str]| {
            let of = |name: &&str| Line { function: (*name).to_owned(), ..Line::default() };
            names.iter().map(of).collect::<Vec<_>>()
        };
        let mut lines = Lines::default();
        let place = |line| ("a.rs".to_owned(), line);
        lines.add(place(1), chain(&[]), 5);
        lines.add(place(1), chain(&["f", "g"]), 3);
        lines.add(place(1), chain(&[]), 1);
        lines.add(place(2), chain(&["f"]), 1);
        lines.add(place(3), chain(&["h"]), 1);
        let at = |before| lines.at(("a.rs", 1), ("a.rs", before)).len();
        assert_eq!([at(2), at(3), at(9)], [2, 0, 0]);
        assert!(lines.at(("a.rs", 7), ("a.rs", 2)).is_empty());
    }
}
