//! Contents of an archive: programs, completions, manual pages, licences. The programs generate completions and pages.

use anyhow::{Context, Result};

use super::archive::Entry;
use super::{Program, Release, licences, linked, read};
use crate::say;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// A shell, and what its completions are called where it looks for them.
const SHELLS: [(&str, &str); 3] =
    [("bash", "codspeed.bash"), ("zsh", "_codspeed"), ("fish", "codspeed.fish")];
/// Files that are taken from the repository as they are.
const TEXTS: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];

/// All files of the archive.
pub(super) fn lay_out(
    workspace: &Workspace,
    release: &Release,
    triple: &str,
    programs: &[Program],
) -> Result<Vec<Entry>> {
    let stem = release.stem(triple);
    let entry = |path: &str, executable: bool, bytes: Vec<u8>| Entry {
        path: format!("{stem}/{path}"),
        executable,
        bytes,
    };
    let mut entries: Vec<Entry> = programs
        .iter()
        .map(|Program { name, bytes, .. }| entry(name, true, bytes.clone()))
        .collect();
    for text in TEXTS {
        entries.push(entry(text, false, read(&workspace.root.join(text))?));
    }
    let crates = linked::crates(workspace, triple)?;
    licences::check(&crates)?;
    let (page, missing) = licences::texts(&crates)?;
    say::note(&format!(
        "dist: {} crates are linked, all under allowed licences; without a licence text: {}",
        crates.len(),
        if missing.is_empty() { "none".to_owned() } else { missing.join(", ") }
    ));
    entries.push(entry("THIRD-PARTY-LICENSES", false, page.into_bytes()));
    for (path, bytes) in documents(programs)? {
        entries.push(entry(&path, false, bytes));
    }
    Ok(entries)
}

/// Completions and manual pages, as the program prints them.
fn documents(programs: &[Program]) -> Result<Vec<(String, Vec<u8>)>> {
    let codspeed = programs.first().context("there is no program")?;
    let mut documents = Vec::new();
    for (shell, name) in SHELLS {
        let text = Cmd::new(&codspeed.path).args(["completions", shell]).capture()?;
        documents.push((format!("completions/{name}"), text.into_bytes()));
    }
    #[expect(clippy::disallowed_methods, reason = "no program of a user's machine")]
    let folder = tempfile::tempdir().context("no temporary folder")?;
    Cmd::new(&codspeed.path).args(["man", "--out"]).args([folder.path()]).capture()?;
    let list = std::fs::read_dir(folder.path()).context("no manual pages")?;
    for path in list.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        documents.push((format!("man/{name}"), read(&path)?));
    }
    Ok(documents)
}
