//! Parts of an ELF file, read into memory where the file has them: readers of the whole file find those parts there, and
//! zeros elsewhere. Unlike a mapping of the file it stays what it was when somebody cuts the file, which would end us.
//!
//! The format: System V ABI, chapter 4 (`elf(5)`).

use std::{fs::File, io, ops::Deref, os::unix::fs::FileExt};

use memmap2::MmapMut;
use object::{
    Endianness,
    elf::{FileHeader64, SectionHeader64},
    read::elf::{FileHeader, SectionHeader, SectionTable},
};

/// Bytes of the file header, with room for what follows it closely.
const HEAD: u64 = 4096;

/// Bytes of a file.
#[derive(Debug)]
pub struct Image(MmapMut);

impl Deref for Image {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Image {
    /// Reads the headers of a file with 64 bits, and the sections that are `wanted` by their names and lengths. What the file
    /// lacks is left out.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or has no such headers.
    pub fn read(file: &File, mut wanted: impl FnMut(&str, u64) -> bool) -> io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        // Only what is written to takes memory.
        let mut image = Self(MmapMut::map_anon(len.max(1))?);
        image.fill(file, 0, HEAD)?;
        let (programs, sections) = image.tables()?;
        image.fill(file, programs.0, programs.1)?;
        // The first one says how many there are, if they are too many for the header.
        image.fill(file, sections, u64::try_from(size_of::<Section>()).unwrap_or(u64::MAX))?;
        let (count, names) = image.section_count()?;
        let each = u64::try_from(size_of::<Section>()).unwrap_or(u64::MAX);
        image.fill(file, sections, each.saturating_mul(count))?;
        if let Some((start, len)) = image.section(names)? {
            image.fill(file, start, len)?;
        }
        for (start, len) in image.sections(&mut wanted)? {
            image.fill(file, start, len)?;
        }
        Ok(image)
    }

    /// Copies a part of the file to its place.
    fn fill(&mut self, file: &File, start: u64, len: u64) -> io::Result<()> {
        let end = start.saturating_add(len).min(u64::try_from(self.0.len()).unwrap_or(u64::MAX));
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let place = range.and_then(|(start, end)| self.0.get_mut(start..end)).unwrap_or_default();
        let (mut place, mut at) = (place, start);
        while !place.is_empty() {
            let read = match file.read_at(place, at) {
                Ok(0) => break,
                Ok(read) => read,
                Err(err) if err.kind() == io::ErrorKind::Interrupted => continue,
                Err(err) => return Err(err),
            };
            place = place.get_mut(read..).unwrap_or_default();
            at = at.saturating_add(u64::try_from(read).unwrap_or(0));
        }
        Ok(())
    }

    fn header(&self) -> io::Result<(&FileHeader64<Endianness>, Endianness)> {
        let header = FileHeader64::<Endianness>::parse(&*self.0).map_err(io::Error::other)?;
        Ok((header, header.endian().map_err(io::Error::other)?))
    }

    /// Offset and length of the table of segments, and the offset of that of sections.
    fn tables(&self) -> io::Result<((u64, u64), u64)> {
        let (header, endian) = self.header()?;
        let len = u64::from(header.e_phnum(endian)) * u64::from(header.e_phentsize(endian));
        Ok(((header.e_phoff(endian), len), header.e_shoff(endian)))
    }

    /// Number of sections, and the number of the one with their names.
    fn section_count(&self) -> io::Result<(u64, usize)> {
        let (header, endian) = self.header()?;
        let count = header.shnum(endian, &*self.0).map_err(io::Error::other)?;
        let names = header.shstrndx(endian, &*self.0).unwrap_or(0);
        Ok((u64::from(count), usize::try_from(names).unwrap_or(0)))
    }

    /// Offset and length of a section.
    fn section(&self, number: usize) -> io::Result<Option<(u64, u64)>> {
        let (header, endian) = self.header()?;
        let headers = header.section_headers(endian, &*self.0).map_err(io::Error::other)?;
        Ok(headers.get(number).and_then(|section| section.file_range(endian)))
    }

    fn sections(&self, wanted: &mut dyn FnMut(&str, u64) -> bool) -> io::Result<Vec<(u64, u64)>> {
        let (header, endian) = self.header()?;
        let table: SectionTable<'_, FileHeader64<Endianness>> =
            header.sections(endian, &*self.0).map_err(io::Error::other)?;
        let mut found = Vec::new();
        for section in table.iter() {
            let name = table.section_name(endian, section).unwrap_or_default();
            let range = section.file_range(endian);
            let range = range.filter(|(_, len)| wanted(&String::from_utf8_lossy(name), *len));
            found.extend(range);
        }
        Ok(found)
    }
}

type Section = SectionHeader64<Endianness>;

#[cfg(test)]
mod tests {
    use object::{Object, ObjectSection, ObjectSymbol};

    use super::*;

    #[test]
    fn wanted_sections_are_there_and_others_are_not() {
        let path = std::env::current_exe().unwrap();
        let file = File::open(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let wanted = |name: &str, _| matches!(name, ".symtab" | ".strtab" | ".text");
        let image = Image::read(&file, wanted).unwrap();
        assert_eq!(image.len(), whole.len());
        let [image, whole] = [&*image, &*whole].map(|bytes| object::File::parse(bytes).unwrap());
        let [found, expected] = [&image, &whole].map(|file| {
            let names = file.symbols().map(|symbol| symbol.name().unwrap().to_owned());
            (names.collect::<Vec<_>>(), file.section_by_name(".text").unwrap().data().unwrap())
        });
        assert!(found == expected && !found.0.is_empty());
        let info = |file: &object::File<'_>| {
            file.section_by_name(".debug_info").unwrap().data().unwrap().to_vec()
        };
        assert!(info(&image).iter().all(|byte| *byte == 0) && info(&whole) != info(&image));
    }

    #[test]
    fn a_file_that_is_cut_meanwhile_does_no_harm() {
        let copy = tempfile::NamedTempFile::new().unwrap();
        std::fs::copy(std::env::current_exe().unwrap(), copy.path()).unwrap();
        let image = Image::read(copy.as_file(), |_, _| {
            // Its headers have been read.
            copy.as_file().set_len(0).unwrap();
            true
        });
        let image = image.unwrap();
        let file = object::File::parse(&*image).unwrap();
        let code = file.section_by_name(".text").unwrap().data().unwrap();
        assert!(code.iter().all(|byte| *byte == 0) && !code.is_empty());
    }

    #[test]
    fn what_is_no_program_of_ours_is_an_error() {
        for bytes in [&b""[..], b"\x7fELF", &[0x7f; 100]] {
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, bytes).unwrap();
            assert!(Image::read(&file, |_, _| true).is_err());
        }
        let mut damaged = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        damaged.truncate(1 << 16);
        for at in 0..64 {
            let before = std::mem::replace(&mut damaged[at], 0xff);
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &damaged).unwrap();
            if let Ok(image) = Image::read(&file, |_, _| true) {
                assert_eq!(image.len(), 1 << 16);
            }
            damaged[at] = before;
        }
    }
}
