//! Builds the programs of a release. No path of this machine, and no time, gets into them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{PROGRAMS, Program, read, write};
use crate::shell::{self, Cmd};
use crate::{say, workspace::Workspace};

/// Answers for elfutils' `configure`, which asks for functions that musl lacks and libelf alone doesn't use.
const FOR_MUSL: [(&str, &str); 3] = [
    ("ac_cv_search_argp_parse", "none required"),
    ("ac_cv_search_fts_close", "none required"),
    ("ac_cv_search__obstack_free", "none required"),
];
/// See there.
const ARGP: &str = include_str!("argp.h");

/// Builds all programs for a target.
pub(super) fn programs(workspace: &Workspace, triple: &str) -> Result<Vec<Program>> {
    let cargo_home = match shell::env("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => Path::new(&shell::env("HOME").context("there is no HOME")?).join(".cargo"),
    };
    let remap =
        [format!("{}=.", say::path(&workspace.root)), format!("{}=cargo", say::path(&cargo_home))];
    let rust = remap.each_ref().map(|pair| format!("--remap-path-prefix={pair}")).join("\u{1f}");
    let mut c = remap.each_ref().map(|pair| format!("-ffile-prefix-map={pair}")).join(" ");
    let mut cmd = workspace
        .cargo(&["build", "--profile", "dist", "--locked", "--bins", "--target", triple])
        .args(["-p", "runner", "-p", "exec-harness", "-p", "memtrack"])
        .args(["--features", "memtrack/vendored"])
        .env("CARGO_ENCODED_RUSTFLAGS", rust)
        // The time of the commit would have all C compiled anew after each one.
        .env("SOURCE_DATE_EPOCH", "0");
    let suffix = triple.replace('-', "_");
    if triple.ends_with("-musl") {
        let headers = workspace.target.join("dist-musl-headers");
        musl_headers(&headers)?;
        c = format!("{c} -idirafter {}", say::path(&headers));
        cmd = musl(cmd, &suffix);
    }
    cmd.env(&format!("CFLAGS_{suffix}"), c).run()?;
    let folder = workspace.target.join(triple).join("dist");
    let program = |name| {
        let path = folder.join(name);
        Ok(Program { name, bytes: read(&path)?, path })
    };
    PROGRAMS.into_iter().map(program).collect()
}

fn musl(cmd: Cmd, suffix: &str) -> Cmd {
    let cmd = cmd.env(&format!("CC_{suffix}"), "musl-gcc");
    FOR_MUSL.iter().fold(cmd, |cmd, (name, value)| cmd.env(name, *value))
}

/// Returns what `musl-gcc` doesn't find by itself: the headers of the kernel, and one that elfutils wants.
fn musl_headers(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("could not remove old headers")?;
    }
    fs::create_dir_all(folder).context("could not make a folder for headers")?;
    write(&folder.join("argp.h"), ARGP.as_bytes())?;
    let include = Path::new("/usr/include");
    let of_arch = include.join(format!("{}-linux-gnu/asm", std::env::consts::ARCH));
    for (name, to) in [
        ("linux", include.join("linux")),
        ("asm-generic", include.join("asm-generic")),
        ("asm", of_arch),
    ] {
        symlink(&to, folder.join(name)).with_context(|| format!("`{}`", say::path(&to)))?;
    }
    Ok(())
}
