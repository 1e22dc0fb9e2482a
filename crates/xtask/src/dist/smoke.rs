//! Uses a release as a stranger would: in an empty system, by its installer, from a web server.

use std::fs;

use anyhow::{Context, Result, bail};

use super::installer;
use super::rootfs::Root;
use super::server::Server;
use super::{Release, read, write};
use crate::files;
use crate::say;
use crate::workspace::Workspace;

/// The trials, in this order: the reason, a shell text, and whether it has to succeed.
const STEPS: &[(&str, &str, bool)] = &[
    ("the installer works", "sh /tmp/installer --base-url $URL/good", true),
    ("it works a second time", "sh /tmp/installer --base-url $URL/good --quiet", true),
    ("the program starts", "~/.local/bin/codspeed --version", true),
    (
        "a command is benchmarked",
        "~/.local/bin/codspeed exec -m walltime --skip-upload --max-rounds 5 --warmup-time 0 -- true",
        true,
    ),
    (
        "allocations are traced",
        "~/.local/bin/codspeed exec -m memory --backend preload --skip-upload -- ls /",
        true,
    ),
    ("it is uninstalled", "sh /tmp/installer --uninstall", true),
    ("a changed archive is refused", "sh /tmp/installer --base-url $URL/changed", false),
    ("nothing of it is installed", "test ! -e ~/.local && test ! -e ~/.config", true),
    ("a missing archive is refused", "sh /tmp/installer --base-url $URL/missing", false),
];

/// Tries the archive for this target.
pub(super) fn run(
    workspace: &Workspace,
    release: &Release,
    out: &std::path::Path,
    triple: &str,
) -> Result<()> {
    let Some(root) = Root::make(workspace)? else { return Ok(()) };
    fs::create_dir_all(root.path().join("home/user")).context("could not create a home folder")?;
    let before = root.files();

    #[expect(clippy::disallowed_methods, reason = "no program of a user's machine")]
    let site = tempfile::tempdir().context("no temporary folder")?;
    let archive = read(&out.join(release.archive_name(triple)))?;
    let mut changed = archive.clone();
    if let Some(byte) = changed.iter_mut().rev().nth(100) {
        *byte ^= 1;
    }
    for (folder, bytes) in [("good", &archive), ("changed", &changed)] {
        let folder = site.path().join(folder).join(format!("v{}", release.version));
        fs::create_dir_all(&folder).context("could not make a folder")?;
        write(&folder.join(release.archive_name(triple)), bytes)?;
    }
    files::copy(out.join(installer::NAME), root.path().join("tmp/installer"))
        .context("could not copy the installer")?;
    let server = Server::start(site.path())?;

    for (what, text, succeeds) in STEPS {
        let code = root.run(&text.replace("$URL", &server.url()))?;
        if (code == 0) != *succeeds {
            bail!("failed in an empty system: {what}: exit code {code}");
        }
        say::note(&format!("dist: in an empty system: {what}"));
    }
    let left: Vec<_> =
        root.files().difference(&before).map(|path| say::path(&path).to_string()).collect();
    if !left.is_empty() {
        bail!("left after uninstalling: {}", left.join(", "));
    }
    say::note("dist: in an empty system: nothing is left");
    Ok(())
}
