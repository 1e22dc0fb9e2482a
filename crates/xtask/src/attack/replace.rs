//! Things that take the place of a file.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use nix::unistd::mkfifo;

use crate::files;
use crate::say;

/// A text that nobody without rights may read, and that no output may have.
pub(super) const SECRET: &str = "s3cret-of-somebody-else";
/// Its path.
const SECRET_FILE: &str = "/tmp/secret";

/// A way to replace a file.
#[derive(Debug)]
pub(super) struct Replacement {
    pub(super) name: &'static str,
    /// Our programs have to run as somebody without rights to be kept out.
    pub(super) as_nobody: bool,
    /// Reading it to its end takes long, rightly.
    pub(super) is_long: bool,
    make: fn(&Path) -> io::Result<()>,
}

const fn by_anybody(name: &'static str, make: fn(&Path) -> io::Result<()>) -> Replacement {
    Replacement { name, as_nobody: false, is_long: false, make }
}

/// To try something else, add a row.
pub(super) const REPLACEMENTS: &[Replacement] = &[
    by_anybody("FIFO", |path| Ok(mkfifo(path, Mode::from_bits_truncate(0o666))?)),
    by_anybody("link to /dev/zero", |path| symlink("/dev/zero", path)),
    by_anybody("device", |path| {
        let zero = makedev(1, 5);
        Ok(mknod(path, SFlag::S_IFCHR, Mode::from_bits_truncate(0o666), zero)?)
    }),
    by_anybody("folder", |path| fs::create_dir(path)),
    Replacement {
        name: "link to a secret",
        as_nobody: true,
        is_long: false,
        make: |path| {
            files::write(SECRET_FILE, format!("{SECRET}\n"))?;
            fs::set_permissions(SECRET_FILE, PermissionsExt::from_mode(0o600))?;
            symlink(SECRET_FILE, path)
        },
    },
    by_anybody("dangling link", |path| symlink("/tmp/nothing/at/all", path)),
    by_anybody("loop of links", |path| symlink(path, path)),
    by_anybody("socket", |path| UnixListener::bind(path).map(drop)),
    by_anybody("empty", |path| files::write(path, "")),
    Replacement {
        name: "1 GB of nothing",
        as_nobody: false,
        is_long: true,
        make: |path| files::write_sparse(path, 1 << 30),
    },
    by_anybody("random bytes", |path| files::write(path, noise())),
    Replacement {
        name: "mode 000",
        as_nobody: true,
        is_long: false,
        make: |path| {
            files::write(path, "x")?;
            fs::set_permissions(path, PermissionsExt::from_mode(0o000))
        },
    },
];

impl Replacement {
    /// Puts it where `path` was. The folder around is made if need be.
    pub(super) fn put(&self, path: &Path) -> Result<()> {
        remove(path)?;
        (self.make)(path).with_context(|| format!("{}: {}", self.name, say::path(path)))
    }
}

/// Removes whatever lies there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    gone.with_context(|| format!("could not remove `{}`", say::path(path)))
}

/// Some bytes, the same ones at every call.
fn noise() -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..4096).map(byte).collect()
}
