//! `cargo xtask dist`: one archive for one target, and what stands beside it in a release.
//!
//! The steps, each in a module: choose a target, build, look at the programs (`elf`), lay out (`contents`), pack
//! (`archive`), then complete the folder (`release`): hashes, SBOM, installer. At last the result is used (`smoke`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::files;
use crate::say;
use crate::setup::{self, MISSING};
use crate::shell::{self, Cmd};
use crate::tools::Task;
use crate::workspace::Workspace;

mod archive;
mod build;
mod contents;
mod elf;
mod hash;
mod installer;
mod licences;
mod linked;
mod natives;
mod release;
mod rootfs;
mod sbom;
mod server;
mod smoke;
mod target;

#[cfg(test)]
mod tests;

/// No archive may be larger.
const MOST_BYTES: usize = 15 << 20;
/// The programs of an archive; the first one is what users call.
const PROGRAMS: [&str; 3] = ["codspeed", "exec-harness", "codspeed-memtrack"];

/// Options of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Build for this target [default: the musl target of this machine if it can be built here, otherwise gnu].
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Folder for the files of the release [default: `dist` in the target folder].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Don't test the result in an empty system.
    #[arg(long)]
    no_smoke: bool,
    /// Build nothing: write hashes, SBOM and installer for the archives in the folder.
    #[arg(long, conflicts_with_all = ["target", "no_smoke"])]
    assemble: bool,
}

/// Properties that all parts of a release share.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Release {
    /// As in `5.1.0`.
    version: String,
    /// The time of the commit, in seconds since 1970. No other time gets into the files.
    time: u64,
    /// The address of the repository.
    repository: String,
}

/// The command.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let Options { target, out, no_smoke, assemble } = options;
    let workspace = Workspace::load()?;
    let release = Release::of(&workspace)?;
    let out = out.clone().unwrap_or_else(|| workspace.target.join("dist"));
    // A relative folder is the caller's, not that of a tool that we start elsewhere.
    let out = std::path::absolute(&out).with_context(|| format!("`{}`", say::path(&out)))?;
    fs::create_dir_all(&out).with_context(|| format!("could not create `{}`", say::path(&out)))?;
    if *assemble {
        release::complete(&workspace, &release, &out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !setup::ensure(Some(Task::Dist)) {
        return Ok(ExitCode::from(MISSING));
    }
    let target = target::choose(target.as_deref())?;
    say::note(&format!("dist: building {}: {}", target.triple, target.why));
    let programs = build::programs(&workspace, &target.triple)?;
    report_linkage(&programs, &target.triple)?;
    let entries = contents::lay_out(&workspace, &release, &target.triple, &programs)?;
    let bytes = archive::tar_gz(entries, release.time)?;
    if bytes.len() > MOST_BYTES {
        bail!("the archive has {} bytes; the limit is {MOST_BYTES}", bytes.len());
    }
    let path = out.join(release.archive_name(&target.triple));
    write(&path, &bytes)?;
    release::complete(&workspace, &release, &out)?;
    if *no_smoke {
        say::note("dist: NOT TESTED: the archive was not installed anywhere (`--no-smoke`)");
    } else {
        smoke::run(&workspace, &release, &out, &target.triple)?;
    }
    say::note(&format!("dist: {} ({:.1} MB)", say::path(&path), megabytes(bytes.len())));
    Ok(ExitCode::SUCCESS)
}

impl Release {
    fn of(workspace: &Workspace) -> Result<Self> {
        let (version, repository) = workspace
            .package("runner")
            .and_then(|package| {
                let text = |key| package.get(key).and_then(serde_json::Value::as_str);
                Some((text("version")?.to_owned(), text("repository")?.to_owned()))
            })
            .context("`cargo metadata` has no version or repository of the crate `runner`")?;
        let time = match shell::env("SOURCE_DATE_EPOCH") {
            Some(time) => time.to_string_lossy().into_owned(),
            None => Cmd::new("git")
                .args(["-c", "safe.directory=*", "log", "-1", "--format=%ct"])
                .cwd(&workspace.root)
                .capture()
                .context("could not get the date of the commit; set SOURCE_DATE_EPOCH to use another date")?,
        };
        let time =
            time.trim().parse().with_context(|| format!("`{}` is not a time", time.trim()))?;
        Ok(Self { version, time, repository })
    }

    /// The folder inside an archive, and the start of the archive's name.
    fn stem(&self, triple: &str) -> String {
        format!("codspeed-v{}-{triple}", self.version)
    }

    fn archive_name(&self, triple: &str) -> String {
        format!("{}.tar.gz", self.stem(triple))
    }

    /// The target of an archive of this release.
    fn triple_of<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&self.stem(""))?.strip_suffix(".tar.gz")
    }

    /// Returns where the files of all releases are, each in a folder named as its tag.
    fn downloads(&self) -> String {
        format!("{}/releases/download", self.repository)
    }
}

/// A built program.
#[derive(Debug)]
struct Program {
    name: &'static str,
    bytes: Vec<u8>,
    path: PathBuf,
}

/// Says what the programs need from the system, and refuses what would not run elsewhere.
fn report_linkage(programs: &[Program], triple: &str) -> Result<()> {
    for Program { name, bytes, .. } in programs {
        let linkage = elf::read(bytes).with_context(|| format!("`{name}` for {triple}"))?;
        say::note(&format!("dist: {name}: {:.1} MB, {}", megabytes(bytes.len()), linkage.shown()));
        let foreign = linkage.foreign();
        if !foreign.is_empty() {
            bail!("`{name}` needs {}, which not every system has", foreign.join(", "));
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "for people to read")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    files::write(path, bytes).with_context(|| format!("could not write `{}`", say::path(&path)))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    files::read(path).with_context(|| format!("could not read `{}`", say::path(&path)))
}
