//! Licences of what is linked: whether they are allowed, and their texts in one file.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, bail};
use spdx::{Expression, ParseMode};

use super::linked::Linked;
use super::natives;
use crate::files;
use crate::say;

/// Licences of libraries that may be linked into our programs.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// What a library in C may be under besides: who has our sources can link our programs with another version of it.
const ALLOWED_IN_C: &[&str] = &["LGPL-3.0-or-later"];
/// Files that begin like this hold licences; compared without case.
const STARTS: [&str; 6] = ["licence", "license", "copying", "copyright", "notice", "unlicense"];

/// Fails with the names of what must not be linked.
pub(super) fn check(crates: &[Linked]) -> Result<()> {
    let mut bad: Vec<String> = crates
        .iter()
        .filter(|linked| !is_allowed(&linked.licence, &[]))
        .map(|linked| format!("{} {} (`{}`)", linked.name, linked.version, linked.licence))
        .collect();
    bad.extend(
        natives::within(crates)
            .iter()
            .filter(|(native, _)| !is_allowed(native.licence, ALLOWED_IN_C))
            .map(|(native, _)| format!("{} (`{}`)", native.name, native.licence)),
    );
    if !bad.is_empty() {
        bail!(
            "add the licences of these to the list in crates/xtask/src/dist/licences.rs, if they are allowed: {}",
            bad.join(", ")
        );
    }
    Ok(())
}

/// Returns whether one of the choices that a licence gives is allowed.
fn is_allowed(licence: &str, besides: &[&str]) -> bool {
    // `MIT/Apache-2.0` is how choices were once written.
    Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|wanted| {
            let name = wanted.to_string();
            ALLOWED.iter().chain(besides).any(|allowed| *allowed == name)
        })
    })
}

/// A licence as SPDX writes it today.
pub(super) fn canonical(licence: &str) -> String {
    Expression::canonicalize(licence).ok().flatten().unwrap_or_else(|| licence.to_owned())
}

/// All texts, each once, with the names of what is under it; and the names of what brings no text.
pub(super) fn texts(crates: &[Linked]) -> Result<(String, Vec<String>)> {
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut table = String::new();
    let mut missing = Vec::new();
    let mut add = |name: String, licence: &str, found: Vec<String>| {
        table.extend([&name, ": ", &canonical(licence), "\n"]);
        if found.is_empty() {
            missing.push(name.clone());
        }
        for text in found {
            users.entry(text).or_default().push(name.clone());
        }
    };
    for linked in crates.iter().filter(|linked| linked.checksum.is_some()) {
        add(format!("{} {}", linked.name, linked.version), &linked.licence, of_crate(linked)?);
    }
    for (native, inside) in natives::within(crates) {
        let text = |file: &&str| {
            let path = inside.folder.join(file);
            let bytes = files::read(&path).with_context(|| format!("`{}`", say::path(&path)))?;
            Ok(cleaned(&bytes))
        };
        let found = native.texts.iter().map(text).collect::<Result<_>>()?;
        let name = format!("{} {} (in {})", native.name, native.version(inside)?, inside.name);
        add(name, native.licence, found);
    }
    Ok((page(&table, &users, &missing), missing))
}

fn page(table: &str, users: &BTreeMap<String, Vec<String>>, missing: &[String]) -> String {
    let head = "Third-party software in these programs, and its licences.\n\n";
    let mut parts = vec![head.to_owned(), table.to_owned(), "\n".to_owned()];
    if !missing.is_empty() {
        parts.push(format!(
            "These contain no licence text; the texts of the licences named above are below: {}.\n\n",
            missing.join(", ")
        ));
    }
    let line = "=".repeat(80);
    parts.extend(
        users
            .iter()
            .map(|(text, names)| format!("{line}\n{}\n{line}\n\n{text}\n\n", names.join(", "))),
    );
    parts.concat()
}

/// The texts in the folder of a crate.
fn of_crate(linked: &Linked) -> Result<Vec<String>> {
    let folder = &linked.folder;
    let list = fs::read_dir(folder).with_context(|| format!("`{}`", say::path(&folder)))?;
    let is_text = |name: &str| STARTS.iter().any(|start| name.to_lowercase().starts_with(start));
    let mut paths: Vec<_> = list
        .flatten()
        .filter(|entry| is_text(&entry.file_name().to_string_lossy()) && entry.path().is_file())
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let text = |path: std::path::PathBuf| {
        Ok(cleaned(&files::read(&path).with_context(|| format!("`{}`", say::path(&path)))?))
    };
    paths.into_iter().map(text).collect()
}

/// So that texts that differ by white space at line ends only are one.
fn cleaned(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linked(name: &str, licence: &str, folder: &std::path::Path) -> Linked {
        Linked {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.to_owned(),
            folder: folder.to_owned(),
            checksum: Some("c0ffee".to_owned()),
        }
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        for licence in ["MIT", "MIT/Apache-2.0", "GPL-3.0-only OR ISC", "Apache-2.0 AND ISC"] {
            assert!(is_allowed(licence, &[]), "{licence}");
        }
        for licence in ["", "GPL-3.0-only", "MIT AND GPL-3.0-only", "LGPL-3.0-or-later", "mine"] {
            assert!(!is_allowed(licence, &[]), "{licence}");
        }
        assert!(is_allowed("GPL-2.0-or-later OR LGPL-3.0-or-later", ALLOWED_IN_C));
    }

    #[test]
    fn a_licence_that_is_not_allowed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let crates =
            [linked("good", "MIT", folder.path()), linked("bad", "AGPL-3.0-only", folder.path())];
        let err = check(&crates).unwrap_err().to_string();
        assert!(err.contains("bad 1.0.0 (`AGPL-3.0-only`)") && !err.contains("good"), "{err}");
    }

    #[test]
    fn equal_texts_stand_once_and_missing_ones_are_named() {
        let [a, b, none] = ["a", "b", "none"].map(|_| tempfile::tempdir().unwrap());
        fs::write(a.path().join("LICENSE"), "Do as you like.  \n").unwrap();
        fs::write(b.path().join("license-mit.txt"), "\nDo as you like.\r\n").unwrap();
        fs::write(none.path().join("README"), "x").unwrap();
        let crates = [
            linked("a", "MIT", a.path()),
            linked("b", "MIT/ISC", b.path()),
            linked("c", "MIT", none.path()),
        ];
        let (page, missing) = texts(&crates).unwrap();
        assert_eq!(missing, ["c 1.0.0"]);
        assert_eq!(page.matches("Do as you like.").count(), 1);
        assert!(page.contains("a 1.0.0, b 1.0.0\n===="), "{page}");
        assert!(page.contains("b 1.0.0: MIT OR ISC\n"), "{page}");
    }
}
