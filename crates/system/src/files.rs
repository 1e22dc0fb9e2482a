//! Files that others may have made are opened without waiting and read within a limit; our own are written whole or not
//! at all.

use std::{
    fs::{DirBuilder, File, FileType, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileTypeExt, OpenOptionsExt},
    path::Path,
};

use nix::fcntl::OFlag;

use crate::temporary::NamedFile;

/// Permission for the last part of a path to be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It may: the user has named the file, or only the user can have made it.
    Follow,
    /// It is an error: in this folder others may have put it there.
    Refuse,
}

/// Opens a regular file to be read. Never waits.
///
/// # Errors
///
/// If it can't be opened, or is something else than a regular file (`InvalidData`): a pipe would keep us waiting, a
/// device may never end.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    open_with(path, links, OpenOptions::new().read(true))
}

/// Opens a regular file with these options, which don't truncate. Never waits.
///
/// # Errors
///
/// As those of [`open`].
pub fn open_with(path: &Path, links: Links, options: &mut OpenOptions) -> io::Result<File> {
    // Without the first flag the opening of a pipe waits for somebody at its other end; a terminal would become ours
    // without the second.
    let mut flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    if links == Links::Refuse {
        flags |= OFlag::O_NOFOLLOW;
    }
    let file = match open_as_told(path, options.custom_flags(flags.bits())) {
        Err(err) if links == Links::Refuse && is_link(path) => {
            return Err(not_followed(err.kind()));
        }
        other => other?,
    };
    match kind(file.metadata()?.file_type()) {
        None => Ok(file),
        Some(kind) => Err(refused(format!("it is {kind}, not a regular file"))),
    }
}

/// Opens a regular file of at most `limit` bytes to be read. Never waits. A file that grows has to be looked after.
///
/// # Errors
///
/// If it can't be opened as [`open`] does, or if it is larger (`InvalidData`).
pub fn open_within(path: &Path, links: Links, limit: u64) -> io::Result<File> {
    let file = open(path, links)?;
    if file.metadata()?.len() > limit { Err(too_large(limit)) } else { Ok(file) }
}

/// Returns whether there is anything of this name, be it a link that leads nowhere: what can't be opened is not the same
/// as what isn't there.
pub fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
///
/// If it can't be opened as [`open`] does, if it is larger (`InvalidData`), or if reading fails.
pub fn read(path: &Path, links: Links, limit: u64) -> io::Result<Vec<u8>> {
    read_opened(open(path, links)?, limit)
}

/// Reads the rest of a file that was opened, of at most `limit` bytes.
///
/// # Errors
///
/// If it is larger (`InvalidData`), or if reading fails.
pub fn read_opened(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    // Files below /proc have no length, others may grow while they are read.
    if length <= limit {
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    let longest = usize::try_from(limit).unwrap_or(usize::MAX);
    if length > limit || bytes.len() > longest {
        return Err(too_large(limit));
    }
    Ok(bytes)
}

/// Opens a FIFO with these options. Never waits, now or later.
///
/// # Errors
///
/// If it can't be opened, or is something else (`InvalidData`).
pub fn open_fifo(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = open_as_told(path, options.custom_flags(flags.bits()))?;
    if file.metadata()?.file_type().is_fifo() {
        Ok(file)
    } else {
        Err(refused("it is not a pipe (FIFO)".to_owned()))
    }
}

/// Opens a file of the kernel to be read: below `/proc` or `/sys`, or a device that is known.
///
/// # Errors
///
/// If it can't be opened.
pub fn open_kernel(path: impl AsRef<Path>) -> io::Result<File> {
    open_as_told(path.as_ref(), OpenOptions::new().read(true))
}

/// Reads a file of the kernel below `/proc` or `/sys`, of at most 64 MiB.
///
/// # Errors
///
/// As those of [`read`].
pub fn read_kernel(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    const MOST_BYTES: u64 = 64 << 20;
    read(path.as_ref(), Links::Follow, MOST_BYTES)
}

/// The same as text. What is no UTF-8 (programs choose their names) is replaced.
///
/// # Errors
///
/// As those of [`read`].
pub fn read_kernel_text(path: impl AsRef<Path>) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read_kernel(path)?).into_owned())
}

