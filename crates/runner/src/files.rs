//! Writes files whole or not at all, and reads those that others may have made with care.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use nix::fcntl::OFlag;

/// Makes or replaces the file `path`. Who reads it sees the old content or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(bytes))
}

/// The same with what `write` writes.
pub(crate) fn replace_by(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    replace_with(path, 0o644, write)
}

/// The same for a file that nobody else may read.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(path, 0o600, |file| file.write_all(bytes))
}

fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".unfinished-")
        .permissions(PermissionsExt::from_mode(mode))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    write(file.as_file_mut())?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(())
}

/// Reads a regular file of at most `limit` bytes. Anything else is an error: a pipe would keep us waiting, and a huge
/// file would fill the memory.
pub(crate) fn read_at_most(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let refused = |what: String| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    // Without this flag the opening of a pipe waits for somebody who writes.
    let flags = OFlag::O_NONBLOCK.bits();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let data = file.metadata()?;
    if !data.is_file() {
        return refused("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    // Files below /proc have no length.
    if data.len() <= limit {
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    let longest = usize::try_from(limit).unwrap_or(usize::MAX);
    if data.len() > limit || bytes.len() > longest {
        return refused(format!("it has more than {limit} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let (file, pipe) = (folder.path().join("file"), folder.path().join("pipe"));
        std::fs::write(&file, "12345").unwrap();
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert_eq!(read_at_most(&file, 5).unwrap(), b"12345");
        let why = |path: &Path| read_at_most(path, 4).unwrap_err().to_string();
        assert_eq!(why(&file), "it has more than 4 bytes");
        assert_eq!(why(&pipe), "it is no regular file");
        assert_eq!(why(folder.path()), "it is no regular file");
        assert!(!read_at_most(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
    }
}
