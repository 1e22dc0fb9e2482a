//! Builds the programs of a release. No path of this machine, and no time, gets into them.

use anyhow::{Context, Result};

use super::{PROGRAMS, Program, Release, read};
use crate::shell;
use crate::workspace::Workspace;

/// What the C libraries need to be built with musl: the headers of the kernel, and answers to questions of `configure`
/// about functions that libelf alone doesn't use.
const FOR_MUSL: &[(&str, &str)] = &[
    ("ac_cv_search_argp_parse", "none required"),
    ("ac_cv_search_fts_close", "none required"),
    ("ac_cv_search__obstack_free", "none required"),
];

/// Builds all programs for a target.
pub(super) fn programs(
    workspace: &Workspace,
    release: &Release,
    triple: &str,
) -> Result<Vec<Program>> {
    let root = workspace.root.display().to_string();
    let cargo_home = match shell::env("CARGO_HOME") {
        Some(home) => home.to_string_lossy().into_owned(),
        None => format!("{}/.cargo", shell::env("HOME").context("there is no HOME")?.display()),
    };
    let remap = [format!("{root}=."), format!("{cargo_home}=cargo")];
    let rust = remap.each_ref().map(|pair| format!("--remap-path-prefix={pair}")).join("\u{1f}");
    let mut c = remap.each_ref().map(|pair| format!("-ffile-prefix-map={pair}")).join(" ");
    let flags_name = triple.replace('-', "_");
    let mut cmd = workspace
        .cargo(&["build", "--profile", "dist", "--locked", "--bins", "--target", triple])
        .args(["-p", "runner", "-p", "exec-harness", "-p", "memtrack"])
        .args(["--features", "memtrack/vendored"])
        .env("CARGO_ENCODED_RUSTFLAGS", rust)
        .env("SOURCE_DATE_EPOCH", release.time.to_string());
    if let Some(gnu) = triple.strip_suffix("musl") {
        let arch = triple.split('-').next().unwrap_or(gnu);
        c = format!("{c} -idirafter /usr/include/{arch}-linux-gnu -idirafter /usr/include");
        cmd = cmd.env(&format!("CC_{flags_name}"), "musl-gcc");
        cmd = FOR_MUSL.iter().fold(cmd, |cmd, (name, value)| cmd.env(name, *value));
    }
    cmd.env(&format!("CFLAGS_{flags_name}"), c).run()?;
    let folder = workspace.target.join(triple).join("dist");
    let program = |name| {
        let path = folder.join(name);
        Ok(Program { name, bytes: read(&path)?, path })
    };
    PROGRAMS.into_iter().map(program).collect()
}