/// Makes a file that is written bit by bit and that nobody else may read. One of this name is removed, and no link is
/// followed.
///
/// # Errors
///
/// If it can't be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        Ok(()) | Err(_) => {}
    }
    // It must not be there, so it is no link and nobody has it open.
    open_as_told(path, OpenOptions::new().read(true).write(true).create_new(true).mode(0o600))
}

/// Makes a folder, and those around it, for this user alone. One that is there keeps its mode, and may be a link.
///
/// # Errors
///
/// If it can't be made.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a folder for this user alone within one that others may write to. One that is there keeps its mode, and must
/// be no link.
///
/// # Errors
///
/// If it can't be made, or is something else.
pub fn create_private_subfolder(path: &Path) -> io::Result<()> {
    refuse_link(path)?;
    create_private_folder(path)
}

/// Refuses a folder that is a symbolic link: others may have put it there, and what it leads to is not ours to read,
/// change or remove. One that isn't there is fine.
///
/// # Errors
///
/// If it is one.
pub fn refuse_link(path: &Path) -> io::Result<()> {
    if is_link(path) { Err(not_followed(io::ErrorKind::InvalidInput)) } else { Ok(()) }
}

/// Removes a file of ours from a folder of ours within one that others may write to.
///
/// # Errors
///
/// If it can't be removed, or its folder is a link.
pub fn remove_from_subfolder(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), refuse_link)?;
    std::fs::remove_file(file)
}

/// The one place that opens files as the options say.
#[expect(clippy::disallowed_methods, reason = "this is the place that the rule names")]
fn open_as_told(path: &Path, options: &OpenOptions) -> io::Result<File> {
    options.open(path)
}

/// Makes or replaces the file `path`. Whoever reads it sees the old content or the new one.
///
/// # Errors
///
/// If it can't be written; the old content is there as before.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_by(path, |file| file.write_all(bytes))
}

/// The same with what `write` writes.
///
/// # Errors
///
/// As those of [`replace`], and those of `write`.
pub fn replace_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    replace_with(path, 0o644, write)
}

/// The same for a file that nobody else may read.
///
/// # Errors
///
/// As those of [`replace`].
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_private_by(path, |file| file.write_all(bytes))
}

/// The same with what `write` writes.
///
/// # Errors
///
/// As those of [`replace`], and those of `write`.
pub fn replace_private_by(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    replace_with(path, 0o600, write)
}

fn replace_with(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = NamedFile::create_in(folder, ".unfinished-", mode)?;
    write(file.as_file_mut())?;
    file.persist(path)
}

fn not_followed(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "it is a symbolic link, which is not followed here")
}

fn too_large(limit: u64) -> io::Error {
    refused(format!("it has more than {}", amount(limit)))
}

fn is_link(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|data| data.file_type().is_symlink())
}

/// A type of files, and its name.
type Kind = (fn(&FileType) -> bool, &'static str);

/// Names a type of files that isn't the regular one.
fn kind(of: FileType) -> Option<&'static str> {
    const KINDS: &[Kind] = &[
        (FileType::is_dir, "a folder"),
        (FileTypeExt::is_fifo, "a pipe (FIFO)"),
        (FileTypeExt::is_char_device, "a device"),
        (FileTypeExt::is_block_device, "a device"),
        (FileTypeExt::is_socket, "a socket"),
    ];
    if of.is_file() {
        return None;
    }
    let known = KINDS.iter().find(|(is, _)| is(&of));
    Some(known.map_or("something else", |(_, name)| name))
}

/// A limit in words.
fn amount(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}

