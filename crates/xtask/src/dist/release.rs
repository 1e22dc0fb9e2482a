//! Completes the folder of a release from the archives in it: hashes, bill of materials, installer.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::installer::{self, Row};
use super::{PROGRAMS, Release, archive, elf, hash, linked, read, sbom, write};
use crate::files;
use crate::say;
use crate::workspace::Workspace;

/// Writes everything that depends on which archives there are.
pub(super) fn complete(workspace: &Workspace, release: &Release, out: &Path) -> Result<()> {
    let triples = triples(release, out)?;
    if triples.is_empty() {
        bail!("there is no archive of version {} in `{}`", release.version, say::path(&out));
    }
    let template = files::read_to_string(workspace.root.join(installer::TEMPLATE))
        .with_context(|| format!("could not read `{}`", installer::TEMPLATE))?;
    publish(release, out, &triples, &template)?;
    let mut crates = BTreeSet::new();
    for triple in &triples {
        crates.extend(linked::crates(workspace, triple)?);
    }
    let crates: Vec<_> = crates.into_iter().collect();
    let name = format!("codspeed-v{}.spdx.json", release.version);
    write(&out.join(&name), sbom::document(release, &crates)?.as_bytes())?;
    say::note(&format!(
        "dist: archives: {}; SHA256SUMS, {name}, {}",
        triples.len(),
        installer::NAME
    ));
    Ok(())
}

/// Hashes and the installer.
pub(super) fn publish(
    release: &Release,
    out: &Path,
    triples: &[String],
    template: &str,
) -> Result<()> {
    let mut sums = String::new();
    let mut rows = Vec::new();
    for triple in triples {
        let name = release.archive_name(triple);
        let bytes = read(&out.join(&name))?;
        let line = hash::line(&bytes, &name);
        write(&out.join(format!("{name}.sha256")), line.as_bytes())?;
        sums.push_str(&line);
        rows.push(row(triple, &bytes).with_context(|| format!("`{name}`"))?);
    }
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    let script = installer::fill(template, release, &rows)?;
    write(&out.join(installer::NAME), script.as_bytes())
}

/// Returns what the installer has to know of an archive.
fn row(triple: &str, archive: &[u8]) -> Result<Row> {
    let mut glibc = None;
    for program in PROGRAMS {
        let bytes =
            archive::file(archive, program)?.with_context(|| format!("there is no `{program}`"))?;
        // Tests pack shell scripts.
        glibc = glibc.max(elf::read(&bytes).ok().and_then(|linkage| linkage.glibc));
    }
    Ok(Row { triple: triple.to_owned(), sha256: hash::sha256(archive), glibc })
}

/// The targets of all archives of this release in the folder, sorted.
fn triples(release: &Release, out: &Path) -> Result<Vec<String>> {
    let list =
        fs::read_dir(out).with_context(|| format!("could not read `{}`", say::path(&out)))?;
    let names: Vec<_> =
        list.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let mut triples: Vec<String> =
        names.iter().filter_map(|name| release.triple_of(name)).map(str::to_owned).collect();
    triples.sort();
    Ok(triples)
}
