//! Things of the user's repository that a repository of ours has: its objects and large files, which stay where they are, and the
//! settings that decide how files look.
//!
//! Git LFS looks for the content of a file beside the objects that a repository borrows (`objects/../lfs`). Where the
//! user keeps it elsewhere (`lfs.storage`), an empty folder of objects stands beside a link to that place.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::symlink,
    },
    path::{Path, PathBuf},
};

use system::files::{self, Links};

use super::{
    AbError,
    git::{Git, GitError},
};
use runner_shared::bounds::REPOSITORY_FILE_BYTES;

/// Settings of the user that decide how files look.
const KEPT_SETTINGS: &[&str] =
    &["filter.", "core.autocrlf", "core.eol", "core.attributesfile", "core.excludesfile", "lfs."];
/// The place of large files. What is added for the working tree must not lie among the user's.
const STORAGE: &str = "lfs.storage";
/// The folder for large files of the user, in a repository of ours.
const LENT: &str = "codspeed-lent";

/// Lets the repository `home` read the objects of the other one, and see files as that one does.
pub(super) fn lend(home: &Path, git: &Git, source: &Git) -> Result<(), AbError> {
    let io = |err| AbError::Folder { path: home.to_owned(), err };
    let objects = source.path("objects")?;
    let objects = objects.canonicalize().map_err(|err| AbError::Folder { path: objects, err })?;
    for folder in ["objects/info", "info"] {
        fs::create_dir_all(home.join(folder)).map_err(io)?;
    }
    for name in ["shallow", "info/exclude", "info/attributes"] {
        copy(&source.path(name)?, &home.join(name)).map_err(io)?;
    }
    exclude_ourselves(home, source.folder()).map_err(io)?;
    // Those of an earlier time that the user has removed go.
    for (key, _) in settings(git, &["--local"])? {
        git.ask(["config", "--local", "--unset-all"].map(OsStr::new).into_iter().chain([&*key]))?;
    }
    // Of all levels: an included file may be for the place of the user's repository alone.
    for (key, value) in settings(source, &[])? {
        let words = ["config", "--local", "--replace-all"].map(OsStr::new);
        git.ask(words.into_iter().chain([&*key, &*value]))?;
    }
    let mut lines = as_alternate(&objects);
    if let Some(storage) = storage(source)? {
        git.ask(["config", "--local", STORAGE, "lfs"])?;
        lines.extend(as_alternate(&stand_beside(home, &storage).map_err(io)?));
    }
    files::replace(&home.join("objects/info/alternates"), &lines).map_err(io)
}

/// Returns the settings that decide how files look, the last value of each, as they are.
fn settings(git: &Git, level: &[&str]) -> Result<BTreeMap<OsString, OsString>, GitError> {
    let words = ["config", "--includes", "--list", "--null"];
    let bytes = git.bytes(words.iter().chain(level))?;
    Ok(bytes.split(|byte| *byte == 0).filter_map(read_setting).collect())
}

/// Reads a setting that is kept: its name, and in the next line its value. One without a value is true.
fn read_setting(setting: &[u8]) -> Option<(OsString, OsString)> {
    let mut parts = setting.splitn(2, |byte| *byte == b'\n');
    let key = parts.next()?;
    let is_kept = key != STORAGE.as_bytes()
        && KEPT_SETTINGS.iter().any(|kept| key.starts_with(kept.as_bytes()));
    let value = parts.next().unwrap_or(b"true");
    is_kept.then(|| (OsString::from_vec(key.to_vec()), OsString::from_vec(value.to_vec())))
}

/// Returns the folder in which the user keeps large files, if it is not the usual one.
fn storage(source: &Git) -> Result<Option<PathBuf>, GitError> {
    let Ok(bytes) = source.bytes(["config", "--null", "--type=path", STORAGE]) else {
        return Ok(None);
    };
    let path = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    Ok(Some(source.common_folder()?.join(OsStr::from_bytes(path))))
}

