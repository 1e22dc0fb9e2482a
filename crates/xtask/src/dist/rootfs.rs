//! An empty system to install into: Debian's smallest, or, where that can't be had, a few programs of this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::files;
use crate::say;
use crate::setup::is_root;
use crate::shell::{self, Cmd};
use crate::workspace::Workspace;

/// Programs that the installer and the trial call, and the archivers for them; besides `wget`.
pub(super) const PROGRAMS: &[&str] = &[
    "sh",
    "cat",
    "chmod",
    "cp",
    "cut",
    "dirname",
    "env",
    "getconf",
    "grep",
    "gzip",
    "head",
    "ls",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sha256sum",
    "sort",
    "tail",
    "tar",
    "true",
    "uname",
];

/// A folder with a whole system in it.
#[derive(Debug)]
pub(super) struct Root {
    folder: tempfile::TempDir,
}

impl Root {
    /// A fresh one; none, with the reason said, where this machine doesn't permit it.
    pub(super) fn make(workspace: &Workspace) -> Result<Option<Self>> {
        if !is_root() {
            say::note(
                "dist: NOT TESTED: only root can enter another system (use `--no-smoke` to hide this message)",
            );
            return Ok(None);
        }
        fs::create_dir_all(&workspace.target).context("could not make the target folder")?;
        #[expect(clippy::disallowed_methods, reason = "no program of a user's machine")]
        let folder = tempfile::Builder::new().prefix("dist-root-").tempdir_in(&workspace.target)?;
        let root = Self { folder };
        match debian(workspace) {
            Ok(system) => {
                let from = format!("{}/.", say::path(&system));
                Cmd::new("cp").args(["-a", &from]).args([root.path()]).run()?;
            }
            Err(err) => {
                say::note(&format!(
                    "dist: no Debian to test in ({err:#}); using some programs of this machine instead"
                ));
                bare(root.path())?;
            }
        }
        Ok(Some(root))
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a shell text in it, as root, with processes and devices but without anything of this machine's environment.
    pub(super) fn run(&self, text: &str) -> Result<u8> {
        let enter = "mount -t proc proc \"$1/proc\" && mount --rbind /dev \"$1/dev\" && exec chroot \"$1\" /bin/sh -c \"$2\"";
        Cmd::new("unshare")
            .args(["--mount", "--pid", "--fork", "sh", "-c", enter, "sh"])
            .args([self.path()])
            .args([text])
            .clean_env()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/home/user")
            .status()
    }

    /// All files and folders, but for those that are of the machine or temporary.
    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        let mut todo = vec![PathBuf::new()];
        while let Some(folder) = todo.pop() {
            let list = fs::read_dir(self.path().join(&folder)).into_iter().flatten().flatten();
            for entry in list {
                let path = folder.join(entry.file_name());
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let is_left_out = ["proc", "dev", "tmp"].iter().any(|top| path == Path::new(top));
                if is_dir && !is_left_out {
                    todo.push(path.clone());
                }
                files.insert(path);
            }
        }
        files
    }
}

/// The smallest Debian with `wget`, from the mirror of this machine. It is made once and kept.
fn debian(workspace: &Workspace) -> Result<PathBuf> {
    let system = workspace.target.join("dist-debian");
    if system.join("bin/sh").exists() {
        return Ok(system);
    }
    if shell::find("debootstrap").is_none() {
        bail!("debootstrap is not installed");
    }
    let format = "$(ORIGIN) $(REPO_URI) $(CODENAME)";
    let list = Cmd::new("apt-get")
        .args(["indextargets", "--format", format, "Created-By: Packages"])
        .capture()?;
    let (mirror, suite) = mirror(&list).context("apt has no Debian mirror")?;
    // So that a build that was interrupted is not taken for a system.
    let unfinished = system.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).context("could not remove an unfinished system")?;
    }
    Cmd::new("debootstrap")
        .args(["--variant=minbase", "--include=wget", suite])
        .args([&unfinished])
        .args([mirror])
        .run()?;
    fs::rename(&unfinished, &system).context("could not rename the new system")?;
    Ok(system)
}

/// The first mirror of a whole Debian in apt's list, and its suite.
fn mirror(list: &str) -> Option<(&str, &str)> {
    list.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let (origin, mirror, suite) = (words.next()?, words.next()?, words.next()?);
        let is_known = ["Debian", "Ubuntu"].contains(&origin);
        // Updates and security have a hyphen in their names, and are parts.
        (is_known && !suite.contains('-')).then_some((mirror, suite))
    })
}

/// Copies programs of this machine, with the libraries that they need.
fn bare(root: &Path) -> Result<()> {
    for folder in ["bin", "usr", "proc", "dev", "tmp", "home/user", "etc"] {
        fs::create_dir_all(root.join(folder)).context("could not make a folder")?;
    }
    std::os::unix::fs::symlink("../bin", root.join("usr/bin")).context("could not link")?;
    let mut libraries = BTreeSet::new();
    for program in PROGRAMS.iter().chain(&["wget"]) {
        let path = shell::find(program).with_context(|| format!("there is no `{program}`"))?;
        copy(&path, &root.join("bin").join(program))?;
        let list = Cmd::new("ldd").args([&path]).capture()?;
        libraries.extend(
            list.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from),
        );
    }
    for gcc in ["/lib/x86_64-linux-gnu/libgcc_s.so.1", "/lib/aarch64-linux-gnu/libgcc_s.so.1"] {
        // Every system with glibc has it; here nobody needs it yet.
        libraries.extend(Some(PathBuf::from(gcc)).filter(|path| path.exists()));
    }
    libraries.iter().try_for_each(|library| {
        let inside = library.strip_prefix("/").unwrap_or(library);
        copy(library, &root.join(inside))
    })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder)
        .with_context(|| format!("could not make `{}`", say::path(&folder)))?;
    files::copy(from, to)
        .with_context(|| format!("could not copy `{}`", say::path(&from)))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_that_apt_uses() {
        let list = "Node https://example.org/node nodistro\nDebian https://example.net/security trixie-security\n\
            Debian https://example.net/debian trixie\n";
        assert_eq!(mirror(list), Some(("https://example.net/debian", "trixie")));
        assert_eq!(mirror("Debian https://example.net/security trixie-security\n"), None);
    }
}
