//! The place of the attacks: a mount namespace in which `/tmp` is empty but for our programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use super::Scale;
use crate::shell::{self, Cmd};
use crate::workspace::Workspace;

/// Set for whoever is in the namespace: what `PATH` was outside.
const ENTERED: &str = "XTASK_ATTACK_STAGE";

/// Fills a file system in memory at `$1` with the programs of `$2` and with ourselves, `$3`, makes it `/tmp`, and goes
/// on with the rest of the words.
const ENTER: &str = r#"
mkdir -p "$1" && mount -t tmpfs -o size=8g,mode=1777 tmpfs "$1" && mkdir "$1/bin" &&
    cp "$2/codspeed" "$2/exec-harness" "$2/codspeed-memtrack" "$1/bin" && cp "$3" "$1/bin/xtask" &&
    mount --bind "$1" /tmp && cd /tmp || exit 125
shift 3
exec /tmp/bin/xtask "$@""#;

/// A user without rights, who is nobody anywhere.
const NOBODY: &str = "65534";

/// The place.
#[derive(Debug)]
pub(super) struct Stage {
    path: OsString,
}

impl Stage {
    /// The place, if we are in it.
    pub(super) fn entered() -> Option<Self> {
        shell::env(ENTERED).map(|path| Self { path })
    }

    /// Goes there, and does all the rest there.
    pub(super) fn enter(name: &str, scale: Scale) -> Result<ExitCode> {
        let workspace = Workspace::load()?;
        if scale == Scale::Full {
            workspace.cargo(&["build", "--workspace", "--bins"]).run()?;
        }
        // The build may just have replaced our file.
        let ours = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
        let folder = workspace.target.join(format!("attack-{}", std::process::id()));
        let quick = (scale == Scale::Quick).then_some("--quick");
        let words = ["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"];
        let code = Cmd::new("unshare")
            .args(words)
            .args([folder.as_path(), &workspace.target.join("debug"), &ours])
            .args(["attack", name].into_iter().chain(quick))
            .env(ENTERED, shell::env("PATH").unwrap_or_default())
            .status()?;
        // It is empty again: what was mounted on it is gone with the namespace.
        drop(std::fs::remove_dir(&folder));
        Ok(ExitCode::from(code))
    }

    /// One of our programs, in this folder, with a home and a clean environment.
    pub(super) fn program(&self, name: &str, folder: &Path) -> Cmd {
        self.with_environment(Cmd::new(Self::binary(name)), folder)
    }

    /// The same as a user without rights, who has to own what is to be written.
    pub(super) fn program_of_nobody(&self, name: &str, folder: &Path) -> Cmd {
        let user = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--"];
        let cmd = Cmd::new("setpriv").args(user).args([Self::binary(name)]);
        self.with_environment(cmd, folder)
    }

    /// Any other program, with our environment of the stage.
    pub(super) fn tool(&self, name: &str, folder: &Path) -> Cmd {
        self.with_environment(Cmd::new(name), folder)
    }

    /// Gives a folder and all in it to the user without rights.
    pub(super) fn give_to_nobody(&self, folder: &Path) -> Result<()> {
        let owner = format!("{NOBODY}:{NOBODY}");
        self.tool("chown", folder).args(["-R", "-h", &owner]).args([folder]).capture().map(drop)
    }

    /// Returns the path of one of our programs.
    pub(super) fn binary(name: &str) -> PathBuf {
        Path::new("/tmp/bin").join(name)
    }

    fn with_environment(&self, cmd: Cmd, folder: &Path) -> Cmd {
        cmd.cwd(folder)
            .clean_env()
            .env("PATH", &self.path)
            .env("HOME", folder.join("home"))
            .env("XDG_RUNTIME_DIR", folder.join("run"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
    }
}
