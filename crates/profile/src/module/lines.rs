//! Places of the functions of a module in the source, by its DWARF.

use std::{
    borrow::Cow,
    fs::File,
    io::{self, BufWriter, Seek, Write},
};

use addr2line::Context;
use gimli::{EndianSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};
use rayon::prelude::*;
use serde::Serialize;

use super::{elf::Elf, symbols::Symbol};
use crate::bytes::wide;

/// Looks up source lines, functions and what was inlined into them.
pub(crate) type DwarfContext<'a> = Context<EndianSlice<'a, RunTimeEndian>>;

/// Bytes of DWARF that one lookup context shall cover: contexts keep what they have parsed.
const PER_CONTEXT: u64 = 16 << 20;
/// The most that a compressed section may grow, as a factor: the limit of zlib.
const MOST_INFLATED: u64 = 1032;

/// The sections with debug information, inflated where they are compressed.
#[derive(Debug)]
pub(crate) struct Dwarf<'d> {
    sections: gimli::DwarfSections<Cow<'d, [u8]>>,
    endian: RunTimeEndian,
    /// Bytes of `.debug_info`.
    size: u64,
}

impl<'d> Dwarf<'d> {
    /// `None` without any.
    pub(crate) fn load(elf: &Elf<'d>) -> Option<Self> {
        let size = elf.file.section_by_name(".debug_info")?.size();
        let load = |id: SectionId| {
            let data = elf.file.section_by_name(id.name()).and_then(|section| {
                let data = section.compressed_data().ok()?;
                let limit = wide(data.data.len()).saturating_mul(MOST_INFLATED);
                (data.uncompressed_size <= limit).then_some(())?;
                data.decompress().ok()
            });
            Ok::<_, gimli::Error>(data.unwrap_or_default())
        };
        let sections = gimli::DwarfSections::load(load).ok()?;
        let endian =
            if elf.file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        Some(Self { sections, endian, size })
    }

    /// Returns true if the file has any, without loading it.
    pub(crate) fn is_in(elf: &Elf<'_>) -> bool {
        elf.file.section_by_name(".debug_info").is_some()
    }

    /// Prepares lookups. `None`: the sections contradict each other.
    pub(crate) fn context(&self) -> Option<DwarfContext<'_>> {
        let dwarf = self.sections.borrow(|section| EndianSlice::new(section, self.endian));
        Context::from_dwarf(dwarf).ok()
    }
}

/// Source lines of a module, on disk as the items of a JSON list.
#[derive(Debug)]
pub(crate) struct DebugInfos {
    /// The lowest address of them and the highest end.
    pub(crate) bounds: (u64, u64),
    pub(crate) items: File,
}

/// An item of the list.
#[derive(Serialize)]
struct Item<'a> {
    addr: u64,
    size: u64,
    name: &'a str,
    file: &'a str,
    line: Option<u32>,
}

/// The result for a part of the symbols.
#[derive(Default)]
struct Part {
    count: u64,
    bounds: Option<(u64, u64)>,
    json: Vec<u8>,
}

impl DebugInfos {
    /// Looks up all symbols; `None` when not one is found. `items` is an empty file to fill.
    pub(crate) fn of(
        dwarf: &Dwarf<'_>,
        symbols: &[Symbol<'_>],
        items: impl FnOnce() -> io::Result<File>,
    ) -> io::Result<Option<Self>> {
        if symbols.is_empty() {
            return Ok(None);
        }
        let parts = usize::try_from(dwarf.size.div_ceil(PER_CONTEXT)).unwrap_or(1).max(1);
        let per_part = symbols.len().div_ceil(parts).max(1);
        let at_once = rayon::current_num_threads().max(1);
        let parts: Vec<&[Symbol<'_>]> = symbols.chunks(per_part).collect();
        let mut out = None;
        let mut all = Part::default();
        let mut items = Some(items);
        for group in parts.chunks(at_once) {
            let found: Vec<Part> = group.par_iter().map(|part| look_up(dwarf, part)).collect();
            for part in found.into_iter().filter(|part| part.count > 0) {
                let out = match (&mut out, items.take()) {
                    (empty @ None, Some(items)) => empty.insert(BufWriter::new(items()?)),
                    (Some(out), _) => out,
                    (None, None) => return Ok(None),
                };
                if all.count > 0 {
                    out.write_all(b",")?;
                }
                out.write_all(&part.json)?;
                all.merge(&part);
            }
        }
        let (Some(out), Some(bounds)) = (out, all.bounds) else { return Ok(None) };
        let mut items = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        items.rewind()?;
        Ok(Some(Self { bounds, items }))
    }
}

impl Part {
    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.bounds = match (self.bounds, other.bounds) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }

    fn push(&mut self, item: &Item<'_>) {
        if self.count > 0 {
            self.json.push(b',');
        }
        // Writing plain fields to memory can't fail.
        drop(serde_json::to_writer(&mut self.json, item));
        let bounds = Some((item.addr, item.addr.saturating_add(item.size)));
        self.merge(&Self { count: 1, bounds, json: Vec::new() });
    }
}

/// A source file, and the line in it if that is known.
type Line = (String, Option<u32>);

/// Finds the lines of some symbols.
fn look_up(dwarf: &Dwarf<'_>, symbols: &[Symbol<'_>]) -> Part {
    let mut part = Part::default();
    let Some(context) = dwarf.context() else { return part };
    let mut last: Option<(u64, Option<Line>)> = None;
    for symbol in symbols {
        // Aliases of a function follow each other.
        let known = last.take().filter(|(address, _)| *address == symbol.address);
        let (_, found) =
            last.insert(known.unwrap_or_else(|| (symbol.address, line_of(&context, symbol))));
        if let Some((file, line)) = found {
            let Symbol { address: addr, size, name } = *symbol;
            part.push(&Item { addr, size, name, file, line: *line });
        }
    }
    part
}

/// File and line of the function itself, not of what was inlined at its begin.
fn line_of(context: &DwarfContext<'_>, symbol: &Symbol<'_>) -> Option<Line> {
    // The library adds 1.
    (symbol.address < u64::MAX).then_some(())?;
    let mut frames = context.find_frames(symbol.address).skip_all_loads().ok()?;
    let mut outermost = None;
    while let Ok(Some(frame)) = frames.next() {
        outermost = frame.location;
    }
    let location = outermost?;
    Some((location.file?.to_owned(), location.line))
}
