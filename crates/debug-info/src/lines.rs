//! Places in the source by the debug information of a file: the line of a call, and the functions that it was inlined into.

use std::{borrow::Cow, fs::File};

use addr2line::Context;
use gimli::{DwarfSections, EndianSlice, Reader, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};
use runner_shared::bounds::{Allowance, DEBUG_BYTES, size};

use crate::image::Image;

/// The most that a compressed section may grow, as a factor: the limit of zlib.
const MOST_INFLATED: u64 = 1032;
/// Functions that are inlined into each other at a place, at most: the outer ones are left out.
const MOST_INLINED: usize = 64;

/// A function at a place in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its name as the linker knows it; empty if it is unknown.
    pub function: String,
    /// The source file.
    pub file: String,
    /// The line in it; 0 if it is unknown.
    pub number: u32,
}

/// Tells whether a file has debug information.
pub fn has_lines(file: &object::File<'_>) -> bool {
    file.section_by_name(".debug_info").is_some()
}

/// Looks addresses up; each gets what was inlined, innermost first, and at last the function itself. One of which nothing is
/// known gets nothing.
pub fn look_up(file: &File, addresses: &[u64]) -> Vec<Vec<Line>> {
    let nothing = || vec![Vec::new(); addresses.len()];
    let mut room = Allowance::of(DEBUG_BYTES);
    let wanted = |name: &str, len| name.contains("debug_") && room.take(len);
    let Ok(bytes) = Image::read(file, wanted) else { return nothing() };
    // Something that is left out would be missed in the midst of the others.
    if room.left_out() > 0 {
        return nothing();
    }
    let Ok(file) = object::File::parse(&*bytes) else { return nothing() };
    let Some(sections) = load(&file, &mut room) else { return nothing() };
    let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let Ok(context) = Context::from_dwarf(dwarf) else { return nothing() };
    addresses.iter().map(|address| found_at(&context, *address)).collect()
}

/// The sections, inflated where they are compressed.
pub(crate) fn load<'d>(
    file: &object::File<'d>,
    room: &mut Allowance,
) -> Option<DwarfSections<Cow<'d, [u8]>>> {
    let section = |id: SectionId| {
        let data = file.section_by_name(id.name()).and_then(|section| {
            let data = section.compressed_data().ok()?;
            let limit = size(data.data.len()).saturating_mul(MOST_INFLATED);
            (data.uncompressed_size <= limit).then_some(())?;
            let is_inflated = data.format != object::CompressionFormat::None;
            let needed = if is_inflated { data.uncompressed_size } else { 0 };
            room.take(needed).then_some(())?;
            data.decompress().ok()
        });
        Ok::<_, gimli::Error>(data.unwrap_or_default())
    };
    DwarfSections::load(section).ok()
}

/// The functions at an address, innermost first.
pub(crate) fn found_at<R: Reader>(context: &Context<R>, address: u64) -> Vec<Line> {
    let mut found = Vec::new();
    // The library adds 1.
    if address == u64::MAX {
        return found;
    }
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return found };
    while let Ok(Some(frame)) = frames.next() {
        if found.len() >= MOST_INLINED {
            break;
        }
        let name = frame.function.and_then(|name| name.raw_name().ok().map(Cow::into_owned));
        let location = frame.location;
        let line = location.as_ref().and_then(|location| location.line).unwrap_or(0);
        let file = location.and_then(|location| location.file).unwrap_or_default();
        found.push(Line {
            function: name.unwrap_or_default(),
            file: file.to_owned(),
            number: line,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use object::ObjectSymbol;

    use super::*;

    #[test]
    fn our_own_lines_are_found() {
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let object = object::File::parse(&*bytes).unwrap();
        assert!(has_lines(&object));
        // The function itself, not one of its closures: their order is the linker's.
        let ours = "debug_info::lines::tests::our_own_lines_are_found";
        let is_it = |name: &str| format!("{:#}", rustc_demangle::demangle(name)) == ours;
        let mut symbols = object.symbols();
        let own_symbol = symbols.find(|symbol| symbol.name().is_ok_and(is_it)).unwrap();
        let address = own_symbol.address();
        let [found, nothing] = look_up(&file, &[address, u64::MAX]).try_into().unwrap();
        let outermost = found.last().unwrap();
        // Without inlined code a function has lines alone, as our tests are built.
        assert!(
            outermost.function.is_empty() || outermost.function.contains("our_own_lines_are"),
            "{found:?}"
        );
        assert!(
            outermost.file.ends_with("debug-info/src/lines.rs") && outermost.number > 0,
            "{found:?}"
        );
        assert_eq!(nothing, []);
    }

    #[test]
    fn a_file_without_any_has_none() {
        let empty = tempfile::tempfile().unwrap();
        assert_eq!(look_up(&empty, &[1, 2]), [vec![], vec![]]);
    }
}
