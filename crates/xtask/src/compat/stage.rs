//! Makes a client's suite ready, and runs it under the built programs with a folder for temporary files of its own: the
//! FIFOs of a runner are one pair per machine, and others may measure at the same time. Judges nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::clients::Client;
use crate::files;
use crate::shell::{self, Cmd, Output};
use crate::workspace::Workspace;
use crate::{say, setup::is_root};

/// The place where integrations meet the runner, whatever the environment says.
const SHARED: &str = "/tmp";

/// Puts the folder `$0` in place of the shared one, for what follows.
const PRIVATE: &str = "mount --bind \"$0\" /tmp && cd \"$PWD\" && exec \"$@\"";

/// A copy of a client's suite, ready to be measured in a mode.
pub(super) struct Stage<'a> {
    client: &'a Client,
    mode: &'a str,
    codspeed: PathBuf,
    folder: PathBuf,
    path: OsString,
}

/// The output of a run, and its profile folder.
pub(super) struct Measured {
    pub(super) output: Output,
    pub(super) profile: PathBuf,
    /// The text of the exported report, if there is one.
    pub(super) report: Option<String>,
    /// A file that may be written to.
    pub(super) scratch: PathBuf,
}

impl<'a> Stage<'a> {
    /// `codspeed` is the program under test; its siblings lie beside it.
    pub(super) fn set_up(
        workspace: &Workspace,
        codspeed: PathBuf,
        client: &'a Client,
        mode: &'a str,
    ) -> Result<Self> {
        let scratch = workspace.target.join("xtask-compat");
        let (folder, tools) = (scratch.join(client.place), scratch.join("tools"));
        copy(&workspace.root.join("crates/xtask/compat").join(client.folder), &folder)?;
        // Some name their benchmarks relative to the repository.
        if !folder.join(".git").exists() {
            Cmd::new("git").args(["init", "--quiet", "."]).cwd(&folder).run()?;
        }
        let path = shell::env("PATH").unwrap_or_default();
        let own = [tools.join("bin")];
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))?;
        let (_, version) = client.integration;
        let prepare = client.prepare.replace("@MODE@", mode).replace("@VERSION@", version);
        Cmd::new("sh")
            .args(["-ec", &prepare])
            .env("PATH", &path)
            .env("TOOLS", tools)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .cwd(&folder)
            .run()?;
        Ok(Self { client, mode, codspeed, folder, path })
    }

    /// Measures once.
    pub(super) fn measure(&self) -> Result<Measured> {
        let below =
            |what: &str| self.folder.join(format!("{what}-{}-{}", self.client.name, self.mode));
        let (profile, temporary, export) = (below("profile"), below("temporary"), below("report"));
        for old in [&profile, &temporary] {
            remove(old)?;
        }
        if export.exists() {
            fs::remove_file(&export)?;
        }
        fs::create_dir(&temporary)?;
        let words = [self.codspeed.clone().into_os_string()].into_iter();
        let words = words.chain(["run", "-m", self.mode, "--profile-folder"].map(OsString::from));
        let words = words.chain([profile.clone().into_os_string(), "--export".into()]);
        let words = words.chain([format!("json={}", say::path(&export)).into()]);
        let words = words.chain(["--", self.client.command].map(OsString::from));
        let output = in_private(&temporary, words.collect())
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            // The same folder, also for who can't have a namespace.
            .env("TMPDIR", &temporary)
            .cwd(&self.folder)
            .output()?;
        remove(&temporary)?;
        let report = files::read_to_string(&export).ok();
        Ok(Measured { output, profile, report, scratch: self.folder.join("part.out") })
    }
}

/// The command with `temporary` as the machine's folder for temporary files, where that is permitted.
fn in_private(temporary: &Path, words: Vec<OsString>) -> Cmd {
    let rights: &[&str] = if is_root() { &[] } else { &["--map-root-user"] };
    let unshare = Cmd::new("unshare").args(rights.iter().copied());
    let unshare = unshare.args(["--mount", "--propagation", "private"]);
    // A private folder would hide our own files that lie below the shared one.
    if temporary.starts_with(SHARED) || !unshare.clone().args(["true"]).succeeds() {
        let mut words = words.into_iter();
        return Cmd::new(words.next().unwrap_or_default()).args(words);
    }
    unshare.args(["sh", "-c", PRIVATE]).args([temporary]).args(words)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        let failed = || format!("could not remove `{}`", say::path(&folder));
        fs::remove_dir_all(folder).with_context(failed)?;
    }
    Ok(())
}

/// Copies a folder with all that is in it over another one. What is the same is left alone: builders look at its age.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("could not create `{}`", say::path(&to)))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else if files::read(entry.path())? != files::read(&to).unwrap_or_default() {
            files::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
