//! `cargo xtask compat`: runs real benchmark clients from their registries, and checks that all
//! their benchmarks are there; in simulation mode also that the numbers are those that
//! `callgrind_annotate` finds in the same files.

mod clients;
mod totals;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use self::clients::{CLIENTS, Client};
use crate::say;
use crate::shell::{self, Cmd};
use crate::workspace::{Workspace, items};

/// The command: every client whose name is `only` (or all), in the mode `mode` (or in all).
pub(crate) fn run(only: Option<&str>, mode: Option<&str>) -> Result<ExitCode> {
    let chosen: Vec<_> = CLIENTS
        .iter()
        .filter(|client| only.is_none_or(|only| only == client.name))
        .flat_map(|client| client.modes.iter().map(move |mode| (client, *mode)))
        .filter(|(_, one)| mode.is_none_or(|mode| mode == *one))
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = CLIENTS.iter().map(|client| client.name).collect();
        bail!("no such client in that mode; the clients are {}", names.join(", "));
    }
    let workspace = Workspace::load()?;
    workspace.cargo(&["build", "--release", "-p", "runner", "-p", "exec-harness"]).run()?;
    let mut failed = Vec::new();
    let mut rows = Vec::new();
    for (client, mode) in &chosen {
        let outcome = Stage::set_up(&workspace, client, mode).and_then(|stage| stage.check());
        let words = match outcome {
            Ok(words) => words,
            Err(err) => {
                failed.push(format!("{} ({mode})", client.name));
                format!("FAILED: {err:#}")
            }
        };
        rows.push(format!("{}, {mode}: {words}", client.package));
    }
    for row in &rows {
        say::data(row);
    }
    let failures = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
    say::note(&format!("compat: {} run, failed: {failures}", chosen.len()));
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A copy of a client's suite, ready to be measured in a mode.
struct Stage<'a> {
    client: &'a Client,
    mode: &'a str,
    codspeed: PathBuf,
    folder: PathBuf,
    path: OsString,
}

impl<'a> Stage<'a> {
    fn set_up(workspace: &Workspace, client: &'a Client, mode: &'a str) -> Result<Self> {
        say::note(&format!("\ncompat: {} in mode {mode}", client.package));
        let scratch = workspace.target.join("xtask-compat");
        let (folder, tools) = (scratch.join(client.folder), scratch.join("tools"));
        copy(&workspace.root.join("crates/xtask/compat").join(client.folder), &folder)?;
        // Some name their benchmarks relative to the repository.
        if !folder.join(".git").exists() {
            Cmd::new("git").args(["init", "--quiet", "."]).cwd(&folder).run()?;
        }
        let path = shell::env("PATH").unwrap_or_default();
        let own = [tools.join("bin")];
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path)))?;
        Cmd::new("sh")
            .args(["-ec", &client.prepare.replace("@MODE@", mode)])
            .env("PATH", &path)
            .env("TOOLS", tools)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .cwd(&folder)
            .run()?;
        Ok(Self { client, mode, codspeed: workspace.release("codspeed"), folder, path })
    }

    /// Measures, and says in a few words what was found.
    fn check(&self) -> Result<String> {
        let Self { client, mode, .. } = self;
        let profile = self.folder.join(format!("profile-{}-{mode}", client.name));
        if profile.exists() {
            fs::remove_dir_all(&profile)?;
        }
        let export = self.folder.join("out.json");
        Cmd::new(&self.codspeed)
            .args(["run", "-m", mode, "--profile-folder"])
            .args([&profile])
            .args(["--export".into(), format!("json={}", export.display())])
            .args(["--", client.command])
            .env("PATH", &self.path)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .cwd(&self.folder)
            .run()?;
        let report: Value = serde_json::from_str(&fs::read_to_string(&export)?)?;
        let benchmarks = items(&report, "benchmarks");
        let uri = |one: &Value| one.get("uri").and_then(Value::as_str).map(str::to_owned);
        let mut found: Vec<String> = benchmarks.iter().filter_map(uri).collect();
        let mut expected = client.benchmarks.to_vec();
        found.sort();
        expected.sort_unstable();
        ensure!(found == expected, "benchmarks are {found:?} rather than {expected:?}");
        if *mode != "simulation" {
            return Ok(format!("{} benchmarks", found.len()));
        }
        let totals = totals::annotated(&profile, &self.folder.join("part.out"))?;
        for one in benchmarks {
            let name = uri(one).unwrap_or_default();
            let ours = one.get("instructions").and_then(Value::as_u64);
            let theirs = totals.get(&name).copied();
            ensure!(
                ours.is_some() && ours == theirs,
                "`{name}`: {ours:?} instructions, {theirs:?} by callgrind_annotate"
            );
        }
        Ok(format!("{} benchmarks, all totals equal callgrind_annotate's", found.len()))
    }
}

/// Copies a folder with all that is in it over another one.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("could not create `{}`", to.display()))?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
