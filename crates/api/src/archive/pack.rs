//! Writes the archive: headers of GNU tar, and what the files hold, through the compressor into the file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use system::temporary::NamedFile;
use tar::{Builder, EntryType, Header};

use super::{
    Archive, ArchiveError, CHUNK, Encoding, Packed, Skipped, Why,
    gzip::Gzip,
    listing::{Entry, Listing},
    sink::Sink,
};
use crate::watch::{Step, Watch};

/// Writes what was listed to `to`.
pub(super) fn pack(
    listing: Listing,
    encoding: Option<Encoding>,
    to: &Path,
    watch: &mut Watch<'_>,
) -> Result<Packed, ArchiveError> {
    let failed = |source| ArchiveError::Write { path: to.to_owned(), source };
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
    // Its name goes away with it, unless the archive gets whole.
    let file = NamedFile::create_in(parent.unwrap_or(Path::new(".")), ".unfinished-", 0o600)
        .map_err(failed)?;
    let sink = Sink::new(file.as_file().try_clone().map_err(failed)?);
    let mut packing = Packing { listing, to, bytes: 0, watch };
    let (size, md5) = match encoding {
        Some(Encoding::Gzip) => {
            let gzip = Gzip::new(sink).map_err(failed)?;
            packing.write(gzip)?.finish().and_then(Sink::finish)
        }
        None => packing.write(sink)?.finish(),
    }
    .map_err(failed)?;
    let skipped = packing.listing.skipped;
    file.persist(to).map_err(failed)?;
    Ok(Packed { archive: Archive { path: to.to_owned(), size, md5, encoding }, skipped })
}

struct Packing<'a, 'w> {
    listing: Listing,
    to: &'a Path,
    /// Of files, so far.
    bytes: u64,
    watch: &'a mut Watch<'w>,
}

impl Packing<'_, '_> {
    fn write<W: Write>(&mut self, out: W) -> Result<W, ArchiveError> {
        let mut tar = Builder::new(out);
        for entry in std::mem::take(&mut self.listing.entries) {
            if let Some(why) = self.append(&mut tar, &entry)? {
                self.listing.skipped.push(Skipped { path: entry.name, why });
            }
        }
        self.listing.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        tar.into_inner().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Write { path: self.to.to_owned(), source }
    }

    /// Appends one entry. Says why, if it isn't there any more.
    fn append<W: Write>(
        &mut self,
        tar: &mut Builder<W>,
        entry: &Entry,
    ) -> Result<Option<Why>, ArchiveError> {
        let path = self.listing.root.join(&entry.name);
        let read_failed = |source| ArchiveError::Read { path: path.clone(), source };
        let file = match open(&path) {
            Ok(file) => file,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Some(Why::Vanished)),
            Err(err) if err.raw_os_error() == Some(libc::ELOOP) => return Ok(Some(Why::Link)),
            Err(err) => return Err(read_failed(err)),
        };
        // What was opened may be something else than what was listed.
        let found = file.metadata().map_err(read_failed)?;
        if found.is_dir() != entry.is_folder || found.is_file() == entry.is_folder {
            return Ok(Some(Why::Special));
        }
        let size = if entry.is_folder { 0 } else { found.len() };
        let mut header = Header::new_gnu();
        header.set_entry_type(if entry.is_folder {
            EntryType::Directory
        } else {
            EntryType::Regular
        });
        header.set_mode(for_everybody(found.mode()));
        // Who owns the files here means nothing elsewhere.
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(u64::try_from(found.mtime()).unwrap_or_default());
        header.set_size(size);
        if entry.is_folder {
            let name = if entry.name.as_os_str().is_empty() { Path::new(".") } else { &entry.name };
            let written = tar.append_data(&mut header, name.join(""), io::empty());
            return written.map(|()| None).map_err(|source| self.failed(source));
        }
        let mut content = Content { file, path: &path, left: size, failure: None, packing: self };
        let written = tar.append_data(&mut header, entry.archived(), &mut content);
        match (content.failure.take(), written) {
            (Some(failure), _) => Err(failure),
            (None, Err(source)) => Err(self.failed(source)),
            (None, Ok(())) => Ok(None),
        }
    }
}

/// Returns the mode of an entry: everybody may do with it what the user may. The rights of others here mean nothing
/// elsewhere.
const fn for_everybody(mode: u32) -> u32 {
    let of_user = mode & 0o500;
    mode | of_user >> 3 | of_user >> 6
}

/// Opens without waiting and without following a link, also what became a FIFO or a link meanwhile.
#[expect(clippy::disallowed_methods, reason = "folders are opened as well")]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(path)
}

/// Contents of a file as of when its header was written: exactly so many bytes, or a failure. Later bytes are left out.
struct Content<'a, 'b, 'w> {
    file: File,
    path: &'a PathBuf,
    left: u64,
    failure: Option<ArchiveError>,
    packing: &'a mut Packing<'b, 'w>,
}

impl Read for Content<'_, '_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK).min(buffer.len());
        let Some(room) = buffer.get_mut(..most).filter(|room| !room.is_empty()) else {
            return Ok(0);
        };
        let len = match self.file.read(room) {
            Ok(0) => return self.fail(ArchiveError::Shrank { path: self.path.clone() }),
            Err(err) if err.kind() == io::ErrorKind::Interrupted => return Err(err),
            Err(source) => {
                return self.fail(ArchiveError::Read { path: self.path.clone(), source });
            }
            Ok(len) => len,
        };
        let read = u64::try_from(len).unwrap_or_default();
        self.left -= read;
        self.packing.bytes += read;
        let (bytes, total) = (self.packing.bytes, self.packing.listing.total);
        if (self.packing.watch)(Step::Archived { bytes, total }).is_break() {
            return self.fail(ArchiveError::Cancelled);
        }
        Ok(len)
    }
}

impl Content<'_, '_, '_> {
    fn fail(&mut self, failure: ArchiveError) -> io::Result<usize> {
        self.failure = Some(failure);
        Err(io::Error::other("unexpected end of file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_files_are_archived_as_files_of_the_usual_umask() {
        let modes = [
            (0o100_600, 0o100_644),
            (0o40700, 0o40755),
            (0o100_644, 0o100_644),
            (0o100_400, 0o100_444),
        ];
        for (of_file, of_entry) in modes {
            assert_eq!(for_everybody(of_file), of_entry);
        }
    }
}
