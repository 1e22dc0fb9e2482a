//! Tells whether something can be read, written or made, before anything is done and without leaving a trace: nothing is
//! opened (a FIFO would wait, a device may do something) and nothing is made.
//!
//! The rights are those of the thread's file system user (see [`crate::run_as`]), as they will be when it happens.

use std::{
    io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, AtFlags},
    unistd::{AccessFlags, faccessat},
};

/// Asks the system for rights on something that exists.
///
/// # Errors
///
/// The refusal that a use in this way would meet.
pub fn allows(path: &Path, rights: AccessFlags) -> io::Result<()> {
    // Not as the real user, who is root under sudo.
    Ok(faccessat(AT_FDCWD, path, rights, AtFlags::AT_EACCESS)?)
}

/// Checks that a file can be read.
///
/// # Errors
///
/// The refusal that reading would meet.
pub fn can_read(path: &Path) -> io::Result<()> {
    path.metadata()?;
    allows(path, AccessFlags::R_OK)
}

/// Checks that a file can be put where `path` is, in the place of an older one as well: its folder is what counts. A
/// device or a FIFO would be written to.
///
/// # Errors
///
/// The refusal that writing would meet.
pub fn can_replace(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(data) if data.is_dir() => Err(Errno::EISDIR.into()),
        Ok(data) if !data.is_file() => allows(path, AccessFlags::W_OK),
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => can_make_in(parent(path)?),
    }
}

/// Returns whether the folder of a file is not there yet, and comes when `folder` is made: with what is above that, or in
/// it.
#[must_use]
pub fn is_made_with(path: &Path, folder: &Path) -> bool {
    let own = path.parent().map_or(path, not_empty);
    !own.exists() && (folder.starts_with(own) || own.starts_with(folder))
}

/// Checks that a file can be opened for writing, or made if it is not there.
///
/// # Errors
///
/// The refusal that writing would meet.
pub fn can_write(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Ok(data) if data.is_dir() => Err(Errno::EISDIR.into()),
        Ok(_) => allows(path, AccessFlags::W_OK),
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        Err(_) => match path.read_link() {
            // A link to nothing: what it names would be made.
            Ok(target) => can_make_in(parent(&parent(path)?.join(target))?),
            Err(_) => can_make_in(parent(path)?),
        },
    }
}

/// Checks that files can be made in a folder, which would be made with all that is above it if it were not there.
///
/// # Errors
///
/// The refusal that making it would meet.
pub fn can_make_folder(path: &Path) -> io::Result<()> {
    match path.metadata() {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        Err(err) => return Err(err),
        Ok(_) => return can_make_in(path),
    }
    // A link to nothing is no folder, and can't become one.
    if path.symlink_metadata().is_ok() {
        return Err(Errno::ENOENT.into());
    }
    let above = path.ancestors().skip(1).map(not_empty);
    let first = above.into_iter().find(|folder| folder.symlink_metadata().is_ok());
    first.map_or_else(|| Err(Errno::ENOENT.into()), can_make_in)
}

/// Checks that something can be made in a folder that is there.
///
/// # Errors
///
/// The refusal that making it would meet.
pub fn can_make_in(folder: &Path) -> io::Result<()> {
    if !folder.metadata()?.is_dir() {
        return Err(Errno::ENOTDIR.into());
    }
    allows(folder, AccessFlags::W_OK | AccessFlags::X_OK)
}

/// Returns the folder of a file; a path that can only be that of a folder has none.
fn parent(path: &Path) -> io::Result<&Path> {
    if path.as_os_str().as_bytes().ends_with(b"/") || path.file_name().is_none() {
        return Err(Errno::EISDIR.into());
    }
    path.parent().map(not_empty).ok_or_else(|| Errno::EISDIR.into())
}

fn not_empty(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// Returns the place that a path names, the same for all ways to write it: the real path of its folder, and its last
/// part. A path whose folder is not there stays as it is.
#[must_use]
pub fn place_of(path: &Path) -> PathBuf {
    let real = || Some(parent(path).ok()?.canonicalize().ok()?.join(path.file_name()?));
    real().unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
    };

    use nix::{sys::stat::Mode, unistd::mkfifo};

    use super::*;
    use crate::fault::{Attempt, explain};

    /// Returns the reason, or `ok`. Permissions are not told apart here, as root has all of them.
    fn said(outcome: io::Result<()>) -> String {
        outcome.map_or_else(|err| explain(&err, Attempt::Write).why, |()| "ok".to_owned())
    }

    #[test]
    fn every_place_for_a_file_is_judged_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("gone/file", at("dead")).unwrap();
        symlink("new", at("fresh")).unwrap();
        symlink("circle", at("circle")).unwrap();
        let (gone, file) =
            ("its folder does not exist", "a part of its path is a file, not a folder");
        for (name, replaced, written) in [
            ("new", "ok", "ok"),
            ("file", "ok", "ok"),
            ("fifo", "ok", "ok"),
            ("fresh", "ok", "ok"),
            ("dead", "ok", gone),
            ("circle", "its symbolic links form a loop", "its symbolic links form a loop"),
            ("gone/file", gone, gone),
            ("file/x", file, file),
            ("", "it is a folder", "it is a folder"),
            ("new/", "it is a folder", "it is a folder"),
            (&"n".repeat(300), "its name is too long", "its name is too long"),
        ] {
            assert_eq!(said(can_replace(&at(name))), replaced, "{name}");
            assert_eq!(said(can_write(&at(name))), written, "{name}");
        }
        for device in ["/dev/null", "/dev/stdout"] {
            assert_eq!(said(can_replace(Path::new(device))), "ok", "{device}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "nothing was made");
    }

    #[test]
    fn folders_may_be_made_with_those_above_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "x").unwrap();
        symlink("gone", at("dead")).unwrap();
        for (name, expected) in [
            ("", "ok"),
            ("new", "ok"),
            ("a/b/c", "ok"),
            ("file", "a part of its path is a file, not a folder"),
            ("file/x", "a part of its path is a file, not a folder"),
            ("dead", "its folder does not exist"),
        ] {
            assert_eq!(said(can_make_folder(&at(name))), expected, "{name}");
        }
        assert_eq!(said(can_make_folder(Path::new("no-such/folder"))), "ok");
    }

    #[test]
    fn what_the_system_keeps_from_everybody_is_seen_by_root_as_well() {
        // Below /proc root may write by the rights, and nothing can be made: rights are all that can be asked for.
        let folder = tempfile::tempdir().unwrap();
        let closed = folder.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        assert_eq!(can_replace(&closed.join("x")).is_ok(), is_root);
        assert_eq!(can_make_folder(&closed.join("x/y")).is_ok(), is_root);
    }

    #[test]
    fn a_folder_that_is_to_be_made_may_hold_a_file() {
        let made = |path: &str| is_made_with(Path::new(path), Path::new("/no-such/folder/p"));
        assert!(made("/no-such/folder/p/out") && made("/no-such/out"));
        assert!(made("/no-such/folder/p/results/out"));
        assert!(!made("/no-such/other/out") && !made("/out"));
    }

    #[test]
    fn two_ways_to_write_a_path_are_one_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let at = |name: &str| place_of(&folder.path().join(name));
        assert_eq!(at("sub/../out"), at("./out"));
        assert_ne!(at("sub/out"), at("out"));
        assert_eq!(place_of(Path::new("no-such/out")), Path::new("no-such/out"));
    }
}