fn refused(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "12345").unwrap();
        mkfifo(&at("pipe"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        File::create(at("sparse")).unwrap().set_len(1 << 30).unwrap();
        let read = |path: &Path, limit| read(path, Links::Follow, limit);
        assert_eq!(read(&at("file"), 5).unwrap(), b"12345");
        let why = |path: &Path| read(path, 4).unwrap_err().to_string();
        assert_eq!(why(&at("file")), "it has more than 4 bytes");
        assert_eq!(why(&at("pipe")), "it is a pipe (FIFO), not a regular file");
        assert_eq!(why(folder.path()), "it is a folder, not a regular file");
        assert_eq!(why(Path::new("/dev/zero")), "it is a device, not a regular file");
        assert!(read(&at("socket"), 4).is_err());
        assert_eq!(read(&at("sparse"), 3 << 20).unwrap_err().to_string(), "it has more than 3 MiB");
        assert!(!read(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        let within = |name: &str| open_within(&at(name), Links::Follow, 5);
        assert!(within("file").is_ok());
        assert_eq!(within("sparse").unwrap_err().to_string(), "it has more than 5 bytes");
        std::os::unix::fs::symlink("nothing", at("dangling")).unwrap();
        assert!(is_there(&at("dangling")) && is_there(&at("pipe")) && !is_there(&at("nothing")));
    }

    #[test]
    fn links_are_followed_only_where_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::fs::write(&file, "1").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert_eq!(read(&link, Links::Follow, 9).unwrap(), b"1");
        let err = read(&link, Links::Refuse, 9).unwrap_err();
        assert_eq!(err.to_string(), "it is a symbolic link, which is not followed here");
        assert_eq!(read(&file, Links::Refuse, 9).unwrap(), b"1");
        let missing = read(&folder.path().join("missing"), Links::Refuse, 9).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn only_pipes_are_pipes_and_no_opening_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file"));
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        std::fs::write(&file, "1").unwrap();
        open_fifo(&pipe, OpenOptions::new().read(true)).unwrap();
        let err = open_fifo(&file, OpenOptions::new().write(true)).unwrap_err();
        assert_eq!(err.to_string(), "it is not a pipe (FIFO)");
        assert!(read_kernel_text("/proc/self/status").unwrap().contains("Pid:"));
    }

    #[test]
    fn what_is_private_replaces_links_and_leaves_their_targets() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| path.symlink_metadata().unwrap().permissions().mode() & 0o7777;
        std::fs::write(at("target"), "precious").unwrap();
        let stream = |path: &Path| create_private(path)?.write_all(b"new");
        let whole = |path: &Path| replace_private(path, b"new");
        let writers: [Writer<'_>; 2] = [&stream, &whole];
        for write in writers {
            for (name, prepare) in PLACES {
                prepare(&at(name));
                write(&at(name)).unwrap();
                assert_eq!(std::fs::read(at(name)).unwrap(), b"new", "{name}");
                assert_eq!(mode(&at(name)), 0o600, "{name}");
                std::fs::remove_file(at(name)).unwrap();
            }
            std::fs::create_dir(at("folder")).unwrap();
            assert!(write(&at("folder")).is_err());
            std::fs::remove_dir(at("folder")).unwrap();
        }
        assert_eq!(std::fs::read(at("target")).unwrap(), b"precious");
    }

    type Writer<'a> = &'a dyn Fn(&Path) -> io::Result<()>;

    /// Something in the place of a file, by a name.
    type Place = (&'static str, fn(&Path));

    const PLACES: &[Place] = &[
        ("nothing", |_| {}),
        ("an open file", |path| std::fs::write(path, "old and longer").unwrap()),
        ("a pipe", |path| mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap()),
        ("a link", |path| std::os::unix::fs::symlink("target", path).unwrap()),
        ("a second name", |path| {
            std::fs::hard_link(path.with_file_name("target"), path).unwrap();
        }),
        ("a link to nothing", |path| std::os::unix::fs::symlink("missing", path).unwrap()),
    ];

    #[test]
    fn folders_are_private_unless_they_were_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        create_private_folder(&at("a/b")).unwrap();
        assert_eq!((mode(&at("a")), mode(&at("a/b"))), (0o700, 0o700));
        std::fs::set_permissions(at("a"), PermissionsExt::from_mode(0o755)).unwrap();
        create_private_folder(&at("a")).unwrap();
        create_private_subfolder(&at("a")).unwrap();
        assert_eq!(mode(&at("a")), 0o755);
        std::os::unix::fs::symlink("a", at("link")).unwrap();
        create_private_folder(&at("link")).unwrap();
        assert!(create_private_subfolder(&at("link")).is_err());
    }
}