/// Makes a folder of objects in `home` beside which large files are those of `storage`, and returns it.
fn stand_beside(home: &Path, storage: &Path) -> io::Result<PathBuf> {
    let folder = home.join(LENT);
    let (objects, link) = (folder.join("objects"), folder.join("lfs"));
    fs::create_dir_all(&objects)?;
    remove(&link)?;
    symlink(storage, &link)?;
    Ok(objects)
}

/// A line of `objects/info/alternates`. A path that has ends of lines is put in quotes, see `gitrepository-layout(5)`.
fn as_alternate(path: &Path) -> Vec<u8> {
    let path = path.as_os_str().as_bytes();
    if !path.contains(&b'\n') {
        return [path, b"\n"].concat();
    }
    let mut line = vec![b'"'];
    for byte in path {
        match byte {
            b'\n' => line.extend(b"\\n"),
            b'"' | b'\\' => line.extend([b'\\', *byte]),
            other => line.push(*other),
        }
    }
    line.extend(b"\"\n");
    line
}

/// Adds the folder for builds to the excluded ones, if it lies among the user's files.
fn exclude_ourselves(home: &Path, top: &Path) -> io::Result<()> {
    let place = home.parent().and_then(Path::parent).and_then(|root| root.strip_prefix(top).ok());
    let Some(place) = place.filter(|place| !place.as_os_str().is_empty()) else { return Ok(()) };
    let path = home.join("info/exclude");
    let mut lines = match files::read(&path, Links::Refuse, REPOSITORY_FILE_BYTES) {
        Ok(lines) => lines,
        Err(err) if err.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(err) => return Err(err),
    };
    lines.extend_from_slice(b"\n/");
    lines.extend(as_pattern(place.as_os_str().as_bytes()));
    lines.extend_from_slice(b"/\n");
    files::replace(&path, &lines)
}

/// A path as a pattern that fits it alone, see `gitignore(5)`. A line can't hold the end of a line: any letter stands for
/// it.
fn as_pattern(path: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(path.len());
    for byte in path {
        match byte {
            b'*' | b'?' | b'[' | b'\\' => pattern.extend([b'\\', *byte]),
            b'\n' => pattern.push(b'?'),
            other => pattern.push(*other),
        }
    }
    pattern
}

/// Copies a small file; if there is none, an earlier copy goes.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = match files::read(from, Links::Follow, REPOSITORY_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return remove(to),
        Err(err) => return Err(err),
    };
    files::replace(to, &bytes)
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_its_path_alone() {
        assert_eq!(as_pattern(b"a*?[b]\\c\nd/e"), b"a\\*\\?\\[b]\\\\c?d/e");
    }

    #[test]
    fn a_path_with_the_end_of_a_line_is_put_in_quotes() {
        let line = |path: &[u8]| as_alternate(Path::new(OsStr::from_bytes(path)));
        assert_eq!(line(b"/a \"\xff"), b"/a \"\xff\n");
        assert_eq!(line(b"/a\n\"\\\xff"), b"\"/a\\n\\\"\\\\\xff\"\n");
    }

    #[test]
    fn settings_that_decide_how_files_look_are_read_byte_by_byte() {
        let read = |setting: &[u8]| {
            read_setting(setting).map(|(key, value)| (key.into_vec(), value.into_vec()))
        };
        let expected = (b"filter.a.clean".to_vec(), b"sed \xff\np".to_vec());
        assert_eq!(read(b"filter.a.clean\nsed \xff\np"), Some(expected));
        let expected = (b"filter.a.required".to_vec(), b"true".to_vec());
        assert_eq!(read(b"filter.a.required"), Some(expected));
        for other in [&b""[..], b"user.name\nAnn", b"lfs.storage\n/elsewhere"] {
            assert_eq!(read(other), None);
        }
    }

    #[test]
    fn a_copy_goes_with_its_original() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::write(&from, "new").unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
        fs::remove_file(&from).unwrap();
        copy(&from, &to).unwrap();
        assert!(!to.exists());
        copy(&from, &to).unwrap();
    }
}
