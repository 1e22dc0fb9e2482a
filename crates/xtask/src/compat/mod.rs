//! `cargo xtask compat`: runs real benchmark clients from their registries, in every mode, and holds what they say and
//! leave against what is known of them: names, integrations, windows and rounds, files, peaks, and in simulation mode
//! the numbers that `callgrind_annotate` finds in the same files.

mod checks;
mod clients;
mod folder;
mod matrix;
mod stage;
mod totals;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use self::clients::{Cell, Client, MODES};
use self::stage::{Measured, Stage};
use crate::files;
use crate::setup::{self, MISSING};
use crate::tools::Task;
use crate::workspace::Workspace;
use crate::{say, shell};

/// The options.
#[derive(Debug, clap::Args)]
pub(crate) struct Request {
    /// Only these clients, or in these modes.
    #[arg(value_name = "CLIENT|MODE")]
    only: Vec<String>,
    /// Only the clients that `cargo xtask test` runs as well.
    #[arg(long)]
    quick: bool,
    /// Record the names of the files in the profile folders as the expected ones.
    #[arg(long)]
    record: bool,
    /// Write the table into the README, unless something failed.
    #[arg(long)]
    readme: bool,
}

impl Request {
    /// The cells of the table that are asked for.
    fn chosen(&self) -> Result<Vec<(&'static Client, &'static str)>> {
        let is_mode = |word: &&String| MODES.contains(&word.as_str());
        let (modes, names): (Vec<&String>, Vec<&String>) = self.only.iter().partition(is_mode);
        let is_client = |name: &&&String| clients::all().any(|client| client.name == ***name);
        if let Some(unknown) = names.iter().find(|name| !is_client(name)) {
            let all: Vec<_> = clients::all().map(|client| client.name).collect();
            bail!("unknown client `{unknown}`; use one of {}", all.join(", "));
        }
        let is_asked = |asked: &[&String], one: &str| {
            asked.is_empty() || asked.iter().any(|asked| *asked == one)
        };
        Ok(clients::all()
            .filter(|client| is_asked(&names, client.name) && (client.is_quick || !self.quick))
            .flat_map(|client| MODES.iter().map(move |mode| (client, *mode)))
            .filter(|(_, mode)| is_asked(&modes, mode))
            .collect())
    }
}

/// The command.
pub(crate) fn run(request: &Request) -> Result<ExitCode> {
    let chosen = request.chosen()?;
    if !setup::ensure(Some(Task::Compat)) {
        return Ok(ExitCode::from(MISSING));
    }
    let workspace = Workspace::load()?;
    let ours = ["-p", "runner", "-p", "exec-harness", "-p", "memtrack"];
    workspace.cargo(&[&["build", "--release"], &ours[..]].concat()).run()?;
    let mut bench = Bench {
        codspeed: workspace.release("codspeed"),
        listings: Listings::load(&workspace)?,
        workspace,
    };
    let mut outcomes = BTreeMap::new();
    for (client, mode) in chosen {
        let outcome = bench.cell(client, mode, request);
        let said = outcome.as_ref().map_or_else(|err| format!("FAILED: {err:#}"), Clone::clone);
        say::note(&format!("compat: {}, {mode}: {said}", client.package));
        outcomes.insert((client.name, mode), outcome.map_err(|_said| ()));
    }
    let shown = |client: &Client, mode: &str| match outcomes.get(&(client.name, mode)) {
        Some(Ok(words)) => words.clone(),
        Some(Err(())) => "FAILED".to_owned(),
        None => "-".to_owned(),
    };
    say::data(matrix::table(shown).trim_end());
    let failed = outcomes.values().filter(|outcome| outcome.is_err()).count();
    say::note(&format!("compat: {} checked, {failed} failed", outcomes.len()));
    if failed > 0 {
        return Ok(ExitCode::FAILURE);
    }
    if request.readme {
        matrix::write(&bench.workspace.root.join("README.md"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The place where clients are tried out.
struct Bench {
    workspace: Workspace,
    /// The program under test.
    codspeed: PathBuf,
    listings: Listings,
}

impl Bench {
    /// Tries a client in a mode; the answer is what the table says of it.
    fn cell(&mut self, client: &Client, mode: &str, request: &Request) -> Result<String> {
        let cell = client.cell(mode).context("unknown mode")?;
        if let Cell::NotRun { .. } = cell {
            return Ok(matrix::words(cell));
        }
        say::note(&format!("\ncompat: {} in mode {mode}", client.package));
        let stage = Stage::set_up(&self.workspace, self.codspeed.clone(), client, mode)?;
        let run = stage.measure()?;
        let key = format!("{} {mode}", client.name);
        let mut problems = checks::problems(client, mode, cell, &run)?;
        if !request.record {
            problems.extend(checks::files(client, &run, &self.listings.of(&key))?);
        }
        if !problems.is_empty() {
            bail!("{}\n{}", problems.join("; "), ending(&run));
        }
        if request.record {
            self.listings.keep(key, folder::listing(&run.profile)?)?;
        }
        Ok(matrix::words(cell))
    }
}

/// The last lines of what a run has said.
fn ending(run: &Measured) -> String {
    const LINES: usize = 25;
    let shell::Output { code, stdout, stderr } = &run.output;
    let last = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    };
    format!(
        "exit code {code}, standard output:\n{}\nstandard error:\n{}",
        last(stdout),
        last(stderr)
    )
}

/// The files that each client leaves in each mode, as they were recorded.
struct Listings {
    path: PathBuf,
    files: BTreeMap<String, Vec<String>>,
}

impl Listings {
    fn load(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join("crates/xtask/compat/listings.json");
        let failed = || format!("could not read `{}`", say::path(&path));
        let text = files::read_to_string(&path).with_context(failed)?;
        Ok(Self { files: serde_json::from_str(&text).with_context(failed)?, path })
    }

    /// None for what was never recorded.
    fn of(&self, key: &str) -> Vec<String> {
        self.files.get(key).cloned().unwrap_or_default()
    }

    fn keep(&mut self, key: String, listing: Vec<String>) -> Result<()> {
        self.files.insert(key, listing);
        let text = serde_json::to_string_pretty(&self.files)? + "\n";
        files::write(&self.path, text)
            .with_context(|| format!("could not write `{}`", say::path(&self.path)))
    }
}

#[cfg(test)]
mod tests;
