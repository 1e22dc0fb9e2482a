//! An ELF file of which nothing but its bytes is known.

use object::{Object, ObjectSection, ObjectSegment, SectionKind, SegmentFlags, elf::PF_X};

use crate::unwind_data::{Section, UnwindData};

/// A part of the file that is loaded (`PT_LOAD`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    /// Its offset in the file.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// The address that the file gives to it.
    pub(crate) address: u64,
    pub(crate) is_code: bool,
}

/// A parsed file.
#[derive(Debug)]
pub(crate) struct Elf<'d> {
    pub(crate) file: object::File<'d>,
    pub(crate) loads: Vec<Load>,
}

impl<'d> Elf<'d> {
    /// Parses headers only. `None`: not an ELF file.
    pub(crate) fn parse(bytes: &'d [u8]) -> Option<Self> {
        let file = object::File::parse(bytes).ok()?;
        let loads = file
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                let is_code = match segment.flags() {
                    SegmentFlags::Elf { p_flags, .. } => p_flags.contains(PF_X),
                    SegmentFlags::None | _ => false,
                };
                Load { offset, size, address: segment.address(), is_code }
            })
            .collect();
        Some(Self { file, loads })
    }

    pub(crate) fn build_id(&self) -> Option<&'d [u8]> {
        self.file.build_id().ok().flatten().filter(|id| !id.is_empty())
    }

    /// The address that the file gives to its first loaded byte.
    pub(crate) fn base_svma(&self) -> u64 {
        self.loads.first().map_or(0, |load| load.address)
    }

    /// A section that is loaded, as it lies in the file.
    fn section(&self, name: &str) -> Option<Section<'d>> {
        let section = self.file.section_by_name(name)?;
        // A file with debug info only has the headers of these sections, without their bytes.
        if section.kind() == SectionKind::UninitializedData {
            return None;
        }
        let data = section.data().ok().filter(|data| !data.is_empty())?;
        let end = section.address().checked_add(crate::bytes::wide(data.len()))?;
        Some(Section { data, svma: section.address()..end })
    }

    /// Returns the sections needed for unwinding; `None` without `.eh_frame`.
    pub(crate) fn unwind_data<'p>(&self, path: &'p str) -> Option<UnwindData<'p>>
    where
        'd: 'p,
    {
        Some(UnwindData {
            path,
            base_svma: self.base_svma(),
            eh_frame_hdr: self.section(".eh_frame_hdr"),
            eh_frame: self.section(".eh_frame")?,
        })
    }
}

/// Returns the number to add to an address in the file to get the address in the process, for a mapping of
/// the file's bytes from `offset` at the address `start`.
///
/// The kernel maps whole pages: a mapping begins up to a page before its part of the file, and
/// with lld and mold that first page may belong to another part as well. So code is preferred,
/// and of several parts in those pages the one that explains the mapping best.
pub(crate) fn load_bias(
    loads: &[Load],
    start: u64,
    length: u64,
    offset: u64,
    page: u64,
) -> Option<u64> {
    let mapped_end = offset.saturating_add(length);
    let first_page =
        |load: &Load| load.offset.wrapping_sub(load.offset.checked_rem(page).unwrap_or(0));
    let last_page =
        |load: &Load| load.offset.saturating_add(load.size).checked_next_multiple_of(page);
    // Bytes of the part that are in the mapping.
    let overlap = |load: &Load| {
        let end = load.offset.saturating_add(load.size).min(mapped_end);
        end.saturating_sub(load.offset.max(offset))
    };
    let is_near = |load: &&Load| {
        let end = last_page(load).unwrap_or(u64::MAX);
        first_page(load) < mapped_end && offset < end && load.size > 0
    };
    let best = loads.iter().filter(is_near).max_by_key(|load| {
        let begins_here = first_page(load) == offset;
        // Of equal ones the first: `max_by_key` would take the last.
        (load.is_code, begins_here, overlap(load), std::cmp::Reverse(load.offset))
    })?;
    Some(start.wrapping_add(best.offset).wrapping_sub(offset).wrapping_sub(best.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: u64 = 4096;

    fn load(offset: u64, size: u64, address: u64, is_code: bool) -> Load {
        Load { offset, size, address, is_code }
    }

    #[test]
    fn a_usual_library() {
        let loads = [load(0, 0xa48, 0, false), load(0x1000, 0x8ad, 0x1000, true)];
        assert_eq!(load_bias(&loads, 0x7000_1000, 0x1000, 0x1000, PAGE), Some(0x7000_0000));
    }

    #[test]
    fn code_that_shares_its_first_page_with_headers() {
        // As lld lays out a small program.
        let loads = [load(0, 0x688, 0, false), load(0x690, 0x1c0, 0x1690, true)];
        assert_eq!(load_bias(&loads, 0x7000_1000, 0x1000, 0, PAGE), Some(0x7000_0000));
    }

    #[test]
    fn two_parts_with_code() {
        // As BOLT leaves it: the old code and the new one.
        let loads = [
            load(0, 0x5000, 0, true),
            load(0x5000, 0x100, 0x6000, false),
            load(0x20_0000, 0x8000, 0x40_0000, true),
        ];
        assert_eq!(load_bias(&loads, 0x7000_0000, 0x5000, 0, PAGE), Some(0x7000_0000));
        assert_eq!(load_bias(&loads, 0x7040_0000, 0x8000, 0x20_0000, PAGE), Some(0x7000_0000));
    }

    #[test]
    fn a_mapping_of_a_piece_and_one_that_begins_before() {
        let loads = [load(0, 0x900, 0, false), load(0x1234, 0x10_0000, 0x2234, true)];
        // Split by mprotect: from the middle of the code.
        assert_eq!(load_bias(&loads, 0x7000_9000, 0x4000, 0x8000, PAGE), Some(0x7000_0000));
        // From the page before the code to its middle.
        assert_eq!(load_bias(&loads, 0x7000_2000, 0x4000, 0x1000, PAGE), Some(0x7000_0000));
    }

    #[test]
    fn fixed_addresses_nonsense_and_nothing() {
        let loads = [load(0x1000, 0x100, 0x40_1000, true)];
        assert_eq!(load_bias(&loads, 0x40_1000, 0x1000, 0x1000, PAGE), Some(0));
        assert_eq!(load_bias(&loads, 0x40_1000, 0x1000, 0x9000, PAGE), None);
        assert_eq!(load_bias(&[], 1, 1, 1, PAGE), None);
        let wild = [load(u64::MAX, u64::MAX, 7, true)];
        load_bias(&wild, u64::MAX, u64::MAX, u64::MAX, PAGE);
        load_bias(&wild, 0, 0, 0, 0);
    }
}
