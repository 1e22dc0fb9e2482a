//! The call frame information of a file: the sections that say where the caller of a function is.

use std::{ops::Range, sync::Arc};

use framehop::{ExplicitModuleSectionInfo, Module};
use object::{Object, ObjectSection, ObjectSegment};
use runner_shared::bounds::{Allowance, size};

/// Bytes of a section, which all processes that have the file in their memory share.
pub(crate) type Bytes = Arc<[u8]>;

/// The sections of a file.
#[derive(Debug, Clone)]
pub(crate) struct Cfi {
    /// The lowest address, as the file states addresses.
    base: u64,
    sections: ExplicitModuleSectionInfo<Bytes>,
}

impl Cfi {
    /// Reads the sections of a file; `None` if there are none, or no room for them.
    pub(crate) fn read(file: &object::File<'_>, room: &mut Allowance) -> Option<Self> {
        let base = file.segments().map(|segment| segment.address()).min()?;
        let mut section = |name: &str| {
            let found = file.section_by_name(name)?;
            let range = found.address()..found.address().checked_add(found.size())?;
            let data = found.data().ok().filter(|data| !data.is_empty())?;
            room.take(size(data.len())).then(|| (range, Bytes::from(data)))
        };
        let mut sections = ExplicitModuleSectionInfo { base_svma: base, ..Default::default() };
        if let Some((range, data)) = section(".eh_frame") {
            (sections.eh_frame_svma, sections.eh_frame) = (Some(range), Some(data));
            let header = section(".eh_frame_hdr");
            (sections.eh_frame_hdr_svma, sections.eh_frame_hdr) = header.unzip();
        } else {
            sections.debug_frame = Some(section(".debug_frame")?.1);
        }
        let address = |name: &str| {
            let section = file.section_by_name(name)?;
            Some(section.address()..section.address().checked_add(section.size())?)
        };
        sections.text_svma = address(".text");
        sections.got_svma = address(".got");
        Some(Self { base, sections })
    }

    /// The sections, at the addresses that the file states.
    pub(crate) const fn sections(&self) -> &ExplicitModuleSectionInfo<Bytes> {
        &self.sections
    }

    /// The sections for a process that has the code in `range` of its memory; `bias` is what its addresses have more than
    /// those in the file.
    pub(crate) fn module(&self, range: Range<u64>, bias: u64) -> Module<Bytes> {
        let base = self.base.wrapping_add(bias);
        Module::new(String::new(), range, base, self.sections.clone())
    }
}
