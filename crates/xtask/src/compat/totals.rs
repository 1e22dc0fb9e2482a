//! Totals of callgrind files as `callgrind_annotate`, which comes with Valgrind, reports them. It reads
//! one part of a file, so that files are cut into parts for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::files;
use crate::shell::Cmd;

/// The first words of a part.
const PART: &str = "\npart: ";
/// The text before the label of a benchmark.
const LABEL: &str = "\ndesc: Trigger: Client Request: ";

/// The text before the integration in the label of the part that names it.
const METADATA: &str = "Metadata: ";

/// Contents of the files of a folder.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// Name and version, as they were announced.
    pub(super) integrations: BTreeSet<String>,
    /// Instructions of each other labelled part.
    pub(super) totals: BTreeMap<String, u64>,
}

/// Reads the files of a folder. `scratch` is a file to write to.
pub(super) fn annotated(folder: &Path, scratch: &Path) -> Result<Counted> {
    let mut counted = Counted::default();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "out") {
            continue;
        }
        let text = String::from_utf8_lossy(&files::read(&path)?).into_owned();
        for (label, part) in parts(&text) {
            if let Some(integration) = label.strip_prefix(METADATA) {
                counted.integrations.insert(integration.to_owned());
                continue;
            }
            files::write(scratch, part)?;
            let said = Cmd::new("callgrind_annotate").args([scratch]).capture()?;
            let total = program_total(&said)
                .with_context(|| format!("callgrind_annotate says nothing about `{label}`"))?;
            counted.totals.insert(label, total);
        }
    }
    Ok(counted)
}

/// Labels and whole files of one part each.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut pieces = text.split(PART);
    let head = pieces.next().unwrap_or_default();
    let labelled = pieces.filter_map(|piece| {
        let (_, label) = piece.split_once(LABEL)?;
        let label = label.split('\n').next()?.to_owned();
        Some((label, format!("{head}{PART}{piece}\n")))
    });
    labelled.collect()
}

/// The first number of the line `433,060 (100.0%) ... PROGRAM TOTALS`.
fn program_total(said: &str) -> Option<u64> {
    let line = said.lines().find(|line| line.contains("PROGRAM TOTALS"))?;
    line.split_whitespace().next()?.replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_cut_into_labelled_parts() {
        let text = "version: 1\n\npart: 1\n\ndesc: Trigger: Client Request: a b\n1 2\n\npart: 2\n\ndesc: Trigger: Program termination\n";
        let parts = parts(text);
        let [(label, file)] = &parts[..] else { panic!("{parts:?}") };
        assert_eq!(label, "a b");
        assert!(file.starts_with("version: 1\n\npart: 1\n") && file.contains("\n1 2\n"));
        assert!(!file.contains("termination"));
    }

    #[test]
    fn the_total_is_the_first_number_of_its_line() {
        let said = "x\n433,060 (100.0%) 155,125 (100.0%)  PROGRAM TOTALS (calculated)\n";
        assert_eq!(program_total(said), Some(433_060));
        assert_eq!(program_total(".  .  PROGRAM TOTALS"), None);
    }
}
